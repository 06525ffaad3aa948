"""The contract of groups whose members keep in memory what was said lately, over every adapter."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import msgspec
import pytest
from event_logs import LogPlace, eventually, names, record, take

from tifo.eventlog.ports import Consumer, Delivery, EventLogStore, Pace, Record, lane_of
from tifo.kernel.clock import SystemClock

KEYS = [f"key-{n}" for n in range(24)]
TOPICS = ("sessions", "playback")
MEMORY_S = 600.0

Join = Callable[[str], Awaitable[Consumer]]


@pytest.fixture
async def join(log_place: LogPlace) -> AsyncIterator[Join]:
    """A member with a memory, in a process of its own."""
    async with AsyncExitStack() as stack:

        async def join(member: str) -> Consumer:
            process = log_place.open(Pace(session_s=1.5))
            stack.push_async_callback(process.close)
            return await process.consumer("g", TOPICS, member, MEMORY_S)

        yield join


def said(first: int, ago_s: float, topics: tuple[str, ...] = TOPICS) -> list[Record]:
    """One record of each key in each topic, so long ago."""
    at = round(SystemClock().now() - ago_s)
    return [
        msgspec.structs.replace(record(first + n, topic=topic, key=key), id=f"{topic}-{first + n}", at=at)
        for topic in topics
        for n, key in enumerate(KEYS)
    ]


async def test_partition_of_a_key_is_its_lanes(log: EventLogStore, join: Join) -> None:
    await log.append(said(0, 10))
    one = await join("one")
    got = await take(one, 48)
    numbers = {place.number for place in one.partitions() if place.topic == "sessions"}
    assert {d.partition.number for d in got} <= numbers
    assert all(d.partition.number == lane_of(d.record.key) % len(numbers) for d in got)


async def test_what_was_said_lately_comes_again_to_whoever_comes(log: EventLogStore, join: Join) -> None:
    await log.append(said(0, MEMORY_S + 100))
    await log.append(said(100, MEMORY_S - 100))
    first = await join("one")
    assert sorted(names(await take(first, 48))) == sorted(one.id for one in said(100, 0))
    await first.commit()
    await first.close()
    again = await join("another")
    assert sorted(names(await take(again, 48))) == sorted(one.id for one in said(100, 0))


async def test_share_that_moves_begins_anew_and_one_that_stays_goes_on(
    log: EventLogStore, join: Join
) -> None:
    await log.append(said(0, 60))
    one = await join("one")
    before = await take(one, 48)
    two = await join("two")
    came: list[Delivery] = []
    here: list[Delivery] = []

    async def moved() -> bool:
        here.extend(await one.poll())
        came.extend(await two.poll())
        await one.commit()
        held = [_numbers(member) for member in (one, two)]
        return bool(held[0] and held[1]) and len(came) >= sum(
            place.number in held[1]["sessions"] for place in (d.partition for d in before)
        )

    await eventually(moved)
    assert _numbers(one)["sessions"].isdisjoint(_numbers(two)["sessions"])
    for member in (one, two):
        assert _numbers(member)["sessions"] == _numbers(member)["playback"]
    assert here == [], "what stayed was handled"
    gone = {d.record.id for d in before if d.partition.number in _numbers(two)["sessions"]}
    assert {d.record.id for d in came} == gone


def _numbers(consumer: Consumer) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for topic, number in consumer.partitions():
        if topic in TOPICS:
            found.setdefault(topic, set()).add(number)
    return found


async def test_member_with_a_memory_reads_again_from_a_time(log: EventLogStore, join: Join) -> None:
    await log.append(said(0, 500))
    await log.append(said(100, 100))
    one = await join("one")
    await take(one, 96)
    await one.seek(SystemClock().now() - 200)
    assert sorted(names(await take(one, 48))) == sorted(each.id for each in said(100, 0))
