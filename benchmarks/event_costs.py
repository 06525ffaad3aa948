"""What workers cost for each event, fed from memory: insight, and the lake."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from benchmarks import event_mix
from benchmarks.event_done import Done, Watch, resident_mib
from benchmarks.instance import PATHWAYS
from tifo.adapters.lake.files import FolderLake
from tifo.adapters.sketches.hll import HllSketches
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.eventlog.ports import (
    LANES,
    POLL_RECORDS_MAX,
    Consumer,
    Delivery,
    EventLog,
    Lag,
    Partition,
    Record,
    lane_of,
)
from tifo.kernel.clock import SystemClock
from tifo.workers.insight.service import TOPICS, InsightWorker
from tifo.workers.insight.settings import InsightSettings
from tifo.workers.lake.service import LakeWorker
from tifo.workers.lake.settings import LakeSettings

SESSIONS = 100_000
"""That live while insight counts."""

PARTITIONS = 12
FLUSH_S = 1.0
"""Seconds that the last events, too few to fill a file, are waited for; shipped: 15."""


class Reel(EventLog, Consumer):
    """A log that has these records for one member; `over` is set by the commit of the last."""

    def __init__(self, records: Iterator[Record], over: asyncio.Event) -> None:
        self._records = records
        self._over = over
        self._offset = 0
        self._held: frozenset[Partition] = frozenset()

    async def append(self, records: Sequence[Record]) -> None:
        """Take more, behind those that are there."""
        self._records = chain(self._records, records)

    async def consumer(
        self, group: str, topics: Sequence[str], member: str, memory_s: float = 0.0
    ) -> Consumer:
        """All of it."""
        self._held = frozenset(Partition(topic, n) for topic in topics for n in range(PARTITIONS))
        return self

    async def lag(self) -> tuple[Lag, ...]:
        """Nobody asks."""
        return ()

    def partitions(self) -> frozenset[Partition]:
        """All of the topics'."""
        return self._held

    async def poll(self, records_max: int = POLL_RECORDS_MAX) -> tuple[Delivery, ...]:
        """The next ones; the event loop has its turn, as with a log that is asked for them."""
        await asyncio.sleep(0)
        return tuple(self._deliveries(islice(self._records, records_max)))

    def _deliveries(self, records: Iterator[Record]) -> Iterator[Delivery]:
        for record in records:
            self._offset += 1
            place = Partition(record.topic, lane_of(record.key) % LANES % PARTITIONS)
            yield Delivery(self._offset, record, place)

    async def commit(self) -> None:
        """Look whether that was all."""
        more = next(self._records, None)
        if more is None:
            self._over.set()
        else:
            self._records = chain((more,), self._records)

    async def park(self, delivery: Delivery, reason: str) -> None:
        """None of these can be parked."""
        raise AssertionError(reason)

    async def seek(self, at: float) -> None:
        """It stands where it stands."""

    async def close(self) -> None:
        """There is nothing to let go."""


async def insight(count: int, folder: str) -> Done:
    """Insight with a board on disk: memory for its sessions, then the cost of the mix."""
    over, stop, clock = asyncio.Event(), asyncio.Event(), SystemClock()
    at = clock.now()
    said = [one for one in event_mix.mixed(count, SESSIONS, at) if one.topic in TOPICS]
    board = SqliteBoard(Path(folder) / "board.db", clock)
    reel = Reel(event_mix.arrivals(SESSIONS, at), over)
    worker = InsightWorker(reel, board, clock, InsightSettings(), "node-1", PATHWAYS, HllSketches())
    before_mib = resident_mib()
    running = asyncio.create_task(worker.run(stop))
    await over.wait()
    grown_mib = resident_mib() - before_mib
    over.clear()
    watch = Watch()
    await reel.append(said)
    await over.wait()
    done = watch.done(len(said), grown_mib)
    stop.set()
    await running
    await board.close()
    return done


async def lake(count: int, folder: str) -> Done:
    """The lake worker with a lake on disk, until all is written and committed."""
    over, stop, clock = asyncio.Event(), asyncio.Event(), SystemClock()
    said = list(event_mix.mixed(count, SESSIONS, clock.now()))
    store = FolderLake(Path(folder) / "lake")
    before_mib = resident_mib()
    worker = LakeWorker(Reel(iter(said), over), store, clock, LakeSettings(flush_s=FLUSH_S), "node-1")
    watch = Watch()
    running = asyncio.create_task(worker.run(stop))
    await over.wait()
    written = sum(one.size for one in await store.files())
    done = watch.done(count, resident_mib() - before_mib, written)
    stop.set()
    await running
    await store.close()
    return done
