"""What the calendar says of the audience that is about to come."""

from collections.abc import Iterable

from tifo.api.catalogue import CalendarEvent


def expected_viewers(events: Iterable[CalendarEvent], now: float, near_s: float) -> int:
    """Viewers at once that are forecast for events which begin, or have begun, within `near_s`.

    After that those who have come say more than any forecast.
    """
    near = (one for one in events if abs(now - one.starts) <= near_s and now < one.ends)
    return sum(one.forecast_viewers for one in near)
