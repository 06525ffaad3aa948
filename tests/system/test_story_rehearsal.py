"""A rehearsal of the match: a crowd by k6 and by the lighter generator on a running platform, judged."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import eventually, free_block, tifo
from players import Platform
from rehearsing import STORY_S_MAX, judged, needs_go, needs_k6, no_hurry, settings_with

from tifo.rehearsal.sessions import SESSIONS
from tifo.rehearsal.video import VIDEO

SIZE = ("--scale", "0.006", "--minutes", "0.05")
VIEWERS = 30
PLAYERS_SIZE = ("--scale", "0.0002", "--minutes", "0.05", "--segments", "0.5", "--cores", "2")
PLAYERS_MIN = 20
"""About 40 come: so many as ask at that rate, by the TTL that the platform is asked for beforehand."""
pytestmark = [
    pytest.mark.system,
    pytest.mark.parametrize("platform", ["one-machine"], indirect=True, scope="session"),
]


def rehearse(platform: Platform, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the JSON document."""
    return judged("sessions", platform, *SIZE, *words)


def rehearse_video(platform: Platform, *words: str) -> tuple[int, dict[str, Any]]:
    """The same of players; how often so few of them ask is held against nobody."""
    return judged("video", platform, *PLAYERS_SIZE, "--objective", "rate_short=50", *words)


def watched_well(status: int, said: dict[str, Any]) -> None:
    """Everybody came, got in, watched and left; a late generator (this machine is busy) is no pass."""
    figures, on_time = said["figures"], said["generator"]["state"] == "ok"
    assert (said["verdict"], status) == (("pass", 0) if on_time else ("fail", 1)), said
    assert (figures["arrivals"], figures["entered"], figures["planned_viewers"]) == (VIEWERS,) * 3
    assert figures["heartbeats"] >= VIEWERS
    assert figures["ended"] + figures["silent"] == VIEWERS
    assert [figures[name] for name in ("starts_failed", "heartbeats_lost", "wrongly_ended", "broken")] == [
        0
    ] * 4
    assert figures["starts"] == figures["playlists"] == VIEWERS + figures["reloads"]
    assert figures["start_ms"]["count"] == figures["starts"]


@needs_k6
def test_a_small_match_is_rehearsed_and_judged(platform: Platform) -> None:
    status, said = rehearse(platform)
    watched_well(status, said)
    assert (said["scenario"], said["event"], said["scale"], said["minutes"]) == (
        "sessions",
        "demo",
        0.006,
        0.05,
    )
    assert "0.006 of its rate" in said["shrunk"]
    assert [one["name"] for one in said["objectives"]] == [one.name for one in SESSIONS.objectives]
    assert {"name", "says", "limit", "unit", "value", "state"} == set(said["objectives"][0])


@needs_go
@pytest.mark.timeout(STORY_S_MAX)
def test_the_lighter_generator_sends_the_same(platform: Platform, lighter_generator: Path) -> None:
    watched_well(*rehearse(platform, "--generator", str(lighter_generator)))


@needs_go
def test_viewers_without_a_log_in_get_tokens_of_the_platforms_own_key(
    platform: Platform, lighter_generator: Path, tmp_path: Path
) -> None:
    settings = settings_with(platform, "access", tmp_path)
    watched_well(*rehearse(platform, "--generator", str(lighter_generator), "--config", str(settings)))


def asked_well(status: int, said: dict[str, Any]) -> None:
    """Players of both kinds asked, were steered, and met CDNs that took their signed addresses."""
    figures, on_time = said["figures"], said["generator"]["state"] == "ok"
    assert (said["verdict"], status) == (("pass", 0) if on_time else ("fail", 1)), said
    assert figures["arrivals"] == figures["entered"] == figures["planned_viewers"] >= PLAYERS_MIN
    assert figures["mpds"] > 0
    assert figures["playlists"] > figures["mpds"]
    assert figures["steerings"] > figures["playlists"] + figures["mpds"]
    assert figures["media_playlists"] > 0
    assert figures["segments"] > figures["media_playlists"]
    assert (figures["broken"], figures["answered"]) == (0, {})
    carried = said["capacity"]
    assert carried["per_s"] == round(figures["plateau_ms"]["count"] / 20, 1) > 0
    assert (carried["per_core_per_s"] is not None) is on_time


