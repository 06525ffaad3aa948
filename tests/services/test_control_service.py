"""What the cockpit shows and what its buttons do, over a real board, log and audit trail."""

import asyncio
import gc
from pathlib import Path

import httpx
import msgspec
import pytest
from patience import WITHIN_S_MAX

from tifo.api.ad_control import AdLeverAnswer
from tifo.api.anomalies import Anomaly, AnomalyPast
from tifo.api.events import OperatorActed
from tifo.api.reports import PartReport, RouteReport
from tifo.api.sessions import Kick
from tifo.board.entries import (
    AD_LEVER,
    ANOMALIES,
    INSIGHT,
    NODE,
    PARTS,
    POSTURE,
    TRAFFIC,
    AnomaliesReport,
    InsightReport,
    NodeReport,
    PartsReport,
    PathwayState,
    fresh_traffic,
)
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.control import routes
from tifo.services.control import service as control_service
from tifo.services.control.service import ControlService
from tifo.telemetry.metrics import REGISTRY


async def test_overview_is_there_from_the_start(control: ControlService) -> None:
    view = control.overview()
    assert (view.viewers, [one.id for one in view.pathways]) == (7, ["cdn-a", "cdn-b"])


async def test_overview_brings_together_what_stands_on_the_board(control, board, view, clock, until) -> None:
    route = RouteReport("a", "GET", 5.0, 0.0, 1.0, 2.0)
    part = PartReport("edge", "running", 1, 0, clock.now(), "")
    insight = InsightReport(clock.now(), 5, 1.5, 9.0, {"cdn-a": 5}, (), partitions=(0,))
    wrong = Anomaly(
        "strays-1", "strays", "", clock.now(), clock.now(), "70 sessions play on.", {"strays": 70.0}
    )
    over = AnomalyPast("isp-lost-1", "isp-lost", "AS1", clock.now() - 60, clock.now(), "900 of 2,000 left.")
    for key, value in (
        (NODE + "n1", NodeReport((), (route,), appended_per_s={"ads": 2.0})),
        (NODE + "n2", NodeReport((), (route,), appended_per_s={"ads": 1.0, "control": 0.5})),
        (PARTS + "m1", PartsReport((part,))),
        (INSIGHT + "old", msgspec.structs.replace(insight, at=clock.now() - 9, starts_per_s=99.0)),
        (INSIGHT + "new", insight),
        (ANOMALIES + "all", AnomaliesReport(clock.now(), (wrong,), (over,))),
    ):
        await board.write(key, msgspec.json.encode(value), 10)
    await view.refresh()
    await until(lambda: control.overview().requests_per_s == 10.0)
    shown = control.overview()
    assert (shown.starts_per_s, shown.parts, shown.pathways[0].viewers) == (1.5, (part,), 5)
    assert (shown.anomalies, shown.anomalies_past) == ((wrong,), (over,))
    assert shown.anomalies_at == clock.now()
    assert shown.eventlog.topics == {"ads": 3.0, "control": 0.5}
    assert REGISTRY.get_sample_value("tifo_anomalies", {"kind": "strays"}) == 1.0


async def test_word_of_a_node_that_died_is_left_out(control, board, view, clock, until) -> None:
    report = NodeReport((), (RouteReport("a", "GET", 5.0, 0.0, 1.0, 2.0),))
    await board.write(NODE + "n1", msgspec.json.encode(report), 5)
    await view.refresh()
    await until(lambda: control.overview().requests_per_s == 5.0)
    clock.advance(5)
    await until(lambda: control.overview().requests_per_s == 0.0)


async def test_taking_a_pathway_out_shows_at_once_and_is_noted(control, clock, told) -> None:
    await control.set_pathway("ada", "cdn-b", PathwayState("out"))
    assert [one.state for one in control.overview().pathways] == ["in", "out"]
    (entry,) = (await control.audit()).entries
    assert (entry.operator, entry.action, entry.target) == ("ada", "pathway-out", "cdn-b")
    assert await told() == [OperatorActed(operator="ada", action="pathway-out", target="cdn-b")]


