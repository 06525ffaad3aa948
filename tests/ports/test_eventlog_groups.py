"""The contract of the event log's groups, over every adapter: who has what, and when it moves."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from event_logs import (
    BASE,
    LogPlace,
    by_key,
    eventually,
    gets_nothing,
    names,
    record,
    rest,
    take,
)

from tifo.eventlog.ports import Consumer, Delivery, EventLogStore, Pace
from tifo.kernel.errors import Unavailable

KEYS = [f"key-{n}" for n in range(24)]
"""Enough for every partition of every adapter to have some."""

QUICK = Pace(session_s=1.5, poll_s_max=60.0)
"""The dead are missed soon, and nobody is stuck."""

UNHURRIED = Pace(session_s=6.0)
"""A session that is longer than a restart."""

STUCK = Pace(session_s=1.5, poll_s_max=1.5)

Join = Callable[..., Awaitable[Consumer]]


@pytest.fixture
async def join(log_place: LogPlace) -> AsyncIterator[Join]:
    """A consumer in a process of its own, as a member of one group."""
    async with AsyncExitStack() as stack:

        async def join(member: str, pace: Pace = QUICK, topics: tuple[str, ...] = ("sessions",)) -> Consumer:
            process = log_place.open(pace)
            stack.push_async_callback(process.close)
            return await process.consumer("g", topics, member)

        yield join


def events(first: int, count: int) -> list:
    return [record(n, key=KEYS[n % len(KEYS)]) for n in range(first, first + count)]


async def shared_out(*members: Consumer) -> list[Delivery]:
    """Poll them all until each has partitions and no two have one; what came meanwhile."""
    came: list[Delivery] = []

    async def settled() -> bool:
        for one in members:
            came.extend(await one.poll())
        held = [one.partitions() for one in members]
        together = frozenset().union(*held)
        even = max(map(len, held)) - min(map(len, held)) <= 1
        return all(held) and even and len(together) == sum(map(len, held)) and _all_keys(together)

    await eventually(settled)
    return came


def _all_keys(held) -> bool:
    numbers = {one.number for one in held if one.topic == "sessions"}
    return numbers == set(range(len(numbers))) and len(numbers) >= 4


async def drain(members: list[Consumer], count: int) -> dict[str, list[Delivery]]:
    """Poll and commit in turn until so many records came; by the member's place."""
    got: dict[str, list[Delivery]] = {str(n): [] for n in range(len(members))}

    async def all_came() -> bool:
        for n, one in enumerate(members):
            got[str(n)].extend(await one.poll())
            await one.commit()
        return sum(map(len, got.values())) >= count

    await eventually(all_came)
    return got


async def test_members_share_the_keys_and_each_key_is_at_one_of_them(log: EventLogStore, join: Join) -> None:
    one, two = await join("one"), await join("two")
    await shared_out(one, two)
    await log.append(events(0, 96))
    got = await drain([one, two], 96)
    first, second = by_key(got["0"]), by_key(got["1"])
    assert first
    assert second
    assert not first.keys() & second.keys()
    assert first | second == {key: [f"evt_{n}" for n in range(i, 96, 24)] for i, key in enumerate(KEYS)}


async def test_nothing_moves_while_a_member_handles_what_it_polled(log: EventLogStore, join: Join) -> None:
    await log.append(events(0, 48))
    one = await join("one")
    in_flight = await take(one, 48)
    two = await join("two")
    await gets_nothing(two, 0.5)
    await one.commit()
    came = await shared_out(one, two)
    await log.append(events(48, 48))
    got = await drain([one, two], 48)
    assert names(came) == [], "what was committed does not come again"
    assert {*names(in_flight), *names(got["0"] + got["1"])} == {f"evt_{n}" for n in range(96)}
    assert len(names(got["0"] + got["1"])) == 48


