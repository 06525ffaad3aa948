"""How fast a budget may be spent, as a rule that a store may call.

A bucket fills at the rate that would spend what is left by the end of the flight, at most `CATCH_UP_MAX`
times the even one. So delivery that fell behind is made up for smoothly, and one that is ahead slows down.
The bucket holds a few minutes' worth: breaks are minutes apart, and each takes all that gathered since the
last one.
"""

from dataclasses import dataclass
from typing import NamedTuple

from tifo.services.ads.dayparts import Week
from tifo.services.ads.ports import Ask

CATCH_UP_MAX = 2.0
"""Times the even rate at which a budget that fell behind is spent."""


class Meter(NamedTuple):
    """A budget as the store keeps it: impressions taken, those that have gathered, and up to when."""

    taken: int = 0
    gathered: float = 0.0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A budget: its goal, and the flight and hours over which it is spread; `even` or as fast as it goes."""

    budget: str
    goal: int
    even: bool = False
    starts: float = 0.0
    ends: float = 0.0
    week: Week | None = None

    def seconds(self, begin: float, end: float) -> float:
        """How many seconds of [begin, end) are in its hours."""
        return self.week.seconds(begin, end) if self.week is not None else max(0.0, end - begin)


def ask_for(plan: Plan, want: int, now: float, burst_s: float) -> Ask:
    """What a node asks the store for."""
    if not plan.even:
        return Ask(plan.budget, want, plan.goal)
    ran_s, left_s = plan.seconds(plan.starts, now), plan.seconds(now, plan.ends)
    rate_max = CATCH_UP_MAX * plan.goal / max(ran_s + left_s, 1.0)
    return Ask(plan.budget, want, plan.goal, ran_s, left_s, rate_max, burst_s)


def granted(meter: Meter, ask: Ask, now: float) -> tuple[int, Meter]:
    """What the ask may have, and the meter after it. A clock that is behind another's gathers nothing."""
    left = max(0, ask.goal - meter.taken)
    if not ask.rate_max:
        given = max(0, min(ask.want, left))
        return given, Meter(meter.taken + given, 0.0, max(now, meter.at))
    rate = min(left / max(ask.left_s, 1.0), ask.rate_max)
    since_s = max(0.0, now - meter.at) if meter.at else ask.ran_s
    gathered = min(meter.gathered + rate * min(since_s, ask.burst_s), max(1.0, rate * ask.burst_s))
    given = max(0, min(ask.want, left, int(gathered)))
    return given, Meter(meter.taken + given, gathered - given, max(now, meter.at))


def returned(meter: Meter, count: int) -> Meter:
    """The meter once so many impressions came back."""
    count = min(count, meter.taken)
    return Meter(meter.taken - count, meter.gathered + count, meter.at)
