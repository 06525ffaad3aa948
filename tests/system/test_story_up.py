"""`tifo up` as its user sees it: what it prints, what it refuses, how it ends."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import STOP_S_MAX, Processes, eventually, free_block, left_over, tifo
from platforms import NewFolder, one_machine
from players import Platform

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def machine(new_folder: NewFolder) -> Iterator[Platform]:
    with new_folder() as folder, one_machine(folder) as running:
        yield running


def port_of(platform: Platform) -> int:
    return int(platform.viewers.base.rpartition(":")[2])


def up(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`tifo up` that is expected to refuse."""
    return tifo("up", *arguments)


def test_it_prints_both_addresses_when_a_viewer_could_watch(machine: Platform) -> None:
    said = machine.processes.said("up")
    assert f"{machine.viewers.base}/watch/demo" in said
    assert f"{machine.operators.base}/" in said
    assert machine.viewers.get("/readyz").status_code == 200


def test_its_files_are_for_its_user_only(machine: Platform) -> None:
    for name in ("keys.json", "run/settings.toml", "run/edge.envoy.json"):
        assert (machine.stores / name).stat().st_mode & 0o077 == 0, name


def test_a_taken_port_is_named_with_who_has_it_and_what_to_do(machine: Platform, tmp_path: Path) -> None:
    taken = port_of(machine)
    done = up("--port", str(taken), "--operator-port", str(free_block(1)), "--data", str(tmp_path))
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert f"the viewers' port: 127.0.0.1:{taken} is taken by process" in said
    assert "choose another with --port" in said
    assert "Traceback" not in done.stderr


def test_a_taken_port_of_operators_is_named_with_its_own_option(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        done = up("--port", str(free_block(6)), "--operator-port", taken, "--data", str(tmp_path))
    assert done.returncode == 2
    assert "--operator-port" in done.stderr


def test_the_same_data_folder_is_refused(machine: Platform) -> None:
    first = free_block(11)
    ports = ("--port", str(first), "--operator-port", str(first + 6))
    done = up(*ports, "--data", str(machine.stores))
    assert done.returncode == 2
    assert f"in use by process {machine.processes.running['up'].pid}" in " ".join(done.stderr.split())
    assert machine.viewers.get("/readyz").status_code == 200


def test_a_data_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    first = free_block(11)
    ports = ("--port", str(first), "--operator-port", str(first + 6))
    done = up(*ports, "--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_key_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    first = free_block(11)
    done = up("--port", str(first), "--operator-port", str(first + 6), "--data", str(tmp_path))
    assert done.returncode == 2
    assert "keys.json" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_instance_runs_beside_the_first_and_stops_when_told(
    machine: Platform, new_folder: NewFolder, number: signal.Signals
) -> None:
    with new_folder() as folder, one_machine(folder) as second:
        assert second.player().session != machine.player().session
        process = second.processes.running["up"]
        process.send_signal(number)
        assert process.wait(STOP_S_MAX) == 0
        assert left_over(str(folder)) == []
        assert "Traceback" not in second.processes.said("up")
    assert machine.viewers.get("/readyz").status_code == 200


@pytest.mark.parametrize("part", ["channel", "edge"])
def test_it_stops_when_told_while_it_still_starts(new_folder: NewFolder, part: str) -> None:
    with new_folder() as folder:
        processes, first = Processes(folder), free_block(11)
        ports = ("--port", str(first), "--operator-port", str(first + 6))
        process = processes.start("up", "up", *ports, "--data", str(folder / "data"))
        eventually(lambda: f"starting     {part}" in processes.said("up"), what=f"{part} starts")
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_S_MAX) == 0
        assert left_over(str(folder)) == []
        assert "Traceback" not in processes.said("up")


def listed(platform: Platform) -> list[str]:
    shown = platform.operators.get("/v1/control/sessions").json()["sessions"]
    return [one["session"] for one in shown]


def test_a_second_start_keeps_keys_and_history(new_folder: NewFolder) -> None:
    """A session's token is good after a restart: its store is gone, the token is not."""
    with new_folder() as folder:
        with one_machine(folder) as first:
            player = first.player()
            first.operators("PUT", "/v1/control/pathways/cdn-a", json={"state": "out"})
            first.operators("POST", "/v1/control/sessions/ses_x/kick", json={})
        with one_machine(folder) as second:
            player.platform = second
            assert player.master().status_code == 200
            eventually(lambda: player.beat().json().get("token"), what="the session is adopted")
            eventually(lambda: listed(second) == [player.session], what="it is listed again")
            assert player.steering().json()["PATHWAY-PRIORITY"][-1] == "cdn-a"
            acts = [one["action"] for one in second.operators.get("/v1/control/audit").json()["entries"]]
            assert acts == ["kick", "pathway-out"]


def test_nothing_is_left_when_it_is_killed(new_folder: NewFolder) -> None:
    with new_folder() as folder, one_machine(folder) as killed:
        process = killed.processes.running["up"]
        process.kill()
        process.wait(STOP_S_MAX)
        eventually(lambda: left_over(str(folder)) == [], what="all parts are gone")
        killed.processes.running.clear()


def test_help_names_every_command() -> None:
    done = tifo("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("up", "serve", "worker", "check", "export"))
