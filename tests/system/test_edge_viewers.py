"""The viewers' listener under attack: every refusal comes from Envoy, with its problem document."""

import contextlib
import json
import socket
import time
from pathlib import Path

import envoys
import pytest
from tcp_ports import free_port

from tifo.edge.application import Application, ApplicationEdge, application_config
from tifo.edge.settings import AccessLog, ClientRate, EdgeLimits, EdgeSettings
from tifo.serving.routes import Credential, Route

ask, say = envoys.ask, envoys.say

pytestmark = pytest.mark.system

ROUTES = (
    Route("sessions.heartbeat", "POST", "/v1/sessions/{session}/heartbeat", "", Credential.PLAYBACK),
    Route("sessions.start", "POST", "/v1/sessions", "", Credential.ACCESS, body_bytes_max=8192),
    Route("sessions.end", "DELETE", "/v1/sessions/{session}", "", Credential.PLAYBACK),
    Route("catalogue.events", "GET", "/v1/events", ""),
    Route("video.master", "GET", "/v1/playback/{token}/master.m3u8", "", Credential.PATH),
    Route("steering.manifest", "GET", "/v1/steering/{token}", "", Credential.PATH),
    Route("beacons.cmcd", "POST", "/v1/cmcd", "", body_bytes_max=64 * 1024),
)
CONTROL = (Route("control.overview", "GET", "/v1/control/overview", "", Credential.OPERATOR),)
TOKEN = envoys.token(
    b"k" * 32, {"alg": "HS256", "kid": "k1", "typ": "JWT"}, {"sub": "sess_1", "event": "demo"}
)
BEARER = {"authorization": f"Bearer {TOKEN}"}
CONNECTIONS_MAX = 60
HEADERS_WAIT_S = 1
RESETS_MAX = 40


class Edge:
    def __init__(self, folder: Path, **changes) -> None:
        self.port, self.operator_port = free_port(), free_port()
        self.admin, self.log = str(folder / "admin.sock"), folder / "access.log"
        self.folder = folder
        self.settings = EdgeSettings(
            port=self.port,
            operator_port=self.operator_port,
            access_log=AccessLog(path=str(self.log)),
            **changes,
        )

    @contextlib.contextmanager
    def running(self):
        edge = ApplicationEdge(
            self.settings,
            Path(self.admin),
            Application("edge_application:application", ROUTES, unlimited=frozenset({"steering.manifest"})),
            Application("edge_application:application", CONTROL),
        )
        with envoys.running(application_config(edge), self.folder) as process:
            self.process = process
            yield self


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    limits = EdgeLimits(
        connections_max=CONNECTIONS_MAX,
        headers_wait_s_max=HEADERS_WAIT_S,
        request_wait_s_max=2,
        resets_max=RESETS_MAX,
    )
    place = Edge(tmp_path_factory.mktemp("edge"), limits=limits, trace_sampling_percent=0.0)
    with place.running():
        yield place


def request(line: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join((line, *headers, "", body)).encode("latin-1")


def test_a_heartbeat_with_a_token_reaches_the_application(edge):
    reply = ask(edge.port, "POST", "/v1/sessions/sess_1/heartbeat", BEARER)
    assert reply.status == 200
    seen = json.loads(reply.body)
    assert seen["path"] == "/v1/sessions/sess_1/heartbeat"
    assert seen["headers"]["x-request-id"] == reply.headers["x-request-id"]


def test_a_token_in_the_path_of_the_longest_shape_reaches_the_application(edge):
    longest = ".".join(("h" * 400, "c" * 1000, "s" * 600))
    assert ask(edge.port, "GET", f"/v1/playback/{longest}/master.m3u8").status == 200


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/v1/sessions/sess_1/heartbeat", {}),
        ("POST", "/v1/sessions/sess_1/heartbeat", {"authorization": ""}),
        ("POST", "/v1/sessions/sess_1/heartbeat", {"authorization": TOKEN}),
        ("POST", "/v1/sessions/sess_1/heartbeat", {"authorization": f"Basic {TOKEN}"}),
        ("POST", "/v1/sessions/sess_1/heartbeat", {"authorization": "Bearer only.two"}),
        ("POST", "/v1/sessions/sess_1/heartbeat", {"authorization": f"Bearer {TOKEN}.more"}),
        ("POST", "/v1/sessions/sess_1/heartbeat", {"authorization": f"Bearer {TOKEN} "[:-1] + "="}),
        ("POST", "/v1/sessions", {}),
        ("DELETE", "/v1/sessions/sess_1", {}),
        ("GET", "/v1/playback/none/master.m3u8", {}),
        ("GET", f"/v1/playback/{'a' * 2049}/master.m3u8", {}),
        ("GET", f"/v1/playback/{'h' * 20}.{'c' * 3000}.{'s' * 43}/master.m3u8", {}),
        ("GET", f"/v1/steering/{TOKEN}%20", {}),
    ],
)
def test_a_request_without_the_shape_of_its_credential_is_refused(edge, method, path, headers):
    reply = ask(edge.port, method, path, headers)
    assert reply.problem() == "bad-token"
    assert reply.headers["www-authenticate"] == "Bearer"


