"""A source read through a node's memory: one flight per key, stale while it refreshes or when it fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from cache_parts import Profile, Source, settle

from tifo.cache.caches import Caches
from tifo.cache.policy import CachePolicy
from tifo.cache.two_level import FAILING_RETRIES, KEY_CHARS_MAX, ReadThrough
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import SequentialIds
from tifo.telemetry.stores import Meters

HOUR_S = 3_600
POLICY = CachePolicy(fresh_s=60, absent_s=10, refresh_s=60, stale_s=6 * HOUR_S, jitter_share=0, retry_s=2)


def _with(**changes: float) -> CachePolicy:
    return replace(POLICY, **changes)


@pytest.fixture
def source() -> Source:
    return Source()


Make = Callable[[CachePolicy], ReadThrough[Profile]]


@pytest.fixture
async def make(source: Source, clock: ManualClock, ids: SequentialIds) -> AsyncIterator[Make]:
    caches = Caches(clock, ids, Meters(clock))
    yield lambda policy: caches.over("test-profiles", source.profile, Profile, policy)
    await caches.close()


@pytest.fixture
async def cache(make: Make) -> ReadThrough[Profile]:
    return make(POLICY)


async def plan(cache: ReadThrough[Profile], account: str = "ada") -> str:
    found = await cache.get(account)
    assert found is not None
    return found.plan


def outcomes(cache: ReadThrough[Profile]) -> dict[str, int]:
    return {name: count for name, count in cache._meter._counts.items() if count}


# --- one flight per key -----------------------------------------------------------------------------------


async def test_a_thousand_callers_of_one_key_ask_the_source_once(cache, source) -> None:
    found = await asyncio.gather(*(cache.get("ada") for _ in range(1_000)))
    assert set(found) == {Profile("ada", "basic")}
    assert source.asked["ada"] == 1
    assert outcomes(cache) == {"miss": 1, "coalesced": 999}


async def test_keys_are_asked_for_side_by_side(cache, source) -> None:
    await asyncio.gather(*(cache.get(f"a{n}") for n in range(100)))
    assert source.at_once_max == 100


async def test_cancelled_first_caller_fails_nobody_else(cache, source) -> None:
    source.open.clear()
    first, second = (asyncio.create_task(cache.get("ada")) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    source.open.set()
    assert await second == Profile("ada", "basic")
    assert first.cancelled()
    assert source.asked["ada"] == 1


async def test_flight_that_all_left_is_not_in_vain(cache, source) -> None:
    source.open.clear()
    only = asyncio.create_task(cache.get("ada"))
    await settle()
    only.cancel()
    source.open.set()
    await settle()
    assert cache.peek("ada").value == Profile("ada", "basic")


async def test_error_is_shared_by_those_who_wait_and_not_remembered(cache, source) -> None:
    source.fail()
    found = await asyncio.gather(*(cache.get("ada") for _ in range(100)), return_exceptions=True)
    assert all(isinstance(one, Unavailable) for one in found)
    assert source.asked["ada"] == 1
    source.error = None
    assert await plan(cache) == "basic"


async def test_error_of_a_flight_that_nobody_waits_for_is_no_loose_end(cache, source) -> None:
    source.open.clear()
    only = asyncio.create_task(cache.get("ada"))
    await settle()
    only.cancel()
    source.fail()
    source.open.set()
    await settle()
    assert outcomes(cache) == {}


async def test_refusal_of_the_source_is_an_answer(cache, source) -> None:
    source.error = Refusal("bad-token")
    with pytest.raises(Refusal, match="bad-token"):
        await cache.get("ada")


async def test_reads_at_once_are_bounded(make, source) -> None:
    cache = make(_with(flights_max=10))
    source.open.clear()
    waiting = [asyncio.create_task(cache.get(f"a{n}")) for n in range(10)]
    await settle()
    with pytest.raises(Unavailable):
        await cache.get("one too many")
    source.open.set()
    assert len(await asyncio.gather(*waiting)) == 10
    assert await plan(cache, "one too many") == "basic"


async def test_source_that_hangs_is_given_up(make, source) -> None:
    cache = make(_with(load_s_max=0.02))
    source.open.clear()
    with pytest.raises(Unavailable) as raised:
        await cache.get("ada")
    assert "0.02 s" in raised.value.why


# --- fresh and absent -------------------------------------------------------------------------------------


async def test_fresh_value_is_not_asked_for_again(cache, source, clock) -> None:
    await cache.get("ada")
    clock.advance(59)
    await cache.get("ada")
    assert source.asked["ada"] == 1
    assert outcomes(cache) == {"miss": 1, "hit": 1}


async def test_peek_answers_fresh_values_only(cache, clock) -> None:
    assert cache.peek("ada") is None
    await cache.get("ada")
    assert cache.peek("ada").value == Profile("ada", "basic")
    clock.advance(61)
    assert cache.peek("ada") is None


async def test_that_there_is_nothing_is_remembered_for_its_own_time(cache, source, clock) -> None:
    source.absent.add("bob")
    assert await cache.get("bob") is await cache.get("bob") is None
    assert source.asked["bob"] == 1
    assert cache.peek("bob").value is None
    source.absent.clear()
    clock.advance(11)
    await cache.get("bob")
    await settle()
    assert await plan(cache, "bob") == "basic"


@pytest.mark.parametrize("key", ["x" * (KEY_CHARS_MAX + 1), "a\x00b", "a\ud800"], ids=["long", "nul", "half"])
async def test_key_that_cannot_be_kept_is_asked_for_each_time(cache, source, key) -> None:
    await cache.get(key)
    await cache.get(key)
    await cache.put(key, Profile(key, "plus"))
    await cache.invalidate(key)
    assert source.asked[key] == 2
    assert cache.peek(key) is None


async def test_memory_stays_bounded(make) -> None:
    cache = make(_with(entries_max=10))
    for n in range(50):
        await cache.get(f"a{n}")
    assert sum(cache.peek(f"a{n}") is not None for n in range(50)) == 10


# --- stale while it refreshes -----------------------------------------------------------------------------


async def test_stale_value_answers_at_once_while_one_refresh_runs(cache, source, clock) -> None:
    await cache.get("ada")
    source.plan = "plus"
    source.open.clear()
    clock.advance(61)
    assert [await plan(cache) for _ in range(100)] == ["basic"] * 100
    source.open.set()
    await settle()
    assert await plan(cache) == "plus"
    assert source.asked["ada"] == 2


async def test_value_too_old_to_answer_at_once_is_waited_for(cache, source, clock) -> None:
    await cache.get("ada")
    source.plan = "plus"
    clock.advance(121)
    assert await plan(cache) == "plus"


async def test_refreshes_at_once_are_bounded_and_all_get_their_turn(make, source, clock) -> None:
    cache = make(_with(refreshes_max=5))
    keys = [f"a{n}" for n in range(100)]
    await asyncio.gather(*map(cache.get, keys))
    clock.advance(61)
    source.plan, source.at_once_max = "plus", 0
    for _ in range(20):
        await asyncio.gather(*map(cache.get, keys))
        await settle()
    assert source.at_once_max == 5
    assert {await plan(cache, key) for key in keys} == {"plus"}
    assert set(source.asked.values()) == {2}


# --- stale when the source fails --------------------------------------------------------------------------


async def test_values_of_before_answer_for_hours_while_the_source_fails(cache, source, clock, logged) -> None:
    await cache.get("ada")
    source.fail()
    for _ in range(5 * 60):
        clock.advance(60)
        assert await plan(cache) == "basic"
        await settle()
    assert [one["event"] for one in logged] == ["cache.source-failing"]
    clock.advance(HOUR_S)
    with pytest.raises(Unavailable):
        await cache.get("ada")


async def test_failing_source_is_tried_now_and_then_and_not_by_each_request(cache, source, clock) -> None:
    await cache.get("ada")
    source.fail()
    clock.advance(600)
    for _ in range(1_000):
        assert await plan(cache) == "basic"
    await settle()
    assert source.asked["ada"] == 2
    for _ in range(60):
        clock.advance(1)
        await plan(cache)
        await settle()
    assert 15 <= source.asked["ada"] - 2 <= 60


async def test_source_known_to_hang_is_waited_for_by_nobody_who_can_be_answered(make, source, clock) -> None:
    cache = make(_with(load_s_max=0.02))
    for account in ("ada", "bob", "eve"):
        await cache.get(account)
    clock.advance(600)
    source.open.clear()
    await cache.get("ada")
    assert [await plan(cache, account) for account in ("bob", "eve")] == ["basic"] * 2
    assert outcomes(cache) == {"miss": 3, "stale": 3}


async def test_source_that_failed_long_ago_is_waited_for_again(cache, source, clock) -> None:
    await cache.get("ada")
    source.fail()
    clock.advance(600)
    await cache.get("ada")
    source.error, source.plan = None, "plus"
    clock.advance(FAILING_RETRIES * POLICY.retry_s + 1)
    assert await plan(cache) == "plus"


async def test_source_that_is_back_is_told(cache, source, clock, logged) -> None:
    source.fail()
    with pytest.raises(Unavailable):
        await cache.get("ada")
    source.error = None
    await cache.get("ada")
    assert [one["event"] for one in logged] == ["cache.source-failing", "cache.source-back"]


async def test_fault_of_ours_is_logged_and_the_value_of_before_answers(cache, source, clock, logged) -> None:
    await cache.get("ada")
    source.error = ZeroDivisionError()
    clock.advance(600)
    assert await plan(cache) == "basic"
    (entry,) = logged
    assert entry["event"] == "cache.load-broken"
    logged.clear()


async def test_fault_of_ours_without_a_value_of_before_is_raised(cache, source, logged) -> None:
    source.error = ZeroDivisionError()
    found = await asyncio.gather(cache.get("ada"), cache.get("ada"), return_exceptions=True)
    assert [type(one) for one in found] == [ZeroDivisionError] * 2
    logged.clear()


# --- writes -----------------------------------------------------------------------------------------------


async def test_what_this_node_wrote_answers_at_once(cache, source) -> None:
    await cache.get("ada")
    await cache.put("ada", Profile("ada", "plus"))
    assert await plan(cache) == "plus"
    assert source.asked["ada"] == 1


async def test_what_this_node_deleted_is_absent_at_once(cache) -> None:
    await cache.get("ada")
    await cache.put("ada", None)
    assert await cache.get("ada") is None


async def test_invalidated_key_is_asked_for_again(cache, source) -> None:
    await cache.get("ada")
    source.plan = "plus"
    await cache.invalidate("ada")
    assert await plan(cache) == "plus"


async def test_invalidated_value_answers_nobody_even_if_the_source_fails(cache, source) -> None:
    await cache.get("ada")
    await cache.invalidate("ada")
    source.fail()
    with pytest.raises(Unavailable):
        await cache.get("ada")


@pytest.mark.parametrize("write", ["put", "invalidate"])
async def test_read_that_began_before_a_write_is_not_kept(cache, source, write) -> None:
    source.open.clear()
    before = asyncio.create_task(cache.get("ada"))
    await settle()
    source.plan = "plus"
    if write == "put":
        await cache.put("ada", Profile("ada", "plus"))
    else:
        await cache.invalidate("ada")
    after = asyncio.create_task(cache.get("ada"))
    await settle()
    source.open.set()
    assert (await before).plan == "basic"
    assert (await after).plan == "plus"
    assert await plan(cache) == "plus"


async def test_doubted_values_are_asked_for_again_and_answer_if_the_source_fails(cache, source) -> None:
    await cache.get("ada")
    await cache.get("bob")
    assert cache.doubt_all() == 2
    source.plan = "plus"
    assert await plan(cache, "ada") == "plus"
    source.fail()
    assert await plan(cache, "bob") == "basic"


async def test_closing_ends_what_is_under_way(cache, source) -> None:
    source.open.clear()
    waiting = asyncio.create_task(cache.get("ada"))
    await settle()
    await cache.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_reads_are_counted_and_reported(source, clock, ids) -> None:
    meters = Meters(clock)
    caches = Caches(clock, ids, meters)
    cache = caches.over("test-reported", source.profile, Profile, POLICY)
    await asyncio.gather(*(cache.get("ada") for _ in range(5)))
    await cache.get("ada")
    (report,) = meters.caches(1.0)
    assert (report.name, report.entries) == ("test-reported", 1)
    assert (report.misses_per_s, report.coalesced_per_s, report.hits_per_s) == (1, 4, 1)
    await caches.close()
