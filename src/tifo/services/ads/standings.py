"""How far line items are with their budgets: what a node says of ads each second."""

from heapq import nlargest

from tifo.api.inventory import LineItem
from tifo.api.reports import AdsReport, LineItemReport
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.deciding import Decider
from tifo.services.ads.desk import InventoryDesk
from tifo.services.ads.index import Index
from tifo.services.ads.outside import OutsideAds
from tifo.services.ads.pacing import Plan
from tifo.services.ads.settings import AdsSettings

LISTED_MAX = 50
"""Line items of which a node tells."""

LOOK_S = 2.0
"""Seconds between two looks at what all nodes have taken: one exchange with the store for all listed."""


class Standings:
    """Reads what all nodes have taken; while the store is gone, what was read last is told."""

    def __init__(
        self,
        desk: InventoryDesk,
        decider: Decider,
        outside: OutsideAds,
        ledger: Ledger,
        clock: Clock,
        settings: AdsSettings,
    ) -> None:
        self._desk = desk
        self._decider = decider
        self._outside = outside
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._items: tuple[LineItemReport, ...] = ()
        effect = "the cockpit shows budgets as they were"
        self._looking = Background("ad-standings", LOOK_S, self.look, effect)

    async def open(self) -> None:
        """Begin to look."""
        await self._looking.open()

    async def close(self) -> None:
        """Stop."""
        await self._looking.close()

    async def look(self) -> None:
        """Read what was taken of the budgets that are listed. Raises `Unavailable`."""
        index, now = self._decider.index, self._clock.now()
        listed = self._listed(index, now)
        taken = await self._ledger.taken([plan.budget for _, plan in listed])
        self._items = tuple(
            self._item(item, plan, count, now) for (item, plan), count in zip(listed, taken, strict=True)
        )

    def report(self, every_s: float) -> AdsReport:
        """Of the seconds before; asked each `every_s`."""
        told, kept = self._decider.tally.report(every_s), self._desk.kept
        return AdsReport(
            revision=kept.revision,
            since=self._desk.since,
            line_items=len(kept.inventory.line_items),
            pods_per_s=told.pods_per_s,
            refused_per_s=told.refused_per_s,
            seconds=dict(told.seconds),
            p50_ms=told.p50_ms,
            p99_ms=told.p99_ms,
            capacity_per_s=self._settings.capacity_per_s,
            items=self._items,
            servers=self._outside.reports(every_s),
        )

    @staticmethod
    def _listed(index: Index, now: float) -> list[tuple[LineItem, Plan]]:
        """The largest budgets, those in their flight first: the same on every node, so that parts add up."""

        def rank(one: tuple[LineItem, Plan]) -> tuple[bool, int, str]:
            item, plan = one
            return item.starts <= now < item.ends, plan.goal, item.id

        budgeted = ((one, index.budgets.get(f"l:{one.id}")) for one in index.inventory.line_items)
        return nlargest(LISTED_MAX, ((one, plan) for one, plan in budgeted if plan is not None), rank)

    def _item(self, item: LineItem, plan: Plan, taken: int, now: float) -> LineItemReport:
        ran_s, whole_s = plan.seconds(plan.starts, now), plan.seconds(plan.starts, plan.ends)
        share = min(1.0, ran_s / whole_s) if whole_s else float(now >= plan.ends)
        return LineItemReport(
            id=item.id,
            goal=plan.goal,
            taken=taken,
            held=self._ledger.left.get(plan.budget, 0),
            due=round(plan.goal * share),
            gathers=round(plan.goal * min(1.0, self._settings.pace_s / max(whole_s, 1.0))),
            starts=item.starts,
            ends=item.ends,
            even=plan.even,
            active=item.active,
        )
