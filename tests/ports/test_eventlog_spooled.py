"""A log that is gone for a while, with a spool behind it: what was accepted arrives, in order, by its id."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from event_logs import by_key, eventually, record, rest, take

from tifo.adapters.disk.spool import DiskSpool
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.eventlog import spooling
from tifo.eventlog.ports import RECORD_BYTES_MAX, Consumer, EventLog, Lag, Record
from tifo.eventlog.spooling import SpoolingLog
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable

DRAIN_PER_S = 1_000_000.0


class Door(EventLog):
    """A log behind a door: shut, it refuses; stuck, it keeps what it is given and does not say so."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.shut = False
        self.stuck = False
        self.appends = 0

    async def append(self, records: Sequence[Record]) -> None:
        self.appends += 1
        if self.shut:
            raise Unavailable("eventlog", "it is gone")
        await self.log.append(records)
        if self.stuck:
            await asyncio.Event().wait()

    async def consumer(
        self, group: str, topics: Sequence[str], member: str, memory_s: float = 0.0
    ) -> Consumer:
        return await self.log.consumer(group, topics, member, memory_s)

    async def lag(self) -> tuple[Lag, ...]:
        return await self.log.lag()

    async def close(self) -> None:
        await self.log.close()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    door = Door(SqliteEventLog(tmp_path / "events.db", SystemClock()))
    yield door
    await door.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "RETRY_S", 0.02)


@pytest.fixture
async def spooled(door: Door, tmp_path: Path) -> AsyncIterator[SpoolingLog]:
    log = spooled_at(door, tmp_path)
    await log.open()
    yield log
    await log.close()


def spooled_at(log: EventLog, folder: Path, bytes_max: int = 10_000_000) -> SpoolingLog:
    return SpoolingLog(log, DiskSpool(folder / "spool", bytes_max), SystemClock(), DRAIN_PER_S)


async def drained(log: SpoolingLog) -> bool:
    return log.report().state == "ok"


async def test_while_the_log_keeps_nothing_touches_the_disk(
    spooled: SpoolingLog, door: Door, tmp_path
) -> None:
    await spooled.append([record(n) for n in range(5)])
    assert not list((tmp_path / "spool").glob("*.spool"))
    assert await rest(door) == [f"evt_{n}" for n in range(5)]


async def test_what_a_log_that_is_gone_refuses_is_kept_and_arrives_in_order(spooled, door: Door) -> None:
    await spooled.append([record(0)])
    door.shut = True
    for n in range(1, 50):
        await spooled.append([record(n, key=str(n % 3))])
    report = spooled.report()
    assert (report.state, report.records) == ("holding", 49)
    assert report.bytes > 49 * 50
    door.shut = False
    for n in range(50, 100):
        await spooled.append([record(n, key=str(n % 3))])
    await eventually(lambda: drained(spooled))
    await spooled.append([record(100, key="1")])
    found = by_key(await take(await door.consumer("g", ["sessions"], "m"), 101))
    assert found["1"] == [f"evt_{n}" for n in range(1, 101) if n % 3 == 1]
    assert sum(map(len, found.values())) == 101


async def test_log_that_does_not_say_that_it_kept_is_waited_for_so_long_only(
    spooled, door: Door, monkeypatch
) -> None:
    for name in ("ACKNOWLEDGED_S_MAX", "SENT_S_MAX"):
        monkeypatch.setattr(spooling, name, 0.2)
    door.stuck = True
    await spooled.append([record(1)])
    assert spooled.report().records == 1
    door.stuck = False
    await eventually(lambda: drained(spooled))
    found = await rest(door)
    assert set(found) == {"evt_1"}
    assert len(found) >= 2, "under one id, by which it counts once"


async def test_next_process_sends_what_the_last_left(
    spooled: SpoolingLog, door: Door, tmp_path: Path
) -> None:
    door.shut = True
    await spooled.append([record(n) for n in range(10)])
    await spooled.close()
    door.shut = False
    other = spooled_at(door, tmp_path)
    await other.open()
    await other.append([record(10)])
    await eventually(lambda: drained(other))
    await other.close()
    assert await rest(door) == [f"evt_{n}" for n in range(11)]


async def test_process_whose_spool_another_has_is_as_the_log_until_it_is_free(
    spooled: SpoolingLog, door: Door, tmp_path: Path
) -> None:
    other = spooled_at(door, tmp_path)
    await other.open()
    assert other.report().state == "absent"
    await other.append([record(1)])
    door.shut = True
    with pytest.raises(Unavailable):
        await other.append([record(2)])
    await spooled.close()
    await eventually(lambda: drained(other))
    await other.append([record(3)])
    assert other.report().records == 1
    await other.close()


