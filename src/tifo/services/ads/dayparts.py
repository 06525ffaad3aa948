"""When a line item runs: the hours of a week in a time zone, and how many seconds of them lie in a span."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, tzinfo
from itertools import accumulate
from typing import get_args

from tifo.api.inventory import Daypart, Weekday

DAY_S = 86_400
WEEK_S = 7 * DAY_S
_DAYS = {day: n for n, day in enumerate(get_args(Weekday))}


class Week:
    """The hours that recur each week, by the clock of a time zone.

    A clock that is put forward or back in a span makes what is counted of it wrong by that hour.
    """

    def __init__(self, dayparts: Iterable[Daypart], zone: tzinfo) -> None:
        self._zone = zone
        spans = _merged(span for part in dayparts for span in _spans(part))
        self._edges = [edge for span in spans for edge in span]
        self._sums = [0, *accumulate(end - begin for begin, end in spans)]

    def runs(self, at: float) -> bool:
        """Whether the moment (epoch seconds) is in these hours."""
        return bisect_right(self._edges, self._second(at)) % 2 == 1

    def seconds(self, begin: float, end: float) -> float:
        """How many seconds of [begin, end) are in these hours."""
        if end <= begin:
            return 0.0
        first = self._second(begin)
        weeks, last = divmod(first + end - begin, WEEK_S)
        return weeks * self._sums[-1] + self._until(last) - self._until(first)

    def _until(self, second: float) -> float:
        place = bisect_right(self._edges, second)
        whole = float(self._sums[place // 2])
        return whole + second - self._edges[place - 1] if place % 2 else whole

    def _second(self, at: float) -> float:
        local = datetime.fromtimestamp(at, self._zone)
        clock = local.hour * 3_600 + local.minute * 60 + local.second + local.microsecond / 1e6
        return local.weekday() * DAY_S + clock


def _spans(part: Daypart) -> Iterable[tuple[int, int]]:
    """As seconds of the week, from Monday; what goes over its end is two."""
    for day in part.days or get_args(Weekday):
        begin, end = _second_of_day(part.begins), _second_of_day(part.ends)
        first = _DAYS[day] * DAY_S + begin
        last = first + (end - begin if end > begin else end - begin + DAY_S)
        yield first, min(last, WEEK_S)
        if last > WEEK_S:
            yield 0, last - WEEK_S


def _second_of_day(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 3_600 + int(minutes) * 60


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif begin < end:
            found.append((begin, end))
    return found
