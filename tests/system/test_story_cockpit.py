"""What operators see and do: a CDN taken out, the overview, the live stream, the audit trail."""

import contextlib
import json
import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import httpx
import pytest
from commands import ANSWER_S_MAX, START_S_MAX, eventually, tifo
from platforms import HEARTBEAT_S, watching_on
from players import PATHWAYS, Platform, Player, attribute, break_now, refused

pytestmark = pytest.mark.system

OVERVIEWS_MAX = 30
"""Overviews of which two must lie a second apart: on a busy machine one or the other comes late."""

MACHINE = {"billing", "channel", "edge", "insight", "lake", "steering", *PATHWAYS}


def put(platform: Platform, pathway: str, state: str) -> httpx.Response:
    return platform.operators("PUT", f"/v1/control/pathways/{pathway}", json={"state": state})


@contextlib.contextmanager
def taken_out(witness: Player) -> Iterator[str]:
    """The viewer's first CDN is out, in force for it, and afterwards in again.

    In which order the others stand meanwhile is the steering loop's affair, which weighs them anew.
    """
    platform, pathway = witness.platform, priority(witness)[0]
    answer = put(platform, pathway, "out")
    assert (answer.status_code, answer.json()) == (200, {"id": pathway, "state": "out", "share": None})
    try:
        eventually(lambda: priority(witness)[-1] == pathway, what="out is in force")
        yield pathway
    finally:
        assert put(platform, pathway, "in").status_code == 200
        eventually(lambda: priority(witness)[0] == pathway, what="in again is in force")


def priority(player: Player) -> list[str]:
    return player.steering().json()["PATHWAY-PRIORITY"]


def first_in_playlist(player: Player) -> str:
    return attribute(
        next(line for line in player.master().text.splitlines() if "STREAM-INF" in line), "PATHWAY-ID"
    )


def test_a_cdn_taken_out_is_last_for_every_viewer_within_a_second_and_comes_back(platform: Platform) -> None:
    player = platform.player()
    with taken_out(player) as gone:
        eventually(lambda: first_in_playlist(player) == priority(player)[0] != gone, what="the playlist too")
        state = {one["id"]: one["state"] for one in platform.overview()["pathways"]}
        assert state == dict.fromkeys(PATHWAYS, "in") | {gone: "out"}
    eventually(lambda: first_in_playlist(player) == gone, what="the playlist begins with it again")


def test_ads_come_from_a_cdn_that_is_in(platform: Platform) -> None:
    player = platform.player()

    def ads_from() -> str:
        uri = player.asset_list(break_now()).json()["ASSETS"][0]["URI"]
        return next(name for name, port in platform.cdn_ports.items() if f":{port}/" in uri)

    eventually(lambda: ads_from() == priority(player)[0], what="ads come from the first CDN")
    with taken_out(player) as gone:
        eventually(lambda: ads_from() != gone, what="ads move too")


def test_other_viewers_stay_where_they_are_when_a_cdn_goes(platform: Platform) -> None:
    players = [platform.player() for _ in range(12)]
    before = {player.session: priority(player)[0] for player in players}
    with taken_out(players[0]) as gone:
        after = {player.session: priority(player)[0] for player in players}
    assert {s: p for s, p in after.items() if before[s] != gone} == {
        s: p for s, p in before.items() if p != gone
    }


def test_an_unknown_cdn_cannot_be_taken_out(platform: Platform) -> None:
    assert refused(put(platform, "cdn-x", "out")) == (404, "not-found")


def test_the_overview_counts_viewers_by_cdn(platform: Platform) -> None:
    player = platform.player()
    pathway = priority(player)[0]
    player.steering(_HLS_pathway=pathway, _HLS_throughput="1000000")

    def counted() -> bool:
        view = platform.overview()
        on = {one["id"]: one for one in view["pathways"]}
        return view["viewers"] >= 1 and on[pathway]["viewers"] >= 1 and on[pathway]["share"] > 0

    eventually(counted, what="the viewer and its CDN are counted")
    (used, *_) = eventually(lambda: platform.events("playback.pathway", player.session))
    assert (used["pathway"], used["throughput_bps"]) == (pathway, 1_000_000)


def test_the_overview_says_how_many_accounts_have_watched(platform: Platform) -> None:
    platform.player()

    def reach() -> dict:
        said = platform.overview()["reach"]
        return said if said["heard"] and said["accounts"] else {}

    said = eventually(reach, what="insight has told of whom it heard")
    assert [one["name"] for one in said["accounts"]] == ["demo"]
    assert 0 < said["error"] < 0.02


def groups(platform: Platform) -> set[str]:
    return {one["group"] for one in platform.overview()["eventlog"]["groups"]}