async def test_full_spool_refuses_money_and_drops_telemetry_until_the_log_is_back(
    door: Door, tmp_path: Path, logged
) -> None:
    log = spooled_at(door, tmp_path, bytes_max=64_000)
    await log.open()
    door.shut = True
    await log.append([record(n, topic="playback") for n in range(20)])
    kept: list[str] = []
    with pytest.raises(Unavailable):
        for n in range(10_000):
            await log.append([record(n, topic="ads")])
            kept.append(f"evt_{n}")
    report = log.report()
    assert (report.state, report.dropped, report.refused) == ("refusing", {"playback": 20}, 1)
    for n in range(3):
        await log.append([record(n, topic="playback")])
        with pytest.raises(Unavailable):
            await log.append([record(9, topic="ads")])
    assert log.report().state == "refusing"
    assert [one["event"] for one in logged].count("spool.refusing") == 1
    door.shut = False
    await eventually(lambda: drained(log))
    await log.append([record(20_000, topic="ads")])
    assert await rest(door, topics=("ads",)) == [*kept, "evt_20000"]
    assert await rest(door, topics=("playback",)) == []
    await log.close()


async def test_record_that_is_too_long_is_refused_and_nothing_is_kept(
    spooled: SpoolingLog, door: Door
) -> None:
    door.shut = True
    with pytest.raises(ValueError, match="longer than"):
        await spooled.append(
            [record(1), Record("ads", "a", "evt_9", "t", 0.0, b"x" * (RECORD_BYTES_MAX + 1))]
        )
    assert spooled.report().records == 0


async def test_record_that_nobody_can_write_stands_in_nobodys_way(spooled: SpoolingLog, door: Door) -> None:
    door.shut = True
    with pytest.raises(Unavailable):
        await spooled.append([record(1, key="\ud800")])
    await spooled.append([record(2)])
    door.shut = False
    await eventually(lambda: drained(spooled))
    assert await rest(door) == ["evt_2"]


async def test_many_callers_while_the_log_comes_and_goes_lose_nothing_and_keep_their_order(
    spooled: SpoolingLog, door: Door
) -> None:
    async def say(key: str) -> None:
        for n in range(60):
            if n % 10 == 7:
                door.shut = not door.shut
            await spooled.append([record(n, key=key)])

    await asyncio.gather(*(say(f"key-{k}") for k in range(20)))
    door.shut = False
    await eventually(lambda: drained(spooled))
    found = by_key(await take(await door.consumer("g", ["sessions"], "m"), 20 * 60))
    assert all(ids == [f"evt_{n}" for n in range(60)] for ids in found.values())
    assert len(found) == 20


async def test_log_is_had_again_though_records_never_stop(spooled: SpoolingLog, door: Door) -> None:
    over, said = asyncio.Event(), dict.fromkeys([f"key-{k}" for k in range(20)], 0)

    async def say(key: str) -> None:
        while not over.is_set():
            await spooled.append([record(said[key], key=key)])
            said[key] += 1

    talking = [asyncio.create_task(say(key)) for key in said]
    for _ in range(3):
        door.shut = True
        await eventually(lambda: _waits(spooled, 100))
        door.shut = False
        await eventually(lambda: drained(spooled))
    over.set()
    await asyncio.gather(*talking)
    await eventually(lambda: drained(spooled))
    found = by_key(await take(await door.consumer("g", ["sessions"], "m"), sum(said.values())))
    assert found == {key: [f"evt_{n}" for n in range(count)] for key, count in said.items()}


async def _waits(log: SpoolingLog, records: int) -> bool:
    return log.report().records >= records


async def test_beginning_and_end_are_said_once(spooled: SpoolingLog, door: Door, logged) -> None:
    door.shut = True
    for n in range(5):
        await spooled.append([record(n)])
    await eventually(lambda: _said(logged, "spool.failing"))
    door.shut = False
    await eventually(lambda: drained(spooled))
    await eventually(lambda: _said(logged, "spool.back"))
    assert [one["event"] for one in logged] == ["spool.holding", "spool.failing", "spool.sent", "spool.back"]


async def _said(logged, event: str) -> bool:
    return any(one["event"] == event for one in logged)
