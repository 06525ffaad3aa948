"""The topics of the log in the cluster: made when that is allowed, and asked how far each group is."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec, TopicMetadata

from tifo.adapters.kafka.address import KafkaAddress
from tifo.adapters.kafka.client import PART, REQUEST_S_MAX, Client
from tifo.eventlog.ports import LANES, Lag
from tifo.kernel.errors import Unavailable

METADATA_S_MAX = 3.0
"""Seconds in which any broker answers, or the cluster is gone."""

CREATE_S_MAX = 15.0
LED_POLL_S = 0.02
RETRY_S = 1.0
"""Seconds after a failure in which those who ask are refused at once."""

GROUPS_MAX = 100
"""Groups whose lag is told."""

DEAD_RETENTION_H = 24 * 14
"""Hours for which dead letters are kept."""

IN_SYNC_MIN = 2
"""Replicas that must have a record before it counts, where there are three or more."""


class Topics:
    """Connects with the first call. Safe for many callers at once: one of them asks, the others wait."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._admin: AdminClient | None = None
        self._known: set[str] = set()
        self._asking = asyncio.Lock()
        self._refused_until, self._why = 0.0, ""

    async def ensure(self, names: Collection[str]) -> None:
        """Have the topics there. Raises `Unavailable` where they are not and may not be made."""
        if self._known.issuperset(names):
            return
        async with self._asking:
            if self._known.issuperset(names):
                return
            if self._client.clock.monotonic() < self._refused_until:
                raise Unavailable(PART, self._why)
            try:
                await self._have(names)
            except Unavailable as error:
                self._refused_until, self._why = self._client.clock.monotonic() + RETRY_S, error.why
                raise
            self._known.update(names)

    async def lag(self) -> tuple[Lag, ...]:
        """Of every group of ours that committed, topic by topic."""
        prefix = f"{self._client.address.prefix}."
        listed = await self._ask((await self._made()).list_consumer_groups(request_timeout=METADATA_S_MAX))
        if listed.errors:
            raise self._unavailable(listed.errors[0])
        groups = sorted(
            one.group_id
            for one in listed.valid
            if one.group_id.startswith(prefix) and not one.group_id.endswith(".dead")
        )
        lags: list[Lag] = []
        for group in groups[:GROUPS_MAX]:
            committed = await self._committed(group)
            lags += await self._lag_of(group.removeprefix(prefix), committed)
        return tuple(lags)

    async def _lag_of(self, group: str, committed: Mapping[tuple[str, int], int]) -> list[Lag]:
        newest = await self._offsets(committed, OffsetSpec.latest())
        oldest = await self._offsets(committed, OffsetSpec.earliest())
        records: defaultdict[str, int] = defaultdict(int)
        lost: defaultdict[str, int] = defaultdict(int)
        for place, offset in committed.items():
            if place not in oldest or place not in newest:
                continue  # its topic is gone
            first = max(offset, oldest[place])
            records[place[0]] += max(0, newest[place] - first)
            lost[place[0]] += first - offset
        prefix = f"{self._client.address.prefix}."
        return [Lag(group, topic.removeprefix(prefix), records[topic], lost[topic]) for topic in records]

    async def _committed(self, group: str) -> dict[tuple[str, int], int]:
        asked = (await self._made()).list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=REQUEST_S_MAX
        )
        found = await self._ask(asked[group])
        return {
            (one.topic, one.partition): one.offset for one in found.topic_partitions or () if one.offset >= 0
        }

    async def _offsets(
        self, places: Collection[tuple[str, int]], which: OffsetSpec
    ) -> dict[tuple[str, int], int]:
        wanted = {TopicPartition(*place): which for place in places}
        if not wanted:
            return {}
        asked = (await self._made()).list_offsets(wanted, request_timeout=REQUEST_S_MAX)
        found = {
            (place.topic, place.partition): await self._ask(future, fine=KafkaError.UNKNOWN_TOPIC_OR_PART)
            for place, future in asked.items()
        }
        return {place: one.offset for place, one in found.items() if one is not None}

    async def _have(self, names: Collection[str]) -> None:
        absent = await self._absent(names, lambda _: True)
        if not absent:
            return
        layout = self._client.address.layout
        if not layout.create:
            raise Unavailable(PART, f"there is no topic {absent[0]}: make it, or let create=1 have it made")
        made = (await self._made()).create_topics(
            [new_topic(name, self._client.address) for name in absent], operation_timeout=CREATE_S_MAX
        )
        for future in made.values():
            await self._ask(future, fine=KafkaError.TOPIC_ALREADY_EXISTS)
        await self._wait_until_led(absent)

    async def _wait_until_led(self, names: Collection[str]) -> None:
        # A consumer that comes before a new topic's leaders are known is told that there is no such topic.
        end = self._client.clock.monotonic() + CREATE_S_MAX
        while await self._absent(names, _led):
            if self._client.clock.monotonic() > end:
                raise Unavailable(PART, f"new topics have no leader after {CREATE_S_MAX:.0f} s")
            await asyncio.sleep(LED_POLL_S)

    async def _absent(self, names: Collection[str], there: Callable[[TopicMetadata], bool]) -> list[str]:
        try:
            topics = (
                await asyncio.to_thread((await self._made()).list_topics, timeout=METADATA_S_MAX)
            ).topics
        except KafkaException as error:
            await self._made()  # hears what the brokers said
            raise self._unavailable(error.args[0]) from error
        for name in names:
            _refuse_uneven(name, topics.get(name))
        return [name for name in names if name not in topics or not there(topics[name])]

    async def _made(self) -> AdminClient:
        if self._admin is None:
            self._admin = await asyncio.to_thread(self._client.make, AdminClient, {})
        # Errors are heard here, and new tokens are asked for: it has no thread of its own.
        self._admin.poll(0)
        return self._admin

    async def _ask(self, future: "Future[Any]", fine: int | None = None) -> Any:  # noqa: ANN401 - its answer
        try:
            return await asyncio.wrap_future(future)
        except KafkaException as error:
            if error.args[0].code() == fine:
                return None
            raise self._unavailable(error.args[0]) from error

    def _unavailable(self, error: KafkaError) -> Unavailable:
        return Unavailable(PART, self._client.explain(error))


def _refuse_uneven(name: str, topic: TopicMetadata | None) -> None:
    count = len(topic.partitions) if topic else 0
    if count and LANES % count:
        raise Unavailable(PART, f"topic {name} has {count} partitions, a number that does not divide {LANES}")


def new_topic(name: str, address: KafkaAddress) -> NewTopic:
    """A topic by its name in the cluster, as it is made where it is not there."""
    layout = address.layout
    dead, again = name.endswith(".dead"), name.endswith(".again")
    ours = name.removeprefix(f"{address.prefix}.")
    kept_h = layout.retention_h_by_topic.get(ours, layout.retention_h)
    config = {
        "retention.ms": str((DEAD_RETENTION_H if dead else kept_h) * 3_600_000),
        "retention.bytes": str(layout.retention_mib * 1024 * 1024 or -1),
        "min.insync.replicas": str(IN_SYNC_MIN if layout.replicas > IN_SYNC_MIN else 1),
        "compression.type": "producer",
    }
    return NewTopic(
        name,
        num_partitions=1 if dead or again else layout.partitions,
        replication_factor=layout.replicas,
        config=config,
    )


def _led(topic: TopicMetadata) -> bool:
    return bool(topic.partitions) and all(one.leader >= 0 for one in topic.partitions.values())
