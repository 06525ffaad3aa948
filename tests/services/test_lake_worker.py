"""The lake worker: from the log to files, across failures, repeats, late events and several members."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tifo.adapters.lake.asking import ask
from tifo.adapters.lake.files import FolderLake
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import SESSIONS, TOPICS, AdTracked, SessionEnded
from tifo.eventlog import following
from tifo.eventlog.ports import Delivery, Partition, Record
from tifo.eventlog.records import to_record
from tifo.kernel.clock import Clock, ManualClock, SystemClock
from tifo.kernel.errors import Unavailable
from tifo.lake.address import FolderAddress
from tifo.lake.layout import Place
from tifo.lake.tables import Row
from tifo.telemetry.metrics import EVENTS_HANDLED
from tifo.workers.lake.gathering import Gathered
from tifo.workers.lake.keeping import READERS_S_MAX, Keeper
from tifo.workers.lake.service import GROUP, LakeWorker
from tifo.workers.lake.settings import LakeSettings

AT = 1_795_629_600.0
"""2026-11-25T18:00:00Z"""

HOUR = 3_600
SETTINGS = LakeSettings(poll_s=0.01, flush_s=0.05, merge_s=600)


class Lake(FolderLake):
    """May be gone."""

    gone = False

    async def write(self, place: Place, name: str, rows: Sequence[Row]) -> None:
        if self.gone:
            raise Unavailable("lake", "disk I/O error")
        await super().write(place, name, rows)


@pytest.fixture
async def lake(tmp_path: Path) -> AsyncIterator[Lake]:
    lake = Lake(tmp_path / "lake")
    yield lake
    await lake.close()


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog(tmp_path / "events.db", SystemClock())
    yield log
    await log.close()


@asynccontextmanager
async def working(
    log: SqliteEventLog, lake: Lake, settings: LakeSettings = SETTINGS, node: str = "node-1"
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(LakeWorker(log, lake, SystemClock(), settings, node).run(stop))
    yield
    stop.set()
    async with asyncio.timeout(20):
        await running


async def caught_up(log: SqliteEventLog) -> None:
    async with asyncio.timeout(20):
        while not (lags := await log.lag()) or any(lag.records for lag in lags):
            pass


def handled(topic: str) -> float:
    return EVENTS_HANDLED.labels(GROUP, topic)._value.get()


async def asked(tmp_path: Path, sql: str) -> list[tuple[object, ...]]:
    answer = await asyncio.to_thread(ask, FolderAddress(tmp_path / "lake"), sql, 1_000)
    return list(answer.rows)


def ended(n: int, at: float = AT) -> Record:
    return to_record(SessionEnded(session=f"ses_{n}", event="final", why="left"), f"evt_{n}", at)


async def test_everything_is_in_its_place(log, lake, tmp_path: Path) -> None:
    tracked = AdTracked(session="ses_1", event="other", break_id="b", slot=1, creative="c", what="impression")
    await log.append([*(ended(n, AT + n * HOUR) for n in range(3)), to_record(tracked, "evt_t", AT)])
    async with working(log, lake):
        await caught_up(log)
    assert {one.place.path for one in await lake.files()} == {
        *(f"type=session.ended/event=final/hour=2026-11-25T{18 + n}" for n in range(3)),
        "type=ads.tracked/event=other/hour=2026-11-25T18",
    }
    assert await asked(tmp_path, "SELECT session, impression_at FROM ad_slots") != []


async def test_what_comes_twice_or_late_is_there_once(log, lake, tmp_path: Path) -> None:
    await log.append([ended(n) for n in (1, 2, 2)])
    async with working(log, lake):
        await caught_up(log)
        await log.append([ended(2), ended(3), ended(4, AT - 50 * HOUR)])
        await caught_up(log)
    assert await asked(tmp_path, "SELECT id, count(*) FROM session_ended GROUP BY id ORDER BY id") == [
        (f"evt_{n}", 1) for n in (1, 2, 3, 4)
    ]


async def test_a_lake_that_is_gone_is_waited_for(log, lake, tmp_path: Path, monkeypatch, logged) -> None:
    monkeypatch.setattr(following, "RETRY_S", 0.01)
    lake.gone = True
    await log.append([ended(n) for n in range(5)])
    async with working(log, lake):
        async with asyncio.timeout(20):
            while not [one for one in logged if one["event"] == "lake.failing"]:
                await log.lag()
        lake.gone = False
        await caught_up(log)
    assert await asked(tmp_path, "SELECT count(*) FROM session_ended") == [(5,)]


async def test_what_no_table_can_have_is_set_aside_and_stops_nobody(
    log, lake, tmp_path: Path, logged
) -> None:
    strange = [
        Record("ads", "ses_1", "evt_a", "ads.tracked", AT, b"{\xff"),
        Record("ads", "ses_1", "evt_b", "ads.applauded", AT, b'{"type":"ads.applauded"}'),
        ended(7, at=-1.0),
    ]
    await log.append([*strange, ended(1)])
    async with working(log, lake):
        await caught_up(log)
    assert {one.record.id for one in await log.letters(GROUP)} == {"evt_a", "evt_b", "evt_7"}
    assert await asked(tmp_path, "SELECT id FROM session_ended") == [("evt_1",)]


async def test_what_was_gathered_is_written_when_the_worker_is_stopped(log, lake, tmp_path: Path) -> None:
    await log.append([ended(1)])
    before = handled("sessions")
    patient = LakeSettings(poll_s=0.01, flush_s=3_600, merge_s=600)
    stop = asyncio.Event()
    worker = LakeWorker(log, lake, SystemClock(), patient, "node-1")
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(20):
        while not handled("sessions") > before:
            await log.lag()
        assert await lake.files() == ()
        stop.set()
        await running
    assert await asked(tmp_path, "SELECT count(*) FROM session_ended") == [(1,)]


async def test_as_much_as_may_be_gathered_is_written_at_once(log, lake, tmp_path: Path) -> None:
    await log.append([ended(n) for n in range(2_500)])
    greedy = LakeSettings(poll_s=0.01, flush_s=3_600, flush_entries_max=1_000, merge_s=600)
    async with working(log, lake, greedy):
        async with asyncio.timeout(20):
            while len(await lake.files()) < 2:
                pass
    ((rows,),) = await asked(tmp_path, "SELECT count(*) FROM session_ended")
    assert rows >= 2_000


async def test_several_members_share_the_work_and_keep_each_event_once(log, lake, tmp_path: Path) -> None:
    await log.append([ended(n) for n in range(600)])
    async with working(log, lake), working(log, lake, node="node-2"):
        for begin in range(600, 3_000, 200):
            await log.append([ended(n) for n in range(begin, begin + 200)])
        await caught_up(log)
    found = await asked(tmp_path, "SELECT count(*), count(DISTINCT id) FROM session_ended")
    assert found == [(3_000, 3_000)]


# --- what is gathered -----------------------------------------------------------------------------------


def delivery(offset: int, partition: int = 0) -> Delivery:
    return Delivery(offset, ended(offset), Partition(SESSIONS, partition))


def gather(gathered: Gathered, *deliveries: Delivery) -> None:
    for one in deliveries:
        gathered.came(one)
        gathered.add(one, Place("session.ended", "final", "h"), (one.record.id, one.offset))


def ids(gathered: Gathered) -> list[object]:
    return [row[0] for rows in gathered.by_place().values() for row in rows]


def test_what_went_to_another_member_is_left_to_it() -> None:
    gathered = Gathered()
    gather(gathered, delivery(1), delivery(2, partition=1))
    gathered.keep_only({Partition(SESSIONS, 1)})
    assert (ids(gathered), gathered.count) == (["evt_2"], 1)


def test_a_partition_that_begins_again_is_gathered_again() -> None:
    gathered = Gathered()
    gather(gathered, delivery(1), delivery(2), delivery(1))
    assert (ids(gathered), gathered.count) == (["evt_1"], 1)


def test_files_are_named_by_what_was_read() -> None:
    def name(*deliveries: Delivery) -> str:
        gathered = Gathered()
        gather(gathered, *deliveries)
        return gathered.name

    assert name(delivery(1), delivery(5, 1)) == name(delivery(5, 1), delivery(1))
    assert name(delivery(1), delivery(2)) != name(delivery(1), delivery(2), delivery(3))


# --- keeping order --------------------------------------------------------------------------------------


def keeper(lake: Lake, clock: Clock, topics: Sequence[str] = TOPICS, keep_s: int = 10**9) -> Keeper:
    settings = LakeSettings(keep_s=keep_s, settle_s=300)
    return Keeper(lake, clock, settings, lambda topic: topic in topics)


async def fill(lake: Lake, *files: tuple[int, ...]) -> None:
    for n, numbers in enumerate(files):
        rows = [(f"evt_{one}", int(AT) * 1_000_000, "ses_1", "left") for one in numbers]
        await lake.write(Place("session.ended", "final", "2026-11-25T18"), f"part-{n:032x}.parquet", rows)


async def test_files_become_one_and_stay_for_readers_who_know_them(lake, tmp_path: Path) -> None:
    await fill(lake, (1, 2), (2, 3), (4,))
    clock = ManualClock(SystemClock().now() + 10**8)
    keeping = keeper(lake, clock)
    for files in (4, 4):
        await keeping.round(asyncio.Event())
        assert len(await lake.files()) == files
    clock.advance(READERS_S_MAX)
    await keeping.round(asyncio.Event())
    assert [one.merged for one in await lake.files()] == [True]
    assert await asked(tmp_path, "SELECT count(*), count(DISTINCT id) FROM session_ended") == [(4, 4)]


async def test_two_that_both_keep_order_do_no_harm(lake, tmp_path: Path) -> None:
    await fill(lake, (1, 2), (2, 3), (4,))
    clock = ManualClock(SystemClock().now() + 10**8)
    first, second = keeper(lake, clock), keeper(lake, clock)
    await first.round(asyncio.Event())
    await second.round(asyncio.Event())
    for keeping in (second, first, second, first, first):
        clock.advance(READERS_S_MAX)
        await keeping.round(asyncio.Event())
    assert await asked(tmp_path, "SELECT count(*), count(DISTINCT id) FROM session_ended") == [(4, 4)]


async def test_a_file_that_does_not_read_stops_only_its_own_merge(lake, tmp_path: Path) -> None:
    await fill(lake, (1,), (2,))
    later = Place("session.ended", "final", "2026-11-25T19")
    for n in range(2):
        await lake.write(later, f"part-{n:032x}.parquet", [(f"evt_{n}", int(AT) * 1_000_000, "s", "left")])
    (broken, *_) = [one for one in await lake.files() if one.place.hour.endswith("18")]
    (tmp_path / "lake" / broken.path).write_bytes(b"lost")
    with pytest.raises(Unavailable):
        await keeper(lake, ManualClock(SystemClock().now() + 10**8)).round(asyncio.Event())
    assert [one.place for one in await lake.files() if one.merged] == [later]


async def test_who_does_not_hold_the_topic_leaves_it_alone(lake) -> None:
    await fill(lake, (1,), (2,))
    clock = ManualClock(SystemClock().now() + 10**8)
    await keeper(lake, clock, topics=("ads",), keep_s=1).round(asyncio.Event())
    assert len(await lake.files()) == 2


async def test_what_is_too_old_is_forgotten(lake, tmp_path: Path) -> None:
    await fill(lake, (1,), (2,))
    clock = ManualClock(AT + HOUR + 100)
    await keeper(lake, clock, keep_s=101).round(asyncio.Event())
    assert len(await lake.files()) == 2
    clock.advance(2)
    await keeper(lake, clock, keep_s=101).round(asyncio.Event())
    assert await lake.files() == ()
    assert not list((tmp_path / "lake").glob("type=*"))
