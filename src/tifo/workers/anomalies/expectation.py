"""How many viewers there should be: by the calendar's forecast, else by the last weeks."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from tifo.api.catalogue import CalendarEvent

QUARTER_S = 900
QUARTERS = 7 * 24 * 4
"""Quarters of an hour in a week."""

WEEK_S = QUARTERS * QUARTER_S
WEEKS_MAX = 5
"""Weeks that are remembered, this one included."""

WEEKS_MIN = 2
"""Weeks that must have been seen before one says that something is usual."""

_MONDAY_S = 4 * 86_400
"""The first Monday of 1970."""


class Slot(NamedTuple):
    """A quarter of an hour: the number of its week, and which of the week it is."""

    week: int
    quarter: int


class Expected(NamedTuple):
    """Viewers at once that should be there, and what says so; 0 where nothing does."""

    viewers: int = 0
    by: str = ""


def slot_of(at: float) -> Slot:
    """The quarter of an hour of a time in epoch seconds, by UTC."""
    week, within = divmod(at - _MONDAY_S, WEEK_S)
    return Slot(int(week), int(within // QUARTER_S))


def expected(
    events: Iterable[CalendarEvent], weeks: Mapping[int, Sequence[int]], now: float, settled_s: float
) -> Expected:
    """By the forecast of the events that are well under way; between events, by the same time of last weeks.

    While viewers of an event come, and while they leave, nothing is expected: nobody knows how quickly.
    """
    near = [one for one in events if one.starts - settled_s <= now < one.ends + settled_s]
    if near:
        under_way = all(one.starts + settled_s <= now < one.ends - settled_s for one in near)
        forecast = sum(one.forecast_viewers for one in near)
        known = under_way and all(one.forecast_viewers for one in near)
        return Expected(forecast, "the forecast") if known else Expected()
    slot = slot_of(now)
    seen = [viewers[slot.quarter] for week, viewers in weeks.items() if week < slot.week]
    seen = [viewers for viewers in seen if viewers]
    if len(seen) < WEEKS_MIN:
        return Expected()
    return Expected(int(median(seen)), f"the median of {len(seen)} weeks")


def ending(events: Iterable[CalendarEvent], now: float, settled_s: float) -> bool:
    """Whether viewers may go, for something is over, or nearly."""
    return any(one.ends - settled_s <= now < one.ends + settled_s for one in events)


def learned(weeks: Mapping[int, Sequence[int]], viewers: int, now: float) -> dict[int, tuple[int, ...]]:
    """The weeks with one more count, without those that are too long ago."""
    slot = slot_of(now)
    week = list(weeks.get(slot.week, (0,) * QUARTERS))
    week[slot.quarter] = max(week[slot.quarter], viewers)
    kept = {number: tuple(one) for number, one in weeks.items() if number > slot.week - WEEKS_MAX}
    return {**kept, slot.week: tuple(week)}
