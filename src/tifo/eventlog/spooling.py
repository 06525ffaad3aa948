"""An event log that may be gone for a while: what it does not take waits on this node's disk."""

import asyncio
from collections.abc import Sequence

import structlog

from tifo.api.reports import SpoolReport, SpoolState
from tifo.eventlog.ports import Consumer, EventLog, Lag, Record, Spool
from tifo.eventlog.records import refuse_long
from tifo.eventlog.rules import Worth, drain_pause_s, worth
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.metrics import EVENTS_DROPPED, SPOOL_BYTES, SPOOL_OLDEST, SPOOL_RECORDS, SPOOL_REFUSED

ACKNOWLEDGED_S_MAX = 1.0
"""Seconds that an append waits for the log before its records go to the disk instead."""

SPOOLED_S_MAX = 2.0
"""Seconds that it waits for the disk then."""

BATCH_RECORDS_MAX = 500
SENT_S_MAX = 30.0
"""Records that are sent at once from the disk, and the seconds that the log may take for them."""

TURN_S_MAX = 1.0
"""Seconds that appends wait while the last few of those that waited are sent; then they go to the disk."""

TELL_S = 1.0
"""Seconds between two looks at how full the spool is."""

RETRY_S = 1.0
"""Seconds between two tries of a log that takes nothing, and of a spool that cannot be had."""

_log = structlog.get_logger(__name__)


