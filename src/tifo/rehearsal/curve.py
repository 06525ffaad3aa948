"""When viewers arrive: the curve of a big match, per second, and what `--scale` and `--minutes` make of it.

The reference is a planned arrival of 1.5 million viewers in 15 minutes: 1,667 starts a second on average.
Scale shrinks the rate; minutes compress the whole shape into less time (or stretch it) at that rate.
"""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

REFERENCE_VIEWERS = 1_500_000
REFERENCE_MINUTES = 15.0
REFERENCE_PER_S = REFERENCE_VIEWERS / (REFERENCE_MINUTES * 60)

KICK_OFF_PEAK = 3.0
"""The rate at kick-off over the mean."""
GOAL_PEAK = 2.5
"""The rate after a goal over the floor between peaks."""
KICK_OFF = (0.35, 0.5, 0.65)
"""Where the kick-off's rise begins, is highest and is over, as shares of the whole."""
GOALS = ((0.73, 0.75, 0.77), (0.88, 0.9, 0.92))
"""The same for each goal."""

LATE_WATCH_S = 5.0
"""Seconds from the last arrival to the final whistle: who comes last sees something of the match."""
WHISTLE_SHARE = 0.1
WHISTLE_S_MIN, WHISTLE_S_MAX = 5.0, 60.0
"""Everybody has left a minute after the final whistle; a match in fewer minutes has a shorter one."""
RELOAD_SHARE = 0.05
RELOAD_WITHIN_S = 5.0


class Shape(Enum):
    """How the arrivals spread over the minutes."""

    MATCH = "match"
    """The reference curve: a floor, the kick-off's peak, two goals."""
    STEADY = "steady"
    """The mean rate from the first second to the last, no goal, a final whistle in the reference's time."""


Knots = tuple[tuple[float, float], ...]
"""(share of the time, rate over the mean), with straight lines between."""


@dataclass(frozen=True, slots=True)
class Goal:
    """At `at_s`, `reload_share` of those who watch reload their page within `within_s`."""

    at_s: float
    reload_share: float
    within_s: float


@dataclass(frozen=True, slots=True)
class Match:
    """Who comes when, and when all leave; seconds from the beginning."""

    arrivals_per_s: tuple[int, ...]
    goals: tuple[Goal, ...]
    whistle_at_s: float
    whistle_s: float

    @property
    def viewers(self) -> int:
        """All who arrive."""
        return sum(self.arrivals_per_s)

    @property
    def peak_per_s(self) -> int:
        """The most who arrive in one second."""
        return max(self.arrivals_per_s)


def knots(shape: Shape) -> Knots:
    """The curve of a shape: its integral over [0, 1] is 1, so it is a rate over the mean."""
    if shape is Shape.STEADY:
        return ((0.0, 1.0), (1.0, 1.0))
    floor = _floor()
    points = [(0.0, floor)]
    for (begins, highest, over), peak in (
        (KICK_OFF, KICK_OFF_PEAK),
        *((goal, GOAL_PEAK * floor) for goal in GOALS),
    ):
        points += [(begins, floor), (highest, peak), (over, floor)]
    return (*points, (1.0, floor))


def _floor() -> float:
    """The floor that gives the curve an integral of 1: floor and triangles together."""
    kick_off = (KICK_OFF[2] - KICK_OFF[0]) / 2
    goals = sum((goal[2] - goal[0]) / 2 for goal in GOALS)
    return (1 - KICK_OFF_PEAK * kick_off) / (1 - kick_off + (GOAL_PEAK - 1) * goals)


def arrived(curve: Knots, share: float) -> float:
    """The part of all viewers who have arrived when `share` of the time is over."""
    total = 0.0
    for (left, low), (right, high) in pairwise(curve):
        if share <= left:
            break
        until = min(share, right)
        rate = low + (high - low) * (until - left) / (right - left)
        total += (low + rate) / 2 * (until - left)
    return total


def viewers_of(scale: float, minutes: float) -> int:
    """How many arrive in all."""
    return round(REFERENCE_PER_S * scale * minutes * 60)


def match(shape: Shape, scale: float, minutes: float) -> Match:
    """The arrivals of every second; together they are exactly `viewers_of(scale, minutes)`."""
    curve, all_viewers, seconds = knots(shape), viewers_of(scale, minutes), minutes * 60
    edges = [min(second / seconds, 1.0) for second in range(_ceil(seconds) + 1)]
    sums = [round(all_viewers * arrived(curve, edge)) for edge in edges[:-1]]
    sums.append(all_viewers)
    arrivals = tuple(after - before for before, after in pairwise(sums))
    return Match(
        arrivals_per_s=arrivals,
        goals=() if shape is Shape.STEADY else tuple(_goal(goal[1] * seconds) for goal in GOALS),
        whistle_at_s=len(arrivals) + LATE_WATCH_S,
        whistle_s=_whistle_s(shape, seconds),
    )


def _whistle_s(shape: Shape, seconds: float) -> float:
    # A rate that is held has no peak at its end either: squeezed into a tenth of the time, ten times as many
    # would leave in a second as came in one.
    if shape is Shape.STEADY:
        return WHISTLE_S_MAX
    return min(WHISTLE_S_MAX, max(WHISTLE_S_MIN, seconds * WHISTLE_SHARE))


def _goal(at_s: float) -> Goal:
    return Goal(at_s, RELOAD_SHARE, RELOAD_WITHIN_S)


def _ceil(seconds: float) -> int:
    # 0.1 minutes are 6 seconds, whatever floating point makes of them.
    return max(1, int(-(-round(seconds, 6) // 1)))


def in_words(shape: Shape, scale: float, minutes: float) -> str:
    """One sentence that says what is played, and what of the reference it leaves out."""
    made = match(shape, scale, minutes)
    peak = "" if shape is Shape.STEADY else f", {REFERENCE_PER_S * scale * KICK_OFF_PEAK:,.1f}/s at kick-off"
    rate = f"{REFERENCE_PER_S * scale:,.1f} starts/s on average{peak}"
    gone = f"all gone {made.whistle_s:g} s after the whistle"
    what = f"{made.viewers:,} viewers in {minutes:g} min, {rate}, {gone}"
    if scale == 1 and minutes == REFERENCE_MINUTES and shape is Shape.MATCH:
        return f"The reference at full size: {what}."
    less = [f"{scale:g} of its rate"] if scale != 1 else []
    less += [f"{minutes:g} of its {REFERENCE_MINUTES:g} minutes"] if minutes != REFERENCE_MINUTES else []
    less += ["without its peaks"] if shape is Shape.STEADY else []
    reference = f"{REFERENCE_VIEWERS:,} viewers, {REFERENCE_PER_S:,.0f} starts/s"
    return f"Not the whole reference ({reference}) but {', '.join(less)}: {what}."
