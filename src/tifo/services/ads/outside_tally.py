"""What came of asking one outside ad server, counted over the last minutes."""

from collections import Counter, deque

from tifo.api.reports import AdServerReport
from tifo.telemetry.metrics import OUTSIDE_ADS

WINDOW_S = 300
"""Seconds that are told of: breaks are minutes apart, and what was asked is asked before them."""

_ANSWERED = ("fetched", "no-ad", "unreadable", "wrong-length", "no-media", "wrapper")
_SHAPED = ("over", "late")


class OutsideTally:
    """One for each declared server."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._counts: Counter[str] = Counter()
        self._snapshots: deque[Counter[str]] = deque([Counter()])

    def count(self, outcome: str) -> None:
        """Tell what came of an ad."""
        OUTSIDE_ADS.labels(self._server, outcome).inc()
        self._counts[outcome] += 1

    def report(self, every_s: float, requests_per_s: float, *, failing: bool) -> AdServerReport:
        """The last `WINDOW_S` seconds; asked each `every_s`. The server may be asked `requests_per_s`."""
        self._snapshots.append(self._counts.copy())
        while (len(self._snapshots) - 1) * every_s > WINDOW_S:
            self._snapshots.popleft()
        since = self._snapshots[0]
        told = {what: count - since[what] for what, count in self._counts.items()}
        answered = sum(told.get(what, 0) for what in _ANSWERED)
        timed_out, failed = told.get("timeout", 0), told.get("failed", 0)
        return AdServerReport(
            id=self._server,
            asked=answered + timed_out + failed,
            answered=answered,
            fetched=told.get("fetched", 0),
            timed_out=timed_out,
            failed=failed,
            shaped=sum(told.get(what, 0) for what in _SHAPED),
            unasked=told.get("unasked", 0),
            failing=failing,
            requests_per_s=requests_per_s,
        )
