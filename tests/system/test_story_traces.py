"""What can be traced and what must not: request ids, metrics, separate ports."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import eventually
from players import Platform, bearer, problem, refused

pytestmark = pytest.mark.system

VIEWERS_ONLY = ("/v1/events", "/v1/events/demo", "/watch/demo", "/readyz")
OPERATORS_ONLY = (
    "/v1/control/overview",
    "/v1/control/stream",
    "/v1/control/sessions",
    "/v1/control/audit",
    "/metrics",
)


@pytest.mark.parametrize("path", [*OPERATORS_ONLY, "/v1/peer/sessions", "/v1/peer/calendar"])
def test_operators_addresses_are_not_on_the_viewers_port(platform: Platform, path: str) -> None:
    assert refused(platform.viewers.get(path)) == (404, "not-found")


def test_operators_acts_are_not_on_the_viewers_port(platform: Platform) -> None:
    player = platform.player()
    for method, path in (
        ("POST", f"/v1/control/sessions/{player.session}/kick"),
        ("POST", f"/v1/control/sessions/{player.session}/end"),
        ("POST", f"/v1/peer/sessions/{player.session}/kick"),
        ("PUT", "/v1/control/pathways/cdn-a"),
    ):
        answer = platform.viewers(method, path, json={}, headers=bearer(player.token))
        assert refused(answer) == (404, "not-found")
    assert player.beat().status_code == 200


@pytest.mark.parametrize("path", VIEWERS_ONLY)
def test_viewers_addresses_are_not_on_the_operators_port(platform: Platform, path: str) -> None:
    assert refused(platform.operators.get(path)) == (404, "not-found")


def line_with(log: Path, request_id: str) -> dict:
    lines = log.read_text().splitlines()
    return next((json.loads(line) for line in lines if request_id in line), {})


def test_a_request_id_leads_from_the_answer_to_the_access_log(platform: Platform) -> None:
    answer = platform.viewers.get("/v1/events")
    found = eventually(lambda: line_with(platform.access_log, answer.headers["x-request-id"]))
    assert (found["route"], found["status"], found["method"]) == ("catalogue.events", 200, "GET")


def test_a_viewer_cannot_choose_its_request_id(platform: Platform) -> None:
    answer = platform.viewers.get("/v1/events", headers={"x-request-id": "mine"})
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert answer.headers["x-request-id"] != "mine"


@contextlib.contextmanager
def event_of_another_age(platform: Platform) -> Iterator[str]:
    """An event in the calendar whose times no answer can spell."""
    row = {"id": "later", "title": "Later", "channel": "demo", "starts": 1e18, "ends": 1e19}
    with contextlib.closing(sqlite3.connect(platform.stores / "calendar.db", timeout=5)) as calendar:
        with calendar:
            calendar.execute("INSERT INTO events VALUES (?, ?, ?)", ("later", 1e18, json.dumps(row).encode()))
        yield "later"
        with calendar:
            calendar.execute("DELETE FROM events WHERE id = 'later'")


def test_our_own_failure_is_quoted_by_its_request_id(platform: Platform) -> None:
    with event_of_another_age(platform) as event:
        eventually(lambda: platform.viewers.get(f"/v1/events/{event}").status_code != 404, what="it is read")
        said = problem(platform.viewers.get(f"/v1/events/{event}"))
    eventually(lambda: platform.viewers.get(f"/v1/events/{event}").status_code == 404, what="it is gone")
    assert (said["status"], said["code"]) == (500, "internal")
    assert "detail" not in said

    def ours() -> dict:
        lines = [line_with(log, said["request_id"]) for log in platform.logs if "access" not in log.name]
        return next((line for line in lines if line), {})

    line = eventually(ours)
    assert (line["event"], line["route"]) == ("request.failed", "catalogue.event")
    assert "rfc3339" in json.dumps(line)
    assert eventually(lambda: line_with(platform.access_log, said["request_id"]))["status"] == 500


def test_the_metrics_are_ours_and_envoys(platform: Platform) -> None:
    platform.player().beat()
    samples = {
        'tifo_session_starts_total{outcome="admitted"}',
        'http_server_request_duration_seconds_count{http_request_method="POST"',
        'envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="viewers"}',
    }
    for sample in samples:
        assert platform.metric("sessions", sample) >= 1, sample


def test_metrics_name_no_account_and_no_session(platform: Platform) -> None:
    player = platform.player()
    text = platform.operators.get("/metrics").text
    assert player.account not in text
    assert player.session not in text
