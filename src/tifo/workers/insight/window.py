"""Figures by cell over a sliding window, a bucket of a few seconds at a time."""

from collections import Counter
from math import ceil, floor, log

from tifo.workers.insight.rules import Cell

BUCKET_S = 3
"""Seconds by which the window moves on."""

BUCKET_CELLS_MAX = 2_000
"""Cells that one bucket tells apart; past it those of a CDN and kind of device are one."""

WIDTH = 1.1
"""Values are kept in classes a tenth apart, so that quantiles are true to 5 %."""


class Spread:
    """How values spread, in classes of equal width by their logarithm."""

    __slots__ = ("_classes",)

    def __init__(self) -> None:
        self._classes: Counter[int] = Counter()

    def add(self, value: float) -> None:
        """Count one value; all below 1 are alike."""
        self._classes[floor(log(max(value, 1.0), WIDTH))] += 1

    def merge(self, other: "Spread") -> None:
        """Count what another has counted."""
        self._classes.update(other._classes)

    def quantile(self, share: float) -> float | None:
        """The value that `share` of all stay at or below; None where there is none."""
        left = share * self._classes.total()
        for place in sorted(self._classes):
            left -= self._classes[place]
            if left <= 0:
                return round((WIDTH**place + WIDTH ** (place + 1)) / 2, 1)
        return None


class Tally:
    """What one cell has had in one bucket.

    `heard` are the sessions that were last heard of in it, `rated` those of them whose bitrate is known and
    `bps` their bitrates together, `failed` those whose last error was in it.
    """

    __slots__ = ("bps", "failed", "heard", "rated", "stalled_ms", "startups", "throughputs", "watched_ms")

    def __init__(self) -> None:
        self.heard = 0
        self.rated = 0
        self.failed = 0
        self.bps = 0.0
        self.watched_ms = 0.0
        self.stalled_ms = 0.0
        self.startups = Spread()
        self.throughputs = Spread()

    def merge(self, other: "Tally") -> None:
        """Add what another has had."""
        self.heard += other.heard
        self.rated += other.rated
        self.failed += other.failed
        self.bps += other.bps
        self.watched_ms += other.watched_ms
        self.stalled_ms += other.stalled_ms
        self.startups.merge(other.startups)
        self.throughputs.merge(other.throughputs)


class Mark:
    """Where in the window one session counts: once, where it was last heard of and where it last failed."""

    __slots__ = ("_bps", "_failed", "_heard")

    def __init__(self) -> None:
        self._heard: Tally | None = None
        self._failed: Tally | None = None
        self._bps: float | None = None

    def hear(self, tally: Tally, bps: float | None) -> None:
        """It was heard of here, at this bitrate; a bitrate that is not said is the one of before."""
        self._count(-1)
        self._heard, self._bps = tally, self._bps if bps is None else bps
        self._count(1)

    def fail(self, tally: Tally) -> None:
        """It reported an error here."""
        if self._failed:
            self._failed.failed -= 1
        self._failed = tally
        tally.failed += 1

    def _count(self, change: int) -> None:
        # A tally that has left the window is counted down for nobody: that does no harm.
        tally = self._heard
        if tally is None:
            return
        tally.heard += change
        if self._bps is not None:
            tally.rated += change
            tally.bps += change * self._bps


class Window:
    """The buckets that are in the window."""

    def __init__(self, window_s: int) -> None:
        self._kept = ceil(window_s / BUCKET_S) + 1
        self._buckets: dict[int, dict[Cell, Tally]] = {}

    def tally(self, cell: Cell, at: float, now: float) -> Tally | None:
        """The tally of a cell at `at`, at most `now`; None where the window is past it."""
        tick = int(at // BUCKET_S)
        if tick <= now // BUCKET_S - self._kept:
            return None
        bucket = self._buckets.setdefault(tick, {})
        if cell not in bucket and len(bucket) >= BUCKET_CELLS_MAX:
            cell = cell._replace(isp="")
        return bucket.setdefault(cell, Tally()) if cell not in bucket else bucket[cell]

    def totals(self, now: float) -> dict[Cell, Tally]:
        """Every cell over the window that ends at `now`; what is older is forgotten."""
        self._forget(now)
        totals: dict[Cell, Tally] = {}
        for bucket in self._buckets.values():
            for cell, tally in bucket.items():
                totals.setdefault(cell, Tally()).merge(tally)
        return totals

    def _forget(self, now: float) -> None:
        oldest = now // BUCKET_S - self._kept
        for tick in [one for one in self._buckets if one <= oldest]:
            del self._buckets[tick]