async def test_draining_and_a_fixed_share_show_at_once_and_are_noted(control) -> None:
    await control.set_pathway("ada", "cdn-a", PathwayState("draining"))
    await control.set_pathway("ada", "cdn-b", PathwayState("in", 0.25))
    first, second = control.overview().pathways
    assert (first.state, first.capacity_bps) == ("draining", 1e9)
    assert (second.state, second.fixed_share) == ("in", 0.25)
    noted, before = (await control.audit()).entries
    assert (noted.action, noted.target, noted.detail) == ("pathway-in", "cdn-b", "share fixed at 25%")
    assert (before.action, before.target) == ("pathway-draining", "cdn-a")


async def test_pathway_that_is_none_is_refused_and_not_noted(control) -> None:
    with pytest.raises(Refusal, match="there are cdn-a, cdn-b"):
        await control.set_pathway("ada", "cdn-z", PathwayState("out"))
    assert (await control.audit()).entries == ()


async def test_kicks_and_ends_are_done_and_noted_with_who_and_why(control, sessions) -> None:
    kick, end = Kick("session", "ses_1", "Rights.", "carl"), ("ses_2", "dora", "")
    await control.kick("ada", kick)
    await control.end("bob", *end[:2])
    assert sessions.asked == [kick, end]
    assert [(e.operator, e.action, e.target, e.detail) for e in (await control.audit()).entries] == [
        ("bob", "end", "ses_2", ""),
        ("ada", "kick", "ses_1", "Rights."),
    ]


@pytest.mark.parametrize(
    ("kick", "action"),
    [(Kick("account", "carl", "Shared."), "kick-account"), (Kick("event", "final", "Rights."), "kick-event")],
)
async def test_whole_account_or_event_is_kicked_and_noted_as_such(
    control, sessions, told, kick: Kick, action: str
) -> None:
    await control.kick("ada", kick)
    assert sessions.asked == [kick]
    assert await told() == [OperatorActed(operator="ada", action=action, target=kick.id, detail=kick.reason)]


async def test_event_that_is_not_in_the_calendar_is_not_kicked(control, sessions) -> None:
    with pytest.raises(Refusal, match="not-found"):
        await control.kick("ada", Kick("event", "finale"))
    assert (sessions.asked, (await control.audit()).entries) == ([], ())


async def test_calendar_that_does_not_answer_stops_no_kick(control, sessions, calendar) -> None:
    calendar.failing = True
    await control.kick("ada", Kick("event", "final"))
    assert sessions.asked == [Kick("event", "final")]


async def test_posture_is_normal_until_an_operator_sets_it(control, view) -> None:
    assert (control.posture, control.overview().posture) == ("normal", "normal")
    await control.set_posture("ada", "lean")
    assert (control.posture, control.overview().posture) == ("lean", "lean")
    assert msgspec.json.decode(view.entries[POSTURE].value) == {"step": "lean"}
    (entry,) = (await control.audit()).entries
    assert (entry.operator, entry.action, entry.target) == ("ada", "posture", "lean")


async def test_trail_that_cannot_be_written_stops_no_operator(control, sessions, tmp_path: Path) -> None:
    (tmp_path / "audit.db").mkdir()
    await control.kick("ada", Kick("session", "ses_1"))
    assert sessions.asked == [Kick("session", "ses_1")]


async def test_audit_shows_its_newest_entries_only(control) -> None:
    for n in range(3):
        await control.end("ada", f"ses_{n}", "")
    assert [entry.target for entry in (await control.audit()).entries] == ["ses_2", "ses_1"]


@pytest.mark.parametrize("failure", [Unavailable("sessions", "down"), Refusal("bad-credentials")])
async def test_last_count_stays_while_sessions_do_not_answer(control, sessions, until, failure) -> None:
    sessions.failure = failure
    seen = len(control.history().samples)
    await until(lambda: len(control.history().samples) > min(seen, 2))
    assert control.overview().viewers == 7
    sessions.failure, sessions.count = None, 8
    await until(lambda: control.overview().viewers == 8)


