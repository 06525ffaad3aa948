"""A node's parts of the budgets: taken ahead from the store, spent in memory, given back when idle."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from zlib import crc32

from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.services.ads.index import Index
from tifo.services.ads.model import Item
from tifo.services.ads.pacing import ask_for
from tifo.services.ads.ports import Ask, BudgetStore
from tifo.services.ads.settings import AdsSettings

PART_MIN = 10
"""Impressions that a node takes of a budget before it knows how fast it spends."""

PARTS_OF_A_BUDGET = 1_000
"""No part is larger than this share of its budget, so that idle nodes hold little of a small one."""

ASKS_MAX = 300
"""Budgets that are asked for at one look, a millisecond or two of the event loop; the next asks for more."""

TIDY_PER_PACE = 20
"""Times in `ads.pace_s` that a node looks for parts that are idle."""

WAIT_S_MAX = 5.0
"""Seconds until a budget that gave nothing is asked again, at the most: twice as long each time."""


@dataclass(slots=True)
class _Part:
    """Of one budget: how large the next part is, what was spent since the last look, and when to ask."""

    size: int
    spent: int = 0
    wait_s: float = 0.0
    ask_at: float = 0.0
    used_at: float = 0.0


class Ledger:
    """What this node may still show of each budget.

    A budget is never overspent: what is shown was taken before. While the store is gone the node spends what
    it holds and then shows house ads. A node that dies loses at most `ads.part_count_max` impressions of
    each budget, or a thousandth of it if that is less.
    """

    def __init__(self, store: BudgetStore, clock: Clock, settings: AdsSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._index: Index | None = None
        self._left: dict[str, int] = {}
        self.left: Mapping[str, int] = self._left
        """Impressions that may be taken from each budget; to be read only, and read often."""
        self._parts: dict[str, _Part] = {}
        self._running = 0
        self._short: set[str] = set()
        """Budgets to look at: spent from, new, or waiting to be asked again."""
        self._tidy_at = 0.0
        self.funded = -1
        """The items of which something was left when the node last looked."""
        effect = "line items stop when this node has spent what it holds of their budgets"
        self._looking = Background("ad-budgets", settings.part_s, self.look, effect)

    async def open(self) -> None:
        """Begin to take parts."""
        await self._looking.open()

    async def close(self) -> None:
        """Stop, and give back what is left; a store that is gone keeps it."""
        await self._looking.close()
        with contextlib.suppress(Unavailable):
            await self._give_back(list(self._left))
        await self._store.close()

    def follow(self, index: Index) -> None:
        """Take parts of this inventory's budgets from now on."""
        self._index = index
        self._running = 0
        self._tidy_at = 0.0
        self._note_funded(index)

    def spend(self, items: Iterable[Item]) -> None:
        """One impression of each, of which `left` said that there was one."""
        now = self._clock.now()
        for item in items:
            for key in item.budgets:
                self._left[key] -= 1
                self._short.add(key)
                part = self._parts[key]
                part.spent += 1
                part.used_at = now

    async def taken(self, budgets: Sequence[str]) -> tuple[int, ...]:
        """What all nodes together have taken of each. Raises `Unavailable`."""
        return await self._store.taken(budgets)

    async def look(self) -> None:
        """Take what is short, give back what is idle or gone from the inventory. Raises `Unavailable`."""
        index, now = self._index, self._clock.now()
        if index is None:
            return
        try:
            await self._take(index, now)
            if now >= self._tidy_at:
                self._tidy_at = now + self._settings.pace_s / TIDY_PER_PACE
                await self._give_back(self._idle(index, now))
        finally:
            self._note_funded(index)

    async def _take(self, index: Index, now: float) -> None:
        running = index.running(now)
        if running != self._running:
            self._running = running
            self._short.update(key for one in index.of(running) for key in one.budgets)
        wanted = (self._ask(index, key, now) for key in list(self._short))
        asks = list(islice((ask for ask in wanted if ask is not None), ASKS_MAX))
        if not asks:
            return
        for ask, given in zip(asks, await self._store.take(asks, now), strict=True):
            self._left[ask.budget] = self._left.get(ask.budget, 0) + given
            self._learn(self._parts[ask.budget], ask, given, now)

    def _ask(self, index: Index, key: str, now: float) -> Ask | None:
        """What is missing of the budget's part, or None where enough is left or it is too early to ask."""
        plan = index.budgets.get(key)
        if plan is None or not index.budgeted[key] & self._running:
            self._short.discard(key)
            return None
        part = self._parts.setdefault(key, _Part(PART_MIN, used_at=now))
        if now < part.ask_at:
            return None
        part.size, part.spent = max(PART_MIN, part.size, 2 * part.spent), 0
        most = min(self._settings.part_count_max, max(1, plan.goal // PARTS_OF_A_BUDGET))
        part.size = min(part.size, most)
        left = self._left.get(key, 0)
        if 2 * left > part.size:
            self._short.discard(key)
            return None
        return ask_for(plan, part.size - left, now, self._settings.pace_s)

    def _idle(self, index: Index, now: float) -> set[str]:
        before = now - self._settings.pace_s
        gone = self._left.keys() - index.budgets.keys()
        return gone | {key for key, part in self._parts.items() if part.used_at < before}

    def _learn(self, part: _Part, ask: Ask, given: int, now: float) -> None:
        if given >= ask.want:
            part.wait_s = part.ask_at = 0.0
            self._short.discard(ask.budget)
            return
        part.wait_s = min(WAIT_S_MAX, max(self._settings.part_s, 2 * part.wait_s))
        # Apart from each other, so that many that are spent do not ask in one breath.
        part.ask_at = now + part.wait_s * (0.75 + crc32(ask.budget.encode()) % 1_000 / 2_000)

    async def _give_back(self, keys: Iterable[str]) -> None:
        """Forget the parts first: what the store may or may not have got back is not shown."""
        unused = {key: self._left.pop(key, 0) for key in keys}
        for key in unused:
            self._parts.pop(key, None)
        self._short.update(unused)
        unused = {key: count for key, count in unused.items() if count > 0}
        if unused:
            await self._store.give_back(unused)

    def _note_funded(self, index: Index) -> None:
        left, empty = self._left, 0
        for key, items in index.budgeted.items():
            if not left.get(key):
                empty |= items
        self.funded = ~empty
