"""The event log in Apache Kafka, its kin, or Amazon MSK."""

from collections.abc import Sequence
from weakref import WeakSet

from tifo.adapters.kafka import wire
from tifo.adapters.kafka.address import KafkaAddress
from tifo.adapters.kafka.client import PART, Client
from tifo.adapters.kafka.consumer import KafkaConsumer
from tifo.adapters.kafka.letters import Pile, PileOfLetters
from tifo.adapters.kafka.producer import KafkaProducer
from tifo.adapters.kafka.topics import Topics
from tifo.eventlog.envelope import SOURCE
from tifo.eventlog.ports import (
    LETTERS_MAX,
    EventLogStore,
    Lag,
    Letter,
    Pace,
    Record,
)
from tifo.eventlog.records import refuse_long
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.stores import StoreMeter


class KafkaEventLog(EventLogStore):
    """A topic for each of ours, `PREFIX.TOPIC`, partitioned by key; and two for each group.

    `PREFIX.GROUP.dead` has a group's dead letters, `PREFIX.GROUP.again` what it is to handle once more.

    Caveats: an append that fails may be kept in part or in whole, and one that is tried again may stand
    twice, under one id; keys change their partition when partitions are added; retention is the topic's.
    """

    def __init__(
        self,
        address: KafkaAddress,
        meter: StoreMeter,
        clock: Clock,
        pace: Pace | None = None,
        source: str = SOURCE,
    ) -> None:
        self._client = Client(address, meter, clock)
        self._prefix = address.prefix
        self._writer = wire.Writer(source)
        self._pace = pace or Pace()
        self._topics = Topics(self._client)
        self._producer = KafkaProducer(self._client)
        self._consumers: WeakSet[KafkaConsumer] = WeakSet()
        self._closed = False

    async def append(self, records: Sequence[Record]) -> None:
        """Hand the records to the producer and wait for every replica in sync."""
        refuse_long(records)
        if self._closed:
            raise Unavailable(PART, "it is closed")
        if not records:
            return
        try:
            outgoing = [
                (wire.topic_name(self._prefix, one.topic), self._writer.message(one)) for one in records
            ]
        except UnicodeEncodeError as error:
            raise Unavailable(PART, f"a record is no text: {error.reason}") from error
        await self._topics.ensure({topic for topic, _ in outgoing})
        self._client.meter.exchanged(len(records))
        await self._producer.send(outgoing)

    async def consumer(
        self, group: str, topics: Sequence[str], member: str, memory_s: float = 0.0
    ) -> KafkaConsumer:
        """Join; the group lets it in during its first polls."""
        names = [wire.topic_name(self._prefix, one) for one in topics]
        await self._topics.ensure(
            [*names, wire.again_topic(self._prefix, group), wire.dead_topic(self._prefix, group)]
        )

        async def park(letter: Letter) -> None:
            await self._producer.send(
                [(wire.dead_topic(self._prefix, group), self._writer.letter_message(letter))]
            )

        consumer = KafkaConsumer(self._client, group, topics, member, park, self._pace, memory_s)
        self._consumers.add(consumer)
        await consumer.join()
        return consumer

    async def lag(self) -> tuple[Lag, ...]:
        """From the offsets that the cluster has of each group."""
        return await self._topics.lag()

    async def letters(self, group: str) -> tuple[Letter, ...]:
        """Read from the group's topic of dead letters, past what was replayed."""
        return (await self._read(group, LETTERS_MAX)).letters

    async def replay(self, group: str, letters_max: int = LETTERS_MAX) -> int:
        """Append them to the topic that only this group reads, then remember how far that is."""
        pile = await self._read(group, min(letters_max, LETTERS_MAX))
        if pile.letters:
            again = wire.again_topic(self._prefix, group)
            await self._topics.ensure([again])
            await self._producer.send([(again, self._writer.again_message(one)) for one in pile.letters])
            await PileOfLetters(self._client, group).remember(pile.next_offset)
        return len(pile.letters)

    async def close(self) -> None:
        """Send what is queued, for a bounded time."""
        self._closed = True
        for consumer in list(self._consumers):
            await consumer.close()
        await self._producer.close()

    async def _read(self, group: str, letters_max: int) -> Pile:
        await self._topics.ensure([wire.dead_topic(self._prefix, group)])
        return await PileOfLetters(self._client, group).read(letters_max)