async def test_members_that_come_while_records_flow_lose_none_and_keep_their_order(
    log: EventLogStore, join: Join
) -> None:
    members = [await join("one")]
    seen: list[Delivery] = []

    async def read() -> None:
        for one in members:
            seen.extend(await one.poll(7))
            await one.commit()

    for first in range(0, 240, 24):
        await log.append(events(first, 24))
        await read()
        if first in (72, 144):
            members.append(await join(f"member-{first}"))

    async def all_came() -> bool:
        await read()
        return len(set(names(seen))) == 240

    await eventually(all_came)
    # A record may have come again to another; of each key the first time is in order all the same.
    for key, ids in by_key(seen).items():
        first_times = list(dict.fromkeys(ids))
        assert first_times == [f"evt_{n}" for n in range(KEYS.index(key), 240, 24)]


async def test_what_a_dead_member_had_not_committed_comes_to_another(log: EventLogStore, join: Join) -> None:
    await log.append(events(0, 24))
    one = await join("one")
    await take(one, 10)
    await one.commit()
    await take(one, 14)
    await one.close()
    two = await join("two")
    assert len(await take(two, 14)) == 14
    await two.commit()
    assert await _lag(log) == 0


async def test_restart_under_the_same_name_goes_on_at_once(log: EventLogStore, join: Join) -> None:
    other = await join("other", UNHURRIED)
    one = await join("one", UNHURRIED)
    await shared_out(one, other)
    await log.append(events(0, 48))
    await eventually(lambda: _came(one))
    had = one.partitions()
    await one.close()
    again = await join("one", UNHURRIED)
    await eventually(lambda: _came(again))
    assert again.partitions() == had
    assert other.partitions().isdisjoint(had)


async def _came(consumer: Consumer) -> bool:
    return bool(await consumer.poll())


async def test_member_that_comes_back_for_other_topics_gets_those(log: EventLogStore, join: Join) -> None:
    await log.append([record(1), record(2, topic="ads")])
    before = await join("one", topics=("sessions", "sessions"))
    assert names(await take(before, 1)) == ["evt_1"]
    await before.close()
    await log.append([record(3), record(4, topic="ads")])
    again = await join("one", topics=("ads",))
    assert names(await take(again, 2)) == ["evt_2", "evt_4"]


async def test_second_consumer_of_a_name_takes_its_place_and_the_first_is_told(
    log: EventLogStore, join: Join
) -> None:
    await log.append(events(0, 24))
    first = await join("one")
    await take(first, 24)
    second = await join("one")
    assert len(await take(second, 24)) == 24

    async def told() -> bool:
        try:
            await first.poll()
        except Unavailable:
            return True
        return False

    await eventually(told)
    with contextlib.suppress(Unavailable):
        await first.commit()
    assert await _lag(log) in (None, 24), "the first has nothing to commit any more"
    await second.commit()
    assert await _lag(log) == 0


async def test_slow_member_keeps_what_it_has(log: EventLogStore, join: Join) -> None:
    await log.append(events(0, 24))
    slow = await join("slow")
    await take(slow, 24)
    two = await join("two")
    await gets_nothing(two, 1.5 * QUICK.session_s)
    await slow.commit()
    assert await _lag(log) == 0


async def test_stuck_member_loses_what_it_has_and_commits_none_of_it(log: EventLogStore, join: Join) -> None:
    await log.append(events(0, 24))
    stuck = await join("stuck", STUCK)
    await take(stuck, 24)
    two = await join("two", STUCK)
    assert len(await take(two, 24)) == 24
    with contextlib.suppress(Unavailable):
        await stuck.commit()
    assert await _lag(log) in (None, 24)
    await two.commit()
    assert await _lag(log) == 0


async def _lag(log: EventLogStore) -> int | None:
    """Of the group's topic; None while it never committed."""
    return {one.topic: one.records for one in await log.lag()}.get("sessions")


# --- poison -------------------------------------------------------------------------------------------


