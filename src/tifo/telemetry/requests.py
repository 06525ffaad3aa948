"""What each route costs: counted with a bisection and two additions, so that measuring costs little.

The Prometheus client's own histogram takes several locks a request; these counters live on one event
loop and are turned into Prometheus's form only when they are scraped.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from tifo.api.reports import RouteReport

BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency buckets, in seconds."""

SERVER_ERROR = 500

REPORT_WINDOW = 10
"""Reports that a report looks back over: steady enough to read, short enough to see a spike."""

_Key = tuple[str, str, int]

Observe = Callable[[float, int], None]
"""`observe(seconds, status)`"""


@dataclass(slots=True)
class _Series:
    """The counters of one route and status: a bucket for each bound and one above the last."""

    buckets: list[int]
    sum_s: float = 0.0


class RequestMetrics(Collector):
    """Requests by route, method and status, for `/metrics` and for the node's report."""

    def __init__(self) -> None:
        self._series: dict[_Key, _Series] = {}
        self._snapshots: deque[dict[_Key, list[int]]] = deque([{}], maxlen=REPORT_WINDOW + 1)

    def observer(self, route: str, method: str) -> Observe:
        """The function that counts one request of this route."""
        series = self._series

        def observe(seconds: float, status: int) -> None:
            one = series.get((route, method, status))
            if one is None:
                one = series[(route, method, status)] = _Series([0] * (len(BOUNDS_S) + 1))
            one.buckets[bisect_left(BOUNDS_S, seconds)] += 1
            one.sum_s += seconds

        return observe

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """The histogram in Prometheus's form (cumulative buckets)."""
        family = HistogramMetricFamily(
            "http_server_request_duration_seconds",
            "Duration of requests in the application, by route, method and status.",
            labels=["http_route", "http_request_method", "http_response_status_code"],
        )
        for (route, method, status), one in list(self._series.items()):
            family.add_metric([route, method, str(status)], _cumulative(one.buckets), one.sum_s)
        yield family

    def report(self, every_s: float) -> tuple[RouteReport, ...]:
        """The last `REPORT_WINDOW` reports' time together, busiest route first; asked each `every_s`."""
        self._snapshots.append({key: list(one.buckets) for key, one in self._series.items()})
        before, now = self._snapshots[0], self._snapshots[-1]
        deltas = {key: _difference(buckets, before.get(key)) for key, buckets in now.items()}
        routes = sorted({key[:2] for key, delta in deltas.items() if any(delta)})
        seconds = every_s * (len(self._snapshots) - 1)
        reports = (_report(route, method, deltas, seconds) for route, method in routes)
        return tuple(sorted(reports, key=lambda report: -report.requests_per_s))


def _difference(now: list[int], before: list[int] | None) -> list[int]:
    return now if before is None else [one - other for one, other in zip(now, before, strict=True)]


def _report(route: str, method: str, deltas: Mapping[_Key, list[int]], seconds: float) -> RouteReport:
    of_route = {key[2]: delta for key, delta in deltas.items() if key[:2] == (route, method)}
    total = [sum(column) for column in zip(*of_route.values(), strict=True)]
    errors = sum(sum(delta) for status, delta in of_route.items() if status >= SERVER_ERROR)
    return RouteReport(
        route=route,
        method=method,
        requests_per_s=round(sum(total) / seconds, 1),
        errors_per_s=round(errors / seconds, 1),
        p50_ms=quantile_ms(total, 0.5),
        p99_ms=quantile_ms(total, 0.99),
    )


def quantile_ms(buckets: Sequence[int], quantile: float, bounds_s: Sequence[float] = BOUNDS_S) -> float:
    """The upper bound of the bucket that holds the quantile, in milliseconds: never flattering."""
    wanted = quantile * sum(buckets)
    seen = 0
    for count, bound in zip(buckets, bounds_s, strict=False):
        seen += count
        if seen >= wanted:
            return bound * 1000
    return bounds_s[-1] * 1000


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    rows: list[tuple[str, float]] = []
    seen = 0
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), buckets, strict=True):
        seen += count
        rows.append((bound, float(seen)))
    return rows
