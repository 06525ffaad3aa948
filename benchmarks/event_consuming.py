"""Consuming what is there: by the loop of our workers, and with confluent-kafka by itself."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Consumer as KafkaClient
from confluent_kafka import Message, TopicPartition

from benchmarks import event_mix
from benchmarks.broker import kafka_log
from benchmarks.event_done import Done, Watch
from benchmarks.event_producing import BATCH_RECORDS, TOPIC
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import PLAYBACK
from tifo.eventlog.following import Follower, Member, Trouble
from tifo.eventlog.ports import POLL_RECORDS_MAX, Consumer, Delivery, EventLog
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds

POLL_S = 0.02


class _Counter:
    """Of `count` records; its watch runs from the first that came, so that joining is not in it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._seen = 0
        self._first = 0
        self._watch = Watch()

    def came(self, records: int) -> bool:
        """Whether these are the last."""
        if records and not self._seen:
            self._watch, self._first = Watch(), records
        self._seen += records
        return self._seen >= self._count

    def done(self) -> Done:
        """Of those after the first that came."""
        return self._watch.done(self._seen - self._first)


async def ours(count: int, seeds: str) -> Done:
    """As a worker does: records of our own in the event loop, committed after each poll."""
    return await _followed(kafka_log(seeds), count)


async def _followed(log: EventLog, count: int) -> Done:
    stop, counter = asyncio.Event(), _Counter(count)

    async def handle(_: Consumer, deliveries: Sequence[Delivery]) -> None:
        if counter.came(len(deliveries)):
            stop.set()

    member = Member(SystemIds().new("group"), (PLAYBACK,), "node-1", POLL_S)
    await Follower(log, member, handle, Trouble("bench.failing", "bench.back", "")).run(stop)
    done = counter.done()
    await log.close()
    return done


async def bare(count: int, seeds: str) -> Done:
    """The shortest loop that knows as much of each record, and commits as often."""
    consumer = KafkaClient(
        {
            "bootstrap.servers": seeds,
            "group.id": SystemIds().new("group"),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([TOPIC])
    counter, over = _Counter(count), False
    while not over:
        told = [_told(one) for one in consumer.consume(POLL_RECORDS_MAX, POLL_S) if one.error() is None]
        over = counter.came(len(told))
        if told:
            consumer.commit(offsets=_next(told), asynchronous=False)
    consumer.close()
    return counter.done()


Told = tuple[str, int, int, str, str, str, float, bytes]


def _told(one: Message) -> Told:
    """Topic, partition, offset, key, id, type, time and value."""
    headers = dict(one.headers() or ())
    key, at_ms = one.key() or b"", one.timestamp()[1]
    return (
        one.topic() or "",
        one.partition() or 0,
        one.offset() or 0,
        key.decode() if isinstance(key, bytes) else key,
        _text(headers["ce_id"]),
        _text(headers["ce_type"]),
        at_ms / 1_000,
        one.value() or b"",
    )


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _next(told: Sequence[Told]) -> list[TopicPartition]:
    offsets = {(topic, number): offset + 1 for topic, number, offset, *_ in told}
    return [TopicPartition(*place, offset) for place, offset in offsets.items()]


async def embedded(count: int, folder: str) -> Done:
    """Our loop over the log that is a file, which is filled before."""
    log = SqliteEventLog(Path(folder) / "events.db", SystemClock())
    records = event_mix.reports(count, SystemClock().now())
    for n in range(0, count, BATCH_RECORDS):
        await log.append(records[n : n + BATCH_RECORDS])
    return await _followed(log, count)
