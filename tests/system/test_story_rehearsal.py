"""A rehearsal of the match: a crowd by k6 and by the lighter generator on a running platform, judged."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import free_block, tifo
from players import Platform

from tifo.kernel.errors import SettingsError
from tifo.rehearsal import generator
from tifo.rehearsal.verdict import OBJECTIVES

ROOT = Path(__file__).parents[2]
BUILD_S_MAX = 110
SIZE = ("--scale", "0.006", "--minutes", "0.05")
VIEWERS = 30
NO_HURRY = tuple(
    word for one in OBJECTIVES if one.unit == "ms" for word in ("--objective", f"{one.name}=60000")
)
"""A machine that runs tests is in no hurry: what is counted is held, what is timed is not."""


def k6_is_here() -> bool:
    try:
        generator.program(None, "sessions")
    except SettingsError:
        return False
    return True


GO = shutil.which("go")

needs_k6 = pytest.mark.skipif(not k6_is_here(), reason="k6 is not installed: the rehearsal was not run")
needs_go = pytest.mark.skipif(GO is None, reason="Go is not installed: the lighter generator was not run")

pytestmark = [
    pytest.mark.system,
    pytest.mark.parametrize("platform", ["one-machine"], indirect=True, scope="session"),
]


def rehearse(platform: Platform, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the JSON document."""
    done = tifo("rehearse", "sessions", *SIZE, *NO_HURRY, "--target", platform.viewers.base, "--json", *words)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lighter generator, built."""
    binary = tmp_path_factory.mktemp("crowd") / "crowd"
    folder = ROOT / "rehearsals/crowd"
    subprocess.run([GO, "build", "-o", binary, "."], cwd=folder, check=True, timeout=BUILD_S_MAX)
    return binary


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
    assert [one["name"] for one in said["objectives"]] == [one.name for one in OBJECTIVES]
    assert {"name", "says", "limit", "unit", "value", "state"} == set(said["objectives"][0])


@needs_go
@pytest.mark.timeout(240)
def test_the_lighter_generator_sends_the_same(platform: Platform, crowd: Path) -> None:
    watched_well(*rehearse(platform, "--generator", str(crowd)))


@needs_go
def test_viewers_without_a_log_in_get_tokens_of_the_platforms_own_key(
    platform: Platform, crowd: Path, tmp_path: Path
) -> None:
    access = platform.keys["access"]
    settings = tmp_path / "settings.toml"
    secrets = "\n".join(f'{kid} = "{secret}"' for kid, secret in access["secrets"].items())
    settings.write_text(f'[keys.access]\ncurrent = "{access["current"]}"\n[keys.access.secrets]\n{secrets}\n')
    watched_well(*rehearse(platform, "--generator", str(crowd), "--config", str(settings)))


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
    words = ("--scale", "0.001", "--minutes", "0.05", *NO_HURRY)
    done = tifo("rehearse", "sessions", *words, "--target", platform.viewers.base)
    assert done.stdout.startswith("Not the whole reference (1,500,000 viewers")
    for one in OBJECTIVES:
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


def test_a_generator_that_leaves_no_figures_is_said(platform: Platform) -> None:
    words = ("--generator", shutil.which("false") or "", *SIZE, "--target", platform.viewers.base)
    done = tifo("rehearse", "sessions", *words)
    assert (done.returncode, "left no figures (status 1)" in " ".join(done.stderr.split())) == (2, True)
