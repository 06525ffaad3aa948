"""The steering loop: from what is measured and what operators say to each CDN's share, step by step.

The demand is placed on the CDNs' capacities, cheapest first. How the load is split is not fed back: the
demand as a whole hardly depends on who carries it, so that late or noisy measurements make no swing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

from tifo.api.steering import Decision
from tifo.workers.steering.demand import next_caps, smoothed
from tifo.workers.steering.health import EVERYWHERE, Bads, judge
from tifo.workers.steering.learning import effective, learned
from tifo.workers.steering.model import (
    OTHERS,
    Cdn,
    Cell,
    Cells,
    Shares,
    Word,
    Words,
    as_number,
    distance,
    normal,
)
from tifo.workers.steering.routing import Routing, columns
from tifo.workers.steering.settings import SteeringLoopSettings
from tifo.workers.steering.state import Decided, Loop, begin
from tifo.workers.steering.telling import told, words_told

__all__ = ["OTHERS", "Cdn", "Cell", "Decided", "Loop", "Word", "begin", "step"]

SETTLED = 0.25
"""Part of the dead band below which a move has arrived."""

WORTH = 0.999
"""Part of the dead band from which a move is worth it: one CDN's warm-up share may be just as much."""

ELAPSED_S_MAX = 5.0
"""Seconds that a step makes up for at most: a loop that stood still does not jump."""


def step(
    loop: Loop,
    cdns: Sequence[Cdn],
    cells: Cells,
    words: Words,
    ladder: Sequence[int],
    now: float,
    settings: SteeringLoopSettings,
    forecast_viewers: int = 0,
) -> tuple[Loop, Decided]:
    """One step: off what is dead or full at once, and towards what is best at a bounded rate.

    `ladder` has the bandwidths of the renditions; `forecast_viewers` are those who will be there soon, by
    the calendar. Nothing measured changes nothing, but operators are obeyed.
    """
    elapsed_s = min(max(0.0, now - loop.at), ELAPSED_S_MAX)
    if sum(cell.bps for cell in cells) <= 0 or not cdns:
        return _unmeasured(loop, words, now, settings.move_per_s * elapsed_s)
    lesson, busy = learned(loop.lesson, cells, cdns, loop.bads, now, elapsed_s, settings)
    bads = judge(loop.bads, cells, now, settings, busy)
    real = effective(cdns, lesson)
    demand = smoothed(loop.demand_bps, _measured(cells), elapsed_s, settings)
    split = columns(demand, _with_own_shares(loop, real, bads, demand, settings))
    soon_bps = _forecast_bps(cells, forecast_viewers)
    routing = Routing(real, words, bads, _cold(loop, cdns, now), split, now, settings, soon_bps)
    current = {isp: loop.shares.get(isp, loop.shares[OTHERS]) for isp in split}
    safe, best = routing.relieved(current), routing.best()
    moving = _moves(loop, words, bads, _way_to_go(safe, best, split), now, settings)
    shares = _towards(safe, best, split, settings.move_per_s * elapsed_s) if moving else safe
    after = Loop(
        shares=shares,
        measured_shares=shares,
        at=now,
        demand_bps=demand,
        bads=bads,
        lesson=lesson,
        warm_from=_warm_from(loop, cdns, shares, split, now, settings),
        spare=routing.spare(shares),
        words=words,
        caps=next_caps(loop.caps, ladder, routing.loads(), now, settings),
        moving=moving,
        rests_since=now if loop.moving and not moving else loop.rests_since,
    )
    return after, _decided(after, tuple(told(loop, after, cdns, best, routing)))


def _forecast_bps(cells: Cells, viewers: int) -> float:
    """What so many viewers would take, at what each takes now."""
    there = sum(cell.viewers for cell in cells)
    return viewers * sum(cell.bps for cell in cells) / there if there else 0.0


def _unmeasured(loop: Loop, words: Words, now: float, most: float) -> tuple[Loop, Decided]:
    """Towards the last measured shares with what operators say of them now."""
    best = {isp: _with_words(some, words) for isp, some in loop.measured_shares.items()}
    split = dict.fromkeys(best, 1.0)
    some = {isp: loop.shares.get(isp, loop.shares[OTHERS]) for isp in split}
    after = replace(loop, shares=_towards(some, best, split, most), words=words, at=now)
    return after, _decided(after, tuple(words_told(loop, words, now)))


