"""Event logs of the suites: where each adapter's is, and short forms of what tests do with them."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from kafka_server import KafkaCluster

from tifo.adapters.kafka.address import KafkaAddress, Layout
from tifo.adapters.kafka.eventlog import KafkaEventLog
from tifo.adapters.sqlite.database import Database
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.adapters.sqlite.eventlog_tables import SCHEMA, Retention, forget_old
from tifo.eventlog.ports import Consumer, Delivery, EventLog, EventLogStore, Pace, Record
from tifo.kernel.clock import SystemClock
from tifo.telemetry.stores import StoreMeter

BASE = float(round(SystemClock().now()) - 3_600)
"""When the first record of a test was: Kafka takes none of tomorrow, and forgets those of last week."""

PARTITIONS = 4
COMES_S_MAX = 40.0
"""How long a test waits for what is promised."""

_END = "end"
_numbers = itertools.count()


class LogPlace(Protocol):
    """A log that can be opened again, as another process or a later one would."""

    def open(self, pace: Pace | None = None) -> EventLogStore: ...

    async def forget(self, topic: str) -> None:
        """Everything up to now, as retention does."""
        ...


@dataclass
class SqliteLogPlace(LogPlace):
    folder: Path

    def open(self, pace: Pace | None = None) -> SqliteEventLog:
        return SqliteEventLog(self.folder / "events.db", SystemClock(), pace)

    async def forget(self, topic: str) -> None:
        database = Database(self.folder / "events.db", "eventlog", SCHEMA)
        await database.run(lambda c: forget_old(c, Retention(bytes_max=0), 0.0))
        await database.close()


@dataclass
class KafkaLogPlace(LogPlace):
    cluster: KafkaCluster
    prefix: str = field(default_factory=lambda: f"test-{next(_numbers)}")
    replicas: int = 1

    def open(self, pace: Pace | None = None) -> KafkaEventLog:
        layout = Layout(create=True, partitions=PARTITIONS, replicas=self.replicas)
        address = KafkaAddress(tuple(self.cluster.seeds.split(",")), self.prefix, layout=layout)
        clock = SystemClock()
        return KafkaEventLog(address, StoreMeter("eventlog", "kafka", clock), clock, pace)

    async def forget(self, topic: str) -> None:
        admin = AdminClient({"bootstrap.servers": self.cluster.seeds})
        whole = [TopicPartition(f"{self.prefix}.{topic}", n, -1) for n in range(PARTITIONS)]
        for future in admin.delete_records(whole).values():
            await asyncio.wrap_future(future)


def record(n: int, *, topic: str = "sessions", key: str = "a") -> Record:
    return Record(topic, key, f"evt_{n}", "session.started", BASE + n / 10, b'{"n":%d}' % n)


async def eventually(met: Callable[[], Awaitable[bool]]) -> None:
    """Until it is, for a generous time."""
    end = time.monotonic() + COMES_S_MAX
    while not await met():
        assert time.monotonic() < end, "it did not come"
        await asyncio.sleep(0.02)


async def gets_nothing(consumer: Consumer, seconds: float) -> None:
    """Nothing comes to it, however often it asks."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not await consumer.poll(), "these are at another"
        await asyncio.sleep(0.02)


async def take(consumer: Consumer, count: int) -> list[Delivery]:
    """The next so many records."""
    taken: list[Delivery] = []
    async with asyncio.timeout(COMES_S_MAX):
        while len(taken) < count:
            got = await consumer.poll(count - len(taken))
            taken += got
            if not got:
                await asyncio.sleep(0.02)
    return taken


def names(deliveries: Iterable[Delivery]) -> list[str]:
    return [one.record.id for one in deliveries]


def by_key(deliveries: Iterable[Delivery]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in deliveries:
        found[one.record.key].append(one.record.id)
    return dict(found)


async def rest(
    log: EventLog, group: str = "g", topics: Sequence[str] = ("sessions",), keys: Sequence[str] = ("a",)
) -> list[str]:
    """The ids of all that the group has not committed, of these keys; commits nothing.

    After each key's last record another is appended: once it has come, whatever was before it has.
    """
    ends = [Record(topic, key, "evt_end", _END, BASE, b"") for topic in topics for key in keys]
    await log.append(ends)
    consumer = await log.consumer(group, topics, "reader")
    found: list[Delivery] = []
    left = len(ends)
    try:
        while left:
            (one,) = await take(consumer, 1)
            if one.record.type == _END:
                left -= 1
            else:
                found.append(one)
    finally:
        await consumer.close()
    return names(found)
