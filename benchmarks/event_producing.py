"""Producing reports of players: as a service does, and with confluent-kafka by itself."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from benchmarks import event_mix
from benchmarks.broker import PREFIX, kafka_log
from benchmarks.event_done import Done, Watch
from tifo.adapters.kafka import wire
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import PLAYBACK, PlaybackReported
from tifo.eventlog import envelope
from tifo.eventlog.ports import EventLog
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds

CALLERS = 64
"""Callers that wait for their records at once, as requests do."""

REPORT_RECORDS = 20
"""Records of one caller: those of a report."""

BATCH_RECORDS = 500
APPENDERS = 8
"""Records of one append by whoever gathers them, as the publisher and the spool do, and how many of those."""

QUEUED_MAX = 10_000
"""Records on their way to the broker at once, for everybody."""

POLL_RECORDS = 1_000
POLL_S = 0.02

TOPIC = wire.topic_name(PREFIX, PLAYBACK)
PRODUCING: Mapping[str, Any] = MappingProxyType(
    {
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 5,
        "compression.type": "lz4",
        "partitioner": "consistent_random",
        "max.in.flight.requests.per.connection": 5,
        "queue.buffering.max.messages": 2 * QUEUED_MAX,
    }
)
"""What ours is told too."""


async def ours(count: int, seeds: str) -> Done:
    """As a service does: typed events to the publisher, and they are on the broker when it returns."""
    return await kept(kafka_log(seeds), events(count), CALLERS, REPORT_RECORDS)


async def kept(log: EventLog, told: list[PlaybackReported], callers: int, together: int) -> Done:
    """So many callers have so many events kept at once, each waiting before it goes on."""
    batches = [told[n : n + together] for n in range(0, len(told), together)]
    publisher = Publisher(log, SystemClock(), SystemIds())
    await publisher.keep(batches[0])
    left = iter(batches)

    async def call() -> None:
        for batch in left:
            await publisher.keep(batch)

    watch = Watch()
    await asyncio.gather(*(call() for _ in range(callers)))
    done = watch.done(len(told))
    await log.close()
    return done


async def appended(count: int, seeds: str) -> Done:
    """Records that are there already, as those that were told or waited on the disk: 500 at a time."""
    return await appended_to(kafka_log(seeds), count)


async def appended_to(log: EventLog, count: int) -> Done:
    """Append so many to a log, `BATCH_RECORDS` at a time by `APPENDERS`."""
    records = event_mix.reports(count, SystemClock().now())
    await log.append(records[:1])
    left = iter([records[n : n + BATCH_RECORDS] for n in range(0, count, BATCH_RECORDS)])

    async def call() -> None:
        for batch in left:
            await log.append(batch)

    watch = Watch()
    await asyncio.gather(*(call() for _ in range(APPENDERS)))
    done = watch.done(count)
    await log.close()
    return done


async def embedded_batches(count: int, folder: str) -> Done:
    """The same into the log that is a file."""
    return await appended_to(_file_log(folder), count)


async def embedded_calls(count: int, folder: str) -> Done:
    """Into that file by callers who wait for one record each."""
    return await kept(_file_log(folder), events(count), CALLERS, 1)


def _file_log(folder: str) -> SqliteEventLog:
    return SqliteEventLog(Path(folder) / "events.db", SystemClock())


async def bare(count: int, seeds: str) -> Done:
    """The shortest loop that makes the same messages of the same events."""
    ids = SystemIds()
    return _produced(seeds, (_message(event, ids.new("evt")) for event in events(count)), count)


async def ready(count: int, seeds: str) -> Done:
    """Messages that were made before the clock ran."""
    writer = wire.Writer(envelope.SOURCE)
    records = event_mix.reports(count, SystemClock().now())
    return _produced(seeds, [writer.message(one) for one in records], count)


async def fill(count: int, seeds: str) -> Done:
    """Make the topics, and put so many records there for others to read."""
    log = kafka_log(seeds)
    await log.append(event_mix.reports(1, SystemClock().now()))
    await log.close()
    return await ready(count, seeds)


def _produced(seeds: str, messages: Iterable[Mapping[str, Any]], count: int) -> Done:
    producer = Producer({"bootstrap.servers": seeds, **PRODUCING})
    producer.list_topics(TOPIC)
    failed = 0

    def delivered(error: KafkaError | None, _: Message) -> None:
        nonlocal failed
        failed += error is not None

    watch = Watch()
    for n, message in enumerate(messages):
        producer.produce(TOPIC, on_delivery=delivered, **message)
        if n % POLL_RECORDS == 0:
            producer.poll(0)
            while len(producer) > QUEUED_MAX:
                producer.poll(POLL_S)
    producer.flush()
    done = watch.done(count)
    if failed:
        raise SystemExit(f"{failed} records were not kept")
    return done


_json = msgspec.json.Encoder().encode


def _message(event: PlaybackReported, event_id: str) -> dict[str, Any]:
    at_ms = round(SystemClock().now() * 1_000)
    key, name = event.session.encode(), event_id.encode()
    at = datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    headers = [
        ("id", name),
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/tifo"),
        ("ce_type", b"tifo.playback.reported.v1"),
        ("ce_dataschema", b"urn:tifo:event:playback.reported.v1"),
        ("content-type", b"application/json"),
        ("type", b"playback.reported"),
        ("ce_id", name),
        ("ce_time", at.encode()),
        ("ce_partitionkey", key),
    ]
    return {"key": key, "value": _json(event), "timestamp": at_ms, "headers": headers}


def events(count: int) -> list[PlaybackReported]:
    """Reports of so many sessions."""
    now = SystemClock().now()
    return [event_mix.report(event_mix.session_of(n), n, now) for n in range(count)]
