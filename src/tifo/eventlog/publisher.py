"""How services publish: awaited where the answer promises it, in the background where it does not."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

import structlog

from tifo.api.events import Event
from tifo.eventlog.backlog import Backlog
from tifo.eventlog.ports import RECORD_BYTES_MAX, EventLog, Record
from tifo.eventlog.pseudonyms import Pseudonyms
from tifo.eventlog.records import to_record
from tifo.kernel.background import rest
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids
from tifo.telemetry.metrics import EVENTS_APPENDED, EVENTS_DROPPED

BACKLOG_RECORDS_MAX = 20_000
"""Events that wait in memory while they are kept nowhere; past it the least worth are dropped, counted."""

BATCH_RECORDS_MAX = 500
GATHER_S = 0.05
"""For how long told events are gathered: nobody waits for them, and each append costs a commit."""

RETRY_S = 1.0
CLOSE_S_MAX = 2.0

_log = structlog.get_logger(__name__)


class Publisher:
    """Turns typed events into records of the log.

    `keep` returns when the events are durable and raises `Unavailable` otherwise: for what a caller
    was promised. `tell` never waits and never fails: for what no viewer waits for. Its backlog is
    bounded; while the log fails the oldest telemetry makes room, is counted, and `failing` says so.
    With `pseudonyms`, those stand for accounts and devices in all of them.
    """

    def __init__(self, log: EventLog, clock: Clock, ids: Ids, pseudonyms: Pseudonyms | None = None) -> None:
        self._log = log
        self._clock = clock
        self._ids = ids
        self._pseudonyms = pseudonyms
        self._backlog = Backlog()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._counted: Counter[str] = Counter()
        self.failing = False

    async def open(self) -> None:
        """Begin to send what is told."""
        self._task = asyncio.create_task(self._send(), name="publisher")

    async def close(self) -> None:
        """Send what is left, for a bounded time; an append under way is finished, not sent again."""
        if self._task is None:
            return
        self._closing.set()
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._task, CLOSE_S_MAX)
        self._task = None

    async def keep(self, events: Sequence[Event]) -> None:
        """Make the events durable, or raise `Unavailable`."""
        await self._append([self._record(event) for event in events])

    async def keep_or_tell(self, event: Event, event_id: str = "") -> bool:
        """Make the event durable, or have it appended later; whether it is durable now.

        An event that may be told again by others has an id of its own, `event_id`.
        While the log is known to fail, nobody waits to find that out again. It keeps its id: an append
        that failed may have been kept all the same.
        """
        record = self._record(event, event_id)
        if not self.failing:
            with contextlib.suppress(Unavailable):
                await self._append([record])
                return True
        self._queue(record)
        return False

    def tell(self, event: Event) -> None:
        """Have the event appended soon; one that is longer than a record may be is dropped, counted."""
        record = self._record(event)
        if len(record.value) <= RECORD_BYTES_MAX:
            self._queue(record)
        else:
            EVENTS_DROPPED.labels(record.topic).inc()

    def appended_per_s(self, over_s: float) -> dict[str, float]:
        """Events of each topic per second since the last call, `over_s` ago; a quiet topic stays, with 0."""
        rates = {topic: round(count / over_s, 1) for topic, count in self._counted.items()}
        self._counted = Counter(dict.fromkeys(self._counted, 0))
        return rates

    def _queue(self, record: Record) -> None:
        if len(self._backlog) >= BACKLOG_RECORDS_MAX:
            EVENTS_DROPPED.labels(self._backlog.drop().topic).inc()
        self._backlog.put(record)
        self._wake.set()

    def _record(self, event: Event, event_id: str = "") -> Record:
        at = self._clock.now()
        if self._pseudonyms is not None:
            event = self._pseudonyms.hide(event, at)
        return to_record(event, event_id or self._ids.new("evt"), at)

    async def _send(self) -> None:
        while not self._closing.is_set():
            await self._wake.wait()
            if len(self._backlog) < BATCH_RECORDS_MAX:
                await rest(self._closing, GATHER_S)
            self._wake.clear()
            try:
                await self._flush()
            except Unavailable:
                await rest(self._closing, RETRY_S)
                self._wake.set()
        with contextlib.suppress(Unavailable):
            await self._flush()

    async def _flush(self) -> None:
        while self._backlog:
            batch = self._backlog.first(BATCH_RECORDS_MAX)
            await self._append(batch)
            self._backlog.remove(batch)

    async def _append(self, records: Sequence[Record]) -> None:
        try:
            await self._log.append(records)
        except Unavailable as error:
            if not self.failing:
                _log.warning("eventlog.failing", why=error.why, effect="events wait in memory, bounded")
            self.failing = True
            raise
        if self.failing:
            _log.info("eventlog.back")
        self.failing = False
        counts = Counter(record.topic for record in records)
        self._counted.update(counts)
        for topic, count in counts.items():
            EVENTS_APPENDED.labels(topic).inc(count)
