"""The lake worker: reads the event log and keeps all of it as Parquet, each event once."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from tifo.api.events import TOPICS
from tifo.eventlog.following import Follower, Member, Trouble
from tifo.eventlog.ports import POLL_RECORDS_MAX, Consumer, Delivery, EventLog, Partition
from tifo.eventlog.records import from_record
from tifo.kernel.background import rest
from tifo.kernel.clock import Clock
from tifo.telemetry.metrics import EVENTS_HANDLED, LAKE_FILES, LAKE_ROWS
from tifo.workers.lake.gathering import Gathered
from tifo.workers.lake.keeping import Keeper
from tifo.workers.lake.ports import ROWS_MAX, Lake
from tifo.workers.lake.rules import place_of, row_of
from tifo.workers.lake.settings import LakeSettings

GROUP = "lake"

MIB = 1024 * 1024


class LakeWorker:
    """One member of the group.

    What was read is written before it is committed. What comes again, because a process died in between or
    another member had it meanwhile, is in a second file of the same place, and readers take each id once.
    """

    def __init__(self, log: EventLog, lake: Lake, clock: Clock, settings: LakeSettings, node: str) -> None:
        self._lake = lake
        self._clock = clock
        self._settings = settings
        self._rows_max = min(settings.flush_entries_max, ROWS_MAX - POLL_RECORDS_MAX)
        self._held: frozenset[Partition] = frozenset()
        self._stop = asyncio.Event()
        member = Member(GROUP, TOPICS, node, settings.poll_s)
        trouble = Trouble("lake.failing", "lake.back", "events wait in the log")
        self._follower = Follower(log, member, self._handle, trouble)
        self._keeper = Keeper(lake, clock, settings, lambda topic: Partition(topic, 0) in self._held)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; what was gathered is written then. A log or lake that fails is tried again."""
        self._stop = stop
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follower.run(stop), name="lake-follower")
            group.create_task(self._keeper.run(stop), name="lake-keeper")

    async def _handle(self, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
        gathered = Gathered()
        await self._take(consumer, deliveries, gathered)
        until = self._clock.monotonic() + self._settings.flush_s
        while self._may_wait(gathered, until):
            more = await consumer.poll()
            await self._take(consumer, more, gathered)
            if not more:
                await rest(self._stop, min(self._settings.poll_s, until - self._clock.monotonic()))
        await self._write(gathered)

    def _may_wait(self, gathered: Gathered, until: float) -> bool:
        told = self._settings
        full = gathered.count >= self._rows_max or gathered.size >= told.flush_mib_max * MIB
        return (
            bool(gathered.count) and not full and self._clock.monotonic() < until and not self._stop.is_set()
        )

    async def _take(self, consumer: Consumer, deliveries: Sequence[Delivery], gathered: Gathered) -> None:
        for one in deliveries:
            gathered.came(one)
            event = from_record(one.record)
            try:
                if event is None:
                    raise ValueError("it does not read")
                gathered.add(one, place_of(event, one.record.at), row_of(event, one.record.id, one.record.at))
            except ValueError as error:
                await self._follower.set_aside(consumer, one, str(error))
        self._held = consumer.partitions()
        gathered.keep_only(self._held)
        for topic, count in Counter(one.record.topic for one in deliveries).items():
            EVENTS_HANDLED.labels(GROUP, topic).inc(count)

    async def _write(self, gathered: Gathered) -> None:
        places, name = gathered.by_place(), gathered.name
        await asyncio.gather(*(self._lake.write(place, name, rows) for place, rows in places.items()))
        rows = sum(map(len, places.values()))
        LAKE_FILES.labels("written").inc(len(places))
        LAKE_ROWS.labels("written").inc(rows)
        LAKE_ROWS.labels("repeated").inc(gathered.count - rows)
