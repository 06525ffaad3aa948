"""An event log that also tells whether the worker who reads it gets on, for whoever probes its process."""

from collections.abc import Sequence

from tifo.eventlog.ports import POLL_RECORDS_MAX, Consumer, Delivery, EventLog, Lag, Partition, Record
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.metrics import WORKER_SILENT


class Progress:
    """When a worker last got through something, and whether its log failed since.

    It got through when all that it had polled was committed, or when a poll found nothing new. One that
    polls and never commits makes no progress, whatever keeps it from that.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.monotonic()
        self._owes = False
        self._failing = "the event log was not read yet"

    @property
    def failing(self) -> str:
        """Empty while the log answers; else what is wrong, without addresses."""
        return self._failing

    def silent_s(self) -> float:
        """Seconds since the worker last got through something, or since it was made."""
        return self._clock.monotonic() - self._at

    def joined(self) -> None:
        """What an earlier member had polled comes again by itself."""
        self._owes = False

    def polled(self, records: int) -> None:
        """The log answered with so many records."""
        self._failing = ""
        self._owes = self._owes or records > 0
        if not self._owes:
            self._at = self._clock.monotonic()

    def committed(self) -> None:
        """All that was polled is handled."""
        self._failing, self._owes = "", False
        self._at = self._clock.monotonic()

    def failed(self) -> None:
        """The log did not answer."""
        self._failing = "the event log does not answer"


class WatchedLog(EventLog):
    """Another log, for one worker. Whoever made `log` closes it."""

    def __init__(self, log: EventLog, clock: Clock, silent_s_max: float) -> None:
        self._log = log
        self._progress = Progress(clock)
        self._silent_s_max = silent_s_max

    def missing(self) -> str:
        """What keeps the worker from its work; empty when nothing does."""
        silent_s = self._progress.silent_s()
        if not self._progress.failing and silent_s > self._silent_s_max:
            return f"nothing was handled for {silent_s:.0f} s"
        return self._progress.failing

    async def append(self, records: Sequence[Record]) -> None:
        """Append to the log."""
        await self._log.append(records)

    async def consumer(
        self, group: str, topics: Sequence[str], member: str, memory_s: float = 0.0
    ) -> Consumer:
        """Join a group of the log, under watch from now on."""
        WORKER_SILENT.labels(group).set_function(self._progress.silent_s)
        try:
            consumer = await self._log.consumer(group, topics, member, memory_s)
        except Unavailable:
            self._progress.failed()
            raise
        self._progress.joined()
        return _WatchedConsumer(consumer, self._progress)

    async def lag(self) -> tuple[Lag, ...]:
        """The log's."""
        return await self._log.lag()

    async def close(self) -> None:
        """Whoever made the log closes it."""


class _WatchedConsumer(Consumer):
    def __init__(self, consumer: Consumer, progress: Progress) -> None:
        self._consumer = consumer
        self._progress = progress

    def partitions(self) -> frozenset[Partition]:
        return self._consumer.partitions()

    async def poll(self, records_max: int = POLL_RECORDS_MAX) -> tuple[Delivery, ...]:
        try:
            deliveries = await self._consumer.poll(records_max)
        except Unavailable:
            self._progress.failed()
            raise
        self._progress.polled(len(deliveries))
        return deliveries

    async def commit(self) -> None:
        try:
            await self._consumer.commit()
        except Unavailable:
            self._progress.failed()
            raise
        self._progress.committed()

    async def park(self, delivery: Delivery, reason: str) -> None:
        await self._consumer.park(delivery, reason)

    async def seek(self, at: float) -> None:
        await self._consumer.seek(at)

    async def close(self) -> None:
        await self._consumer.close()
