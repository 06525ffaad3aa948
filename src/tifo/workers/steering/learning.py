"""What a CDN carries in truth, in all or into one ISP: learned from where its viewers began to wait.

A capacity that is wrong, and one that goes without a word, look the same: pictures come late once so much is
on it. So much less a little is what it counts as from then on. After a while the figure grows slowly, as long
as nobody waits: should that prove wrong, the next attempt is later. What all CDNs have alike is no CDN's
capacity, and nothing is learned from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from tifo.workers.steering.health import EVERYWHERE, Bads, Place
from tifo.workers.steering.model import Cdn, Cell, as_number
from tifo.workers.steering.settings import SteeringLoopSettings

WIDESPREAD = 0.75
"""Share of a CDN's viewers who wait from which it is the CDN that is full, not its ways into some ISPs."""

UNLIKE_OTHERS = 2.0
"""How much more is waited for a CDN than for the best of the others, at least, before it is its own fault."""

MEASURED_ROOM = 1.05
"""What a measurement may be above a limit that is kept."""

UNTESTED_S_MAX = 3_600.0
"""Seconds for which a figure counts that could be put to the test, had anybody been there."""

EXERCISED = 0.7
"""Share of the target load of what was learned that must be carried before it is found to be too little."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a place carries: `bps`, lowered last at `lowered_at`, and not raised before `held_until`.

    It looks full since `full_since`, or does not where that is infinite. `tries` counts the attempts to
    raise it that went wrong.
    """

    bps: float = inf
    full_since: float = inf
    lowered_at: float = -inf
    held_until: float = -inf
    tries: int = 0


Lesson = Mapping[Place, Learned]


@dataclass(frozen=True, slots=True)
class Look:
    """One place as its viewers have it: `stated_bps` is what it should carry, `ratio` how much they wait.

    It is `full` where that is much, and `excused` where it is much but says nothing of the place.
    """

    bps: float
    ratio: float
    stated_bps: float
    full: bool = False
    excused: bool = False


def learned(
    lesson: Lesson,
    cells: Sequence[Cell],
    cdns: Sequence[Cdn],
    bads: Bads,
    now: float,
    elapsed_s: float,
    settings: SteeringLoopSettings,
) -> tuple[Lesson, frozenset[Place]]:
    """The lesson after what was measured now, and the places that viewers' waiting says nothing against.

    They are too many there, or wait elsewhere as well, or have come from a CDN that died: who has waited
    for that one says so on the next.
    """
    seen = looks(cells, cdns, settings)
    if any(isp == EVERYWHERE and now - bad.since < settings.settle_s for (_, isp), bad in bads.items()):
        seen = {
            place: replace(look, full=False, excused=look.full or look.excused)
            for place, look in seen.items()
        }
    after = _learn(lesson, seen, now, elapsed_s, settings)
    full = (place for place, look in seen.items() if look.full)
    busy = {place for place in full if not _hopeless(after[place], seen[place], now, settings)}
    return after, frozenset(busy | {place for place, look in seen.items() if look.excused})


def _learn(
    lesson: Lesson, looks: Mapping[Place, Look], now: float, elapsed_s: float, settings: SteeringLoopSettings
) -> dict[Place, Learned]:
    """The lesson after what was seen now."""
    after: dict[Place, Learned] = {}
    for place, look in looks.items():
        if one := _next(lesson.get(place, Learned()), look, now, elapsed_s, settings):
            after[place] = one
    untested = {place: one for place, one in lesson.items() if place not in looks and one.bps < inf}
    return after | {place: one for place, one in untested.items() if now - one.held_until <= UNTESTED_S_MAX}


def _hopeless(one: Learned, look: Look, now: float, settings: SteeringLoopSettings) -> bool:
    """Whether it is bad although it carries no more than it was found to: then it is not the load."""
    return (
        look.ratio >= settings.poor_rebuffer_ratio
        and now - one.lowered_at >= settings.settle_s
        and look.bps <= one.bps * MEASURED_ROOM < inf
    )


def effective(cdns: Sequence[Cdn], lesson: Lesson) -> tuple[Cdn, ...]:
    """The CDNs with what they carry in truth, where that is less than is stated."""
    return tuple(_effective(cdn, lesson) for cdn in cdns)


def _effective(cdn: Cdn, lesson: Lesson) -> Cdn:
    found = {isp: one.bps for (id, isp), one in lesson.items() if id == cdn.id and one.bps < inf}
    if not found:
        return cdn
    ways = dict(cdn.isp_capacity_bps)
    for isp, bps in found.items():
        if isp != EVERYWHERE:
            ways[as_number(isp)] = min(bps, ways.get(as_number(isp), inf))
    return replace(cdn, capacity_bps=min(cdn.capacity_bps, found.get(EVERYWHERE, inf)), isp_capacity_bps=ways)


