"""A real Kafka of one broker, pinned to a core: the one that the tests start."""

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import CannotMeasure
from benchmarks.servers import Servers
from tifo.adapters.kafka.address import KafkaAddress
from tifo.adapters.kafka.eventlog import KafkaEventLog
from tifo.kernel.clock import SystemClock
from tifo.telemetry.stores import Meters

SERVERS = Path(__file__).parent.parent / "tests" / "servers"
PREFIX = "bench"
LAYOUT = "create=1&replicas=1&partitions=12&compression=lz4"
"""One broker has no replicas: `acks=all` is the leader's word here. The rest is as shipped."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """Where it listens, and its process."""

    seeds: str
    servers: Servers

    def url(self, prefix: str = PREFIX) -> str:
        """What `stores.eventlog` is told."""
        return f"kafka://{self.seeds}/{prefix}?{LAYOUT}"


@contextlib.contextmanager
def kafka(core: int) -> Iterator[Kafka]:
    """A fresh one on that core; raises `CannotMeasure` where it is not installed or does not start."""
    if str(SERVERS) not in sys.path:
        sys.path.append(str(SERVERS))
    server = importlib.import_module("kafka_server")
    if server.MISSING:
        raise CannotMeasure(server.MISSING)
    with tempfile.TemporaryDirectory(prefix="tifo-bench-kafka-") as folder, contextlib.ExitStack() as stack:
        try:
            with _on(core):
                cluster = stack.enter_context(server.kafka_cluster(Path(folder)))
        except RuntimeError as error:
            raise CannotMeasure(f"Kafka did not start:\n{error}") from error
        yield Kafka(cluster.seeds, Servers([one.process for one in cluster.brokers]))


@contextlib.contextmanager
def _on(core: int) -> Iterator[None]:
    """What is started meanwhile inherits the core."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usable)


def kafka_log(seeds: str) -> KafkaEventLog:
    """Tifo's log there."""
    clock = SystemClock()
    address = KafkaAddress.parse(f"kafka://{seeds}/{PREFIX}?{LAYOUT}")
    return KafkaEventLog(address, Meters(clock).store("eventlog", "kafka"), clock)
