"""Stores that fail in the middle of a match: viewers go on, operators are told, what waited arrives."""

import contextlib
import errno
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import eventually
from platforms import NewFolder, one_machine
from players import Platform, Player, break_now, fetch, problem, refused
from small_disk import full, small_disk

pytestmark = pytest.mark.system

DISK_BYTES = 2 * 1024 * 1024
SEEN_S_MAX = 60.0
"""Seconds in which the cockpit must say what fails, and that it is over."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_disk(tmp_path_factory.mktemp("disk"), DISK_BYTES) as folder:
        yield folder


@pytest.fixture(scope="module")
def machine(new_folder: NewFolder, disk: Path) -> Iterator[Platform]:
    stores = {f"TIFO_STORES__{name.upper()}": f"sqlite:///{disk}/{name}.db" for name in ("eventlog", "board")}
    with new_folder() as folder, one_machine(folder, **stores) as running:
        running.event_log = disk / "eventlog.db"
        yield running


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process's long write, as far as the file can tell."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextlib.contextmanager
def full_for(file: Path) -> Iterator[None]:
    """No byte is left, not even in the file's own log: what it once took would do for a few writes."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    with full(file.parent):
        yield


def state(platform: Platform, what: str) -> str:
    found: str = platform.overview()[what]["state"]
    return found


def report(platform: Platform, session: str) -> httpx.Response:
    body = f'e=t,sid="{session}",v=2'
    return platform.viewers("POST", "/v1/cmcd", content=body, headers={"content-type": "application/cmcd"})


def beacons(player: Player) -> list[str]:
    asset = player.asset_list(break_now()).json()["ASSETS"][0]
    points = asset["X-AD-CREATIVE-SIGNALING"]["payload"][0]["tracking"]
    return [point["urls"][0] for point in points]


def wholly(found: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """What was found, once there is as much of it as there should be."""
    return found if len(found) == count else []


Trouble = Callable[[Platform, Path], contextlib.AbstractContextManager[None]]
TROUBLES: dict[str, Trouble] = {
    "locked": lambda platform, disk: locked(platform.event_log),
    "full disk": lambda platform, disk: full(disk),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_an_event_log_that_fails_stops_no_viewer_and_gets_what_it_missed(
    machine: Platform, disk: Path, trouble: str
) -> None:
    watching = machine.player()
    tracked = beacons(watching)
    with TROUBLES[trouble](machine, disk):
        refused_report = report(machine, watching.session)
        assert refused(refused_report) == (503, "unavailable")
        assert int(refused_report.headers["retry-after"]) >= 1
        for url in tracked:
            assert fetch(url).status_code == 204
        newcomer = machine.player()
        assert newcomer.beat().status_code == watching.beat().status_code == 200
        assert newcomer.master().status_code == newcomer.steering().status_code == 200
        assert newcomer.asset_list(break_now()).status_code == 200
        eventually(lambda: state(machine, "eventlog") == "failing", SEEN_S_MAX, "the cockpit says so")

    eventually(lambda: state(machine, "eventlog") == "ok", SEEN_S_MAX, "the cockpit says that it is back")
    kept = eventually(lambda: wholly(machine.events("ads.tracked", watching.session), len(tracked)))
    assert len({one["what"] for one in kept}) == len(tracked)
    assert len(machine.events("session.started", newcomer.session)) == 1
    assert machine.events("playback.reported", watching.session) == []
    assert report(machine, watching.session).status_code == 204


@pytest.mark.parametrize("trouble", ["locked", "full disk"])
def test_a_board_that_fails_freezes_what_was_decided(machine: Platform, disk: Path, trouble: str) -> None:
    player = machine.player()
    kicked = machine.player()
    first = player.steering().json()["PATHWAY-PRIORITY"][0]
    path = f"/v1/control/pathways/{first}"
    assert machine.operators("PUT", path, json={"state": "out"}).status_code == 200
    machine.operators("POST", f"/v1/control/sessions/{kicked.session}/kick", json={})

    with locked(disk / "board.db") if trouble == "locked" else full_for(disk / "board.db"):
        said = problem(machine.operators("PUT", path, json={"state": "in"}))
        assert (said["status"], said["code"]) == (503, "unavailable")
        assert player.steering().json()["PATHWAY-PRIORITY"][-1] == first
        assert refused(kicked.beat()) == (410, "kicked")
        assert machine.player().beat().status_code == player.beat().status_code == 200
        assert player.end().status_code == 204
        eventually(lambda: state(machine, "board") == "failing", SEEN_S_MAX, "the cockpit says so")

    eventually(lambda: state(machine, "board") == "ok", SEEN_S_MAX, "the cockpit says that it is back")
    assert machine.operators("PUT", path, json={"state": "in"}).status_code == 200


def test_a_board_whose_file_is_gone_is_still_read_by_who_had_it(machine: Platform, disk: Path) -> None:
    player, kicked = machine.player(), machine.player()
    (disk / "board.db").unlink()
    machine.operators("POST", f"/v1/control/sessions/{kicked.session}/kick", json={})
    assert refused(kicked.beat()) == (410, "kicked")
    assert player.beat().status_code == player.master().status_code == 200
    assert machine.viewers.get("/readyz").status_code == 200


def test_a_full_disk_is_what_was_tried(disk: Path) -> None:
    with full(disk), pytest.raises(OSError) as error, (disk / "more").open("wb", buffering=0) as file:
        file.write(b"x" * 8192)
    assert error.value.errno == errno.ENOSPC
    (disk / "more").unlink()