async def test_curves_have_an_end(control, until) -> None:
    await until(lambda: len(control.history().samples) == 3)
    first = control.history().samples[0]
    await until(lambda: control.history().samples[0] is not first)
    assert len(control.history().samples) == 3


async def test_cockpits_see_each_look(control) -> None:
    async def two() -> int:
        seen = 0
        async for _ in control.watch():
            seen += 1
            if seen == 2:
                break
        return seen

    async with asyncio.timeout(WITHIN_S_MAX):
        assert await asyncio.gather(two(), two(), two()) == [2, 2, 2]


async def test_cockpit_that_is_one_too_many_is_refused_before_its_stream(
    control, cockpit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_service, "WATCHERS_MAX", 0)
    answer = await cockpit.get("/v1/control/stream")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "30"


async def test_cockpit_that_closes_makes_room(control, monkeypatch: pytest.MonkeyPatch, until) -> None:
    """As the framework does it: the stream is dropped where it stands, and collected."""
    monkeypatch.setattr(control_service, "WATCHERS_MAX", 1)
    stream = routes._events(control.history(), control.overview(), control.watch())
    async with asyncio.timeout(WITHIN_S_MAX):
        heads = [(await anext(stream)).partition(b"\n")[0] for _ in range(3)]
    assert heads == [b"event: history", b"event: overview", b"event: overview"]
    with pytest.raises(Refusal):
        control.watch()
    del stream
    gc.collect()

    def room() -> bool:
        try:
            control.watch()
        except Refusal:
            return False
        return True

    await until(room)


async def test_operators_api_answers(cockpit: httpx.AsyncClient, sessions) -> None:
    overview = await cockpit.get("/v1/control/overview")
    assert (overview.json()["viewers"], overview.headers["Cache-Control"]) == (7, "no-store")
    assert (await cockpit.get("/v1/control/sessions")).json() == {"sessions": [], "next": None, "total": 7}
    out = await cockpit.put(
        "/v1/control/pathways/cdn-a", json={"state": "out"}, headers={"X-Operator": "ada"}
    )
    assert out.json() == {"id": "cdn-a", "state": "out", "share": None}
    kick = await cockpit.post("/v1/control/sessions/ses_1/kick", json={"reason": "Rights."})
    end = await cockpit.post("/v1/control/sessions/ses_2/end")
    assert (kick.status_code, end.status_code) == (204, 204)
    assert sessions.asked == [Kick("session", "ses_1", "Rights."), ("ses_2", "", "")]
    entries = (await cockpit.get("/v1/control/audit")).json()["entries"]
    assert [(entry["operator"], entry["action"]) for entry in entries] == [
        ("operator", "end"),
        ("operator", "kick"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/control/pathways/cdn-z", {"state": "out"}, 404),
        ("/v1/control/pathways/cdn-a", {"state": "sideways"}, 422),
        ("/v1/control/pathways/cdn-a", {}, 422),
        ("/v1/control/pathways/cdn-a", {"state": "in", "why": "x"}, 422),
    ],
)
async def test_word_on_a_pathway_that_makes_no_sense_is_refused(
    cockpit, path: str, body, status: int
) -> None:
    assert (await cockpit.put(path, json=body)).status_code == status
    assert (await cockpit.get("/v1/control/audit")).json() == {"entries": []}


async def test_what_cdns_logs_say_is_believed_for_a_while(cockpit, view, clock) -> None:
    good = {"pathway": "cdn-a", "at": clock.now(), "bps": 8e9}
    for sample, status in (({**good, "at": 1e12}, 422), (good, 204), ({**good, "at": 1, "bps": 1e9}, 204)):
        answer = await cockpit.post("/v1/control/traffic", json={"samples": [sample]})
        assert answer.status_code == status
    assert fresh_traffic(view.under(TRAFFIC), clock.now())["cdn-a"].bps == 8e9
    clock.advance(31)
    assert not fresh_traffic(view.under(TRAFFIC), clock.now())


