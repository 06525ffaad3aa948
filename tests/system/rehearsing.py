"""What the stories of rehearsals share: the command with its verdict, and the generators that are here."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import tifo
from players import Platform

from tifo.kernel.errors import SettingsError
from tifo.rehearsal import generator
from tifo.rehearsal.command import SCENARIOS

ROOT = Path(__file__).parents[2]
BUILD_S_MAX = 250
STORY_S_MAX = 600
RUN_S_MAX = 400.0
"""Seconds until a rehearsal of under a minute has its verdict, on a machine that has much else to do."""
GO = shutil.which("go")


def k6_is_here() -> bool:
    try:
        generator.program(None, "sessions")
    except SettingsError:
        return False
    return True


needs_k6 = pytest.mark.skipif(not k6_is_here(), reason="k6 is not installed: the rehearsal was not run")
needs_go = pytest.mark.skipif(GO is None, reason="Go is not installed: the lighter generator was not run")


@pytest.fixture(scope="session")
def lighter_generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lighter generator, built."""
    binary = tmp_path_factory.mktemp("crowd") / "crowd"
    folder = ROOT / "rehearsals/crowd"
    subprocess.run([GO, "build", "-o", binary, "."], cwd=folder, check=True, timeout=BUILD_S_MAX)
    return binary


def no_hurry(scenario: str) -> tuple[str, ...]:
    """A machine that runs tests is in no hurry: what is counted is held, what is timed is not."""
    timed = [one.name for one in SCENARIOS[scenario].objectives if one.unit == "ms"]
    return tuple(word for name in timed for word in ("--objective", f"{name}=60000"))


def judged(scenario: str, platform: Platform, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit status of a rehearsal and its JSON document."""
    words = (*no_hurry(scenario), *words, "--target", platform.viewers.base, "--json")
    done = tifo("rehearse", scenario, *words, within_s=RUN_S_MAX)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def settings_with(platform: Platform, name: str, folder: Path) -> Path:
    """A file of settings that has these of the platform's keys."""
    keys, file = platform.keys[name], folder / "settings.toml"
    secrets = "\n".join(f'{kid} = "{secret}"' for kid, secret in keys["secrets"].items())
    file.write_text(f'[keys.{name}]\ncurrent = "{keys["current"]}"\n[keys.{name}.secrets]\n{secrets}\n')
    return file
