"""One member of a group: librdkafka's consumer in a thread of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from zlib import crc32

from confluent_kafka import Consumer as KafkaClient
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from tifo.adapters.kafka import wire
from tifo.adapters.kafka.client import CONNECT_S_MAX, PART, REQUEST_S_MAX, Client
from tifo.eventlog.ports import (
    POLL_RECORDS_MAX,
    REASON_LENGTH_MAX,
    Consumer,
    Delivery,
    Letter,
    Pace,
    Partition,
)
from tifo.kernel.errors import Unavailable

WAIT_S = 0.02
"""Seconds that a poll gathers what comes: it also lets the group's changes happen."""

PREFETCH_KIB_MAX = 8 * 1024
"""KiB of records that wait in memory for the next polls; librdkafka fetches no more meanwhile."""

FETCH_WAIT_MS = 100
"""How long a broker holds a question that it has no records for, and so the start of a partition just got."""

HEARTBEATS_PER_SESSION = 4
HEARTBEAT_MS_MAX = 3_000
"""How often a member shows that it is alive, and hears that the group changes."""

LOST = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._ASSIGNMENT_LOST,
        KafkaError._NO_OFFSET,
    }
)
"""What a commit is answered whose partitions went elsewhere, or are about to: they come again."""

PASSING = frozenset(
    {
        KafkaError._MAX_POLL_EXCEEDED,
        KafkaError._PARTITION_EOF,
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
    }
)
"""What librdkafka gets over by itself; that no broker answers is looked for elsewhere."""

FENCED = frozenset({KafkaError.FENCED_INSTANCE_ID, KafkaError._FATAL})

TOGETHER = {"partition.assignment.strategy": "range"}
"""Gives a member the same numbers of every topic, which the cooperative strategy does not."""

T = TypeVar("T")
Place = tuple[str, int]
"""A partition by its topic's name in the cluster."""


