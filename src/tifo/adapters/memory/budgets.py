"""The embedded budget store: a dictionary in one process."""

from collections.abc import Mapping, Sequence

from tifo.services.ads.pacing import Meter, granted, returned
from tifo.services.ads.ports import Ask, BudgetStore


class MemoryBudgetStore(BudgetStore):
    """Atomic because nothing in it waits. Caveat: one process, and what was spent is forgotten with it."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}

    async def take(self, asks: Sequence[Ask], now: float) -> tuple[int, ...]:
        """One after the other."""
        return tuple(self._take(ask, now) for ask in asks)

    async def taken(self, budgets: Sequence[str]) -> tuple[int, ...]:
        """As the meters stand."""
        return tuple(self._meters.get(budget, Meter()).taken for budget in budgets)

    async def give_back(self, unused: Mapping[str, int]) -> None:
        """Off what was taken."""
        for budget, count in unused.items():
            self._meters[budget] = returned(self._meters.get(budget, Meter()), count)

    async def close(self) -> None:
        """Nothing to release."""

    def _take(self, ask: Ask, now: float) -> int:
        given, self._meters[ask.budget] = granted(self._meters.get(ask.budget, Meter()), ask, now)
        return given