def _with_words(shares: Mapping[str, float], words: Words) -> Mapping[str, float]:
    """The shares with what is draining at nothing, and with those that are fixed.

    What is out keeps its share here: nodes leave it at once by themselves, and come back as quickly.
    """
    heeded = {cdn: word for cdn, word in words.items() if word.state != "out" and word != Word()}
    said = {cdn: heeded[cdn] for cdn in shares if cdn in heeded}
    fixed = {cdn: word.share for cdn, word in said.items() if word.state == "in" and word.share is not None}
    free = normal({cdn: 0.0 if cdn in said else share for cdn, share in shares.items()})
    if not sum(free.values()):
        return normal({cdn: fixed.get(cdn, 0.0) for cdn in shares}) if sum(fixed.values()) else shares
    scale = max(1.0, sum(fixed.values()))
    rest = 1.0 - sum(fixed.values()) / scale
    return {cdn: fixed[cdn] / scale if cdn in fixed else share * rest for cdn, share in free.items()}


def _measured(cells: Cells) -> dict[str, float]:
    demand: dict[str, float] = {}
    for cell in cells:
        demand[cell.isp] = demand.get(cell.isp, 0.0) + cell.bps
    return demand


def _with_own_shares(
    loop: Loop,
    cdns: Sequence[Cdn],
    bads: Bads,
    demand: Mapping[str, float],
    settings: SteeringLoopSettings,
) -> list[str]:
    """ISPs that need shares of their own: a CDN has a capacity into them, or is bad there."""
    stated = {number for cdn in cdns for number in cdn.isp_capacity_bps}
    bad = {isp for (_, isp), one in bads.items() if one.until}
    near = settings.dead_band * SETTLED
    others = loop.shares[OTHERS]
    unlike = {isp for isp, some in loop.shares.items() if distance(some, others) > near}
    return sorted(
        isp for isp in demand if isp != OTHERS and (as_number(isp) in stated or isp in bad | unlike)
    )


def _cold(loop: Loop, cdns: Sequence[Cdn], now: float) -> frozenset[str]:
    return frozenset(cdn.id for cdn in cdns if now - loop.warm_from.get(cdn.id, now) < cdn.warm_up_s)


def _warm_from(
    loop: Loop,
    cdns: Sequence[Cdn],
    shares: Shares,
    split: Mapping[str, float],
    now: float,
    settings: SteeringLoopSettings,
) -> dict[str, float]:
    """Since when each CDN has carried enough to be warm, or to become so."""
    total = sum(split.values())
    carried = {cdn.id: sum(shares[isp][cdn.id] * bps for isp, bps in split.items()) / total for cdn in cdns}
    enough = settings.warm_up_share / 2
    return {cdn: loop.warm_from.get(cdn, now) for cdn, share in carried.items() if share >= enough}


# --- how fast -------------------------------------------------------------------------------------------


def _way_to_go(some: Shares, best: Shares, split: Mapping[str, float]) -> float:
    """The share of all traffic that is not where it would be best."""
    total = sum(split.values())
    return sum(distance(some[isp], best[isp]) * bps for isp, bps in split.items()) / total


def _towards(some: Shares, best: Shares, split: Mapping[str, float], most: float) -> Shares:
    way = _way_to_go(some, best, split)
    part = min(1.0, most / way) if way > 0 else 1.0
    return {
        isp: normal({cdn: share + part * (best[isp][cdn] - share) for cdn, share in some[isp].items()})
        for isp in split
    }


def _moves(
    loop: Loop, words: Words, bads: Bads, way: float, now: float, settings: SteeringLoopSettings
) -> bool:
    """Whether to move at all: what has begun arrives, what is small or too soon after the last waits."""
    if loop.moving:
        return way > settings.dead_band * SETTLED
    if words != loop.words or _known(bads) != _known(loop.bads):
        return way > 0
    return way >= settings.dead_band * WORTH and now - loop.rests_since >= settings.dwell_s


def _known(bads: Bads) -> frozenset[tuple[str, str, float]]:
    return frozenset((*place, bad.until) for place, bad in bads.items() if bad.until)


def _decided(loop: Loop, decisions: tuple[Decision, ...]) -> Decided:
    caps = {isp: cap.bps for isp, cap in loop.caps.items() if cap.bps}
    lessons = {cdn: one.bps for (cdn, isp), one in loop.lesson.items() if isp == EVERYWHERE}
    return Decided(
        weights=loop.shares[OTHERS],
        by_isp={isp: some for isp, some in loop.shares.items() if isp != OTHERS},
        bandwidth_max_bps=caps.pop(OTHERS, 0),
        decisions=decisions,
        spare=loop.spare,
        bandwidth_max_by_isp=caps,
        learned_bps={cdn: bps for cdn, bps in lessons.items() if bps < inf},
    )
