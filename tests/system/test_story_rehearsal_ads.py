"""A rehearsal of two ad breaks: everybody asks for a pod at once, reports what it plays, and is judged."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import eventually, free_block, tifo
from players import BREAK_S, CLOCK, Platform
from rehearsing import STORY_S_MAX, judged, needs_go, needs_k6, settings_with

from tifo.rehearsal import generator
from tifo.rehearsal.ads import ADS
from tifo.rehearsal.found import Found

pytestmark = pytest.mark.system

VIEWERS = 24
SIZE = ("--scale", "0.00001", "--minutes", "0.05", "--spread-s", "1")
OF_ONE_AD = ("--break-s", "10")
NO_HURRY = ("--objective", "pods_short=100", "--objective", "pods_late=100")
"""What is counted by the clock is held against nobody, as what is timed."""
BEACONS = 5
"""Of an ad: the impression, three quartiles, the complete."""


def rehearse(platform: Platform, *words: str) -> tuple[int, dict[str, Any]]:
    """Two breaks of one house ad, which the operators' port plans."""
    return judged(
        "ads", platform, *SIZE, *OF_ONE_AD, *NO_HURRY, "--operators", platform.operators.base, *words
    )


def asked_well(status: int, said: dict[str, Any]) -> None:
    """Everybody got both pods and reported them; a late generator (this machine is busy) is no pass."""
    figures, on_time = said["figures"], said["generator"]["state"] == "ok"
    assert (said["verdict"], status) == (("pass", 0) if on_time else ("fail", 1)), said
    assert (figures["arrivals"], figures["entered"], figures["planned_viewers"]) == (VIEWERS,) * 3
    assert figures["pods"] == 2 * VIEWERS == figures["pod_ms"]["count"] == figures["spike_late_ms"]["count"]
    assert figures["beacons"] == BEACONS * figures["pods"] == figures["beacon_ms"]["count"]
    assert {figures[name] for name in ("pods_failed", "pods_illegal", "pods_empty", "unsent")} == {0}
    assert (figures["beacons_failed"], figures["broken"], figures["answered"]) == (0, 0, {})
    assert 0 < figures["pods_in_window"] <= figures["pods"]


def told(platform: Platform, kind: str, brk: str) -> list[dict[str, Any]]:
    return [event for event in platform.events(kind, brk) if event["break_id"] == brk]


@needs_k6
@pytest.mark.timeout(STORY_S_MAX)
def test_two_breaks_are_rehearsed_and_judged(quiet: Platform) -> None:
    status, said = rehearse(quiet, "--cores", "2")
    asked_well(status, said)
    assert [one["name"] for one in said["objectives"]] == [one.name for one in ADS.objectives]
    assert [one["kind"] for one in said["asked"]] == [one.says for one in ADS.kinds]
    assert "1e-05 of its audience" in said["shrunk"]
    for brk in said["breaks"]:
        eventually(lambda brk=brk: len(told(quiet, "ads.tracked", brk)) == BEACONS * VIEWERS)
        assert len({event["session"] for event in told(quiet, "ads.decided", brk)}) == VIEWERS


@needs_go
@pytest.mark.timeout(STORY_S_MAX)
def test_viewers_who_bring_tokens_ask_the_ads_service_alone(
    quiet: Platform, lighter_generator: Path, tmp_path: Path
) -> None:
    words = ("--without", "sessions", "--config", str(settings_with(quiet, "playback", tmp_path)))
    status, said = rehearse(quiet, "--generator", str(lighter_generator), *words)
    asked_well(status, said)
    assert (said["figures"]["starts"], said["figures"]["heartbeats"], said["without"]) == (0, 0, ["sessions"])


def started_now(platform: Platform) -> list[dict[str, Any]]:
    """A break of 10 s, or nothing while another one runs."""
    answer = platform.operators("POST", "/v1/control/breaks", json={"duration_s": 10})
    found: list[dict[str, Any]] = answer.json()["breaks"] if answer.is_success else []
    return found


