"""The contract of the event log, over every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tifo.adapters.sqlite.eventlog import APPEND_QUEUE_RECORDS_MAX, SqliteEventLog
from tifo.eventlog.ports import RECORD_BYTES_MAX, EventLog, Record
from tifo.kernel.errors import Unavailable

Opener = Callable[[], EventLog]


@pytest.fixture(params=["sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same log again, as another process or a later one would."""
    openers: dict[str, Opener] = {"sqlite": lambda: SqliteEventLog(tmp_path / "events.db")}
    return openers[request.param]


@pytest.fixture
async def log(reopen: Opener) -> AsyncIterator[EventLog]:
    log = reopen()
    yield log
    await log.close()


def record(n: int, *, topic: str = "sessions", key: str = "a") -> Record:
    return Record(topic, key, f"evt_{n}", "session.started", 1_800_000_000.0 + n, b'{"n":%d}' % n)


async def ids(log: EventLog, group: str = "g", topics: tuple[str, ...] = ("sessions",)) -> list[str]:
    consumer = await log.consumer(group, topics)
    return [delivery.record.id for delivery in await consumer.poll()]


async def test_appended_record_comes_back_whole(log: EventLog) -> None:
    await log.append([record(1)])
    consumer = await log.consumer("g", ["sessions"])
    assert [d.record for d in await consumer.poll()] == [record(1)]


async def test_empty_log_gives_nothing(log: EventLog) -> None:
    assert await ids(log) == []


async def test_append_is_durable_when_it_returns(log: EventLog, reopen: Opener) -> None:
    await log.append([record(1)])
    other = reopen()
    assert await ids(other) == ["evt_1"]
    await other.close()


async def test_order_is_kept_per_key(log: EventLog) -> None:
    for n in range(20):
        await log.append([record(n, key=str(n % 3))])
    assert await ids(log) == [f"evt_{n}" for n in range(20)]


async def test_poll_goes_on_where_the_last_ended(log: EventLog) -> None:
    await log.append([record(n) for n in range(5)])
    consumer = await log.consumer("g", ["sessions"])
    first, second = await consumer.poll(3), await consumer.poll(3)
    assert [d.record.id for d in (*first, *second)] == [f"evt_{n}" for n in range(5)]


async def test_uncommitted_records_come_again_to_the_next_consumer(log: EventLog) -> None:
    await log.append([record(1), record(2)])
    consumer = await log.consumer("g", ["sessions"])
    await consumer.poll(1)
    await consumer.commit()
    await consumer.poll(1)
    await consumer.close()
    assert await ids(log) == ["evt_2"]


async def test_groups_are_independent(log: EventLog) -> None:
    await log.append([record(1)])
    consumer = await log.consumer("one", ["sessions"])
    await consumer.poll()
    await consumer.commit()
    assert (await ids(log, "one"), await ids(log, "two")) == ([], ["evt_1"])


async def test_consumer_sees_only_its_topics(log: EventLog) -> None:
    await log.append([record(1), record(2, topic="ads"), record(3, topic="playback")])
    assert await ids(log, topics=("sessions", "playback")) == ["evt_1", "evt_3"]


async def test_lag_counts_what_is_not_committed(log: EventLog) -> None:
    await log.append([record(n) for n in range(4)])
    consumer = await log.consumer("g", ["sessions"])
    await consumer.poll(3)
    await consumer.commit()
    assert [(lag.group, lag.topic, lag.records) for lag in await log.lag()] == [("g", "sessions", 1)]


async def test_many_callers_at_once_lose_nothing(log: EventLog) -> None:
    await asyncio.gather(*(log.append([record(n), record(n + 1000)]) for n in range(300)))
    assert len(set(await ids(log))) == 600


async def test_two_processes_append_to_one_log(log: EventLog, reopen: Opener) -> None:
    other = reopen()
    await asyncio.gather(*(target.append([record(n)]) for n in range(50) for target in (log, other)))
    await other.close()
    assert len(await ids(log)) == 100


async def test_record_that_is_too_long_is_refused_and_nothing_is_kept(log: EventLog) -> None:
    huge = Record("sessions", "a", "evt_9", "t", 0.0, b"x" * (RECORD_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="longer than"):
        await log.append([record(1), huge])
    assert await ids(log) == []


async def test_full_queue_is_refused_at_once(log: EventLog) -> None:
    many = [record(n) for n in range(APPEND_QUEUE_RECORDS_MAX)]
    first = asyncio.create_task(log.append(many))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await log.append([record(0)])
    await first


async def test_cancelled_caller_does_not_disturb_the_others(log: EventLog) -> None:
    tasks = [asyncio.create_task(log.append([record(n)])) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert set(await ids(log)) >= {f"evt_{n}" for n in range(10) if n != 3}


async def test_close_keeps_what_was_appended_just_before(log: EventLog, reopen: Opener) -> None:
    other = reopen()
    append = asyncio.create_task(other.append([record(7)]))
    await asyncio.sleep(0)
    await other.close()
    await append
    assert await ids(log) == ["evt_7"]


async def test_record_that_cannot_be_written_keeps_nobody_waiting(log: EventLog) -> None:
    broken = record(1, key="\ud800")
    with pytest.raises(Unavailable):
        await asyncio.wait_for(log.append([broken]), 5)
    await asyncio.wait_for(log.append([record(2)]), 5)
    assert await ids(log) == ["evt_2"]


async def test_closed_log_refuses_at_once(log: EventLog, reopen: Opener) -> None:
    other = reopen()
    await other.append([record(1)])
    await other.close()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(other.append([record(2)]), 5)


async def test_poll_takes_topics_in_the_order_of_the_log_and_stops_at_its_limit(log: EventLog) -> None:
    for n in range(12):
        await log.append([record(n, topic=("sessions", "ads", "playback")[n % 3])])
    consumer = await log.consumer("g", ("playback", "sessions"))
    polls = [[d.record.id for d in await consumer.poll(3)] for _ in range(4)]
    assert polls == [["evt_0", "evt_2", "evt_3"], ["evt_5", "evt_6", "evt_8"], ["evt_9", "evt_11"], []]
