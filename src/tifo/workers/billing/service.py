"""Billing: reads the event log and keeps the books of ads, each beacon once."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from tifo.api.events import ADS, AdTracked, BreakDecided
from tifo.eventlog.ports import Consumer, Delivery, EventLog
from tifo.eventlog.records import from_record
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.metrics import BILLING_FACTS, EVENTS_HANDLED, EVENTS_PARKED
from tifo.workers.billing.ports import FACTS_MAX, BillingLedger, Fact
from tifo.workers.billing.rules import facts_of
from tifo.workers.billing.settings import BillingSettings

GROUP = "billing"
RETRY_S = 1.0

OURS = frozenset(str(kind.__struct_config__.tag) for kind in (BreakDecided, AdTracked))
"""Types of records that may be money: one that does not read is set aside, and not passed over."""

_log = structlog.get_logger(__name__)


class BillingWorker:
    """One member of the group. It remembers nothing itself.

    Facts are in the ledger before their records are committed. What comes again, because a process died in
    between or another member had it meanwhile, is known to the ledger and changes nothing.
    """

    def __init__(
        self, log: EventLog, ledger: BillingLedger, clock: Clock, settings: BillingSettings, node: str
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._clock = clock
        self._poll_s = settings.poll_s
        self._node = node
        self._failing = False

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the books until `stop` is set; a log or ledger that fails is tried again."""
        while not stop.is_set():
            try:
                await self._consume(stop)
            except Unavailable as error:
                self._say_failing(error)
                await _wait(stop, RETRY_S)

    async def _consume(self, stop: asyncio.Event) -> None:
        consumer = await self._log.consumer(GROUP, (ADS,), self._node)
        try:
            while not stop.is_set():
                if not await self._handle_next(consumer):
                    await _wait(stop, self._poll_s)
        finally:
            await consumer.close()

    async def _handle_next(self, consumer: Consumer) -> int:
        deliveries = await consumer.poll()
        told = [(one, await self._facts(consumer, one)) for one in deliveries]
        try:
            await self._take([fact for _, facts in told for fact in facts])
        except Unavailable:
            raise
        except Exception:
            await self._one_by_one(consumer, told)
        if deliveries:
            EVENTS_HANDLED.labels(GROUP, ADS).inc(len(deliveries))
            await consumer.commit()
        self._say_back()
        return len(deliveries)

    async def _facts(self, consumer: Consumer, delivery: Delivery) -> tuple[Fact, ...]:
        record = delivery.record
        event = from_record(record)
        if event is None and record.type in OURS:
            await self._park(consumer, delivery, "it does not read")
        return facts_of(event, record.at, delivery.partition.number)

    async def _one_by_one(self, consumer: Consumer, told: Sequence[tuple[Delivery, Sequence[Fact]]]) -> None:
        """Something is more than the ledger can take: set that aside, and take the rest."""
        for delivery, facts in told:
            try:
                await self._take(facts)
            except Unavailable:
                raise
            except Exception as error:
                await self._park(consumer, delivery, repr(error))

    async def _take(self, facts: Sequence[Fact]) -> None:
        for begin in range(0, len(facts), FACTS_MAX):
            taken = await self._ledger.take(facts[begin : begin + FACTS_MAX], self._clock.now())
            BILLING_FACTS.labels("new").inc(taken.news)
            BILLING_FACTS.labels("repeated").inc(taken.repeated)
            BILLING_FACTS.labels("stale").inc(taken.stale)
            if taken.stale:
                _log.warning("billing.stale", facts=taken.stale, effect="counted only if they were before")

    async def _park(self, consumer: Consumer, delivery: Delivery, reason: str) -> None:
        record = delivery.record
        _log.warning("billing.parked", event_id=record.id, topic=record.topic, why=reason)
        EVENTS_PARKED.labels(GROUP, record.topic).inc()
        await consumer.park(delivery, reason)

    def _say_failing(self, error: Unavailable) -> None:
        if not self._failing:
            _log.warning("billing.failing", part=error.part, why=error.why, effect="figures stand still")
        self._failing = True

    def _say_back(self) -> None:
        if self._failing:
            _log.info("billing.back")
        self._failing = False


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
