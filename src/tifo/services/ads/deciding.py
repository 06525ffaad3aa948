"""Decisions with all they need in memory: the inventory in force, budgets, caps, and pods of before."""

from collections import OrderedDict
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Literal

from tifo.api.ad_control import AdLever
from tifo.api.breaks import Break
from tifo.api.inventory import Inventory
from tifo.kernel.clock import Clock
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.cohorts import Cohorts
from tifo.services.ads.decision import decide
from tifo.services.ads.exposures import NOTHING, Exposures
from tifo.services.ads.index import Index
from tifo.services.ads.model import Decision, State, Verdict, Viewer
from tifo.services.ads.presence import Present
from tifo.services.ads.tally import Tally

PODS_MAX = 100_000
"""Decisions that a node remembers, so that who asks again gets the same and takes no budget twice. About a
kilobyte each."""

KEPT_S = 300.0
"""Seconds after a break's end for which its decisions are remembered."""

RUNNING_S = 1.0
"""Seconds for which it is taken as given which line items are in their flight and hours."""

Lever = Literal["personal", "cohort", "house"]
"""Whom is decided for, where there is something to decide."""

NO_BUDGETS: Mapping[str, int] = MappingProxyType({})


class Decider:
    """One for each node. Nothing it does waits."""

    def __init__(self, ledger: Ledger, clock: Clock, *, pods_max: int = PODS_MAX) -> None:
        self._ledger = ledger
        self._clock = clock
        self.tally = Tally()
        self._pods_max = pods_max
        self.exposures = Exposures()
        self.present = Present()
        self._cohorts = Cohorts()
        self._pods: OrderedDict[tuple[str, str, float], tuple[Decision, float]] = OrderedDict()
        self._forget_at = 0.0
        self._running, self._running_until = 0, 0.0
        self.use(Index(Inventory()))

    @property
    def index(self) -> Index:
        """The inventory in force."""
        return self._index

    def use(self, index: Index) -> None:
        """Put an inventory in force; what was decided stays."""
        self._index = index
        self._cohorts.expire()
        self._running_until = 0.0
        self._ledger.follow(index)

    def pod(self, viewer: Viewer, brk: Break, lever: Lever = "personal") -> Decision:
        """The viewer's pod of the break: the same as before if it was asked for, else decided and counted.

        By cohort too every viewer's impressions come out of the budgets. House ads need no memory.
        """
        key = (viewer.session, brk.id, brk.duration_s)  # it may change until it is announced
        known = self._pods.get(key) if lever != "house" else None
        if known is not None:
            return known[0]
        now, began = self._clock.now(), self._clock.monotonic()
        if lever == "house":
            decision = decide(self._index, viewer, brk, State(now, 0, NO_BUDGETS, NOTHING))
        else:
            decision = self._decide(viewer, brk, now, alone=lever == "personal")
            self._ledger.spend(decision.items)
            self._pods[key] = (decision, brk.end + KEPT_S)
            if len(self._pods) > self._pods_max or now >= self._forget_at:
                self._forget(now)
        self.tally.decided(self._clock.monotonic() - began)
        return decision

    def explain(
        self, viewer: Viewer, brk: Break, lever: AdLever = "personal"
    ) -> tuple[Decision, Mapping[str, Verdict]]:
        """What would be decided now for one who has not asked, and what became of every line item."""
        now = self._clock.now()
        if lever in ("house", "none"):
            house = decide(self._index, viewer, brk, State(now, 0, NO_BUDGETS, NOTHING))
            nobody: dict[str, Verdict] = {one.id: "lever" for one in self._index.items}
            return (house if lever == "house" else Decision((), brk.duration_s)), nobody
        told: dict[str, Verdict] = {}
        if lever == "cohort":
            like = self._index.like(viewer)
            return self._cohorts.explain(self._index, like, brk, self._state(now), told), told
        return decide(self._index, viewer, brk, self._state(now, viewer.account), told), told

    def _decide(self, viewer: Viewer, brk: Break, now: float, *, alone: bool) -> Decision:
        if not alone:
            return self._cohorts.decision(self._index, self._index.like(viewer), brk, self._state(now))
        decision = decide(self._index, viewer, brk, self._state(now, viewer.account))
        self.exposures.add(viewer.account, decision.items, now)
        return decision

    def _forget(self, now: float) -> None:
        """The oldest, two at most: as many go as come, and more. The next one says when to look again."""
        for key, (_, until) in list(islice(self._pods.items(), 2)):
            self._forget_at = until
            if len(self._pods) <= self._pods_max and now < until:
                return
            del self._pods[key]

    def _state(self, now: float, account: str = "") -> State:
        if not self._running_until - RUNNING_S <= now < self._running_until:
            self._running, self._running_until = self._index.running(now), now + RUNNING_S
        seen = self.exposures.seen(account) if account else NOTHING
        return State(now, self._running, self._ledger.left, seen, self._ledger.funded)