class KafkaConsumer(Consumer):
    """Static membership under the member's name, cooperative rebalancing, offsets committed by hand.

    Caveats: a group's partitions are shared evenly over all its topics together, not topic by topic; a
    record's `at` comes back to the millisecond.
    """

    def __init__(
        self,
        client: Client,
        group: str,
        topics: Sequence[str],
        member: str,
        park: Callable[[Letter], Awaitable[None]],
        pace: Pace,
        memory_s: float = 0.0,
    ) -> None:
        self._client = client
        self._prefix = client.address.prefix
        wanted = [wire.topic_name(self._prefix, one) for one in dict.fromkeys(topics)]
        self._topics = [*wanted, wire.again_topic(self._prefix, group)]
        self._memory_s = memory_s
        self._config = _config(wire.group_name(self._prefix, group), _place(member, self._topics), pace)
        if memory_s:
            self._config |= TOGETHER
        self._park = park
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-consumer")
        self._consumer: KafkaClient | None = None
        self._held: frozenset[Place] = frozenset()
        """Replaced as a whole: rebalancing happens in the thread."""
        self._next: dict[Place, int] = {}
        """What is to be committed."""
        self._stood: dict[Place, int] = {}
        """The next offset of each partition, of which a group with a memory is not told by the brokers."""
        self._polling: asyncio.Future[tuple[Delivery, ...]] | None = None
        self._trouble = ""
        self._down = False
        self._closed = False

    async def join(self) -> None:
        """Subscribe; the group lets it in during the polls that follow."""
        await self._run(self._subscribe)

    def partitions(self) -> frozenset[Partition]:
        """As the last rebalance left them."""
        prefix = f"{self._prefix}."
        return frozenset(Partition(topic.removeprefix(prefix), number) for topic, number in self._held)

    async def poll(self, records_max: int = POLL_RECORDS_MAX) -> tuple[Delivery, ...]:
        """What librdkafka has fetched by now."""
        limit = min(records_max, POLL_RECORDS_MAX)
        if self._polling is None:
            self._polling = self._run(lambda consumer: self._consume(consumer, limit))
        polling = self._polling
        try:
            # A caller who goes away leaves the records to the next poll: they are not handled.
            return await asyncio.shield(polling)
        finally:
            if polling.done():
                self._polling = None

    async def commit(self) -> None:
        """Of the partitions it still holds, waiting for the group's coordinator."""
        if self._next:
            await self._run(self._commit)

    async def park(self, delivery: Delivery, reason: str) -> None:
        """To the group's topic of dead letters."""
        await self._park(Letter(delivery.record, reason[:REASON_LENGTH_MAX], self._client.clock.now()))

    async def seek(self, at: float) -> None:
        """By the time index of each partition."""
        await self._run(lambda consumer: self._seek(consumer, round(at * 1_000)))

    async def close(self) -> None:
        """Stop; a static member does not leave its group."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown(wait=False)

    def _run(self, work: Callable[[KafkaClient], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, self._try, work)

    def _try(self, work: Callable[[KafkaClient], T]) -> T:
        try:
            if self._consumer is None:
                config = self._config | {"error_cb": self._heard}
                self._consumer = self._client.make(KafkaClient, config)
            return work(self._consumer)
        except KafkaException as error:
            raise Unavailable(PART, self._why(error.args[0])) from error
        except RuntimeError as error:
            raise Unavailable(PART, str(error)) from error

    def _why(self, error: KafkaError) -> str:
        if error.code() in FENCED:
            return f"another has its name in the group, or: {error.str()}"
        return self._client.explain(error)

    def _subscribe(self, consumer: KafkaClient) -> None:
        if self._memory_s:
            consumer.subscribe(self._topics, on_assign=self._assigned_anew, on_lost=self._revoked)
        else:
            consumer.subscribe(
                self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
            )

    def _assigned_anew(self, consumer: KafkaClient, partitions: list[TopicPartition]) -> None:
        """All that it has now: what it had before goes on where it stood, the rest begins `memory_s` ago.

        What a rebalance takes away stands until here, for nobody else has it before.
        """
        places = {(one.topic, one.partition) for one in partitions}
        stood = {place: offset for place, offset in self._stood.items() if place in self._held & places}
        begin_ms = round((self._client.clock.now() - self._memory_s) * 1_000)
        new = [TopicPartition(*place, begin_ms) for place in places - stood.keys()]
        found = _offsets_at(consumer, new) if new else []
        consumer.assign([*found, *(TopicPartition(*place, offset) for place, offset in stood.items())])
        self._held = frozenset(places)
        self._stood = stood | {(one.topic, one.partition): one.offset for one in found}
        self._next = {place: offset for place, offset in self._next.items() if place in stood}

    def _assigned(self, _: KafkaClient, partitions: list[TopicPartition]) -> None:
        self._held |= {(one.topic, one.partition) for one in partitions}

    def _revoked(self, _: KafkaClient, partitions: list[TopicPartition]) -> None:
        gone = {(one.topic, one.partition) for one in partitions}
        self._held -= gone
        for place in gone:
            self._next.pop(place, None)
            self._stood.pop(place, None)

    def _consume(self, consumer: KafkaClient, limit: int) -> tuple[Delivery, ...]:
        self._tell_trouble()
        deliveries = tuple(self._received(consumer.consume(limit, WAIT_S)))
        if not deliveries:
            self._tell_trouble()
            self._look(consumer)
        return deliveries

    def _heard(self, error: KafkaError) -> None:
        self._client.heard(error)
        self._down = self._down or error.code() == KafkaError._ALL_BROKERS_DOWN

    def _look(self, consumer: KafkaClient) -> None:
        """Whether any broker answers, once none did: that they are back is told to nobody."""
        if self._down:
            consumer.list_topics(timeout=CONNECT_S_MAX)
            self._down = False

    def _tell_trouble(self) -> None:
        trouble, self._trouble = self._trouble, ""
        if trouble:
            raise Unavailable(PART, trouble)

    def _received(self, messages: Sequence[Message]) -> list[Delivery]:
        deliveries: list[Delivery] = []
        for one in messages:
            error = one.error()
            place = (one.topic() or "", one.partition() or 0)
            if error is not None:
                # Told with the next poll, if this one has records: they would be lost with the error.
                if error.code() not in PASSING:
                    self._trouble = self._why(error)
            elif place in self._held:
                self._next[place] = self._stood[place] = (one.offset() or 0) + 1
                deliveries.append(wire.delivery(one, self._prefix))
        return deliveries

    def _commit(self, consumer: KafkaClient) -> None:
        offsets = [TopicPartition(*place, offset) for place, offset in self._next.items()]
        try:
            committed = consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() not in LOST:
                raise
            return
        for one in committed or ():
            if one.error is None:
                self._next.pop((one.topic, one.partition), None)
            elif one.error.code() not in LOST:
                raise KafkaException(one.error)

    def _seek(self, consumer: KafkaClient, at_ms: int) -> None:
        wanted = [TopicPartition(*place, at_ms) for place in self._held]
        if not wanted:
            return
        found = _offsets_at(consumer, wanted)
        consumer.commit(offsets=found, asynchronous=False)
        # What was fetched is dropped, whatever state the fetching is in.
        if self._memory_s:
            consumer.assign(found)
        else:
            consumer.incremental_unassign(wanted)
            consumer.incremental_assign(found)
        self._next.clear()
        self._stood = {(one.topic, one.partition): one.offset for one in found}

    def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()


def _offsets_at(consumer: KafkaClient, wanted: list[TopicPartition]) -> list[TopicPartition]:
    """The first offset of each partition's time, the one after the last where there is none."""
    found = consumer.offsets_for_times(wanted, timeout=REQUEST_S_MAX)
    for one in found:
        if one.offset < 0:
            one.offset = consumer.get_watermark_offsets(one, timeout=REQUEST_S_MAX)[1]
    return found


def _place(member: str, topics: Sequence[str]) -> str:
    # Kafka gives a static member that returns what it had, also when it asks for other topics now; so one
    # that asks for others has another place.
    return f"{member}.{crc32(','.join(sorted(topics)).encode()):08x}"


def _config(group: str, place: str, pace: Pace) -> dict[str, Any]:
    session_ms = round(pace.session_s * 1_000)
    return {
        "group.id": group,
        "group.instance.id": place,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": min(session_ms // HEARTBEATS_PER_SESSION, HEARTBEAT_MS_MAX),
        "max.poll.interval.ms": max(session_ms, round(pace.poll_s_max * 1_000)),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "queued.max.messages.kbytes": PREFETCH_KIB_MAX,
        "fetch.wait.max.ms": FETCH_WAIT_MS,
    }
