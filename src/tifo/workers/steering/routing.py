"""Where the demand goes: the shares that would be best now, and those that nothing is overloaded with."""

from collections.abc import Mapping, Sequence
from math import inf

from tifo.workers.steering.allocation import Limits, Pair, Placement
from tifo.workers.steering.health import EVERYWHERE, Bads
from tifo.workers.steering.model import OTHERS, Cdn, Shares, Word, Words, as_number, normal
from tifo.workers.steering.settings import BPS_PER_GBPS, SteeringLoopSettings

CAPACITY_BPS_MIN = 1.0
"""What a CDN without any capacity counts as where everything is overloaded."""

WEIGHT_MIN = 1e-9
"""What a CDN without weight counts as: it carries only where no other does."""

COLUMN_MIN = 1e-6
"""What an ISP counts as at least, as a share of the whole demand: it has shares even if nobody is there."""

SURE, UNSURE, ANY = range(3)
"""Whose capacity counts: that of CDNs that shall carry load; also of those that are cold, draining or held at
a fixed share; also of those that are bad or on trial."""


class Routing:
    """One moment: the CDNs that live, what each may carry, and the demand in bits/s of each ISP."""

    def __init__(
        self,
        cdns: Sequence[Cdn],
        words: Words,
        bads: Bads,
        cold: frozenset[str],
        demand_bps: Mapping[str, float],
        now: float,
        settings: SteeringLoopSettings,
        soon_bps: float = 0.0,
    ) -> None:
        self._cdns = cdns
        self._words = words
        self._bads = bads
        self._cold = cold
        self._demand = demand_bps
        self._now = now
        self._settings = settings
        self.total_bps = sum(demand_bps.values())
        self._soon_bps = soon_bps
        self.live = self._living()
        self._held = self._fixed()

    def best(self) -> Shares:
        """Where everything would be, could it be moved at once."""
        placed = self._held | {
            (isp, cdn): self._settings.warm_up_share * bps
            for isp, bps in self._demand.items()
            for cdn in self._warming()
        }
        return self._shares(self._placed(self._within_limits(self._within_demand(placed))))

    def relieved(self, shares: Shares) -> Shares:
        """The shares without what a dead or full CDN cannot carry: that goes where there is room."""
        loads = {
            (isp, cdn.id): shares[isp].get(cdn.id, 0.0) * bps
            for isp, bps in self._demand.items()
            for cdn in self._cdns
        }
        kept = self._within_limits(loads)
        return shares if kept == loads else self._shares(self._placed(kept))

    def spare(self, shares: Shares) -> dict[str, float]:
        """The room that the shares leave on each CDN which may take more, as shares of all such room."""
        room = {cdn.id: self._room(cdn, shares) for cdn in self.live if self._takes_more(cdn)}
        return normal({cdn.id: room.get(cdn.id, 0.0) for cdn in self._cdns})

    def _room(self, cdn: Cdn, shares: Shares) -> float:
        # A CDN without a stated capacity has room for everything, and no more than that.
        carried = sum(shares[isp].get(cdn.id, 0.0) * bps for isp, bps in self._demand.items())
        return max(0.0, min(cdn.capacity_bps - carried, self.total_bps))

    def _takes_more(self, cdn: Cdn) -> bool:
        return self._word(cdn).state == "in" and not self._phase(cdn, EVERYWHERE)

    def loads(self) -> dict[str, float]:
        """The demand as a share of all capacity together, under `OTHERS`; and that of each ISP with narrow
        ways as a share of what they carry. A CDN on trial counts for nothing yet.
        """
        sure = [cdn for cdn in self.live if self._phase(cdn, EVERYWHERE) != "trial"] or self.live
        capacity = sum(cdn.capacity_bps for cdn in sure)
        found = {OTHERS: self.total_bps / max(capacity, CAPACITY_BPS_MIN)}
        for isp, bps in self._demand.items():
            ways = [cdn.isp_capacity_bps.get(as_number(isp), inf) for cdn in sure]
            if isp != OTHERS and min(ways) < inf:
                into = sum(min(way, cdn.capacity_bps) for way, cdn in zip(ways, sure, strict=True))
                found[isp] = bps / max(into, CAPACITY_BPS_MIN)
        return found

    def why_warm(self) -> str:
        """Why a CDN that carried nothing gets a little now."""
        if self._soon_bps > self.total_bps:
            gbps = self._soon_bps / BPS_PER_GBPS
            return f"the calendar expects {gbps:,.1f} Gbit/s soon: it gets a little first"
        return "it may be needed soon: it gets a little first"

    def _placed(self, kept: Mapping[Pair, float]) -> Mapping[Pair, float]:
        """Up to the target load; then full; then on what is cold, draining or fixed; then on what is bad or
        on trial; then over everything."""
        placement = Placement(kept, tuple(self._demand), self._grain_bps)
        tiers = self._tiers()
        together = [{cdn: weight for tier in tiers for cdn, weight in tier.items()}]
        target = self._settings.target_load
        left = placement.place(self._rest(kept), tiers, self._limits(target, SURE))
        for whose in (SURE, UNSURE, ANY):
            left = placement.place(left, together, self._limits(1.0, whose))
        if sum(left.values()) > self._grain_bps:
            placement.overflow(left, self._by_capacity())
        return placement.loads

    def _rest(self, placed: Mapping[Pair, float]) -> dict[str, float]:
        return {
            isp: max(0.0, bps - sum(placed.get((isp, cdn.id), 0.0) for cdn in self._cdns))
            for isp, bps in self._demand.items()
        }

    def _shares(self, loads: Mapping[Pair, float]) -> Shares:
        return {
            isp: normal({cdn.id: loads.get((isp, cdn.id), 0.0) for cdn in self._cdns}) for isp in self._demand
        }

    def _within_demand(self, placed: Mapping[Pair, float]) -> dict[Pair, float]:
        """No more of an ISP than it has."""
        sums = {isp: sum(bps for (of, _), bps in placed.items() if of == isp) for isp in self._demand}
        scales = {isp: min(1.0, self._demand[isp] / whole) if whole else 1.0 for isp, whole in sums.items()}
        return {(isp, cdn): bps * scales[isp] for (isp, cdn), bps in placed.items()}

    def _within_limits(self, placed: Mapping[Pair, float]) -> dict[Pair, float]:
        """No more on a CDN than it can carry."""
        limits = self._limits(1.0, ANY)
        kept = {pair: min(bps, limits.pairs.get(pair, inf)) for pair, bps in placed.items()}
        for cdn in self._cdns:
            pairs = [(isp, cdn.id) for isp in self._demand if (isp, cdn.id) in kept]
            on, most = sum(kept[pair] for pair in pairs), limits.cdns[cdn.id]
            if on > most:
                kept |= {pair: kept[pair] * most / on for pair in pairs}
        return kept

    @property
    def _grain_bps(self) -> float:
        return self.total_bps * 1e-9

    # --- who may carry what ---------------------------------------------------------------------------

    def _living(self) -> tuple[Cdn, ...]:
        """CDNs that are neither out nor dead; were all of them, none is."""
        inside = tuple(cdn for cdn in self._cdns if self._word(cdn).state != "out") or tuple(self._cdns)
        return tuple(cdn for cdn in inside if self._phase(cdn, EVERYWHERE) != "avoided") or inside

    def _word(self, cdn: Cdn) -> Word:
        return self._words.get(cdn.id, Word())

    def _phase(self, cdn: Cdn, isp: str) -> str:
        bad = self._bads.get((cdn.id, isp))
        return bad.phase(self._now) if bad else ""

    def _tiers(self) -> list[dict[str, float]]:
        """The CDNs that live by cost; one without weight comes with the last."""
        costs = sorted({cdn.cost for cdn in self.live})
        return [
            {cdn.id: max(cdn.weight, WEIGHT_MIN) for cdn in self.live if cdn.cost == cost} for cost in costs
        ]

    def _by_capacity(self) -> dict[str, float]:
        return {cdn.id: max(min(cdn.capacity_bps, self.total_bps), CAPACITY_BPS_MIN) for cdn in self.live}

    def _limits(self, load: float, whose: int) -> Limits:
        """What each CDN may carry up to a load: `SURE`, `UNSURE` or `ANY`."""
        cdns = {cdn.id: 0.0 for cdn in self._cdns}
        pairs: dict[Pair, float] = {}
        for cdn in self.live:
            cdns[cdn.id] = min(load * cdn.capacity_bps, self._allowed(cdn, whose))
            for isp in self._demand:
                stated = load * cdn.isp_capacity_bps.get(as_number(isp), inf)
                pairs[isp, cdn.id] = min(stated, self._allowed_at(cdn, isp, whose))
        return Limits(cdns, pairs)

    def _allowed(self, cdn: Cdn, whose: int) -> float:
        word, little = self._word(cdn), self._settings.warm_up_share * self.total_bps
        if whose < ANY and self._phase(cdn, EVERYWHERE) == "trial":
            return little
        if whose > SURE:
            return inf
        if word.state == "draining":
            return 0.0
        if word.share is not None:
            return sum(self._held.get((isp, cdn.id), 0.0) for isp in self._demand)
        return little if cdn.id in self._cold else inf

    def _allowed_at(self, cdn: Cdn, isp: str, whose: int) -> float:
        match self._phase(cdn, isp):
            case "avoided" if whose < ANY:
                return self._held.get((isp, cdn.id), 0.0)
            case "trial" if whose < ANY:
                return self._settings.warm_up_share * self._demand[isp]
            case _:
                return inf

    def _fixed(self) -> dict[Pair, float]:
        """What operators have fixed, as far as the CDNs' capacities go."""
        words = {cdn.id: self._word(cdn) for cdn in self.live}
        asked = {cdn: word.share for cdn, word in words.items() if word.state == "in" and word.share}
        scale = max(1.0, sum(asked.values()))
        held: dict[Pair, float] = {}
        for cdn in self.live:
            share = min(asked.get(cdn.id, 0.0) / scale, cdn.capacity_bps / self.total_bps)
            for isp, bps in self._demand.items():
                held[isp, cdn.id] = min(share * bps, cdn.isp_capacity_bps.get(as_number(isp), inf))
        return held

    def _warming(self) -> list[str]:
        """The dearer CDNs that must be warm soon: they get a little before they are needed."""
        found: list[str] = []
        room = 0.0
        free = [cdn for cdn in self.live if self._word(cdn).state == "in" and self._word(cdn).share is None]
        for cost in sorted({cdn.cost for cdn in free}):
            tier = [cdn for cdn in free if cdn.cost == cost]
            if room and max(self.total_bps, self._soon_bps) > room * self._settings.warm_at_load:
                found += [cdn.id for cdn in tier if cdn.warm_up_s]
            room += sum(cdn.capacity_bps for cdn in tier) * self._settings.target_load
        return found


def columns(demand_bps: Mapping[str, float], own: Sequence[str]) -> dict[str, float]:
    """The demand of each ISP with shares of its own and of all others together; none is quite nothing."""
    total = sum(demand_bps.values())
    least = max(total * COLUMN_MIN, 1.0)
    some = {isp: demand_bps[isp] for isp in own}
    rest = {OTHERS: total - sum(some.values()), **some}
    return {isp: max(bps, least) for isp, bps in rest.items()}