async def test_operators_may_say_whose_session_they_stop(cockpit, sessions) -> None:
    await cockpit.post("/v1/control/sessions/ses_1/kick", json={"account": "ada"})
    await cockpit.post("/v1/control/sessions/ses_2/end?account=bob")
    assert sessions.asked == [Kick("session", "ses_1", "", "ada"), ("ses_2", "bob", "")]


@pytest.mark.parametrize(
    ("body", "status", "kicks"),
    [
        ({"what": "event", "id": "final", "reason": "Rights."}, 204, [Kick("event", "final", "Rights.")]),
        ({"what": "account", "id": "carl"}, 204, [Kick("account", "carl")]),
        ({"what": "session", "id": "ses_1", "account": "c"}, 204, [Kick("session", "ses_1", "", "c")]),
        ({"what": "event", "id": "finale"}, 404, []),
        ({"what": "everybody", "id": "final"}, 422, []),
        ({"what": "account", "id": ""}, 422, []),
        ({"what": "account", "id": "a b"}, 422, []),
        ({"what": "account", "id": "a" * 65}, 422, []),
        ({"what": "account", "id": "a", "reason": "x" * 201}, 422, []),
        ({"what": "account", "id": "a", "why": "x"}, 422, []),
        ({"what": "account"}, 422, []),
    ],
)
async def test_kicks_are_taken_whole_or_refused(cockpit, sessions, body, status: int, kicks) -> None:
    answer = await cockpit.post("/v1/control/kicks", json=body)
    assert (answer.status_code, sessions.asked) == (status, kicks)


async def test_ad_lever_is_the_stricter_of_what_operators_and_the_posture_say(control, view, clock) -> None:
    assert control.overview().ad_lever == AdLeverAnswer("personal", "personal")
    await control.set_posture("ada", "lean")
    assert control.ad_lever == AdLeverAnswer("personal", "cohort", "posture", posture="cohort")
    await control.set_ad_lever("ada", "house")
    at = clock.now()
    assert control.overview().ad_lever == AdLeverAnswer("house", "house", "operator", "ada", at, "cohort")
    kept = msgspec.json.decode(view.entries[AD_LEVER].value)
    assert kept == {"ads": "house", "operator": "ada", "at": at}
    entry, *_ = (await control.audit()).entries
    assert (entry.operator, entry.action, entry.target) == ("ada", "ad-lever", "house")
    await control.set_posture("ada", "normal")
    await control.set_ad_lever("ada", "personal")
    assert control.ad_lever == AdLeverAnswer("personal", "personal", "nobody", "ada", at)


async def test_ad_lever_is_asked_for_and_set(cockpit) -> None:
    as_usual = (await cockpit.get("/v1/control/ad-lever")).json()
    assert (as_usual["ads"], as_usual["in_force"], as_usual["by"]) == ("personal", "personal", "nobody")
    answer = await cockpit.put("/v1/control/ad-lever", json={"ads": "none"})
    said = answer.json()
    assert (answer.status_code, said["ads"], said["in_force"]) == (200, "none", "none")
    assert (await cockpit.get("/v1/control/overview")).json()["ad_lever"]["in_force"] == "none"
    wrong = await cockpit.put("/v1/control/ad-lever", json={"ads": "fewer"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")


async def test_posture_is_asked_for_and_set(cockpit) -> None:
    assert (await cockpit.get("/v1/control/posture")).json() == {"step": "normal"}
    answer = await cockpit.put("/v1/control/posture", json={"step": "lean"})
    assert (answer.status_code, answer.json()) == (200, {"step": "lean"})
    assert (await cockpit.get("/v1/control/posture")).json() == {"step": "lean"}
    wrong = await cockpit.put("/v1/control/posture", json={"step": "panic"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")


async def test_reason_that_is_too_long_is_refused(cockpit, sessions) -> None:
    answer = await cockpit.post("/v1/control/sessions/ses_1/kick", json={"reason": "x" * 201})
    assert (answer.status_code, sessions.asked) == (422, [])