class SpoolingLog(EventLog):
    """Another log, and a spool for what that one does not take in time.

    While anything waits in the spool everything goes through it, so that no record overtakes an earlier one
    of its key. A record whose acknowledgement was lost is sent again under its id. While the spool cannot
    be had, another process having it, this is the log alone. Whoever made `log` closes it.
    """

    def __init__(self, log: EventLog, spool: Spool, clock: Clock, drain_per_s: float) -> None:
        self._log = log
        self._spool = spool
        self._clock = clock
        self._drain_per_s = drain_per_s
        self._tending = Background("spool", RETRY_S, self._tend, "what waits on the disk is not sent")
        self._telling = Background("spool-figures", TELL_S, self._tell, "figures of the spool stand still")
        self._has_spool = False
        self._holding = False
        self._refusing: Worth | None = None
        self._adding = 0
        self._added = 0
        self._passable = asyncio.Event()
        self._passable.set()
        self._told_dropped: dict[str, int] = {}
        self._told_refused = 0

    async def open(self) -> None:
        """Take the spool and begin to send what waits in it; one that cannot be had is tried again."""
        try:
            await self._take()
        except Unavailable as error:
            _log.warning("spool.not-had", why=error.why, effect="events wait in memory, bounded")
        await self._tending.open()
        await self._telling.open()

    async def append(self, records: Sequence[Record]) -> None:
        """Keep the records in the log, or on the disk if it has not done so after `ACKNOWLEDGED_S_MAX`.

        Raises `Unavailable` when neither does. Telemetry that has no room is dropped and counted.
        """
        refuse_long(records)
        while not self._passable.is_set():
            await self._passable.wait()
        if not self._has_spool:
            await self._log.append(records)
        elif self._holding or not await self._acknowledged(records):
            await self._hold(records)

    async def consumer(
        self, group: str, topics: Sequence[str], member: str, memory_s: float = 0.0
    ) -> Consumer:
        """Of the log: nobody reads what waits."""
        return await self._log.consumer(group, topics, member, memory_s)

    async def lag(self) -> tuple[Lag, ...]:
        """Of the log: what waits is not in it."""
        return await self._log.lag()

    async def close(self) -> None:
        """Leave what waits to the next process of this node."""
        await self._telling.close()
        await self._tending.close()
        await self._spool.close()

    def report(self) -> SpoolReport:
        """How full the spool is; the metrics follow with it."""
        level = self._spool.level
        oldest_s = 0.0 if level.oldest_at is None else max(0.0, self._clock.now() - level.oldest_at)
        SPOOL_RECORDS.set(level.records)
        SPOOL_BYTES.set(level.bytes)
        SPOOL_OLDEST.set(oldest_s)
        for topic, count in level.dropped.items():
            EVENTS_DROPPED.labels(topic).inc(count - self._told_dropped.get(topic, 0))
        SPOOL_REFUSED.inc(level.refused - self._told_refused)
        self._told_dropped, self._told_refused = dict(level.dropped), level.refused
        return SpoolReport(
            state=self._state(),
            records=level.records,
            bytes=level.bytes,
            bytes_max=level.bytes_max,
            oldest_s=round(oldest_s, 1),
            dropped=dict(level.dropped),
            refused=level.refused,
        )

    async def _tell(self) -> None:
        """For the metrics of a process that makes no reports, as workers do not."""
        self.report()

    def _state(self) -> SpoolState:
        if not self._has_spool:
            return "absent"
        if self._refusing is not None:
            return "refusing"
        return "holding" if self._holding else "ok"

    async def _acknowledged(self, records: Sequence[Record]) -> bool:
        try:
            async with asyncio.timeout(ACKNOWLEDGED_S_MAX):
                await self._log.append(records)
        except TimeoutError:
            self._begin(f"it kept nothing within {ACKNOWLEDGED_S_MAX:g} s")
        except Unavailable as error:
            self._begin(error.why)
        else:
            return True
        return False

    async def _hold(self, records: Sequence[Record]) -> None:
        self._adding += 1
        try:
            async with asyncio.timeout(SPOOLED_S_MAX):
                await self._spool.add(records)
        except TimeoutError:
            why = f"its disk kept nothing within {SPOOLED_S_MAX:g} s"
            self._refuse(records, why)
            raise Unavailable("spool", why) from None
        except Unavailable as error:
            self._refuse(records, error.why)
            raise
        finally:
            self._adding -= 1
        self._added += len(records)
        # That telemetry is taken, if only to be dropped, says nothing of what was refused.
        if self._refusing is not None and _most(records) >= self._refusing:
            self._refusing = None

    def _begin(self, why: str) -> None:
        if not self._holding:
            _log.warning("spool.holding", why=why, effect="events wait on this node's disk")
        self._holding = True

    def _refuse(self, records: Sequence[Record], why: str) -> None:
        if self._refusing is None:
            _log.warning("spool.refusing", why=why, effect="what may not be dropped waits in memory, bounded")
            self._refusing = _most(records)
        self._refusing = max(self._refusing, _most(records))

    async def _take(self) -> None:
        cut = await self._spool.open()
        if cut:
            _log.warning(
                "spool.cut", bytes=cut, effect="half-written records of a process that died are gone"
            )
        self._has_spool = True
        if waiting := self._spool.level.records:
            self._begin(f"{waiting} records of the process before wait there")

    async def _tend(self) -> None:
        if not self._has_spool:
            await self._take()
        while self._holding:
            began, added = self._clock.monotonic(), self._added
            sent = await self._send()
            took_s = self._clock.monotonic() - began
            if sent < BATCH_RECORDS_MAX and took_s < TURN_S_MAX / 2:
                await self._turn()
            else:
                await asyncio.sleep(drain_pause_s(sent, took_s, self._added - added, self._drain_per_s))

    async def _send(self) -> int:
        """Some of what waits; how many records."""
        batch = await self._spool.oldest(BATCH_RECORDS_MAX)
        if not batch.records:
            return 0
        try:
            async with asyncio.timeout(SENT_S_MAX):
                await self._log.append(batch.records)
        except TimeoutError:
            raise Unavailable("eventlog", f"it kept nothing within {SENT_S_MAX:g} s") from None
        await self._spool.forget(batch)
        return len(batch.records)

    async def _turn(self) -> None:
        """Go to the log again. Appends stand still for it, or there would always be one more that waits."""
        self._passable.clear()
        try:
            async with asyncio.timeout(TURN_S_MAX):
                while self._adding or self._spool.level.records:
                    await self._send()
        except TimeoutError:
            return
        finally:
            self._passable.set()
        self._holding, self._refusing = False, None
        _log.info("spool.sent", effect="events go to the log again")


def _most(records: Sequence[Record]) -> Worth:
    """What they are worth, by the one that is worth most."""
    return max(map(worth, records), default=Worth.TELEMETRY)
