"""Placing a demand on CDNs that have room, cheapest first, so that nobody is left over while one has some."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

PATHS_MAX = 500
"""Rearrangements that are made for one placement."""

Pair = tuple[str, str]
"""An ISP and a CDN."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bits/s that each CDN may carry, and that it may carry into one ISP; no limit where none is named."""

    cdns: Mapping[str, float]
    pairs: Mapping[Pair, float]


class Placement:
    """What is on each CDN from each ISP, in bits/s, while more is placed. `grain_bps` counts as nothing."""

    def __init__(self, loads: Mapping[Pair, float], isps: Sequence[str], grain_bps: float) -> None:
        self.loads = dict(loads)
        self._isps = isps
        self._grain_bps = grain_bps

    def on(self, cdn: str) -> float:
        """Everything on one CDN."""
        return sum(self.loads.get((isp, cdn), 0.0) for isp in self._isps)

    def place(
        self, rest: Mapping[str, float], tiers: Sequence[Mapping[str, float]], limits: Limits
    ) -> dict[str, float]:
        """Place what is left of each ISP's demand, tier by tier, by weight within a tier.

        Answers what has no place. That is as little as the limits allow: what stands in the way of an ISP
        with few ways is moved to another CDN.
        """
        left = dict(rest)
        for tier in tiers:
            left = self._fill(left, tier, limits)
        cdns = [cdn for tier in tiers for cdn in tier]
        for _ in range(PATHS_MAX):
            way = self._way(left, cdns, limits)
            if not way:
                break
            self._shift(left, way, limits)
        return left

    def overflow(self, rest: Mapping[str, float], by: Mapping[str, float]) -> None:
        """Place everything that is left, over any limit, in proportion."""
        whole = sum(by.values())
        for isp, bps in rest.items():
            for cdn, part in by.items():
                self._add(isp, cdn, bps * part / whole)

    def _add(self, isp: str, cdn: str, bps: float) -> None:
        self.loads[isp, cdn] = max(0.0, self.loads.get((isp, cdn), 0.0) + bps)

    def _room(self, cdn: str, limits: Limits) -> float:
        return max(0.0, limits.cdns.get(cdn, inf) - self.on(cdn))

    def _pair_room(self, isp: str, cdn: str, limits: Limits) -> float:
        return max(0.0, limits.pairs.get((isp, cdn), inf) - self.loads.get((isp, cdn), 0.0))

    def _fill(self, rest: dict[str, float], tier: Mapping[str, float], limits: Limits) -> dict[str, float]:
        """Each round fills a CDN, or one's way into an ISP, or places everything."""
        left = dict(rest)
        for _ in range(len(tier) * (len(left) + 1)):
            asked = self._asked(left, tier, limits)
            if not asked:
                break
            for cdn in tier:
                wanted = sum(bps for (_, to), bps in asked.items() if to == cdn)
                part = min(1.0, self._room(cdn, limits) / wanted) if wanted else 0.0
                for isp in left:
                    given = asked.get((isp, cdn), 0.0) * part
                    self._add(isp, cdn, given)
                    left[isp] -= given
        return left

    def _asked(
        self, left: Mapping[str, float], tier: Mapping[str, float], limits: Limits
    ) -> dict[Pair, float]:
        asked: dict[Pair, float] = {}
        rooms = {cdn: self._room(cdn, limits) for cdn in tier}
        for isp, bps in left.items():
            pairs = {cdn: min(rooms[cdn], self._pair_room(isp, cdn, limits)) for cdn in tier}
            open_ = {cdn: tier[cdn] for cdn, room in pairs.items() if room > self._grain_bps}
            if bps > self._grain_bps and open_:
                whole = sum(open_.values())
                for cdn, weight in open_.items():
                    asked[isp, cdn] = min(bps * weight / whole, pairs[cdn])
        return asked

    def _way(self, left: Mapping[str, float], cdns: Sequence[str], limits: Limits) -> list[str]:
        """ISP, CDN, ISP, CDN ...: from what is left, over CDNs that are full, to one that has room."""
        todo = deque(sorted(isp for isp, bps in left.items() if bps > self._grain_bps))
        isps: dict[str, str] = dict.fromkeys(todo, "")
        before: dict[str, str] = {}
        while todo:
            isp = todo.popleft()
            for cdn in cdns:
                if cdn in before or self._pair_room(isp, cdn, limits) <= self._grain_bps:
                    continue
                before[cdn] = isp
                if self._room(cdn, limits) > self._grain_bps:
                    return _back(cdn, before, isps)
                for other in self._isps:
                    if other not in isps and self.loads.get((other, cdn), 0.0) > self._grain_bps:
                        isps[other] = cdn
                        todo.append(other)
        return []

    def _shift(self, left: dict[str, float], way: Sequence[str], limits: Limits) -> None:
        gains = list(zip(way[::2], way[1::2], strict=True))
        losses = list(zip(way[2::2], way[1:-1:2], strict=True))
        bps = min(
            left[way[0]],
            self._room(way[-1], limits),
            *(self._pair_room(isp, cdn, limits) for isp, cdn in gains),
            *(self.loads[pair] for pair in losses),
        )
        left[way[0]] -= bps
        for isp, cdn in gains:
            self._add(isp, cdn, bps)
        for isp, cdn in losses:
            self._add(isp, cdn, -bps)


def _back(cdn: str, isp_before: Mapping[str, str], cdn_before: Mapping[str, str]) -> list[str]:
    """The way that ends at a CDN: each CDN was reached from an ISP, each ISP but the first from a CDN."""
    way = [isp_before[cdn], cdn]
    while cdn := cdn_before[way[0]]:
        way = [isp_before[cdn], cdn, *way]
    return way