def _next(
    one: Learned, look: Look, now: float, elapsed_s: float, settings: SteeringLoopSettings
) -> Learned | None:
    if look.full:
        one = replace(one, full_since=min(one.full_since, now))
        confirmed = now - one.full_since >= settings.confirm_s
        settled = now - one.lowered_at >= settings.settle_s
        lower = confirmed and settled and not _hopeless(one, look, now, settings)
        return _lowered(one, look, now, settings) if lower else one
    if one.bps == inf:
        return None
    one = replace(one, full_since=inf)
    if look.excused:
        return one
    exercised = look.bps >= EXERCISED * settings.target_load * one.bps
    if now < one.held_until or not exercised:
        return one
    raised = replace(one, bps=one.bps * (1 + settings.probe_per_s * elapsed_s))
    return raised if raised.bps < look.stated_bps else None


def _lowered(one: Learned, look: Look, now: float, settings: SteeringLoopSettings) -> Learned:
    carried = look.bps * (1 - look.ratio) * settings.back_off_share
    least = look.stated_bps * settings.learned_from_share
    tries = one.tries + (one.bps < inf and now >= one.held_until)
    pause_s = min(settings.probe_after_s * 2 ** min(tries, 16), settings.retry_s_max)
    return Learned(max(least, min(one.bps, carried)), inf, now, now + pause_s, tries)


# --- what is seen -----------------------------------------------------------------------------------------


def looks(cells: Iterable[Cell], cdns: Sequence[Cdn], settings: SteeringLoopSettings) -> dict[Place, Look]:
    """Each place that carries enough to be judged; CDNs whose capacity nobody states are not.

    What fails by errors is left out: that is no matter of load.
    """
    said = [cell for cell in cells if cell.rebuffer_ratio is not None and not _fails(cell, settings)]
    on: dict[str, list[Cell]] = {cdn.id: [] for cdn in cdns}
    at: dict[str, list[Cell]] = {}
    for cell in said:
        if cell.cdn in on:
            on[cell.cdn].append(cell)
            at.setdefault(cell.isp, []).append(cell)
    whole = sum(cell.bps for cell in said)
    means = {cdn: _mean(some) for cdn, some in on.items() if _enough(some, settings)}
    found: dict[Place, Look] = {}
    for cdn in cdns:
        if cdn.id in means and 0 < cdn.capacity_bps < inf:
            own = on[cdn.id]
            widely = _waiting(own, settings.full_rebuffer_ratio / 2) >= WIDESPREAD
            bps = sum(cell.bps for cell in own)
            found[cdn.id, EVERYWHERE] = _look(cdn.id, means, bps, cdn.capacity_bps, settings, counts=widely)
            for cell in own:
                isp_bps = sum(one.bps for one in at[cell.isp])
                found |= _way(cell, cdn, at[cell.isp], isp_bps / max(whole, 1.0), settings, widely=widely)
    return {
        place: look
        for place, look in found.items()
        if look.bps >= look.stated_bps * settings.learned_from_share
    }


def _way(
    cell: Cell,
    cdn: Cdn,
    same: Sequence[Cell],
    size: float,
    settings: SteeringLoopSettings,
    *,
    widely: bool,
) -> dict[Place, Look]:
    """A CDN's way into one ISP; what is not stated of it is the part of the CDN that the ISP's size asks."""
    if not cell.isp or not _enough([cell], settings):
        return {}
    ratios = {one.cdn: one.rebuffer_ratio or 0.0 for one in same if _enough([one], settings)}
    stated = min(cdn.isp_capacity_bps.get(as_number(cell.isp), inf), cdn.capacity_bps * size)
    look = _look(cell.cdn, ratios, cell.bps, stated, settings, counts=not widely)
    return {(cell.cdn, cell.isp): look}


def _look(
    cdn: str,
    ratios: Mapping[str, float],
    bps: float,
    stated_bps: float,
    settings: SteeringLoopSettings,
    *,
    counts: bool,
) -> Look:
    """One place beside the best of the others; nothing `counts` against it that is told of another place."""
    best = min((ratio for id, ratio in ratios.items() if id != cdn), default=0.0)
    much = counts and ratios[cdn] >= settings.full_rebuffer_ratio
    alike = much and ratios[cdn] < UNLIKE_OTHERS * best
    return Look(bps, ratios[cdn], stated_bps, full=much and not alike, excused=alike)


def _fails(cell: Cell, settings: SteeringLoopSettings) -> bool:
    return (cell.error_ratio or 0.0) >= settings.poor_error_ratio


def _enough(cells: Sequence[Cell], settings: SteeringLoopSettings) -> bool:
    return sum(cell.viewers for cell in cells) >= settings.judged_viewers


def _mean(cells: Sequence[Cell]) -> float:
    viewers = sum(cell.viewers for cell in cells)
    return sum(cell.viewers * (cell.rebuffer_ratio or 0.0) for cell in cells) / max(viewers, 1)


def _waiting(cells: Sequence[Cell], ratio: float) -> float:
    """The share of the viewers who wait for so much of the time."""
    viewers = sum(cell.viewers for cell in cells)
    return sum(cell.viewers for cell in cells if (cell.rebuffer_ratio or 0.0) >= ratio) / max(viewers, 1)
