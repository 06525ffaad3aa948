"""Processes die in the middle of a match: they come back, operators see it, viewers hardly notice."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from commands import eventually
from platforms import LEASE_S, STREAM_LIMIT, NewFolder, one_machine, watching_on
from players import Platform, attribute, break_now, fetch, media, refused, uris

pytestmark = pytest.mark.system

BACK_S_MAX = 120.0


@pytest.fixture(scope="module")
def machine(new_folder: NewFolder) -> Iterator[Platform]:
    with new_folder() as folder, one_machine(folder) as running:
        yield running
        assert running.leaks() == []


def part(platform: Platform, name: str) -> dict[str, Any]:
    return next(one for one in platform.overview()["parts"] if one["name"] == name)


def kill(platform: Platform, name: str) -> dict[str, Any]:
    """Kill a part; what the cockpit said of it before."""
    before = eventually(lambda: (one := part(platform, name))["state"] == "running" and one)
    os.kill(before["pid"], signal.SIGKILL)
    return before


def back(platform: Platform, name: str, before: dict[str, Any]) -> bool:
    now = part(platform, name)
    return (
        now["state"] == "running"
        and now["pid"] != before["pid"]
        and now["restarts"] == before["restarts"] + 1
        and platform.viewers.get("/readyz").status_code == 200
    )


def test_a_cdn_that_dies_comes_back_and_the_others_serve_meanwhile(machine: Platform) -> None:
    player = machine.player()
    variants = [line for line in player.master().text.splitlines() if "STREAM-INF" in line]
    addresses = {
        attribute(line, "PATHWAY-ID"): a for line, a in zip(variants, uris(player.master().text), strict=True)
    }
    before = kill(machine, "cdn-a")
    for pathway in ("cdn-b", "cdn-c", "cdn-d"):
        assert fetch(addresses[pathway]).status_code == 200
    eventually(lambda: part(machine, "cdn-a")["state"] != "running", what="the cockpit sees it")
    eventually(lambda: back(machine, "cdn-a", before), BACK_S_MAX, "it is back")
    assert "SIGKILL" in part(machine, "cdn-a")["error"] or not part(machine, "cdn-a")["error"]
    assert media(addresses["cdn-a"])[0].startswith("#EXTM3U")


def test_the_worker_dies_and_no_event_is_lost_to_it(machine: Platform) -> None:
    before = kill(machine, "insight")
    player = machine.player()
    player.steering(_HLS_pathway="cdn-b")

    def caught_up() -> bool:
        view = machine.overview()
        on = {one["id"]: one["viewers"] for one in view["pathways"]}
        return on["cdn-b"] >= 1 and view["eventlog"]["lag"] == 0

    with watching_on([player]):
        eventually(lambda: back(machine, "insight", before), BACK_S_MAX, "it is back")
        eventually(caught_up, what="what happened meanwhile is counted")


def test_billing_dies_and_counts_what_happened_meanwhile_once(machine: Platform) -> None:
    asset = machine.player().asset_list(break_now()).json()["ASSETS"][0]
    (payload,) = asset["X-AD-CREATIVE-SIGNALING"]["payload"]
    url = machine.new_secret(payload["tracking"][0]["urls"][0])
    before = kill(machine, "billing")
    for _ in range(2):
        assert fetch(url).status_code == 204
    eventually(lambda: back(machine, "billing", before), BACK_S_MAX, "it is back")

    def impressions() -> list[int]:
        lines = machine.operators.get("/v1/control/ads/billed").json()["lines"]
        return [one["count"] for one in lines if (one["what"], one["standing"]) == ("impression", "counted")]

    assert eventually(impressions, what="it is counted") == [1]


def test_the_channel_dies_and_the_picture_goes_on(machine: Platform) -> None:
    address = uris(machine.player().master().text)[0]
    before = kill(machine, "channel")
    eventually(lambda: back(machine, "channel", before), BACK_S_MAX, "it is back")
    eventually(lambda: media(address), what="a picture from the CDN")


def listed(machine: Platform, account: str) -> list[str]:
    shown = machine.operators.get("/v1/control/sessions", params={"account": account}).json()["sessions"]
    return [one["session"] for one in shown]


def test_sessions_survive_the_death_of_the_edge(machine: Platform) -> None:
    account = machine.new_account()
    players = [machine.player(account, f"tv-{n}") for n in range(STREAM_LIMIT)]
    access = machine.log_in(account)
    before = kill(machine, "edge")
    eventually(lambda: back(machine, "edge", before), BACK_S_MAX, "it is back")

    for player in players:
        assert player.beat().status_code == 200
        assert player.master().status_code == 200
        eventually(
            lambda player=player: player.token != player.answer["token"] or player.beat() is None, LEASE_S
        )
    eventually(lambda: len(listed(machine, account)) == STREAM_LIMIT, what="the store is told of both")
    assert refused(machine.ask_to_start(access, "one-more")) == (409, "stream-limit")
    shown = machine.operators.get("/v1/control/sessions", params={"account": account}).json()["sessions"]
    assert {one["session"] for one in shown} == {player.session for player in players}


def test_a_kick_survives_the_death_of_the_edge(machine: Platform) -> None:
    player = machine.player()
    machine.operators("POST", f"/v1/control/sessions/{player.session}/kick", json={"reason": "No."})
    before = kill(machine, "edge")
    eventually(lambda: back(machine, "edge", before), BACK_S_MAX, "it is back")
    assert refused(player.beat()) == (410, "kicked")
    assert refused(player.master()) == (410, "kicked")


def test_what_was_acknowledged_is_in_the_log_after_the_death_of_the_edge(machine: Platform) -> None:
    session = machine.player().session
    for n in range(20):
        answer = machine.viewers(
            "POST",
            "/v1/cmcd",
            content=f'e=t,sid="{session}",sn={n},v=2',
            headers={"content-type": "application/cmcd"},
        )
        assert answer.status_code == 204
    before = kill(machine, "edge")
    kept = [one["values"]["sn"] for one in machine.events("playback.reported", session)]
    assert kept == list(range(20))
    eventually(lambda: back(machine, "edge", before), BACK_S_MAX, "it is back")
    with sqlite3.connect(machine.stores / "events.db") as log:
        assert log.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    log.close()
