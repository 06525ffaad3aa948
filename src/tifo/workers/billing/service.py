"""Billing: reads the event log and keeps the books of ads, each beacon once."""

import asyncio
from collections.abc import Sequence

import structlog

from tifo.api.events import ADS, AdTracked, BreakDecided
from tifo.eventlog.following import Follower, Member, Trouble
from tifo.eventlog.ports import Consumer, Delivery, EventLog
from tifo.eventlog.records import from_record
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.metrics import BILLING_FACTS, EVENTS_HANDLED, EVENTS_SKIPPED
from tifo.workers.billing.ports import FACTS_MAX, BillingLedger, Fact
from tifo.workers.billing.rules import facts_of
from tifo.workers.billing.settings import BillingSettings

GROUP = "billing"

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
        self._ledger = ledger
        self._clock = clock
        member = Member(GROUP, (ADS,), node, settings.poll_s)
        trouble = Trouble("billing.failing", "billing.back", "figures stand still")
        self._follower = Follower(log, member, self._handle, trouble)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the books until `stop` is set; a log or ledger that fails is tried again."""
        await self._follower.run(stop)

    async def _handle(self, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
        told = [(one, await self._facts(consumer, one)) for one in deliveries]
        try:
            await self._take([fact for _, facts in told for fact in facts])
        except Unavailable:
            raise
        except Exception:
            await self._one_by_one(consumer, told)
        EVENTS_HANDLED.labels(GROUP, ADS).inc(len(deliveries))

    async def _facts(self, consumer: Consumer, delivery: Delivery) -> tuple[Fact, ...]:
        record = delivery.record
        event = from_record(record)
        if event is None:
            await self._pass_over(consumer, delivery)
        return facts_of(event, record.at, delivery.partition.number)

    async def _pass_over(self, consumer: Consumer, delivery: Delivery) -> None:
        """What this version does not know is none of its business, unless it may be money."""
        if delivery.record.type in OURS:
            await self._follower.set_aside(consumer, delivery, "it does not read")
        else:
            EVENTS_SKIPPED.labels(GROUP, ADS).inc()

    async def _one_by_one(self, consumer: Consumer, told: Sequence[tuple[Delivery, Sequence[Fact]]]) -> None:
        """Something is more than the ledger can take: set that aside, and take the rest."""
        for delivery, facts in told:
            try:
                await self._take(facts)
            except Unavailable:
                raise
            except Exception as error:
                await self._follower.set_aside(consumer, delivery, repr(error))

    async def _take(self, facts: Sequence[Fact]) -> None:
        for begin in range(0, len(facts), FACTS_MAX):
            taken = await self._ledger.take(facts[begin : begin + FACTS_MAX], self._clock.now())
            BILLING_FACTS.labels("new").inc(taken.news)
            BILLING_FACTS.labels("repeated").inc(taken.repeated)
            BILLING_FACTS.labels("stale").inc(taken.stale)
            if taken.stale:
                _log.warning("billing.stale", facts=taken.stale, effect="counted only if they were before")
