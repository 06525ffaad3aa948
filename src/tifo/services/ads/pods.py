"""A pod in the making: who may still join it, and where."""

from collections.abc import Iterable, Iterator, Sequence

from tifo.api.creatives import Creative
from tifo.api.inventory import PodRules
from tifo.services.ads.model import Item, Pick, State, Verdict
from tifo.services.ads.ports import Limit

_BESIDE = ("advertiser", "category")
"""Why a place beside another one is not to be had."""


class PodInMaking:
    """Takes line items until the break or the rules' slots are full."""

    def __init__(self, rules: PodRules, length_s: int, lengths: Sequence[int], state: State) -> None:
        self.length_s = length_s
        self.rest_s = length_s
        """Seconds that no ad fills yet."""
        self.left_s = min(length_s, rules.ads_s_max or length_s)
        """Seconds of them that ads may fill."""
        self.slots = rules.slots_max
        self._rules = rules
        self._one_each = rules.advertisers == "pod"
        self._no_rivals = rules.categories == "pod"
        self._beside = "adjacent" in (rules.advertisers, rules.categories)
        self._lengths = lengths
        self._state = state
        self._advertisers: set[str] = set()
        """Those that may not come again, and categories likewise."""
        self._categories: set[str] = set()
        self._shown: set[str] = set()
        self._taken: dict[str, int] = {}
        self._first: Pick | None = None
        self._last: Pick | None = None
        self._between: list[Pick] = []

    def hopeful(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items without those that `offer` is sure to refuse by the time that it is their turn.

        It sees most of these, not all: so much can be told at a glance.
        """
        advertisers, categories = self._advertisers, self._categories
        for item in items:
            if (
                item.shortest_s <= self.left_s
                and item.advertiser not in advertisers
                and categories.isdisjoint(item.categories)
            ):
                yield item

    def offer(self, item: Item, draw: int, *, exactly: bool) -> Verdict | None:
        """Take the item or say why not.

        None, only when asked `exactly`, is to be asked again at the end: the item leaves a rest that cannot
        be filled exactly, or has a competitor on each side until others stand between them.
        """
        why = self._barred(item) or self._spent(item)
        if why is not None:
            return why
        creative, exact = self._fitting(item.creatives, draw)
        if creative is None:
            return self._unfit(item)
        if exactly and not exact:
            return None
        why = self._take(item, creative)
        return None if exactly and why in _BESIDE else why

    def ordered(self, fillers: Iterable[Pick]) -> tuple[Pick, ...]:
        """The pod in its order; fillers stand before the last ad."""
        first = () if self._first is None else (self._first,)
        last = () if self._last is None else (self._last,)
        return (*first, *self._between, *fillers, *last)

    def _barred(self, item: Item) -> Verdict | None:
        if item.advertiser in self._advertisers:
            return "advertiser"
        if not self._categories.isdisjoint(item.categories):
            return "category"
        return None if self.slots else "slots"

    def _spent(self, item: Item) -> Verdict | None:
        left, seen, taken = self._state.left, self._state.seen, self._taken
        for key in item.budgets:
            if left.get(key, 0) <= taken.get(key, 0):
                return "budget"
        if seen or taken:
            for cap in item.caps:
                more = taken.get(cap.key, 0)
                if (more or cap.key in seen) and capped(cap, seen.get(cap.key, ()), self._state.now, more):
                    return "cap"
        return None

    def _unfit(self, item: Item) -> Verdict:
        if not self.left_s:
            return "full"
        return "creative" if all(one.id in self._shown for one in item.creatives) else "length"

    def _fitting(self, creatives: Sequence[Creative], draw: int) -> tuple[Creative | None, bool]:
        """The first in turn that leaves no gap, or else the first that fits; and whether there is no gap."""
        fitting: Creative | None = None
        lengths, count = self._lengths[self.slots - 1], len(creatives)
        first = (draw >> 16) % count
        for n in range(first, first + count):
            creative = creatives[n % count]
            if creative.duration_s <= self.left_s and creative.id not in self._shown:
                if lengths >> self.rest_s - creative.duration_s & 1:
                    return creative, True
                fitting = fitting or creative
        return fitting, False

    def _take(self, item: Item, creative: Creative) -> Verdict:
        why = self._put(item, Pick(creative, item, "ad"))
        if why is not None:
            return why
        self.slots -= 1
        self.left_s -= creative.duration_s
        self.rest_s -= creative.duration_s
        self._shown.add(creative.id)
        if self._no_rivals:
            self._categories.update(item.categories)
        if self._one_each:
            self._advertisers.add(item.advertiser)
        else:  # or nothing else in this pod could take from the same
            for key in (*item.budgets, *(cap.key for cap in item.caps)):
                self._taken[key] = self._taken.get(key, 0) + 1
        return "chosen"

    def _put(self, item: Item, pick: Pick) -> Verdict | None:
        if item.position == "any":
            return self._put_between(item, pick)
        why: Verdict = "position"
        if item.position != "last" and self._first is None:
            clash = self._clash(item, self._between[0] if self._between else self._last)
            if clash is None:
                self._first = pick
                return None
            why = clash
        if item.position != "first" and self._last is None:
            clash = self._clash(item, self._between[-1] if self._between else self._first)
            if clash is None:
                self._last = pick
                return None
            why = clash
        return why

    def _put_between(self, item: Item, pick: Pick) -> Verdict | None:
        """At the end, or nearer to the beginning where no neighbour competes."""
        if not self._beside:
            self._between.append(pick)
            return None
        why: Verdict | None = None
        row = [self._first, *self._between, self._last]
        for place in range(len(self._between), -1, -1):
            why = self._clash(item, row[place]) or self._clash(item, row[place + 1])
            if why is None:
                self._between.insert(place, pick)
                return None
        return why

    def _clash(self, item: Item, neighbour: Pick | None) -> Verdict | None:
        other = neighbour.item if neighbour is not None else None
        if other is None:
            return None
        if self._rules.advertisers == "adjacent" and item.advertiser == other.advertiser:
            return "advertiser"
        if self._rules.categories == "adjacent" and not item.categories.isdisjoint(other.categories):
            return "category"
        return None


def capped(cap: Limit, moments: Sequence[float], now: float, more: int = 0) -> bool:
    """Whether an account with impressions at these moments, oldest first, has had as many as the cap allows.

    `more` are decided already, for now.
    """
    if more >= cap.times:
        return True
    # The one that must be out of the window for one more to be let in.
    place = cap.times - more
    return len(moments) >= place and moments[-place] > now - cap.per_s
