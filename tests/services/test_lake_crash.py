"""SIGKILL of the lake worker, anywhere: what the log had, the lake has once."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import lake_process
import pytest
from dying_processes import dying_process

from tifo.adapters.lake.asking import ask
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import SessionEnded, SessionStarted
from tifo.eventlog.records import to_record
from tifo.kernel.clock import SystemClock
from tifo.lake.address import FolderAddress

SESSIONS = 5_000
RECORDS = 2 * SESSIONS
DIES_S_MAX = 60.0


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    """A log of two hours: each session starts in one and ends in the next."""
    log = SqliteEventLog(tmp_path / "events.db", SystemClock())
    at = SystemClock().now() - 7_200
    records = []
    for n in range(SESSIONS):
        of = {"session": f"ses_{n}", "event": "final"}
        started = SessionStarted(account=f"acc_{n}", device="d", device_kind="tv", **of)
        records.append(to_record(started, f"evt_s{n}", at))
        records.append(to_record(SessionEnded(why="left", **of), f"evt_e{n}", at + 3_600))
    for begin in range(0, RECORDS, 5_000):
        await log.append(records[begin : begin + 5_000])
    yield log
    await log.close()


def worker(folder: Path, when: str = "never", number: int = 0) -> AbstractContextManager[Popen[bytes]]:
    return dying_process(lake_process, str(folder), when, str(number))


async def behind(log: SqliteEventLog) -> int:
    lags = {lag.topic: lag.records for lag in await log.lag()}
    return lags.get("sessions", RECORDS)


async def until_behind(log: SqliteEventLog, records: int, process: Popen[bytes]) -> None:
    async with asyncio.timeout(DIES_S_MAX):
        while await behind(log) > records:
            assert process.poll() is None


async def counted(folder: Path) -> tuple[object, ...]:
    """Rows and ids of both kinds, and whole sessions."""
    sql = (
        "SELECT (SELECT count(*) FROM session_started), (SELECT count(DISTINCT id) FROM session_started),"
        " (SELECT count(*) FROM session_ended), (SELECT count(DISTINCT id) FROM session_ended),"
        " (SELECT count(*) FROM sessions WHERE why = 'left' AND duration_s = 3600)"
    )
    (row,) = (await asyncio.to_thread(ask, FolderAddress(folder / "lake"), sql, 10)).rows
    return row


async def test_death_between_the_lake_and_the_commit_keeps_each_event_once(log, tmp_path: Path) -> None:
    for when, number in (("after", 1), ("before", 2), ("after", 2), ("after", 3), ("before", 1)):
        with worker(tmp_path, when, number) as process:
            assert await asyncio.to_thread(process.wait, DIES_S_MAX) == -signal.SIGKILL
    with worker(tmp_path) as process:
        await until_behind(log, 0, process)
    assert await counted(tmp_path) == (SESSIONS,) * 5


async def test_death_at_any_moment_keeps_each_event_once(log, tmp_path: Path) -> None:
    left, deaths = RECORDS, 0
    while left:
        with worker(tmp_path) as process:
            await until_behind(log, max(0, left - 3_000), process)
        left, deaths = await behind(log), deaths + 1
    assert deaths > 1
    assert await counted(tmp_path) == (SESSIONS,) * 5
