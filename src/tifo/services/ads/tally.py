"""What a node decides, counted: how many pods, what filled them, and how long it took."""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tifo.services.ads.model import Pick
from tifo.telemetry.requests import REPORT_WINDOW, quantile_ms

BOUNDS_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
"""Upper bounds of the buckets of a decision's time: finer than a request's, because it never waits."""

FILLINGS = ("ad", "house", "slate", "nothing")
"""What the seconds of a break are filled with."""

_PODS, _REFUSED = 0, 1
_SECONDS = 2
"""Where the seconds begin, in the order of `FILLINGS`; the buckets come after."""
_BUCKETS = _SECONDS + len(FILLINGS)
_PLACES = {what: _SECONDS + n for n, what in enumerate(FILLINGS)}


@dataclass(frozen=True, slots=True)
class Tallied:
    """Rates each second; `seconds` of breaks by what filled them; the time of a decision in milliseconds."""

    pods_per_s: float
    refused_per_s: float
    seconds: Mapping[str, float]
    p50_ms: float
    p99_ms: float


class Tally:
    """Counts with a few additions for each pod; rates are over the last `REPORT_WINDOW` reports."""

    def __init__(self) -> None:
        self._counts: list[float] = [0.0] * (_BUCKETS + len(BOUNDS_S) + 1)
        self._snapshots = deque([list(self._counts)], maxlen=REPORT_WINDOW + 1)

    def decided(self, took_s: float) -> None:
        """A pod was decided; it may go out later, and more than once."""
        self._counts[_BUCKETS + bisect_left(BOUNDS_S, took_s)] += 1

    def answered(self, picks: Sequence[Pick], rest_s: float) -> None:
        """A pod went out, as it is shown: with house ads where an outside server's ad is not here."""
        counts = self._counts
        counts[_PODS] += 1
        for pick in picks:
            counts[_PLACES[pick.kind]] += pick.creative.duration_s
        counts[_PLACES["nothing"]] += rest_s

    def refused(self) -> None:
        """Somebody asked for a break that is not on: too early, too late, or never there."""
        self._counts[_REFUSED] += 1

    def report(self, every_s: float) -> Tallied:
        """The last `REPORT_WINDOW` reports' time together; asked each `every_s`."""
        self._snapshots.append(list(self._counts))
        before, now = self._snapshots[0], self._snapshots[-1]
        seconds = every_s * (len(self._snapshots) - 1)
        counts = [after - earlier for earlier, after in zip(before, now, strict=True)]
        buckets = [int(count) for count in counts[_BUCKETS:]]
        return Tallied(
            pods_per_s=round(counts[_PODS] / seconds, 2),
            refused_per_s=round(counts[_REFUSED] / seconds, 2),
            seconds={what: round(counts[place] / seconds, 2) for what, place in _PLACES.items()},
            p50_ms=_ms(buckets, 0.5),
            p99_ms=_ms(buckets, 0.99),
        )


def _ms(buckets: list[int], quantile: float) -> float:
    return round(quantile_ms(buckets, quantile, BOUNDS_S), 3) if any(buckets) else 0.0