def strange_breaks(platform: Platform, sender: generator.Program, folder: Path) -> Found:
    """What a generator finds who is told that a break of 10 s lasts 5, and of one that there is not."""
    (real,) = eventually(lambda: started_now(platform), what="the break of the test before is over")
    spikes = tuple(
        {"brk": brk, "at_s": at_s, "spread_s": 1.0, "length_s": 5.0}
        for brk, at_s in ((real["id"], 1.0), ("op-none", 2.5))
    )
    plan = generator.Plan(
        scenario="ads", target=platform.viewers.base, event="demo", prefix="strange", login=False,
        arrivals_per_s=(1,), goals=(), spikes=spikes, plateau_at_s=1, whistle_at_s=5, whistle_s=1,
        without=("sessions", "calendar"), shares={}, shards=1,
    )  # fmt: skip
    token = platform.player().token
    return generator.run(sender, plan, token, folder, CLOCK, lambda _: None).found


def counted_as_failed(found: Found) -> None:
    assert (found.arrivals, found.pods, found.pods_failed, found.pods_illegal) == (1, 2, 2, 1)
    assert (found.pods_in_time, found.pods_empty, found.beacons, found.broken) == (0, 0, 0, 0)
    assert found.answered == {"404": 1}


@needs_k6
def test_pods_that_are_illegal_or_refused_have_failed(quiet: Platform, tmp_path: Path) -> None:
    counted_as_failed(strange_breaks(quiet, generator.program(None, "ads"), tmp_path))


@needs_go
def test_pods_that_are_illegal_or_refused_have_failed_for_the_lighter_generator_too(
    quiet: Platform, lighter_generator: Path, tmp_path: Path
) -> None:
    counted_as_failed(strange_breaks(quiet, generator.program(lighter_generator, "ads"), tmp_path))


@pytest.mark.parametrize("platform", ["one-machine"], indirect=True)
def test_without_an_operator_the_next_two_breaks_of_the_schedule_are_taken(
    platform: Platform, tmp_path: Path
) -> None:
    program = tmp_path / "generator"
    program.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/plan.json\necho "{{}}" > "$3"\n')
    program.chmod(0o700)
    words = ("--break-s", str(BREAK_S), "--generator", str(program))
    status, said = judged("ads", platform, *SIZE, *words)
    plan = json.loads((tmp_path / "plan.json").read_bytes())
    first, second = plan["spikes"]
    assert [first["brk"], second["brk"]] == said["breaks"]
    assert int(second["brk"].removeprefix("brk-")) == int(first["brk"].removeprefix("brk-")) + 1
    assert plan["plateau_at_s"] <= first["at_s"] < second["at_s"] < plan["whistle_at_s"]
    # A generator that sent nothing has measured nothing.
    assert (status, said["generator"]["state"]) == (1, "bottleneck")


def test_breaks_that_were_planned_for_nothing_are_called_off(quiet: Platform) -> None:
    words = ("--generator", shutil.which("false") or "", "--target", quiet.viewers.base)
    done = tifo("rehearse", "ads", *SIZE, "--operators", quiet.operators.base, *words)
    assert (done.returncode, "left no figures (status 1)" in " ".join(done.stderr.split())) == (2, True)
    # The last two are its own; a break of the test before may be on.
    breaks = quiet.operators.get("/v1/control/breaks").json()["breaks"]
    assert [one["state"] for one in breaks[-2:]] == ["off", "off"]


def test_what_cannot_be_rehearsed_is_refused_with_a_sentence(quiet: Platform, tmp_path: Path) -> None:
    any_keys = tmp_path / "settings.toml"
    any_keys.write_text(f'[keys.playback]\ncurrent = "k1"\n[keys.playback.secrets]\nk1 = "{"ab" * 32}"\n')
    for words, says in (
        ((), "lists 0 breaks that begin in"),
        (("--operators", f"http://127.0.0.1:{free_block(1)}"), "--operators: nobody answers"),
        (("--operators", quiet.viewers.base), "--operators: a break is answered 404"),
        (("--without", "sessions", "--config", str(any_keys)), "answers a VMAP with 401"),
    ):
        # Any program will do as a generator: it is not started.
        arguments = ("--generator", shutil.which("true") or "", "--target", quiet.viewers.base, *words)
        done = tifo("rehearse", "ads", *SIZE, *arguments)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert says in " ".join(done.stderr.split())
