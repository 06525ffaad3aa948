"""When viewers arrive: the curve of a big match, per second, and what `--scale` and `--minutes` make of it.

The reference is a planned arrival of 1.5 million viewers in 15 minutes: 1,667 starts a second on average.
Scale shrinks the rate; minutes compress the whole shape into less time (or stretch it) at that rate.
Who rehearses what goes on while all watch holds a plateau between the last arrival and the final whistle.
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
"""Seconds from the last arrival to the plateau, or to the whistle: who comes last sees something of it."""
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
class Size:
    """What the command line asks for: the shape, the part of the reference's rate, the minutes of arrivals.

    `interval_s` are the seconds between two questions of one player, `spread_s` those within which all ask
    for a break of `break_s` seconds; 0 where they do not matter.
    """

    shape: Shape
    scale: float
    minutes: float
    interval_s: float = 0.0
    spread_s: float = 0.0
    break_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Goal:
    """At `at_s`, `reload_share` of those who watch reload their page within `within_s`."""

    at_s: float
    reload_share: float
    within_s: float


@dataclass(frozen=True, slots=True)
class Spike:
    """From `at_s` on, within `spread_s`, all who watch ask for the break `brk`, of `length_s` seconds."""

    at_s: float
    spread_s: float
    length_s: float
    brk: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """Who comes when, and when all leave; seconds from the beginning."""

    arrivals_per_s: tuple[int, ...]
    goals: tuple[Goal, ...]
    plateau_at_s: float
    """From here until the whistle all of them watch."""
    whistle_at_s: float
    whistle_s: float
    plateau_per_s: float = 0.0
    """The requests a second that are planned for the plateau."""
    spikes: tuple[Spike, ...] = ()
    """The breaks on the plateau, oldest first."""

    @property
    def plateau_s(self) -> float:
        """How long all of them watch."""
        return self.whistle_at_s - self.plateau_at_s

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


def viewers_of(size: Size) -> int:
    """How many arrive in all."""
    return round(REFERENCE_PER_S * size.scale * size.minutes * 60)


def match(size: Size) -> Match:
    """The arrivals of every second at the reference's rate; together they are exactly `viewers_of(size)`."""
    return spread(size, viewers_of(size))


def spread(size: Size, viewers: int, plateau_s: float = 0.0, plateau_per_s: float = 0.0) -> Match:
    """So many viewers over the curve of `size`, who all stay for a plateau and ask so often on it."""
    curve, seconds = knots(size.shape), size.minutes * 60
    edges = [min(second / seconds, 1.0) for second in range(_ceil(seconds) + 1)]
    sums = [round(viewers * arrived(curve, edge)) for edge in edges[:-1]]
    sums.append(viewers)
    arrivals = tuple(after - before for before, after in pairwise(sums))
    plateau_at_s = len(arrivals) + LATE_WATCH_S
    return Match(
        arrivals_per_s=arrivals,
        goals=() if size.shape is Shape.STEADY else tuple(_goal(goal[1] * seconds) for goal in GOALS),
        plateau_at_s=plateau_at_s,
        whistle_at_s=plateau_at_s + plateau_s,
        whistle_s=_whistle_s(size.shape, seconds),
        plateau_per_s=plateau_per_s,
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


def in_words(size: Size) -> str:
    """One sentence that says what is played, and what of the reference it leaves out."""
    made, scale, steady = match(size), size.scale, size.shape is Shape.STEADY
    peak = "" if steady else f", {REFERENCE_PER_S * scale * KICK_OFF_PEAK:,.1f}/s at kick-off"
    rate = f"{REFERENCE_PER_S * scale:,.1f} starts/s on average{peak}"
    gone = f"all gone {made.whistle_s:g} s after the whistle"
    what = f"{made.viewers:,} viewers in {size.minutes:g} min, {rate}, {gone}"
    less = left_out(size)
    if not less:
        return f"The reference at full size: {what}."
    reference = f"{REFERENCE_VIEWERS:,} viewers, {REFERENCE_PER_S:,.0f} starts/s"
    return f"Not the whole reference ({reference}) but {less}: {what}."


def left_out(size: Size) -> str:
    """What a size leaves out of the reference, in words; nothing where it is the whole."""
    less = [f"{size.scale:g} of its rate"] if size.scale != 1 else []
    if size.minutes != REFERENCE_MINUTES:
        less.append(f"{size.minutes:g} of its {REFERENCE_MINUTES:g} minutes")
    if size.shape is Shape.STEADY:
        less.append("without its peaks")
    return ", ".join(less)
