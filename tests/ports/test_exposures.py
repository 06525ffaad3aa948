"""The contract of the store of what accounts have seen, over every adapter."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_ways import ways_to

from tifo.adapters.memory.exposures import MemoryExposureStore
from tifo.adapters.redis.exposures import PER_CALL_MAX, RedisExposureStore
from tifo.adapters.sqlite.exposures import SqliteExposureStore
from tifo.kernel.errors import Unavailable
from tifo.services.ads.ports import MARKS_MAX, WINDOW_S_MAX, ExposureStore, Limit, Mark

NOW = 1_800_000_000.0
DAY, WEEK = 86_400, 604_800
TWICE_A_DAY = Limit("l:ad/2/86400", 2, DAY)
THRICE_A_WEEK = Limit("c:camp/3/604800", 3, WEEK)
ONCE_A_FLIGHT = Limit("l:ad/1/34560000", 1, WINDOW_S_MAX)
T = TypeVar("T")
_numbers = itertools.count()

Opener = Callable[[], ExposureStore]


@pytest.fixture(params=["memory", "sqlite", "redis", "redis-cluster"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Another node's way to the same store; of memory there is but one."""
    return ways_to(
        "exposures", request, tmp_path, SqliteExposureStore, RedisExposureStore, MemoryExposureStore
    )


@pytest.fixture
async def store(reopen: Opener) -> AsyncIterator[ExposureStore]:
    store = reopen()
    yield store
    await store.close()