def test_an_unknown_address_is_refused(edge):
    assert ask(edge.port, "GET", "/wp-login.php").problem() == "not-found"


def test_another_method_is_refused_with_those_that_are_answered(edge):
    reply = ask(edge.port, "PUT", "/v1/sessions", BEARER)
    assert reply.problem() == "method-not-allowed"
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "text",
    [
        request("GET /v1/events HTTP/1.1", "host: a", "x: b\0c"),
        request("GET /v1/events HTTP/1.1", "host: a", "x : b"),
        request("GET /v1/events HTTP/1.1"),
        request("G@T /v1/events HTTP/1.1", "host: a"),
        request("GET /v1/%2fevents HTTP/1.1", "host: a"),
        request("GET /v1/%5cevents HTTP/1.1", "host: a"),
        request("GET /v1/events HTTP/1.1", "host: a", "x_y: b"),
        request(
            "POST /v1/cmcd HTTP/1.1",
            "host: a",
            "content-length: 3",
            "transfer-encoding: chunked",
            body="0\r\n\r\n",
        ),
        request("POST /v1/cmcd HTTP/1.1", "host: a", "content-length: 3", "content-length: 4", body="abcd"),
        request("POST /v1/cmcd HTTP/1.1", "host: a", "transfer-encoding: chunked", body="zz\r\n"),
    ],
    ids=[
        "nul in a header",
        "space before the colon",
        "no host",
        "bad method",
        "escaped slash",
        "escaped backslash",
        "underscore in a name",
        "two framings",
        "two lengths",
        "bad chunk",
    ],
)
def test_a_malformed_request_is_refused(edge, text):
    assert say(edge.port, text).problem() == "bad-request"


def test_a_folded_header_arrives_unfolded(edge):
    reply = say(edge.port, request("GET /v1/events HTTP/1.1", "host: a", "x: b", " c"))
    assert json.loads(reply.body)["headers"]["x"] == "b c"


@pytest.mark.parametrize(
    "headers", [("x: " + "b" * 20_000,), tuple(f"x{n}: b" for n in range(80))], ids=["20 KB", "80 headers"]
)
def test_too_many_headers_are_refused(edge, headers):
    text = request("GET /v1/events HTTP/1.1", "host: a", *headers)
    assert say(edge.port, text).problem() == "headers-too-large"


def test_http_1_0_is_refused(edge):
    assert say(edge.port, request("GET /v1/events HTTP/1.0", "host: a")).problem() == "upgrade-required"


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/v1/cmcd", 64 * 1024, 200),
        ("/v1/cmcd", 100_000, 413),
        ("/v1/sessions", 8192, 200),
        ("/v1/sessions", 8193, 413),
        ("/v1/sessions/sess_1/heartbeat", 1024, 200),
        ("/v1/sessions/sess_1/heartbeat", 1025, 413),
    ],
)
def test_a_body_above_its_routes_limit_is_refused(edge, path, size, status):
    reply = ask(edge.port, "POST", path, BEARER, b"x" * size)
    assert reply.status == status
    if status == 413:
        assert reply.problem() == "too-large"
    else:
        assert json.loads(reply.body)["bytes"] == size


