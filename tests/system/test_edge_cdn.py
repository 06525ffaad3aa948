"""A local CDN: whose token opens what, what the cache shares, and that tokens go no further."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import envoys
import pytest
from tcp_ports import free_port

from tifo.edge.cdn import LocalCdn, cdn_config
from tifo.edge.settings import AccessLog
from tifo.kernel.clock import SystemClock

ask = envoys.ask

pytestmark = pytest.mark.system

KEY, NEXT_KEY = b"key of the CDN, 32 bytes of it..", b"the next key, also 32 bytes long"
PAGE = {"origin": "https://tv.example"}
HEADER = {"alg": "HS256", "kid": "k1", "typ": "JWT"}


class Cdn:
    def __init__(self, folder: Path, origin_port: int) -> None:
        self.port, self.log, self.folder = free_port(), folder / "access.log", folder
        self.cache = folder / "cache"
        self.cache.mkdir()
        self.config = cdn_config(
            LocalCdn(
                id="cdn-a",
                host="127.0.0.1",
                port=self.port,
                origin_host="127.0.0.1",
                origin_port=origin_port,
                keys={"k1": KEY, "k2": NEXT_KEY},
                cache_folder=self.cache,
                cache_bytes_max=10_000_000,
                admin_socket=folder / "admin.sock",
                access_log=AccessLog(path=str(self.log)),
            )
        )

    def get(self, token: str, path: str, headers: dict[str, str] | None = None):
        return ask(self.port, "GET", f"/t/{token}{path}", {**PAGE, **(headers or {})})


@pytest.fixture(scope="module")
def origin():
    with envoys.origin_server() as server:
        yield server


@pytest.fixture(scope="module")
def cdn(tmp_path_factory, origin):
    place = Cdn(tmp_path_factory.mktemp("cdn"), origin.port)
    with envoys.running(place.config, place.folder):
        yield place


def claims(**changes):
    now = int(SystemClock().now())
    prefixes = ["/live/demo/", "/ads/"]
    base = {"iss": "tifo", "aud": "cdn-a", "sub": "sess_1", "nbf": now - 5, "exp": now + 7_200, "p": prefixes}
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def token(key=KEY, header=HEADER, **changes):
    return envoys.token(key, header, claims(**changes))


def flipped(text, place):
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def unsigned(header):
    return ".".join(envoys.encoded(json.dumps(part).encode()) for part in (header, claims())) + "."


GOOD = token()
NOW = int(SystemClock().now())
REFUSED = {
    "empty": "",
    "no token at all": "x",
    "truncated": GOOD[:-5],
    "without its signature": GOOD.rpartition(".")[0] + ".",
    "a bit of the signature flipped": flipped(GOOD, len(GOOD) - 10),
    "a bit of the claims flipped": flipped(GOOD, len(GOOD) // 2),
    "another key": token(b"another key, as long as the first"),
    "an unknown key id": token(header={**HEADER, "kid": "k9"}),
    "the key of another id": token(header={**HEADER, "kid": "k2"}),
    "another CDN's audience": token(aud="cdn-b"),
    "no audience": token(aud=None),
    "another issuer": token(iss="somebody"),
    "expired": token(exp=NOW - 60),
    "no expiry": token(exp=None),
    # Hours, for these are made when the tests are collected, and a whole run takes minutes.
    "not yet valid": token(nbf=NOW + 7_200, exp=NOW + 10_800),
    "algorithm none": unsigned({"alg": "none", "kid": "k1"}),
    "algorithm none with a signature": token(header={"alg": "none", "kid": "k1"}),
    "algorithm RS256 over the HMAC": token(header={**HEADER, "alg": "RS256"}),
    "algorithm HS512": token(header={**HEADER, "alg": "HS512"}),
    "absurdly long": token(sub="s" * 3000),
}
FORBIDDEN = {
    "another event": (token(), "/live/other/v360/1.m4s"),
    "another event by dots": (token(), "/live/demo/../other/v360/1.m4s"),
    "another event by escaped dots": (token(), "/live/demo/%2e%2e/other/v360/1.m4s"),
    "no prefixes": (token(p=None), "/live/demo/v360/1.m4s"),
    "an empty prefix": (token(p=[""]), "/live/demo/v360/1.m4s"),
    "the root as prefix": (token(p=["/"]), "/live/demo/v360/1.m4s"),
    "a prefix that is no text": (token(p=[{"a": 1}, 7]), "/live/demo/v360/1.m4s"),
    "prefixes that are a text": (token(p="/live/demo/"), "/live/demo/v360/1.m4s"),
    "the start of a longer name": (token(p=["/live/demo/"]), "/live/demo2/v360/1.m4s"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_token_that_is_not_good_is_refused_and_the_origin_not_asked(cdn, origin, kind):
    before = len(origin.requests)
    reply = cdn.get(REFUSED[kind], "/live/demo/v360/1.m4s")
    assert reply.problem() == "bad-token"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert len(origin.requests) == before


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_a_token_for_something_else_is_refused_and_the_origin_not_asked(cdn, origin, kind):
    before = len(origin.requests)
    reply = cdn.get(*FORBIDDEN[kind])
    assert reply.problem() == "not-entitled"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert len(origin.requests) == before


@pytest.mark.parametrize(
    "path", ["/live/demo/v360/1.m4s", "/t/live/demo/v360/1.m4s", "//live/demo/v360/1.m4s"]
)
def test_a_forged_header_replaces_no_token(cdn, origin, path):
    before = len(origin.requests)
    assert ask(cdn.port, "GET", path, {"x-path-token": GOOD}).problem() == "bad-token"
    assert ask(cdn.port, "GET", path, {"authorization": f"Bearer {GOOD}"}).problem() == "bad-token"
    assert ask(cdn.port, "GET", f"{path}?access_token={GOOD}").problem() == "bad-token"
    assert len(origin.requests) == before


def test_a_forged_header_beside_a_good_token_changes_nothing(cdn):
    other = token(p=["/live/other/"])
    assert cdn.get(GOOD, "/live/other/1.m4s", {"x-path-token": other}).status == 403
    assert cdn.get(GOOD, "/live/demo/v360/beside.m4s", {"x-path-token": other}).status == 200


def test_headers_longer_than_the_limit_are_refused_unread(cdn):
    assert cdn.get("a" * 9000, "/live/demo/v360/1.m4s").problem() == "headers-too-large"


def test_both_keys_of_a_rotation_are_taken(cdn):
    renewed = token(NEXT_KEY, {**HEADER, "kid": "k2"})
    assert cdn.get(GOOD, "/ads/house-1/index.m3u8").status == 200
    assert cdn.get(renewed, "/ads/house-1/index.m3u8").status == 200


def test_two_viewers_share_one_object_and_its_age_is_counted(cdn, origin):
    path = "/live/demo/v360/shared.m4s"
    first, second = token(sub="sess_1"), token(sub="sess_2")
    assert cdn.get(first, path).body == b"bytes of /live/demo/v360/shared.m4s"
    envoys.wait_for(lambda: "age" in cdn.get(second, path).headers)
    aged = envoys.wait_for(lambda: int(cdn.get(second, f"{path}?CMCD=sid%3D1").headers["age"]) >= 1)
    assert aged
    assert sum(asked == path for _, asked, _ in origin.requests) <= 2


def test_a_token_reaches_neither_the_origin_nor_the_log(cdn, origin):
    cdn.get(
        GOOD, f"/live/demo/v360/hidden.m4s?query={GOOD}", {"cookie": "a=b", "referer": f"http://a/{GOOD}"}
    )
    cdn.get(REFUSED["expired"], "/live/demo/v360/hidden.m4s")
    ((_, path, headers),) = [request for request in origin.requests if "hidden" in request[1]]
    assert path == "/live/demo/v360/hidden.m4s"
    assert GOOD not in json.dumps(headers)
    assert not {"cookie", "referer", "x-path-token"} & {name.lower() for name in headers}
    envoys.lines_of(cdn.log, 2)
    text = cdn.log.read_text()
    for secret in (GOOD, REFUSED["expired"], GOOD.split(".")[1], "hidden", "/live/"):
        assert secret not in text


def test_a_preflight_needs_no_token(cdn):
    asked = {**PAGE, "access-control-request-method": "GET", "access-control-request-headers": "range"}
    reply = ask(cdn.port, "OPTIONS", "/t/x/live/demo/v360/1.m4s", asked)
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "range" in reply.headers["access-control-allow-headers"]


def test_health_needs_no_token(cdn):
    assert ask(cdn.port, "GET", "/healthz").body == b"ok\n"


def test_only_reading_is_answered(cdn):
    reply = ask(cdn.port, "POST", f"/t/{GOOD}/live/demo/v360/1.m4s", PAGE, b"x")
    assert reply.problem() == "method-not-allowed"


def test_an_address_outside_of_what_the_origin_has_is_not_found(cdn):
    assert cdn.get(token(p=["/secret/"]), "/secret/1").problem() == "not-found"


def test_many_viewers_at_once_all_get_the_object(cdn):
    tokens = [token(sub=f"sess_{n}") for n in range(50)]
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda each: cdn.get(each, "/live/demo/v360/goal.m4s"), tokens))
    assert {reply.status for reply in replies} == {200}
    assert {reply.body for reply in replies} == {b"bytes of /live/demo/v360/goal.m4s"}


def test_an_origin_that_is_gone_is_a_problem_that_the_player_can_read(tmp_path):
    place = Cdn(tmp_path, free_port())
    with envoys.running(place.config, place.folder):
        reply = place.get(GOOD, "/live/demo/v360/1.m4s")
        assert reply.problem() == "unavailable"
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["retry-after"] == "1"


def test_what_is_cached_outlives_the_origin(tmp_path):
    with envoys.origin_server() as first:
        place = Cdn(tmp_path, first.port)
        with envoys.running(place.config, place.folder):
            envoys.wait_for(lambda: "age" in place.get(GOOD, "/live/demo/v360/1.m4s").headers)
            first.failures = 1_000
            assert place.get(GOOD, "/live/demo/v360/2.m4s").status == 503
            assert place.get(GOOD, "/live/demo/v360/1.m4s").status == 200
