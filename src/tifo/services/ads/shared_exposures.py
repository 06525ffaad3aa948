"""Caps over many nodes: what was shown is told behind the pods, and read ahead of the breaks."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tifo.api.breaks import Break, Breaks
from tifo.board.ad_levers import AdLevers
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.services.ads.deciding import Decider
from tifo.services.ads.ports import MARKS_MAX, ExposureStore, Mark
from tifo.services.ads.settings import AdsSettings
from tifo.services.ads.shaping import Window, window
from tifo.telemetry.metrics import EXPOSURES

LOOK_S = 1.0
"""Seconds between two looks: what a node has shown the others may know after it, and what a node that dies
takes with it."""

WRITES_MAX = 5 * MARKS_MAX
"""Impressions that one look tells; a peak that is higher is told in the seconds after it."""

ACCOUNTS_PER_READ = 2_000
"""Accounts that are read at once, so that a store in parts is asked for many in each."""

READS_MAX = 5
"""Times that one look reads."""

CLOSE_S_MAX = 2.0
"""Seconds for telling the rest when the node stops."""


@dataclass(slots=True)
class _Round:
    """Who is read before one break, how far that is, and when."""

    brk: Break
    within: Window
    accounts: tuple[str, ...]
    done: int = 0

    def due(self, now: float) -> Sequence[str]:
        """Whose turn it is: enough to be worth a call, or the last before the break."""
        share = (now - self.within.begin) / self.within.length_s if now < self.within.end else 1.0
        until = int(share * len(self.accounts))
        if until - self.done < ACCOUNTS_PER_READ and until < len(self.accounts):
            return ()
        return self.accounts[self.done : min(until, self.done + ACCOUNTS_PER_READ)]


class SharedExposures:
    """One for each node. While the store is gone the node goes by what it knows, and tells it later.

    Accounts are read within a look of their arrival, and again before each break; nobody waits for it.
    """

    def __init__(
        self,
        store: ExposureStore,
        decider: Decider,
        breaks: Breaks,
        levers: AdLevers,
        clock: Clock,
        settings: AdsSettings,
    ) -> None:
        self._store = store
        self._decider = decider
        self._breaks = breaks
        self._levers = levers
        self._clock = clock
        self._settings = settings
        self._telling: list[Mark] = []
        self._rounds: dict[str, _Round] = {}
        self._turn_at = clock.now() + settings.present_s
        self._dropped = 0
        effect = "caps count on this node what it shows itself, and what it had read before"
        self._looking = Background("ad-exposures", LOOK_S, self.look, effect)

    async def open(self) -> None:
        """Begin to tell and to read."""
        await self._looking.open()

    async def close(self) -> None:
        """Stop, and tell the rest."""
        await self._looking.close()
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(CLOSE_S_MAX):
                while self._telling or self._decider.exposures.unsaved:
                    await self._tell()
        await self._store.close()

    async def look(self) -> None:
        """Tell what was shown, and read whose turn it is. Raises `Unavailable`."""
        now = self._clock.now()
        self._forget(now)
        for _ in range(WRITES_MAX // MARKS_MAX):
            await self._tell()
        # House ads ask no caps, and a cohort has its own on each node.
        if self._levers.in_force == "personal" and self._decider.index.caps:
            self._plan(now)
            await self._read_due(now)

    async def _tell(self) -> None:
        exposures = self._decider.exposures
        if not self._telling:
            self._telling = exposures.take_unsaved(MARKS_MAX)
        if self._telling:
            await self._store.add(self._telling, self._clock.now())
            EXPOSURES.labels("told").inc(len(self._telling))
            self._telling = []

    def _plan(self, now: float) -> None:
        told = self._settings
        for brk in self._breaks.between(now, now + told.fetch_from_s):
            if now < brk.start < brk.end and brk.id not in self._rounds:
                within = window(brk.start, now, told.fetch_from_s, told.fetch_until_s)
                self._rounds[brk.id] = _Round(brk, within, self._decider.present.accounts())

    async def _read_due(self, now: float) -> None:
        for _, (accounts, one) in zip(range(READS_MAX), self._due(now), strict=False):
            await self._read(accounts, now)
            if one is not None:
                one.done += len(accounts)

    def _due(self, now: float) -> Iterator[tuple[Sequence[str], _Round | None]]:
        """Who comes next, again and again: those that are new, then those of the break that is next."""
        present = self._decider.present
        while True:
            new = tuple(zip(range(ACCOUNTS_PER_READ), present.new, strict=False))
            if new:
                yield tuple(account for _, account in new), None
                continue
            one = next((one for one in self._rounds.values() if one.due(now)), None)
            if one is None:
                return
            yield one.due(now), one

    async def _read(self, accounts: Sequence[str], now: float) -> None:
        found = await self._store.read(accounts, now)
        caps, exposures = self._decider.index.caps, self._decider.exposures
        for account, seen in zip(accounts, found, strict=True):
            exposures.hear(account, seen, caps)
            self._decider.present.new.pop(account, None)
        EXPOSURES.labels("read").inc(len(accounts))

    def _forget(self, now: float) -> None:
        if now >= self._turn_at:
            self._turn_at = now + self._settings.present_s
            self._decider.present.turn()
        for one in [one for one in self._rounds.values() if one.brk.start <= now]:
            EXPOSURES.labels("unread").inc(len(one.accounts) - one.done)
            del self._rounds[one.brk.id]
        dropped = self._decider.exposures.dropped
        EXPOSURES.labels("dropped").inc(dropped - self._dropped)
        self._dropped = dropped