def test_the_overview_says_that_all_is_well(platform: Platform) -> None:
    def well() -> bool:
        view = platform.overview()
        routes = {route["route"] for route in view["routes"]}
        return (view["eventlog"]["state"], view["board"]["state"]) == (
            "ok",
            "ok",
        ) and "control.overview" in routes

    platform.player().asset_list(break_now())
    eventually(well, what="event log, board and the routes of the last second")
    view = platform.overview()
    assert view["breaks"]["running"] or view["breaks"]["next"]
    eventually(
        lambda: groups(platform) == {"billing", "insight", "lake"}, what="all groups say how far they are"
    )
    if platform.form == "one-machine":
        assert {part["name"] for part in view["parts"]} == MACHINE
        assert {part["state"] for part in view["parts"]} == {"running"}


def test_every_process_says_what_it_answers(platform: Platform) -> None:
    """The routes of all nodes come together in one overview."""
    player = platform.player()
    wanted = {"sessions.heartbeat", "steering.manifest", "video.playlist", "ads.break", "control.overview"}

    def all_there() -> bool:
        player.everywhere()
        return wanted <= {route["route"] for route in platform.overview()["routes"]}

    eventually(all_there, what="routes of every node")


def told(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a live stream: their names, and what they say."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def test_the_live_stream_begins_with_the_curves_and_goes_on_each_second(platform: Platform) -> None:
    address = f"{platform.operators.base}/v1/control/stream"
    with httpx.stream("GET", address, trust_env=False, timeout=ANSWER_S_MAX) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        events = told(answer.iter_lines())
        (first, history), (second, _) = next(events), next(events)
        assert (first, second) == ("history", "overview")
        assert {"at", "viewers", "lag", "pathways"} <= history["samples"][-1].keys()
        overviews = pairwise(islice(events, OVERVIEWS_MAX))
        assert any(
            name == other == "overview" and 0.5 < after["at"] - before["at"] < 2
            for (name, before), (other, after) in overviews
        )


def test_the_audit_trail_says_who_did_what(platform: Platform) -> None:
    player = platform.player()
    platform.operators(
        "POST", f"/v1/control/sessions/{player.session}/kick",
        json={"reason": "Two at once."}, headers={"x-operator": "ada"},
    )  # fmt: skip
    newest = platform.operators.get("/v1/control/audit").json()["entries"][0]
    assert {name: newest[name] for name in ("operator", "action", "target", "detail")} == {
        "operator": "ada",
        "action": "kick",
        "target": player.session,
        "detail": "Two at once.",
    }
    eventually(lambda: platform.events("control.acted", player.session))


def posture(platform: Platform, step: str) -> None:
    answer = platform.operators("PUT", "/v1/control/posture", json={"step": step})
    assert (answer.status_code, answer.json()) == (200, {"step": step})


@pytest.fixture
def normal_afterwards(platform: Platform) -> Iterator[None]:
    yield
    posture(platform, "normal")


@pytest.mark.usefixtures("normal_afterwards")
def test_lean_has_players_report_less_often_and_normal_undoes_it(platform: Platform) -> None:
    player = platform.player()

    def asked_to_wait_s() -> float:
        return player.beat().json()["heartbeat_s"]

    assert asked_to_wait_s() <= HEARTBEAT_S
    posture(platform, "lean")
    eventually(lambda: asked_to_wait_s() > 5 * HEARTBEAT_S, what="lean is in force")
    assert platform.overview()["posture"] == "lean"
    posture(platform, "normal")
    eventually(lambda: asked_to_wait_s() <= HEARTBEAT_S, what="normal is in force")
    player.end()


def test_a_posture_that_is_none_is_refused(platform: Platform) -> None:
    answer = platform.operators("PUT", "/v1/control/posture", json={"step": "panic"})
    assert refused(answer) == (422, "invalid")


def test_the_overview_counts_viewers_by_event_device_and_isp(platform: Platform) -> None:
    player = platform.player()

    def known() -> bool:
        audience = platform.overview()["audience"]
        names = {split: {one["name"] for one in audience[split]["top"]} for split in audience}
        return "demo" in names["event"] and "tv" in names["device_kind"] and names["isp"] == {""}

    eventually(known, what="the viewer is in every split")
    player.end()


def kick(platform: Platform, **body: str) -> httpx.Response:
    return platform.operators("POST", "/v1/control/kicks", json=body)


def test_a_kicked_account_stops_on_every_device_and_may_start_again(platform: Platform) -> None:
    account = platform.new_account()
    players = [platform.player(account, device) for device in ("sofa", "kitchen")]
    other = platform.player()
    assert kick(platform, what="account", id=account, reason="Shared.").status_code == 204
    eventually(lambda: {refused(one.beat()) for one in players} == {(410, "kicked")}, what="all are out")
    assert "Shared." in players[0].beat().text
    assert other.beat().status_code == 200
    again = eventually(lambda: restarted(platform, account), what="its slots are free")
    assert again.beat().status_code == 200


def restarted(platform: Platform, account: str) -> Player:
    player = platform.player(account)
    assert player.beat().status_code == 200
    return player


def test_everybody_who_watches_a_kicked_event_stops(platform: Platform) -> None:
    players = [platform.player() for _ in range(3)]
    assert kick(platform, what="event", id="demo", reason="Rights.").status_code == 204

    def stopped() -> bool:
        return all(refused(answer)[0] == 410 for one in players for answer in (one.beat(), one.master()))

    eventually(stopped, what="everybody is out, everywhere")
    eventually(lambda: restarted(platform, platform.new_account()), what="newcomers are let in")
    assert refused(kick(platform, what="event", id="finale")) == (404, "not-found")


def sessions(platform: Platform, *arguments: str) -> str:
    """What `tifo sessions` says when all goes well."""
    done = tifo("sessions", *arguments, "--url", platform.operators.base)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sessions_are_listed_counted_and_kicked_from_the_command_line(platform: Platform) -> None:
    account = platform.new_account()
    mine = [platform.player(account, device) for device in ("sofa", "kitchen")]
    with watching_on(mine):
        listed = json.loads(sessions(platform, "list", "--account", account, "--json"))
        assert {one["session"] for one in listed["sessions"]} == {one.session for one in mine}
        assert "1 shown of" in sessions(platform, "list", "--account", account, "--limit", "1")
        by_kind = ("count", "--by", "device-kind")
        eventually(lambda: re.search(r"tv +\d+", sessions(platform, *by_kind)), START_S_MAX, "a split")
        said = sessions(platform, "kick", mine[0].session, "--account", account, "--reason", "One too many.")
        assert said == f"Kicked session {mine[0].session}.\n"
        eventually(lambda: refused(mine[0].beat()) == (410, "kicked"), what="it is out")
        assert mine[1].beat().status_code == 200
        said = sessions(platform, "kick", "--account", account, "--reason", "All.")
        assert said == f"Kicked account {account}, sessions running: 1.\n"
    eventually(lambda: refused(mine[1].beat()) == (410, "kicked"), what="the other too")


def test_an_event_is_not_kicked_by_a_command_that_nobody_confirms(platform: Platform) -> None:
    player = platform.player()
    done = tifo("sessions", "kick", "--event", "demo", "--reason", "x", "--url", platform.operators.base)
    assert (done.returncode, "repeat it with --yes" in done.stderr) == (2, True)
    assert player.beat().status_code == 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--url", "http://127.0.0.1:9"), "Start one with `tifo up`"),
        (("list", "--url", "127.0.0.1"), "it is http://HOST:PORT"),
        (("list", "--limit", "0"), "--limit is at least 1"),
        (("kick", "--reason", "x"), "Say whom to kick"),
        (("kick", "ses_1", "--event", "demo", "--reason", "x"), "Say whom to kick"),
        (("kick", "a b", "--reason", "x"), "Nobody can be called that"),
        (("kick", "--account", "a", "--reason", "x" * 201), "the reason is too long"),
    ],
)
def test_a_command_that_cannot_be_done_says_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    url = () if "--url" in arguments else ("--url", "http://127.0.0.1:9")
    done = tifo("sessions", *arguments, *url)
    assert done.returncode == 2
    assert said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_the_viewers_port_is_told_from_the_operators(platform: Platform) -> None:
    done = tifo("sessions", "count", "--url", platform.viewers.base)
    assert (done.returncode, "names the operators' port" in done.stderr) == (2, True)


def test_letters_of_a_group_are_listed_and_delivered_again(platform: Platform) -> None:
    eventually(lambda: "insight" in groups(platform), what="insight reads")
    letters = "/v1/control/letters"
    assert platform.operators("GET", f"{letters}/insight").json() == {"letters": [], "more": False}
    answer = platform.operators("POST", f"{letters}/insight/replay", json={"limit": 5})
    assert (answer.status_code, answer.json()) == (200, {"replayed": 0})
    (entry, *_) = platform.operators("GET", "/v1/control/audit").json()["entries"]
    assert (entry["action"], entry["target"]) == ("replay-letters", "insight")
    assert refused(platform.operators("GET", f"{letters}/nobody")) == (404, "not-found")


def test_the_overview_says_how_fast_each_topic_fills(platform: Platform) -> None:
    def told() -> bool:
        platform.player()
        return platform.overview()["eventlog"]["topics"].get("sessions", 0) > 0

    eventually(told, what="nodes say what they append")