def test_a_chunked_body_above_the_limit_is_refused(edge):
    chunks = b"".join(b"1000\r\n" + b"x" * 0x1000 + b"\r\n" for _ in range(3))
    head = request(
        "POST /v1/sessions HTTP/1.1",
        "host: a",
        f"authorization: Bearer {TOKEN}",
        "transfer-encoding: chunked",
    )
    assert say(edge.port, head + chunks + b"0\r\n\r\n").problem() == "too-large"


def test_headers_that_never_end_are_refused_in_time(edge):
    begun = time.monotonic()
    reply = say(edge.port, b"GET /v1/events HTTP/1.1\r\nhost: a\r\nx: ")
    assert reply.problem() == "slow-request"
    assert time.monotonic() - begun > HEADERS_WAIT_S * 0.9


def test_a_body_that_never_ends_is_refused_before_the_application_waits(edge):
    text = request("POST /v1/cmcd HTTP/1.1", "host: a", "content-length: 100", body="x")
    assert say(edge.port, text).problem() == "slow-request"


def test_connections_above_the_limit_are_closed_and_others_served(edge):
    with contextlib.ExitStack() as stack:
        kept = [
            stack.enter_context(socket.create_connection(("127.0.0.1", edge.port)))
            for _ in range(CONNECTIONS_MAX + 20)
        ]
        name = f"listener.127.0.0.1_{edge.port}.downstream_global_cx_overflow"
        assert envoys.wait_for(lambda: envoys.counter(edge.admin, name) >= 20)
        kept[0].sendall(request("GET /v1/events HTTP/1.1", "host: a", "connection: close"))
        assert kept[0].recv(12) == b"HTTP/1.1 200"
    envoys.wait_for(lambda: ask_or_none(edge) == 200)


def ask_or_none(edge):
    try:
        return ask(edge.port, "GET", "/v1/events").status
    except OSError:
        return None


def test_a_rapid_reset_costs_the_connection(edge):
    name = "http.viewers.downstream_rq_too_many_premature_resets"
    with envoys.h2_connection(edge.port) as connection:
        resets = (
            envoys.h2_request(stream, b"/v1/cmcd", method=b"POST", ends=False)
            + envoys.h2_frame(envoys.H2_RESET, 0, stream, b"\0\0\0\x08")
            for stream in range(1, 400, 2)
        )
        envoys.h2_flood(connection, b"".join(resets))
        envoys.h2_until_closed(connection)
    envoys.wait_for(lambda: envoys.counter(edge.admin, name) >= 1)


def test_streams_above_the_limit_are_refused(edge):
    with envoys.h2_connection(edge.port) as connection:
        opened = (
            envoys.h2_request(stream, b"/v1/cmcd", method=b"POST", ends=False) for stream in range(1, 300, 2)
        )
        connection.sendall(b"".join(opened))
        refused = lambda frames: sum(kind == envoys.H2_RESET for kind, _, _ in frames) >= 50  # noqa: E731
        frames = envoys.h2_read(connection, refused)
    assert sum(kind == envoys.H2_RESET and data == b"\0\0\0\x07" for kind, _, data in frames) == 50


