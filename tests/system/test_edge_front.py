"""The front of many machines: the same refusals as the edge with Python inside, then the right service."""

import contextlib

import envoys
import pytest
from tcp_ports import free_port

from tifo.edge.front import Front, Service, front_config
from tifo.edge.settings import EdgeSettings
from tifo.serving.routes import Credential, Route

ask = envoys.ask

pytestmark = pytest.mark.system

SESSIONS = (
    Route("sessions.heartbeat", "POST", "/v1/sessions/{session}/heartbeat", "", Credential.PLAYBACK),
    Route("sessions.start", "POST", "/v1/sessions", "", Credential.ACCESS, body_bytes_max=8192),
)
CATALOGUE = (Route("catalogue.event", "GET", "/v1/events/{event}", ""),)
PAGES = (Route("pages.watch", "GET", "/watch/{event}", ""),)
ADS = (
    Route("ads.break", "GET", "/v1/ads/{token}/breaks/{brk}", "", Credential.PATH),
    Route("ads.track", "GET", "/v1/ads/t/{beacon}", ""),
)
FOLDERS = (Route("pages.assets", "GET", "/assets/", ""),)
BEARER = {"authorization": "Bearer " + envoys.token(b"k", {"alg": "HS256"}, {"sub": "sess_1"})}


class Place:
    def __init__(self, folder, ports):
        self.port = free_port()
        tables = {
            "sessions": (SESSIONS, ()), "catalogue": (CATALOGUE, ()), "pages": (PAGES, FOLDERS),
            "ads": (ADS, ()),
        }  # fmt: skip
        services = tuple(
            Service(name, tuple(("127.0.0.1", port) for port in ports[name]), *table)
            for name, table in tables.items()
            if name in ports
        )
        settings = EdgeSettings(port=self.port)
        self.config = front_config(Front(settings, services, folder / "admin.sock"))


@pytest.fixture(scope="module")
def services():
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(envoys.origin_server()) for name in ("sessions", "catalogue", "pages")
        }


@pytest.fixture(scope="module")
def front(tmp_path_factory, services):
    folder = tmp_path_factory.mktemp("front")
    place = Place(folder, {name: [service.port] for name, service in services.items()})
    with envoys.running(place.config, folder):
        yield place


@pytest.fixture(autouse=True)
def forgotten(services):
    for service in services.values():
        service.requests.clear()
        service.failures = 0


def counts(services):
    return {name: len(service.requests) for name, service in services.items() if service.requests}


@pytest.mark.parametrize(
    ("method", "path", "owner"),
    [
        ("POST", "/v1/sessions/sess_1/heartbeat", "sessions"),
        ("POST", "/v1/sessions", "sessions"),
        ("GET", "/v1/events/demo", "catalogue"),
        ("GET", "/watch/demo", "pages"),
        ("GET", "/assets/deep/watch.js", "pages"),
    ],
)
def test_a_request_goes_to_the_service_that_answers_it(front, services, method, path, owner):
    assert ask(front.port, method, path, BEARER).status == 200
    assert counts(services) == {owner: 1}


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "code"),
    [
        ("POST", "/v1/sessions", {}, b"", "bad-token"),
        ("POST", "/v1/sessions", BEARER, b"x" * 8193, "too-large"),
        ("GET", "/v1/sessions", BEARER, b"", "method-not-allowed"),
        ("GET", "/nothing", {}, b"", "not-found"),
    ],
)
def test_a_refusal_reaches_no_service(front, services, method, path, headers, body, code):
    assert ask(front.port, method, path, headers, body).problem() == code
    assert counts(services) == {}


def test_a_read_that_failed_is_tried_again(front, services):
    services["catalogue"].failures = 1
    assert ask(front.port, "GET", "/v1/events/demo").status == 200
    assert counts(services) == {"catalogue": 2}


def test_a_start_that_failed_is_not_sent_twice(front, services):
    services["sessions"].failures = 1
    assert ask(front.port, "POST", "/v1/sessions", BEARER).status == 503
    assert counts(services) == {"sessions": 1}


def test_a_service_that_is_gone_is_a_problem_and_the_others_answer(tmp_path, services):
    ports = {
        "sessions": [free_port()],
        "catalogue": [services["catalogue"].port],
        "pages": [services["pages"].port],
    }
    place = Place(tmp_path, ports)
    with envoys.running(place.config, tmp_path):
        reply = ask(place.port, "POST", "/v1/sessions", BEARER)
        assert reply.problem() == "unavailable"
        assert reply.headers["retry-after"] == "1"
        assert ask(place.port, "GET", "/v1/events/demo").status == 200


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/sessions/ses_1/heartbeat"])
def test_process_that_is_gone_is_passed_over(tmp_path, services, path):
    both = [free_port(), services["sessions"].port]
    place = Place(tmp_path, {"sessions": both, "catalogue": both[1:], "pages": both[1:]})
    with envoys.running(place.config, tmp_path):
        answers = [ask(place.port, "POST", path, BEARER) for _ in range(20)]
    assert [(one.status, one.body) for one in answers if one.status != 200] == []


def test_breaks_of_a_session_go_to_the_same_process_and_sessions_to_all(tmp_path):
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(envoys.origin_server()) for _ in range(3)]
        place = Place(tmp_path, {"ads": [one.port for one in processes]})
        stack.enter_context(envoys.running(place.config, tmp_path))
        for n in range(30):
            token = envoys.token(b"k", {"alg": "HS256"}, {"sub": f"ses_{n}"})
            for brk in range(3):
                assert ask(place.port, "GET", f"/v1/ads/{token}/breaks/brk-{brk}?x={brk}").status == 200
        assert ask(place.port, "GET", "/v1/ads/t/a.b.c").status == 200
    served = [{path.split("/")[3] for _, path, _ in one.requests if "/breaks/" in path} for one in processes]
    assert all(len(some) >= 3 for some in served)
    assert sum(map(len, served)) == 30
