"""The steering loop: from what is measured and what operators say to each CDN's share, step by step.

The demand is placed on the CDNs' capacities, cheapest first. How the load is split is not fed back: the
demand as a whole hardly depends on who carries it, so that late or noisy measurements make no swing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from tifo.api.steering import Decision
from tifo.workers.steering.demand import Cap, next_cap, smoothed
from tifo.workers.steering.health import EVERYWHERE, Bads, judge
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
from tifo.workers.steering.routing import WEIGHT_MIN, Routing, columns
from tifo.workers.steering.settings import SteeringLoopSettings

__all__ = ["OTHERS", "Cdn", "Cell", "Decided", "Loop", "Word", "begin", "step"]

SETTLED = 0.25
"""Part of the dead band below which a move has arrived."""

ELAPSED_S_MAX = 5.0
"""Seconds that a step makes up for at most: a loop that stood still does not jump."""

SHARE_SHOWN = 0.001
"""Of a share, what is worth a sentence or being written."""


@dataclass(frozen=True, slots=True)
class Loop:
    """What the loop remembers from step to step.

    `measured_shares` are those of the last step that measured something, or of the beginning.
    """

    shares: Shares
    measured_shares: Shares
    at: float
    demand_bps: Mapping[str, float] = field(default_factory=dict)
    bads: Bads = field(default_factory=dict)
    warm_from: Mapping[str, float] = field(default_factory=dict)
    spare: Mapping[str, float] = field(default_factory=dict)
    words: Words = field(default_factory=dict)
    cap: Cap = field(default_factory=Cap)
    moving: bool = False
    rests_since: float = -inf


@dataclass(frozen=True, slots=True)
class Decided:
    """What is in force after a step. `weights` are for everybody but the viewers of an ISP in `by_isp`.

    `spare` is the room that each CDN has left, as shares of it all: players who lose their CDN go on by it
    long before the loop has heard.
    """

    weights: Mapping[str, float]
    by_isp: Shares
    bandwidth_max_bps: int
    decisions: tuple[Decision, ...]
    spare: Mapping[str, float] = field(default_factory=dict)


def begin(cdns: Sequence[Cdn], shares: Shares, cap_bps: int, now: float) -> Loop:
    """The loop as it starts, from the shares in force; without any, by weight. What carries is warm."""
    known = {
        isp: normal({cdn.id: some.get(cdn.id, 0.0) for cdn in cdns})
        for isp, some in {OTHERS: {}, **shares}.items()
    }
    if not sum(known[OTHERS].values()):
        known[OTHERS] = normal({cdn.id: max(cdn.weight, WEIGHT_MIN) for cdn in cdns})
    known = {isp: some for isp, some in known.items() if sum(some.values())}
    warm = {cdn.id: -inf for cdn in cdns if known[OTHERS][cdn.id] > 0}
    return Loop(shares=known, measured_shares=known, at=now, warm_from=warm, cap=Cap(cap_bps, now))


def step(
    loop: Loop,
    cdns: Sequence[Cdn],
    cells: Cells,
    words: Words,
    ladder: Sequence[int],
    now: float,
    settings: SteeringLoopSettings,
) -> tuple[Loop, Decided]:
    """One step: off what is dead or full at once, and towards what is best at a bounded rate.

    `ladder` has the bandwidths of the renditions. Nothing measured changes nothing, but operators are
    obeyed.
    """
    elapsed_s = min(max(0.0, now - loop.at), ELAPSED_S_MAX)
    if sum(cell.bps for cell in cells) <= 0 or not cdns:
        return _unmeasured(loop, words, now, settings.move_per_s * elapsed_s)
    bads = judge(loop.bads, cells, now, settings)
    demand = smoothed(loop.demand_bps, _measured(cells), elapsed_s, settings)
    split = columns(demand, _with_own_shares(loop, cdns, bads, demand, settings))
    routing = Routing(cdns, words, bads, _cold(loop, cdns, now), split, now, settings)
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
        warm_from=_warm_from(loop, cdns, shares, split, now, settings),
        spare=routing.spare(shares),
        words=words,
        cap=next_cap(loop.cap, ladder, routing.load(), now, settings),
        moving=moving,
        rests_since=now if loop.moving and not moving else loop.rests_since,
    )
    told = tuple(_told(loop, after, current, best, routing, now))
    return after, _decided(after, told)


def _unmeasured(loop: Loop, words: Words, now: float, most: float) -> tuple[Loop, Decided]:
    """Towards the last measured shares with what operators say of them now."""
    best = {isp: _with_words(some, words) for isp, some in loop.measured_shares.items()}
    split = dict.fromkeys(best, 1.0)
    some = {isp: loop.shares.get(isp, loop.shares[OTHERS]) for isp in split}
    after = replace(loop, shares=_towards(some, best, split, most), words=words, at=now)
    return after, _decided(after, tuple(_words_told(loop, words, now)))


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
    return way > settings.dead_band and now - loop.rests_since >= settings.dwell_s


def _known(bads: Bads) -> frozenset[tuple[str, str, float]]:
    return frozenset((*place, bad.until) for place, bad in bads.items() if bad.until)


# --- what is said of it -----------------------------------------------------------------------------------


def _told(
    loop: Loop, after: Loop, current: Shares, best: Shares, routing: Routing, now: float
) -> Iterator[Decision]:
    """Each change with its reason."""
    for (cdn, isp), bad in after.bads.items():
        if bad.until > now and loop.bads.get((cdn, isp)) != bad:
            where = "" if isp == EVERYWHERE else isp
            yield Decision(now, "move", cdn, where, f"{bad.why}: its viewers go elsewhere")
    for (cdn, isp), bad in loop.bads.items():
        if bad.until and (cdn, isp) not in after.bads:
            where = "" if isp == EVERYWHERE else isp
            yield Decision(now, "return", cdn, where, "it was good on trial: its viewers come back")
    yield from _words_told(loop, after.words, now)
    for cdn in after.warm_from.keys() - loop.warm_from.keys():
        yield Decision(now, "warm-up", cdn, "", "it may be needed soon: it gets a little first")
    if after.moving and not loop.moving:
        yield from _moved(current[OTHERS], best[OTHERS], routing.load(), now)
    if after.cap.bps != loop.cap.bps:
        yield _capped(loop.cap, after.cap, routing.load(), now)


def _words_told(loop: Loop, words: Words, now: float) -> Iterator[Decision]:
    for cdn, word in words.items():
        if word != loop.words.get(cdn, Word()):
            yield from _obeyed(cdn, word, now)


def _obeyed(cdn: str, word: Word, now: float) -> Iterator[Decision]:
    if word.state == "draining":
        yield Decision(now, "drain", cdn, "", "an operator drains it: its viewers leave little by little")
    elif word.state == "out":
        yield Decision(now, "move", cdn, "", "an operator took it out: its viewers go elsewhere at once")
    elif word.share is not None:
        yield Decision(now, "move", cdn, "", f"an operator fixed its share at {word.share:.0%}")


def _moved(old: Mapping[str, float], new: Mapping[str, float], load: float, now: float) -> Iterator[Decision]:
    for cdn, share in new.items():
        if share - old.get(cdn, 0.0) > SHARE_SHOWN:
            reason = f"from {old.get(cdn, 0.0):.1%} to {share:.1%} of the viewers"
            if load > 0:
                reason += f": the demand is {load:.0%} of all capacity"
            yield Decision(now, "move", cdn, "", reason)


def _capped(old: Cap, new: Cap, load: float, now: float) -> Decision:
    if new.bps and (not old.bps or new.bps < old.bps):
        reason = f"the demand is {load:.0%} of all capacity: no rendition above {new.bps / 1e6:.2f} Mbit/s"
        return Decision(now, "cap", "", "", reason)
    most = f"up to {new.bps / 1e6:.2f} Mbit/s" if new.bps else "all"
    return Decision(
        now, "uncap", "", "", f"the demand is {load:.0%} of all capacity: {most} renditions again"
    )


def _decided(loop: Loop, decisions: tuple[Decision, ...]) -> Decided:
    by_isp = {isp: some for isp, some in loop.shares.items() if isp != OTHERS}
    return Decided(loop.shares[OTHERS], by_isp, loop.cap.bps, decisions, loop.spare)
