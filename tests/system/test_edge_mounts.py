"""A local CDN in front of a live origin elsewhere: what it asks there, and what it makes fit to be shared."""

import contextlib
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import envoys
import pytest
from http_servers import answering
from tcp_ports import free_port
from tls import signed_for

from tifo.edge.cdn import LocalCdn, cdn_config
from tifo.edge.mounts import MEDIA_AGE_S, MISSING_AGE_S, PLAYLIST_AGE_S, Mount
from tifo.kernel.clock import SystemClock
from tifo.kernel.web import web_address

pytestmark = pytest.mark.system

KEY = b"key of the CDN, 32 bytes of it.."
NOW = int(SystemClock().now())
SAYS = {
    "/out/final/master.m3u8": (
        200,
        {"Cache-Control": "max-age=86400", "Set-Cookie": "who=first", "Vary": "*"},
    ),
    "/out/final/v1.m3u8": (200, {"Cache-Control": "no-store"}),
    "/out/final/v1.m3u8?b=2": (200, {"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}),
    "/out/final/plain.m4s": (200, {"Set-Cookie": "who=first", "Vary": "User-Agent", "Pragma": "no-cache"}),
    "/out/final/told.m4s": (200, {"Cache-Control": "public, max-age=5"}),
    "/out/final/private.m4s": (200, {"Cache-Control": "private"}),
    "/out/final/odd%20name(1).m4s": (200, {}),
    "/out/final/early.m4s": (404, {}),
    "/out/final/broken.m4s": (500, {"Cache-Control": "max-age=60"}),
}


class Origin:
    """What it was asked, and by whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Origin]:
    origin = Origin()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_GET(self) -> None:
            origin.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
            status, headers = SAYS.get(self.path, (404, {}))
            body = f"bytes of {self.path}".encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet: the requests are kept."""

    with answering(Handler, context) as origin.port:
        yield origin


class Cdn:
    def __init__(self, folder: Path, url: str, test_channel: int, ca_file: str = "") -> None:
        self.port = free_port()
        (folder / "cache").mkdir()
        self.config = cdn_config(
            LocalCdn(
                id="cdn-a", host="127.0.0.1", port=self.port,
                origin_host="127.0.0.1", origin_port=test_channel, keys={"k1": KEY},
                cache_folder=folder / "cache", cache_bytes_max=10_000_000,
                admin_socket=folder / "admin.sock", mounts=(Mount("final.1", web_address(url)),),
                ca_file=ca_file,
            )
        )  # fmt: skip

    def get(self, path: str, prefix: str = "/live/final.1/out/final/", **headers: str) -> envoys.Reply:
        claims = {
            "iss": "tifo",
            "aud": "cdn-a",
            "sub": "s",
            "nbf": NOW - 5,
            "exp": NOW + 7_200,
            "p": [prefix],
        }
        token = envoys.token(KEY, {"alg": "HS256", "kid": "k1", "typ": "JWT"}, claims)
        return envoys.ask(self.port, "GET", f"/t/{token}{path}", {"origin": "https://tv.example", **headers})


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def cdn(tmp_path_factory, origin) -> Iterator[Cdn]:
    folder = tmp_path_factory.mktemp("cdn")
    with envoys.origin_server() as test_channel:
        place = Cdn(folder, f"http://127.0.0.1:{origin.port}/out/final/master.m3u8", test_channel.port)
        with envoys.running(place.config, folder):
            yield place


def test_a_path_below_the_channel_is_the_origins_own(cdn, origin) -> None:
    reply = cdn.get("/live/final.1/out/final/odd%20name(1).m4s")
    assert (reply.status, reply.body) == (200, b"bytes of /out/final/odd%20name(1).m4s")
    (headers,) = [headers for path, headers in origin.asked if "odd" in path]
    assert headers["host"] == f"127.0.0.1:{origin.port}"


@pytest.mark.parametrize(
    "path", ["/live/final.1/out/other/1.m4s", "/live/final.1/out/final/../secret", "/live/final.1/",
             "/live/final.1/out/final/%2e%2e/secret", "/live/finalx1/out/final/1.m4s"],
)  # fmt: skip
def test_nothing_beside_the_tokens_folder_is_asked_for(cdn, origin, path: str) -> None:
    before = len(origin.asked)
    assert cdn.get(path).status == 403
    assert len(origin.asked) == before


def test_other_channels_are_still_the_test_channels(cdn) -> None:
    assert cdn.get("/live/demo/1.m4s", "/live/demo/").body == b"bytes of /live/demo/1.m4s"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("master.m3u8", 200, f"public, max-age={PLAYLIST_AGE_S}"),
        ("v1.m3u8", 200, f"public, max-age={PLAYLIST_AGE_S}"),
        ("v1.m3u8?b=2", 200, f"public, max-age={PLAYLIST_AGE_S}"),
        ("plain.m4s", 200, f"public, max-age={MEDIA_AGE_S}"),
        ("told.m4s", 200, "public, max-age=5"),
        ("private.m4s", 200, "private"),
        ("early.m4s", 404, f"public, max-age={MISSING_AGE_S}"),
        ("broken.m4s", 500, "no-store"),
    ],
)
def test_every_answer_has_a_life_that_fits_it(cdn, path: str, status: int, says: str) -> None:
    reply = cdn.get(f"/live/final.1/out/final/{path}")
    assert (reply.status, reply.headers["cache-control"]) == (status, says)
    assert not {"set-cookie", "vary", "expires", "pragma"} & reply.headers.keys()
    assert reply.headers["access-control-allow-origin"] == "*"


def test_viewers_share_a_segment_of_an_origin_that_says_nothing_of_caches(cdn, origin) -> None:
    path = "/live/final.1/out/final/plain.m4s"
    envoys.wait_for(lambda: "age" in cdn.get(path, **{"user-agent": "one"}).headers)
    before = len(origin.asked)
    reply = cdn.get(f"{path}?CMCD=sid%3D1", **{"user-agent": "two", "accept-encoding": "gzip"})
    assert "age" in reply.headers
    assert len(origin.asked) == before


def test_what_viewers_are_is_not_told_to_the_origin(cdn, origin) -> None:
    cdn.get("/live/final.1/out/final/told.m4s", cookie="a=b", referer="https://tv.example/x")
    names = {name for path, headers in origin.asked if "told" in path for name in headers}
    assert not names & {"cookie", "referer", "origin", "user-agent", "x-forwarded-for", "x-path-token"}


def test_the_origins_own_query_is_asked_for_without_the_players_measurements(cdn, origin) -> None:
    cdn.get("/live/final.1/out/final/v1.m3u8?CMCD=br%3D1&b=2&CMCD=x&_HLS_msn=7")
    assert origin.asked[-1][0] == "/out/final/v1.m3u8?b=2&_HLS_msn=7"


@pytest.mark.parametrize(("name", "status"), [("localhost", 200), ("somebody.else", 503)])
def test_origin_with_tls_is_believed_when_it_is_who_it_should_be(tmp_path, name: str, status: int) -> None:
    context, ca = signed_for(name, tmp_path)
    with serving(context) as origin, envoys.origin_server() as test_channel:
        url = f"https://localhost:{origin.port}/out/final/master.m3u8"
        place = Cdn(tmp_path, url, test_channel.port, str(ca))
        with envoys.running(place.config, tmp_path):
            reply = place.get("/live/final.1/out/final/plain.m4s")
            assert reply.status == status
            assert bool(origin.asked) == (status == 200)