FLOODS = {
    "settings": envoys.h2_frame(envoys.H2_SETTINGS, 0, 0) * 20_000,
    "ping": envoys.h2_frame(envoys.H2_PING, 0, 0, b"\0" * 8) * 20_000,
    "empty data": envoys.h2_request(1, b"/v1/cmcd", method=b"POST", ends=False)
    + envoys.h2_frame(envoys.H2_DATA, 0, 1) * 100,
    "continuation": envoys.h2_frame(envoys.H2_HEADERS, 0, 1, envoys.h2_header(b":method", b"GET"))
    + envoys.h2_frame(envoys.H2_CONTINUATION, 0, 1, envoys.h2_header(b"x", b"y" * 100) * 100) * 10,
    "window updates": envoys.h2_request(1, b"/v1/cmcd", method=b"POST", ends=False)
    + envoys.h2_frame(envoys.H2_WINDOW, 0, 1, b"\0\0\0\x01") * 2_000,
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_frames_costs_the_connection_and_nobody_else(edge, flood):
    with envoys.h2_connection(edge.port) as connection:
        envoys.h2_flood(connection, FLOODS[flood])
        frames = envoys.h2_read(connection, ended)
        assert ended(frames) or connection_is_closed(connection)
    assert ask(edge.port, "GET", "/v1/events").status == 200


def ended(frames):
    return any(kind in {envoys.H2_GOAWAY, envoys.H2_RESET} for kind, _, _ in frames)


def connection_is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_a_preflight_is_answered_before_the_application(edge):
    asked = {
        "origin": "https://tv.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    reply = ask(edge.port, "OPTIONS", "/v1/cmcd", asked)
    assert reply.status == 200
    assert reply.body == b""
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "content-type" in reply.headers["access-control-allow-headers"]
    assert "POST" in reply.headers["access-control-allow-methods"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/steering/none", "/nothing", "/v1/%2fevents"])
def test_a_page_of_any_origin_may_read_answers_and_refusals(edge, path):
    reply = ask(edge.port, "GET", path, {"origin": "https://tv.example"})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "Retry-After" in reply.headers["access-control-expose-headers"]


def test_operators_on_loopback_need_no_token(edge):
    assert ask(edge.operator_port, "GET", "/v1/control/overview").status == 200


def test_operators_routes_are_not_on_the_viewers_port(edge):
    assert ask(edge.port, "GET", "/v1/control/overview", BEARER).problem() == "not-found"


def test_the_log_names_routes_and_holds_no_address_query_or_token(edge):
    ask(edge.port, "GET", f"/v1/playback/{TOKEN}/master.m3u8?secret=query")
    ask(edge.port, "POST", "/v1/sessions/sess_secret/heartbeat", BEARER)
    lines = envoys.wait_for(lambda: logged(edge, {"video.master", "sessions.heartbeat"}))
    text = edge.log.read_text()
    for secret in (TOKEN, "secret", "/v1/", "Bearer", "authorization"):
        assert secret not in text
    line = next(line for line in lines if line["route"] == "video.master")
    assert line["listener"] == "viewers"
    assert line["status"] == 200
    assert line["request_id"]


def logged(edge, names):
    lines = [json.loads(line) for line in edge.log.read_text().splitlines()] if edge.log.exists() else []
    return lines if names <= {line["route"] for line in lines} else None


def test_a_clients_own_request_id_is_not_believed(edge):
    forged = "11111111-1111-9111-8111-111111111111"
    reply = ask(edge.port, "GET", "/v1/events", {"x-request-id": forged})
    assert reply.headers["x-request-id"] != forged


def test_nothing_is_traced_at_zero_percent(edge):
    replies = [ask(edge.port, "GET", "/v1/events", {"x-client-trace-id": "t"}) for _ in range(20)]
    assert {reply.headers["x-request-id"][14] for reply in replies} == {"4"}


def test_a_client_above_its_rate_is_refused_but_never_for_its_steering(tmp_path):
    edge = Edge(tmp_path, rate=ClientRate(requests_per_s=1, burst_requests=5), trace_sampling_percent=100.0)
    with edge.running():
        replies = [ask(edge.port, "GET", "/v1/events") for _ in range(12)]
        refused = [reply for reply in replies if reply.status == 429]
        assert [reply.status for reply in replies[:5]] == [200] * 5
        assert len(refused) >= 5
        assert {reply.problem() for reply in refused} == {"too-many-requests"}
        assert refused[0].headers["retry-after"] == "1"
        steering = [ask(edge.port, "GET", f"/v1/steering/{TOKEN}") for _ in range(12)]
        assert {reply.status for reply in steering} == {200}
        assert {reply.headers["x-request-id"][14] for reply in steering} == {"9"}


def test_a_second_edge_on_the_same_port_does_not_start(edge, tmp_path):
    other = Edge(tmp_path)
    other.settings = edge.settings
    with pytest.raises(AssertionError, match="in use"), other.running():
        pass


def test_the_admin_socket_is_the_owners_alone(edge):
    assert Path(edge.admin).stat().st_mode & 0o777 == 0o600
