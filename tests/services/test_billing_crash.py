"""SIGKILL of the billing worker, anywhere: counts in are counts out."""

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import billing_process
import dynamodb_local
import pytest
from dying_processes import dying_process

from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.billing import BilledAsked
from tifo.api.events import AdTracked, BreakDecided
from tifo.eventlog.ports import Record
from tifo.eventlog.records import to_record
from tifo.kernel.clock import SystemClock

SESSIONS = 800
RECORDS = 8 * SESSIONS
COUNTS = {"counted decided": 2 * SESSIONS, "counted impression": SESSIONS, "counted complete": SESSIONS}
DIES_S_MAX = 120.0
_tables = itertools.count()


def told(session: str, at: float) -> Iterator[Record]:
    """A decision of two slots, told twice, and two beacons, each told three times."""
    what = {"session": session, "event": "final", "break_id": "brk-1"}
    decided = BreakDecided(creatives=("a", "b"), line_items=("brew", ""), **what)
    beacons = [AdTracked(slot=1, creative="a", what=name, **what) for name in ("impression", "complete")]
    for n in range(2):
        yield to_record(decided, f"evt_{session}_{n}", at + n)
    for n in range(3):
        yield from (to_record(one, f"evt_{session}_{one.what}", at + n) for one in beacons)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog(tmp_path / "events.db", SystemClock())
    at = SystemClock().now() - 30
    records = [record for n in range(SESSIONS) for record in told(f"ses_{n}", at)]
    for begin in range(0, len(records), 5_000):
        await log.append(records[begin : begin + 5_000])
    yield log
    await log.close()


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[str]:
    """The address of a real DynamoDB Local."""
    with dynamodb_local.dynamodb_local() as endpoint:
        yield endpoint


DYNAMODB = pytest.param(
    "dynamodb", marks=pytest.mark.skipif(bool(dynamodb_local.MISSING), reason=dynamodb_local.NOT_RUN)
)


@pytest.fixture(params=["sqlite", DYNAMODB])
def books(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of books that nobody else has."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'billing.db'}"
    for name, value in dynamodb_local.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    endpoint = request.getfixturevalue("dynamodb")
    return f"dynamodb://{dynamodb_local.REGION}/books-{next(_tables)}?endpoint={endpoint}&create=1"


def worker(
    folder: Path, books: str, when: str = "never", batch: int = 0
) -> AbstractContextManager[Popen[bytes]]:
    return dying_process(billing_process, str(folder), books, when, str(batch))


async def behind(log: SqliteEventLog) -> int:
    lags = await log.lag()
    return sum(lag.records for lag in lags) if lags else RECORDS


async def until_behind(log: SqliteEventLog, records: int, process: Popen[bytes]) -> None:
    async with asyncio.timeout(DIES_S_MAX):
        while await behind(log) > records:
            assert process.poll() is None


async def counted(books: str) -> dict[str, int]:
    ledger = billing_process.books_at(books)
    found: Counter[str] = Counter()
    for one in await ledger.lines(BilledAsked()):
        found[f"{one.standing} {one.what}"] += one.count
    await ledger.close()
    return dict(found)


async def test_death_between_the_books_and_the_commit_counts_nothing_twice(
    log, books, tmp_path: Path
) -> None:
    for when, batch in (("after", 1), ("before", 2), ("after", 3), ("after", 1), ("before", 1)):
        with worker(tmp_path, books, when, batch) as process:
            assert await asyncio.to_thread(process.wait, DIES_S_MAX) == -signal.SIGKILL
    with worker(tmp_path, books) as process:
        await until_behind(log, 0, process)
    assert await counted(books) == COUNTS


async def test_death_at_any_moment_counts_nothing_twice_and_loses_nothing(log, books, tmp_path: Path) -> None:
    left, deaths = RECORDS, 0
    while left:
        with worker(tmp_path, books) as process:
            await until_behind(log, max(0, left - 2_500), process)
        left, deaths = await behind(log), deaths + 1
    assert deaths > 1
    assert await counted(books) == COUNTS
