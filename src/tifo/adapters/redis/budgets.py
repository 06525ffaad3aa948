"""Budgets in Redis: shared by the nodes of many machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tifo.adapters.redis.connection import Call, RedisConnection, Script, answered
from tifo.services.ads.ports import Ask, BudgetStore

KEPT_S = 400 * 86_400
"""Seconds after which Redis forgets a budget that nobody asks for."""


class RedisBudgetStore(BudgetStore):
    """A budget is a key by itself, so that they spread over a cluster; one script does each step.

    Caveats: what Redis acknowledged and lost in a failover may be given once more; Redis must not evict.
    """

    def __init__(self, redis: RedisConnection, *, prefix: str = "ads") -> None:
        self._redis = redis
        self._prefix = prefix
        self._script = Script("budgets", Path(__file__).with_name("budgets.lua").read_text("utf-8"))

    async def take(self, asks: Sequence[Ask], now: float) -> tuple[int, ...]:
        """One call of the script for each, in as few round trips as there are servers."""
        answers = await self._redis.run_many([self._call(ask, now) for ask in asks])
        return tuple(map(int, answered(answers)))

    async def taken(self, budgets: Sequence[str]) -> tuple[int, ...]:
        """The same; it writes nothing."""
        calls = [Call(self._script, self._key(budget), ("taken",)) for budget in budgets]
        return tuple(map(int, answered(await self._redis.run_many(calls))))

    async def give_back(self, unused: Mapping[str, int]) -> None:
        """The same."""
        calls = [
            Call(self._script, self._key(budget), ("give-back", count)) for budget, count in unused.items()
        ]
        list(answered(await self._redis.run_many(calls)))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._redis.close()

    def _call(self, ask: Ask, now: float) -> Call:
        pace = (ask.ran_s, ask.left_s, ask.rate_max, ask.burst_s)
        return Call(self._script, self._key(ask.budget), ("take", ask.want, ask.goal, *pace, now, KEPT_S))

    def _key(self, budget: str) -> str:
        return f"{self._prefix}:{{{budget}}}"
