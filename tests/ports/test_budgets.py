"""The contract of the budget store, over every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from store_ways import ways_to

from tifo.adapters.memory.budgets import MemoryBudgetStore
from tifo.adapters.redis.budgets import RedisBudgetStore
from tifo.adapters.sqlite.budgets import SqliteBudgetStore
from tifo.services.ads.ports import Ask, BudgetStore

NOW = 1_800_000_000.0
HOUR = 3_600.0

Opener = Callable[[], BudgetStore]


@pytest.fixture(params=["memory", "sqlite", "redis", "redis-cluster"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Another node's store of the same budgets; of memory there is but one."""
    return ways_to("budgets", request, tmp_path, SqliteBudgetStore, RedisBudgetStore, MemoryBudgetStore)


@pytest.fixture
async def budgets(reopen: Opener) -> AsyncIterator[BudgetStore]:
    store = reopen()
    yield store
    await store.close()


async def take(store: BudgetStore, want: int, goal: int = 100, now: float = NOW, **pace: float) -> int:
    (given,) = await store.take([Ask("l:ad", want, goal, **pace)], now)
    return given


def paced(ran_s: float = 0.0, left_s: float = HOUR, rate_max: float = 2.0, burst_s: float = 600.0) -> dict:
    return {"goal": 3_600, "ran_s": ran_s, "left_s": left_s, "rate_max": rate_max, "burst_s": burst_s}


async def test_no_more_is_given_than_there_is(budgets: BudgetStore) -> None:
    assert [await take(budgets, 40) for _ in range(4)] == [40, 40, 20, 0]


async def test_budgets_are_apart_and_asked_together(budgets: BudgetStore) -> None:
    asks = [Ask("l:a", 5, 10), Ask("l:b", 20, 10), Ask("l:a", 20, 10)]
    assert await budgets.take(asks, NOW) == (5, 10, 5)
    assert await budgets.take([], NOW) == ()


async def test_what_comes_back_is_given_again(budgets: BudgetStore) -> None:
    await take(budgets, 100)
    await budgets.give_back({"l:ad": 30})
    assert await take(budgets, 100) == 30
    await budgets.give_back({"l:ad": 500, "l:new": 5})
    assert await take(budgets, 1_000) == 100


async def test_goal_that_is_lowered_below_what_was_taken_gives_nothing(budgets: BudgetStore) -> None:
    await take(budgets, 60)
    assert await take(budgets, 10, goal=50) == 0
    assert await take(budgets, 100, goal=70) == 10


async def test_flight_begins_with_nothing_and_fills_at_its_pace(budgets: BudgetStore) -> None:
    assert await take(budgets, 100, **paced()) == 0
    assert await take(budgets, 100, now=NOW + 10, **paced(10, HOUR - 10)) == 10
    assert await take(budgets, 100, now=NOW + 10, **paced(10, HOUR - 10)) == 0


async def test_nobody_asked_for_a_while_gives_a_burst_and_no_more(budgets: BudgetStore) -> None:
    assert await take(budgets, 5_000, **paced(1_800, 1_800)) == 1_200
    assert await take(budgets, 5_000, now=NOW + 1, **paced(1_801, 1_799)) == 1


async def test_what_fell_behind_is_made_up_for_at_twice_the_rate_at_most(budgets: BudgetStore) -> None:
    await take(budgets, 0, **paced(3_000, 600))
    assert await take(budgets, 5_000, now=NOW + 60, **paced(3_060, 540, burst_s=60)) == 120


async def test_slow_budget_gives_one_when_it_has_gathered(budgets: BudgetStore) -> None:
    slow = {"goal": 10, "left_s": 100 * HOUR, "rate_max": 1.0, "burst_s": 60.0}
    assert await take(budgets, 1, **slow) == 0
    given = [await take(budgets, 1, now=NOW + n * 60, **slow) for n in range(1, 700)]
    assert sum(given) == 1
    assert given.index(1) == pytest.approx(600, abs=2)


async def test_clock_that_is_behind_gathers_nothing(budgets: BudgetStore) -> None:
    await take(budgets, 0, **paced())
    assert await take(budgets, 100, now=NOW - 50, **paced()) == 0
    assert await take(budgets, 100, now=NOW + 10, **paced()) == 10


async def test_what_is_taken_is_told_less_what_came_back(budgets: BudgetStore) -> None:
    await budgets.take([Ask("l:a", 5, 10), Ask("l:b", 20, 10)], NOW)
    await budgets.give_back({"l:b": 3})
    assert await budgets.taken(["l:b", "l:new", "l:a"]) == (7, 0, 5)
    assert await budgets.taken([]) == ()


async def test_another_node_sees_what_was_taken(reopen: Opener) -> None:
    one, other = reopen(), reopen()
    assert await take(one, 70) == 70
    assert await take(other, 70) == 30
    await one.close()
    await other.close()


async def test_many_who_ask_at_once_do_not_overspend(reopen: Opener) -> None:
    stores = [reopen() for _ in range(3)]
    given = await asyncio.gather(*(take(stores[n % 3], 7, goal=500) for n in range(100)))
    assert sum(given) == 500
    for store in stores:
        await store.close()
