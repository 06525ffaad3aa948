"""Where the generator comes from, and what is said where it does not."""

import os
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tifo.kernel.errors import SettingsError
from tifo.rehearsal import generator
from tifo.rehearsal.command import SCENARIOS


def test_where_k6_is_missing_the_command_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(generator, "_REPOSITORY", tmp_path)
    with pytest.raises(SettingsError, match=r"go install go\.k6\.io/k6@v1"):
        generator.program(None, "sessions")


def test_a_k6_that_is_too_old_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "k6"
    old.write_text("#!/bin/sh\necho k6 v0.49.0\n")
    old.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SettingsError, match="too old"):
        generator.program(None, "sessions")


def test_what_is_no_program_is_no_generator(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no program"):
        generator.program(tmp_path / "none", "sessions")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_wheel_carries_each_scenario(scenario: str) -> None:
    assert generator.scenario_file(scenario).is_file()
    # The package's own folder has links to where the sources are; what builds the wheel follows them.
    builder = WheelBuilder(str(Path(__file__).parents[2]))
    carried = {Path(one.distribution_path) for one in builder.recurse_included_files()}
    assert {
        Path(f"tifo/rehearsal/scenarios/{scenario}/main.ts"),
        Path("tifo/rehearsal/scenarios/k6/run.ts"),
    } <= carried


def test_the_set_up_script_builds_the_k6_that_the_command_names() -> None:
    script = Path(__file__).parents[1] / "system-packages.sh"
    assert f'k6_version="{generator.K6_VERSION}"' in script.read_text()


def test_the_busiest_stretch_counts_whatever_was_before_and_after() -> None:
    busiest = generator.Busiest(5)
    used_s = 0.0
    for second in range(60):
        busiest.see(float(second), used_s)
        used_s += 0.98 if 20 <= second < 27 else 0.1
    assert busiest.cores == pytest.approx(0.98)


def test_a_run_that_is_shorter_than_a_stretch_says_nothing_of_it() -> None:
    busiest = generator.Busiest(5)
    for second in range(4):
        busiest.see(float(second), float(second))
    assert busiest.cores == 0
