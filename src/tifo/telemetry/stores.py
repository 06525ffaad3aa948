"""How this node's stores, caches and origins do: metrics for the scrape, reports for the cockpit."""

from collections.abc import Callable

from tifo.api.reports import AdsReport, CacheReport, OriginReport, SpoolReport, StoreReport
from tifo.kernel.clock import Clock
from tifo.telemetry.metrics import (
    CACHE_ENTRIES,
    CACHE_READS,
    STORE_COMMANDS,
    STORE_FAILING,
    STORE_ROUND_TRIPS,
)


class StoreMeter:
    """Counts what one store is asked, and whether it answers; `kind` is its URL's scheme."""

    def __init__(self, name: str, kind: str, clock: Clock) -> None:
        self.name = name
        self._kind = kind
        self._clock = clock
        self._since = clock.now()
        self._commands, self._round_trips = 0, 0
        self._commands_total = STORE_COMMANDS.labels(name)
        self._round_trips_total = STORE_ROUND_TRIPS.labels(name)
        self._failing_gauge = STORE_FAILING.labels(name)
        self.failing = False

    def exchanged(self, commands: int) -> None:
        """One round trip with so many commands went out."""
        self._commands += commands
        self._round_trips += 1
        self._commands_total.inc(commands)
        self._round_trips_total.inc()

    def answers(self, *, well: bool) -> bool:
        """Whether the store answers now; True when that is news."""
        if self.failing is not well:
            return False
        self.failing = not well
        self._since = self._clock.now()
        self._failing_gauge.set(self.failing)
        return True

    def report(self, every_s: float) -> StoreReport:
        """Since the last report, `every_s` ago."""
        commands, round_trips = self._commands, self._round_trips
        self._commands = self._round_trips = 0
        return StoreReport(
            name=self.name,
            kind=self._kind,
            state="failing" if self.failing else "ok",
            since=self._since,
            commands_per_s=round(commands / every_s, 1),
            round_trips_per_s=round(round_trips / every_s, 1),
        )


class CacheMeter:
    """Counts how one cache answers. Outcomes: hit, shared-hit, stale, coalesced, miss, failed."""

    OUTCOMES = ("hit", "shared-hit", "stale", "coalesced", "miss", "failed")

    def __init__(self, name: str, entries: Callable[[], int]) -> None:
        self._name = name
        self._entries = entries
        self._counts = dict.fromkeys(self.OUTCOMES, 0)
        self._totals = {outcome: CACHE_READS.labels(name, outcome) for outcome in self.OUTCOMES}
        CACHE_ENTRIES.labels(name).set_function(entries)

    def read(self, outcome: str) -> None:
        """One read, and how it was answered; the totals follow with the next report, for it is cheaper."""
        self._counts[outcome] += 1

    def report(self, every_s: float) -> CacheReport:
        """Since the last report, `every_s` ago."""
        counts, self._counts = self._counts, dict.fromkeys(self.OUTCOMES, 0)
        for outcome, count in counts.items():
            self._totals[outcome].inc(count)
        return CacheReport(
            name=self._name,
            entries=self._entries(),
            hits_per_s=round((counts["hit"] + counts["shared-hit"]) / every_s, 1),
            stale_per_s=round(counts["stale"] / every_s, 1),
            coalesced_per_s=round(counts["coalesced"] / every_s, 1),
            misses_per_s=round((counts["miss"] + counts["failed"]) / every_s, 1),
        )


class Meters:
    """Every meter of this node, for the one who reports."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stores: list[StoreMeter] = []
        self._caches: list[CacheMeter] = []
        self.origins: Callable[[], tuple[OriginReport, ...]] = tuple
        """What the node says of live origins; whoever reads them puts it here."""
        self.ads: Callable[[float], AdsReport | None] = _nothing
        """What the node says of ads over the seconds since it was asked; who decides them puts it here."""
        self.spool: Callable[[], SpoolReport | None] = _no_spool
        """What the node says of events that wait on its disk; who keeps them there puts it here."""

    def store(self, name: str, kind: str) -> StoreMeter:
        """A meter for a store; it starts as answering."""
        meter = StoreMeter(name, kind, self._clock)
        self._stores.append(meter)
        return meter

    def cache(self, name: str, entries: Callable[[], int]) -> CacheMeter:
        """A meter for a cache that holds `entries()` values."""
        meter = CacheMeter(name, entries)
        self._caches.append(meter)
        return meter

    def stores(self, every_s: float) -> tuple[StoreReport, ...]:
        """The stores since the last report."""
        return tuple(meter.report(every_s) for meter in self._stores)

    def caches(self, every_s: float) -> tuple[CacheReport, ...]:
        """The caches since the last report."""
        return tuple(meter.report(every_s) for meter in self._caches)


def _nothing(_every_s: float) -> None:
    """Of a node that decides no pods."""


def _no_spool() -> None:
    """Of a node that has none."""