async def until_done(do: Callable[[], Awaitable[T]]) -> T:
    """Done again while a loaded machine does not answer in time: both calls may be repeated."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await do()
            except Unavailable:
                await asyncio.sleep(0.2)


async def tell(store: ExposureStore, marks: Sequence[Mark], now: float) -> None:
    await until_done(lambda: store.add(marks, now))


async def ask(
    store: ExposureStore, accounts: Sequence[str], now: float
) -> tuple[Mapping[str, Sequence[float]], ...]:
    return await until_done(lambda: store.read(accounts, now))


def mark(account: str, at: float, *caps: Limit) -> Mark:
    return Mark(account, caps, NOW + at)


async def seen(store: ExposureStore, account: str = "demo", now: float = 0) -> Mapping[str, Sequence[float]]:
    """By cap, as seconds since `NOW`."""
    (found,) = await ask(store, [account], NOW + now)
    return {cap: [moment - NOW for moment in moments] for cap, moments in found.items()}


async def test_each_cap_has_its_impressions(store: ExposureStore) -> None:
    told = [mark("demo", 0, TWICE_A_DAY, THRICE_A_WEEK), mark("demo", 1, THRICE_A_WEEK)]
    await tell(store, [*told, mark("other", 0.5, TWICE_A_DAY)], NOW)
    assert await seen(store) == {TWICE_A_DAY.key: [0], THRICE_A_WEEK.key: [0, 1]}
    assert await seen(store, "other") == {TWICE_A_DAY.key: [0.5]}


async def test_accounts_are_answered_in_the_order_they_are_asked(store: ExposureStore) -> None:
    await tell(store, [mark("b", 0, TWICE_A_DAY)], NOW)
    found = await ask(store, ["a", "b", "a", "é"], NOW)
    assert [bool(one) for one in found] == [False, True, False, False]
    assert await ask(store, [], NOW) == ()


async def test_nothing_is_a_batch_too(store: ExposureStore) -> None:
    await tell(store, [], NOW)
    assert await seen(store) == {}


async def test_last_ones_are_kept_and_no_more_than_the_cap_counts(store: ExposureStore) -> None:
    for at in (3, 1, 4, 2):
        await tell(store, [mark("demo", at, TWICE_A_DAY, ONCE_A_FLIGHT)], NOW + 4)
    assert await seen(store, now=4) == {TWICE_A_DAY.key: [3, 4], ONCE_A_FLIGHT.key: [4]}


async def test_what_is_told_twice_changes_nothing(store: ExposureStore, reopen: Opener) -> None:
    told = [mark("demo", at, THRICE_A_WEEK) for at in (0, 1e-6)]
    await tell(store, told, NOW)
    other = reopen()
    await tell(other, told[::-1], NOW)
    assert len((await seen(other))[THRICE_A_WEEK.key]) == 2
    await other.close()


async def test_times_come_back_to_the_last_bit(store: ExposureStore) -> None:
    at = 1_800_000_000.123_456_7
    await tell(store, [Mark("demo", (TWICE_A_DAY,), at)], NOW)
    assert (await ask(store, ["demo"], NOW))[0] == {TWICE_A_DAY.key: (at,)}


async def test_another_node_sees_it_and_adds_to_it(reopen: Opener) -> None:
    one, other = reopen(), reopen()
    await tell(one, [mark("demo", 0, TWICE_A_DAY)], NOW)
    await tell(other, [mark("demo", 1, TWICE_A_DAY)], NOW)
    assert await seen(one) == await seen(other) == {TWICE_A_DAY.key: [0, 1]}
    await one.close()
    await other.close()


async def test_it_lasts_for_the_window_of_its_cap(store: ExposureStore) -> None:
    await tell(store, [mark("demo", 0, TWICE_A_DAY, THRICE_A_WEEK, ONCE_A_FLIGHT)], NOW)
    kept = {DAY - 1: 3, DAY: 2, WEEK - 1: 2, WEEK: 1, WINDOW_S_MAX - 1: 1, WINDOW_S_MAX: 0}
    assert {now: len(await seen(store, now=now)) for now in kept} == kept


async def test_what_lapsed_makes_room(store: ExposureStore) -> None:
    old = [Limit(f"l:{n}/1/60", 1, 60) for n in range(100)]
    await tell(store, [mark("demo", 0, *old)], NOW)
    await tell(store, [mark("demo", 61, TWICE_A_DAY)], NOW + 61)
    assert await seen(store, now=61) == {TWICE_A_DAY.key: [61]}
    assert await seen(store, now=0) == {TWICE_A_DAY.key: [61]}


async def test_many_at_once_are_all_kept(reopen: Opener) -> None:
    stores = [reopen() for _ in range(3)]
    often = Limit("l:ad/100/86400", 100, DAY)
    told = [[mark("demo", n, often), mark(f"viewer-{n}", n, often)] for n in range(90)]
    await asyncio.gather(*(tell(stores[n % 3], marks, NOW) for n, marks in enumerate(told)))
    assert (await seen(stores[0]))[often.key] == list(range(90))
    found = await ask(stores[1], [f"viewer-{n}" for n in range(90)], NOW)
    assert [one[often.key] for one in found] == [(NOW + n,) for n in range(90)]
    for store in stores:
        await store.close()


async def test_more_than_one_call_can_be_about_is_refused(store: ExposureStore) -> None:
    with pytest.raises(ValueError, match="more than"):
        await store.add([mark("demo", 0, TWICE_A_DAY)] * (MARKS_MAX + 1), NOW)
    with pytest.raises(ValueError, match="more than"):
        await store.read(["demo"] * (MARKS_MAX + 1), NOW)
    assert await seen(store) == {}


async def test_as_many_as_one_call_can_be_about(store: ExposureStore) -> None:
    often = Limit("l:ad/100/86400", 100, DAY)
    of_one = [mark("demo", n, often) for n in range(3 * PER_CALL_MAX)]
    of_many = [mark(f"v{n}", n, often) for n in range(MARKS_MAX - len(of_one))]
    await tell(store, [*of_one, *of_many], NOW)
    assert (await seen(store))[often.key] == list(range(500, 600))
    found = await ask(store, [one.account for one in of_many], NOW)
    assert all(len(one[often.key]) == 1 for one in found)


caps = st.sampled_from([TWICE_A_DAY, THRICE_A_WEEK, ONCE_A_FLIGHT, Limit("l:b/3/60", 3, 60)])
marks = st.builds(
    Mark,
    st.sampled_from(["a", "b"]),
    st.lists(caps, min_size=1, max_size=3, unique=True).map(tuple),
    st.integers(0, 200).map(lambda tenth: NOW + tenth / 10),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(marks, max_size=6), max_size=6), data=st.data())
async def test_it_has_the_last_of_all_that_were_told_in_any_order(
    reopen: Opener, batches: list[list[Mark]], data: st.DataObject
) -> None:
    round_ = next(_numbers)
    renamed = [[Mark(f"{one.account}{round_}", one.caps, one.at) for one in batch] for batch in batches]
    one, other = reopen(), reopen()
    again = data.draw(st.permutations(renamed + renamed))
    for n, batch in enumerate(again):
        await tell((one, other)[n % 2], batch, NOW + 20)
    for account in (f"a{round_}", f"b{round_}"):
        (found,) = await ask(other, [account], NOW + 20)
        wanted: dict[str, set[float]] = {}
        for told in itertools.chain(*renamed):
            for cap in told.caps if told.account == account else ():
                wanted.setdefault(cap.key, set()).add(told.at)
        times = {"l:ad/2/86400": 2, "c:camp/3/604800": 3, "l:ad/1/34560000": 1, "l:b/3/60": 3}
        assert {cap: tuple(moments) for cap, moments in found.items()} == {
            cap: tuple(sorted(moments)[-times[cap] :]) for cap, moments in wanted.items()
        }
    await one.close()
    await other.close()
