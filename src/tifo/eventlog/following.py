"""How a worker follows the log: one member of a group that goes on, whatever fails meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from tifo.eventlog.ports import Consumer, Delivery, EventLog
from tifo.kernel.background import rest
from tifo.kernel.errors import Unavailable
from tifo.telemetry.metrics import EVENTS_PARKED

RETRY_S = 1.0

_log = structlog.get_logger(__name__)

Handle = Callable[[Consumer, Sequence[Delivery]], Awaitable[None]]
"""Handles what was polled, which may be nothing; raises `Unavailable` when it has to come again."""


@dataclass(frozen=True, slots=True)
class Member:
    """Who follows: `node` in `group`, which reads `topics`; `poll_s` seconds between looks at nothing new.

    `memory_s` as in `EventLog.consumer`.
    """

    group: str
    topics: tuple[str, ...]
    node: str
    poll_s: float
    memory_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the process's log calls it when nothing can be handled, and when that is over."""

    failing: str
    back: str
    effect: str


class Follower:
    """Polls, has it handled, commits. What fails is tried again, and said once."""

    def __init__(self, log: EventLog, member: Member, handle: Handle, trouble: Trouble) -> None:
        self._log = log
        self._member = member
        self._handle = handle
        self._trouble = trouble
        self._failing = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; whoever is in the middle of something finishes it."""
        while not stop.is_set():
            try:
                await self._consume(stop)
            except Unavailable as error:
                self._say_failing(error)
                await rest(stop, RETRY_S)

    async def set_aside(self, consumer: Consumer, delivery: Delivery, why: str | Exception) -> None:
        """Make a dead letter of what cannot be handled: it would stop its group again after every restart.

        An exception is a fault of ours, and told with its traceback.
        """
        record, told = delivery.record, f"{self._member.group}.parked"
        if isinstance(why, Exception):
            _log.error(told, event_id=record.id, topic=record.topic, exc_info=why)
        else:
            _log.warning(told, event_id=record.id, topic=record.topic, why=why)
        reason = repr(why) if isinstance(why, Exception) else why
        EVENTS_PARKED.labels(self._member.group, delivery.record.topic).inc()
        await consumer.park(delivery, reason)

    async def _consume(self, stop: asyncio.Event) -> None:
        member = self._member
        consumer = await self._log.consumer(member.group, member.topics, member.node, member.memory_s)
        try:
            while not stop.is_set():
                if not await self._handle_next(consumer):
                    await rest(stop, member.poll_s)
        finally:
            await consumer.close()

    async def _handle_next(self, consumer: Consumer) -> int:
        deliveries = await consumer.poll()
        await self._handle(consumer, deliveries)
        if deliveries:
            await consumer.commit()
        self._say_back()
        return len(deliveries)

    def _say_failing(self, error: Unavailable) -> None:
        if not self._failing:
            _log.warning(self._trouble.failing, part=error.part, why=error.why, effect=self._trouble.effect)
        self._failing = True

    def _say_back(self) -> None:
        if self._failing:
            _log.info(self._trouble.back)
        self._failing = False
