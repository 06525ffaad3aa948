"""A match whose Kafka, tellers and counters die one after the other: what was accepted is billed, once."""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import kafka_server
import pytest
import spool_process
from kafka_server import KafkaCluster

from tifo.adapters.kafka.eventlog import KafkaEventLog
from tifo.adapters.sqlite.billing import SqliteBillingLedger
from tifo.api.billing import BilledAsked
from tifo.api.events import BreakDecided
from tifo.eventlog.ports import EventLog
from tifo.eventlog.records import from_record
from tifo.kernel.errors import Unavailable

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

COMES_S_MAX = 180.0
"""How long is waited for what is promised: three brokers start on a busy machine."""

GONE_S = float(os.environ.get("TIFO_TEST_KAFKA_GONE_S", "5"))
"""How long no broker is there at all."""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    if kafka_server.MISSING:
        pytest.skip(kafka_server.NOT_RUN)
    with kafka_server.kafka_cluster(tmp_path_factory.mktemp("kafka-gone"), brokers=3) as cluster:
        yield cluster


@dataclass
class Stage:
    """One folder, and the processes that tell and bill."""

    folder: Path
    url: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, role: str) -> None:
        with (self.folder / f"{role}.log").open("ab") as log:
            self.running[role] = subprocess.Popen(
                [sys.executable, str(spool_process.__file__), role, str(self.folder), self.url],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=log,
                stderr=log,
            )

    def kill(self, role: str) -> None:
        process = self.running.pop(role)
        process.kill()
        process.wait()

    def accepted(self) -> set[str]:
        """Sessions whose break was accepted."""
        file = self.folder / "accepted"
        return set(file.read_text().splitlines()) if file.exists() else set()

    def waiting(self) -> int:
        """Bytes in the spool."""
        total = 0
        for one in (self.folder / "spool").glob("*.spool"):
            try:
                total += one.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def had_again(self) -> bool:
        """Whether who tells has gone from the disk to Kafka again."""
        return "spool.sent" in (self.folder / "tell.log").read_text().rpartition("spool.holding")[2]

    async def more(self, count: int) -> None:
        """So many more are accepted."""
        wanted = len(self.accepted()) + count
        await self.until(lambda: len(self.accepted()) >= wanted)

    async def until(self, met: Callable[[], bool]) -> None:
        async def look() -> bool:
            for role, process in self.running.items():
                assert process.poll() is None, (self.folder / f"{role}.log").read_text()[-3_000:]
            return met()

        await eventually(look)


async def eventually(met: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + COMES_S_MAX
    while not await met():
        assert time.monotonic() < end, "it did not come"
        await asyncio.sleep(0.1)


@pytest.fixture
def stage(three: KafkaCluster, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, f"kafka://{three.seeds}/gone?create=1&replicas=3&partitions=4")
    yield stage
    for role in list(stage.running):
        stage.kill(role)


async def test_whoever_dies_what_was_accepted_is_billed_once(three: KafkaCluster, stage: Stage) -> None:
    stage.start("tell")
    stage.start("bill")
    await stage.more(200)

    three.brokers[0].kill()
    await stage.more(200)
    stage.kill("bill")
    await stage.more(100)
    stage.start("bill")

    for one in three.brokers:
        one.kill()
    await stage.until(lambda: stage.waiting() > 0)
    await stage.more(200)
    stage.kill("tell")
    left = stage.waiting()
    assert left > 0
    stage.start("tell")
    await stage.more(200)
    assert stage.waiting() > left
    back_at = time.monotonic() + GONE_S
    await stage.until(lambda: time.monotonic() >= back_at)

    for one in three.brokers:
        one.start()
    for one in three.brokers:
        await asyncio.to_thread(one.wait)
    await stage.until(stage.had_again)
    await stage.more(200)
    stage.kill("tell")
    stage.start("tell")
    stage.kill("bill")
    await stage.more(100)
    stage.start("bill")
    (stage.folder / "stop").touch()
    await asyncio.to_thread(stage.running.pop("tell").wait, COMES_S_MAX)
    assert stage.waiting() == 0

    log = spool_process.event_log(stage.url)
    told = await sessions_in(log)
    await eventually(lambda: _handled(log, "billing"))
    await log.close()
    assert stage.accepted() <= told, "nothing that was accepted is lost"
    assert await billed(stage.folder) == {"counted decided": len(told), "counted impression": len(told)}


async def sessions_in(log: KafkaEventLog) -> set[str]:
    """Every session whose break is in the log."""
    consumer = await log.consumer("check", ["ads"], "reader")
    found: set[str] = set()

    async def read_all() -> bool:
        for delivery in await consumer.poll():
            event = from_record(delivery.record)
            if isinstance(event, BreakDecided):
                found.add(event.session)
        await consumer.commit()
        return await _handled(log, "check")

    await eventually(read_all)
    await consumer.close()
    return found


async def _handled(log: EventLog, group: str) -> bool:
    try:
        lags = [one for one in await log.lag() if one.group == group and one.topic == "ads"]
    except Unavailable:
        return False
    return bool(lags) and not any(one.records for one in lags)


async def billed(folder: Path) -> dict[str, int]:
    books = SqliteBillingLedger(folder / "billing.db", spool_process.TERMS)
    found: Counter[str] = Counter()
    for one in await books.lines(BilledAsked()):
        found[f"{one.standing} {one.what}"] += one.count
    await books.close()
    return dict(found)