@needs_k6
@pytest.mark.timeout(STORY_S_MAX)
def test_players_of_hls_and_dash_are_rehearsed_and_judged(platform: Platform) -> None:
    before = len(platform.events("playback.pathway"))
    status, said = rehearse_video(platform)
    asked_well(status, said)
    figures = said["figures"]
    # Each player's report was understood: of HLS and of DASH it is written in another way.
    eventually(lambda: len(platform.events("playback.pathway")) - before >= figures["steerings"])
    assert figures["starts"] == figures["playlists"] + figures["mpds"]
    assert (said["scenario"], said["shares"]) == ("video", {"dash": 0.2, "segments": 0.5})
    assert [one["kind"] for one in said["asked"]] == [one.says for one in VIDEO.kinds]
    assert "0.0002 of its rate" in said["shrunk"]


@needs_go
@pytest.mark.timeout(STORY_S_MAX)
def test_players_who_bring_tokens_ask_the_video_services_alone(
    platform: Platform, lighter_generator: Path, tmp_path: Path
) -> None:
    settings = settings_with(platform, "playback", tmp_path)
    words = ("--without", "sessions", "--config", str(settings))
    status, said = rehearse_video(platform, "--generator", str(lighter_generator), *words)
    asked_well(status, said)
    assert (said["figures"]["starts"], said["figures"]["heartbeats"], said["without"]) == (0, 0, ["sessions"])


@needs_k6
def test_a_platform_that_lets_nobody_in_fails(platform: Platform, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{platform.log_in('visitor')}\n" * VIEWERS)
    status, said = rehearse(platform, "--tokens", str(tokens))
    assert (status, said["verdict"], said["figures"]["entered"]) == (1, "fail", 0)
    assert said["figures"]["answered"]["403"] == VIEWERS
    assert "may not watch" in " ".join(said["hints"])


@needs_k6
def test_viewers_who_take_over_one_accounts_slots_are_thrown_out(platform: Platform, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{platform.log_in(platform.new_account())}\n" * VIEWERS)
    status, said = rehearse(platform, "--tokens", str(tokens), "--without", "steering")
    assert (status, said["verdict"]) == (1, "fail")
    assert said["figures"]["takeovers"] > 0
    assert said["figures"]["wrongly_ended"] > 0
    assert said["figures"]["steerings"] == 0


@needs_k6
def test_a_person_reads_a_table_and_a_verdict(platform: Platform) -> None:
    words = ("--scale", "0.001", "--minutes", "0.05", *no_hurry("sessions"))
    done = tifo("rehearse", "sessions", *words, "--target", platform.viewers.base)
    assert done.stdout.startswith("Not the whole reference (1,500,000 viewers")
    for one in SESSIONS.objectives:
        assert one.says in done.stdout
    assert f"Verdict: {'fail' if done.returncode else 'pass'}" in done.stdout


def test_what_cannot_be_rehearsed_is_refused_with_a_sentence(platform: Platform) -> None:
    base = platform.viewers.base
    for words, says in (
        (("--target", f"http://127.0.0.1:{free_block(1)}"), "nobody answers"),
        (("--target", "http://192.0.2.1"), "--this-platform-is-mine"),
        (("--target", base, "--event", "final-of-1904"), "there is demo (live)"),
        (("--target", base, "--scale", "500"), "--scale: 500"),
        (("--target", base, "--objective", "speed=1"), "there is no speed"),
    ):
        # Any program will do as a generator: it is not started.
        done = tifo("rehearse", "sessions", "--generator", shutil.which("true") or "", *words)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert says in " ".join(done.stderr.split())


def test_players_are_not_sent_where_nobody_may_ask(platform: Platform, tmp_path: Path) -> None:
    stranger = tmp_path / "tokens"
    stranger.write_text(f"{platform.log_in('visitor')}\n")
    any_keys = tmp_path / "settings.toml"
    any_keys.write_text(f'[keys.playback]\ncurrent = "k1"\n[keys.playback.secrets]\nk1 = "{"ab" * 32}"\n')
    for words, says in (
        (("--tokens", str(stranger)), "lets nobody in: a start is answered 403"),
        (("--without", "sessions"), "give --config FILE"),
        (("--without", "sessions", "--config", str(any_keys), "--tokens", str(stranger)), "and no --tokens"),
        (("--without", "sessions", "--config", str(any_keys)), "answers a steering manifest with 401"),
    ):
        done = tifo(
            *("rehearse", "video", "--generator", shutil.which("true") or ""),
            *("--target", platform.viewers.base, *words),
        )
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert says in " ".join(done.stderr.split())


def test_a_generator_that_leaves_no_figures_is_said(platform: Platform) -> None:
    words = ("--generator", shutil.which("false") or "", *SIZE, "--target", platform.viewers.base)
    done = tifo("rehearse", "sessions", *words)
    assert (done.returncode, "left no figures (status 1)" in " ".join(done.stderr.split())) == (2, True)