async def test_poison_is_set_aside_and_the_group_goes_on(log: EventLogStore, join: Join) -> None:
    await log.append([record(n) for n in range(5)])
    consumer = await join("reader")
    for one in await take(consumer, 5):
        if one.record.id == "evt_2":
            await consumer.park(one, "a number where a name belongs")
    await consumer.commit()
    await consumer.close()
    assert await rest(log) == []
    (letter,) = await log.letters("g")
    assert (letter.record, letter.reason) == (record(2), "a number where a name belongs")
    assert letter.parked_at > BASE


async def test_letters_are_replayed_to_their_group_only_and_once(log: EventLogStore, join: Join) -> None:
    await log.append([record(n) for n in range(3)])
    consumer = await join("reader")
    taken = await take(consumer, 3)
    for one in taken[:2]:
        await consumer.park(one, "later")
    await consumer.commit()
    assert (await log.replay("g", 1), names_of(await log.letters("g"))) == (1, ["evt_1"])
    assert (await log.replay("g"), await log.letters("g"), await log.replay("g")) == (2 - 1, (), 0)
    again = await take(consumer, 2)
    assert [one.record for one in sorted(again, key=lambda one: one.record.id)] == [record(0), record(1)]
    await consumer.commit()
    await consumer.close()
    assert (await rest(log, "g"), await rest(log, "other")) == ([], ["evt_0", "evt_1", "evt_2"])


def names_of(letters) -> list[str]:
    return [one.record.id for one in letters]


async def test_group_without_letters_has_none(log: EventLogStore) -> None:
    await log.append([record(1)])
    assert (await log.letters("g"), await log.replay("g")) == ((), 0)


async def test_replayed_letter_may_be_set_aside_again(log: EventLogStore, join: Join) -> None:
    await log.append([record(1)])
    consumer = await join("one")
    for reason in ("once", "twice"):
        (one,) = await take(consumer, 1)
        await consumer.park(one, reason)
        await consumer.commit()
        (letter,) = await log.letters("g")
        assert (letter.record, letter.reason) == (record(1), reason)
        await log.replay("g")


async def test_reason_has_a_length(log: EventLogStore, join: Join) -> None:
    await log.append([record(1)])
    consumer = await join("one")
    (one,) = await take(consumer, 1)
    await consumer.park(one, "x" * 5_000)
    (letter,) = await log.letters("g")
    assert letter.reason == "x" * 1_000


# --- retention, and again from a time -------------------------------------------------------------------


async def test_what_was_forgotten_before_it_was_handled_is_counted_and_skipped(
    log: EventLogStore, log_place: LogPlace, join: Join
) -> None:
    await log.append([record(n) for n in range(10)])
    consumer = await join("one")
    await take(consumer, 4)
    await consumer.commit()
    await consumer.close()
    await log_place.forget("sessions")
    await log.append([record(n) for n in range(10, 12)])
    assert [(one.records, one.lost) for one in await log.lag()] == [(2, 6)]
    again = await join("one")
    assert names(await take(again, 2)) == ["evt_10", "evt_11"]
    await again.commit()
    assert [(one.records, one.lost) for one in await log.lag()] == [(0, 0)]


async def test_group_goes_back_to_a_time_and_stands_there(log: EventLogStore, join: Join) -> None:
    await log.append([record(n) for n in range(10)])
    consumer = await join("one")
    await take(consumer, 10)
    await consumer.commit()
    await consumer.seek(record(6).at)
    assert names(await take(consumer, 2)) == ["evt_6", "evt_7"]
    await consumer.close()
    again = await join("one")
    assert names(await take(again, 4)) == [f"evt_{n}" for n in range(6, 10)]


async def test_time_after_the_last_record_skips_them_all(log: EventLogStore, join: Join) -> None:
    await log.append([record(n) for n in range(10)])
    consumer = await join("one")
    await take(consumer, 1)
    await consumer.seek(record(100).at)
    await log.append([record(11)])
    assert names(await take(consumer, 1)) == ["evt_11"]
