"""The contract of the event log, over every adapter: appending, reading, lag."""

import asyncio

import pytest
from event_logs import COMES_S_MAX, LogPlace, by_key, eventually, names, record, rest, take

from tifo.eventlog.ports import APPEND_QUEUE_RECORDS_MAX, RECORD_BYTES_MAX, EventLogStore, Record
from tifo.kernel.errors import Unavailable


async def test_appended_record_comes_back_whole(log: EventLogStore) -> None:
    await log.append([record(1)])
    consumer = await log.consumer("g", ["sessions"], "m")
    (delivery,) = await take(consumer, 1)
    assert delivery.record == record(1)
    assert delivery.partition in consumer.partitions()


async def test_empty_log_gives_nothing(log: EventLogStore) -> None:
    assert await rest(log) == []


async def test_append_is_durable_when_it_returns(log: EventLogStore, log_place: LogPlace) -> None:
    await log.append([record(1)])
    other = log_place.open()
    assert await rest(other) == ["evt_1"]
    await other.close()


async def test_appending_nothing_is_nothing(log: EventLogStore) -> None:
    await log.append([])


async def test_order_is_kept_per_key(log: EventLogStore) -> None:
    for n in range(20):
        await log.append([record(n, key=str(n % 3))])
    await log.append([record(n, key=str(n % 3)) for n in range(20, 401)])
    consumer = await log.consumer("g", ["sessions"], "m")
    found = by_key(await take(consumer, 401))
    assert found == {str(key): [f"evt_{n}" for n in range(key, 401, 3)] for key in range(3)}


async def test_poll_goes_on_where_the_last_ended_and_stops_at_its_limit(log: EventLogStore) -> None:
    await log.append([record(n) for n in range(5)])
    consumer = await log.consumer("g", ["sessions"], "m")
    first, second = await take(consumer, 3), await take(consumer, 2)
    assert names([*first, *second]) == [f"evt_{n}" for n in range(5)]
    await log.append([record(n) for n in range(5, 10)])
    await eventually(lambda: _some(consumer.poll(1)))


async def _some(poll) -> bool:
    return len(await poll) == 1


async def test_offsets_grow_within_a_partition(log: EventLogStore) -> None:
    await log.append([record(n) for n in range(5)])
    consumer = await log.consumer("g", ["sessions"], "m")
    offsets = [one.offset for one in await take(consumer, 5)]
    assert offsets == sorted(set(offsets))


async def test_uncommitted_records_come_again_to_the_next_consumer(log: EventLogStore) -> None:
    await log.append([record(1), record(2)])
    consumer = await log.consumer("g", ["sessions"], "m")
    await take(consumer, 1)
    await consumer.commit()
    await take(consumer, 1)
    await consumer.close()
    again = await log.consumer("g", ["sessions"], "m")
    assert names(await take(again, 1)) == ["evt_2"]


async def test_committing_nothing_is_nothing(log: EventLogStore) -> None:
    await log.append([record(1)])
    consumer = await log.consumer("g", ["sessions"], "m")
    await consumer.commit()
    assert names(await take(consumer, 1)) == ["evt_1"]


async def test_groups_are_independent(log: EventLogStore) -> None:
    await log.append([record(1)])
    consumer = await log.consumer("one", ["sessions"], "reader")
    await take(consumer, 1)
    await consumer.commit()
    await consumer.close()
    assert (await rest(log, "one"), await rest(log, "two")) == ([], ["evt_1"])


async def test_consumer_sees_only_its_topics(log: EventLogStore) -> None:
    await log.append([record(1), record(2, topic="ads"), record(3, topic="playback")])
    assert sorted(await rest(log, topics=("sessions", "playback"))) == ["evt_1", "evt_3"]


async def test_lag_counts_what_is_not_committed(log: EventLogStore) -> None:
    await log.append([record(n) for n in range(4)])
    consumer = await log.consumer("g", ["sessions"], "m")
    await take(consumer, 3)
    await consumer.commit()
    assert [(one.group, one.topic, one.records, one.lost) for one in await log.lag()] == [
        ("g", "sessions", 1, 0)
    ]


async def test_many_callers_at_once_lose_nothing(log: EventLogStore) -> None:
    await asyncio.gather(*(log.append([record(n), record(n + 1000)]) for n in range(300)))
    found = names(await take(await log.consumer("g", ["sessions"], "m"), 600))
    assert len(set(found)) == 600


async def test_two_processes_append_to_one_log(log: EventLogStore, log_place: LogPlace) -> None:
    other = log_place.open()
    await asyncio.gather(*(target.append([record(n)]) for n in range(50) for target in (log, other)))
    await other.close()
    assert len(await rest(log)) == 100


async def test_record_that_is_too_long_is_refused_and_nothing_is_kept(log: EventLogStore) -> None:
    huge = Record("sessions", "a", "evt_9", "t", 0.0, b"x" * (RECORD_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="longer than"):
        await log.append([record(1), huge])
    assert await rest(log) == []


async def test_longest_record_is_kept(log: EventLogStore) -> None:
    long = Record("sessions", "a", "evt_9", "t", record(9).at, b"x" * RECORD_BYTES_MAX)
    await log.append([long])
    (delivery,) = await take(await log.consumer("g", ["sessions"], "m"), 1)
    assert delivery.record == long


async def test_full_queue_is_refused_at_once(log: EventLogStore) -> None:
    await log.append([record(1)])
    many = [record(n) for n in range(APPEND_QUEUE_RECORDS_MAX)]
    first = asyncio.create_task(log.append(many))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await log.append([record(0)])
    await first


async def test_cancelled_caller_does_not_disturb_the_others(log: EventLogStore) -> None:
    tasks = [asyncio.create_task(log.append([record(n)])) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert set(await rest(log)) >= {f"evt_{n}" for n in range(10) if n != 3}


async def test_close_keeps_what_was_appended_just_before(log: EventLogStore, log_place: LogPlace) -> None:
    other = log_place.open()
    await other.append([record(6)])
    append = asyncio.create_task(other.append([record(7)]))
    await asyncio.sleep(0)
    await other.close()
    await append
    assert await rest(log) == ["evt_6", "evt_7"]


async def test_record_that_cannot_be_written_keeps_nobody_waiting(log: EventLogStore) -> None:
    with pytest.raises(Unavailable):
        await asyncio.wait_for(log.append([record(1, key="\ud800")]), COMES_S_MAX)
    await asyncio.wait_for(log.append([record(2)]), COMES_S_MAX)
    assert await rest(log) == ["evt_2"]


async def test_closed_log_refuses_at_once(log_place: LogPlace) -> None:
    other = log_place.open()
    await other.append([record(1)])
    await other.close()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(other.append([record(2)]), COMES_S_MAX)
