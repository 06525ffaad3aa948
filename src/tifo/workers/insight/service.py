"""Insight: reads the event log and says on the board who watches what, each second."""

import asyncio
from collections.abc import Collection, Sequence

import msgspec

from tifo.api.events import PLAYBACK, SESSIONS
from tifo.api.reports import GroupLag
from tifo.api.sketches import Sketches
from tifo.board.entries import INSIGHT, QOE, SKETCHES, InsightReport, QoeReport, SketchReport, decode_all
from tifo.board.ports import Board
from tifo.eventlog.following import Follower, Member, Trouble
from tifo.eventlog.ports import Consumer, Delivery, EventLog, Record
from tifo.eventlog.records import from_record
from tifo.kernel.background import Background, going_on
from tifo.kernel.clock import Clock
from tifo.telemetry.metrics import EVENTLOG_LAG, EVENTLOG_LOST, EVENTS_HANDLED, EVENTS_SKIPPED
from tifo.workers.insight.reach import Reach
from tifo.workers.insight.rules import Rate
from tifo.workers.insight.settings import InsightSettings
from tifo.workers.insight.share import Share, Shares, numbers_of

GROUP = "insight"
TOPICS = (SESSIONS, PLAYBACK)
SKETCH_S = 10.0
"""Between two words on who was heard of; what is lost with a worker is read again from the log."""

SKETCH_TTL_S = 2 * 86_400.0
"""For which accounts that have watched are remembered; a match, and the day after."""

REPORT_TTL_S = 10.0
"""Seconds after which the last report of a worker that died is no longer believed."""


class InsightWorker:
    """One member of its group: it knows what its share of the log says, and reports of that.

    Its state is in memory, and is made again from the last `memory_s` seconds of the log wherever a share
    goes: after a restart, and at another member.
    """

    def __init__(
        self,
        log: EventLog,
        board: Board,
        clock: Clock,
        settings: InsightSettings,
        node: str,
        pathways: Collection[str],
        sketches: Sketches,
    ) -> None:
        self._log = log
        member = Member(GROUP, TOPICS, node, settings.poll_s, settings.memory_s)
        trouble = Trouble("insight.eventlog-failing", "insight.eventlog-back", "the counts stand still")
        self._follower = Follower(log, member, self._handle_all, trouble)
        self._board = board
        self._clock = clock
        self._settings = settings
        self._node = node
        self._shares = Shares(settings, pathways)
        self._events = Rate(settings.rate_window_s)
        self._reach = Reach(sketches)
        self._resumed = False

    async def run(self, stop: asyncio.Event) -> None:
        """Consume and report until `stop` is set; a log or board that fails is tried again."""
        reporting = Background(
            "insight.report", self._settings.report_s, self._report, "cockpits see no counts"
        )
        sketching = Background("insight.sketch", SKETCH_S, self._sketch, "cockpits see no reach")
        async with going_on(reporting, sketching):
            await self._follower.run(stop)

    async def _handle_all(self, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
        now = self._clock.now()
        self._shares.hold(numbers_of(consumer.partitions(), TOPICS), now)
        for delivery in deliveries:
            share = self._shares.of(delivery, now)
            try:
                self._handle(share, delivery.record)
            except Exception as error:
                await self._follower.set_aside(consumer, delivery, error)
            share.pass_over(delivery)
        if not deliveries:
            self._shares.caught_up(now)

    def _handle(self, share: Share, record: Record) -> None:
        now = self._clock.now()
        EVENTS_HANDLED.labels(GROUP, record.topic).inc()
        self._events.add(now)
        event = from_record(record)
        if event is None:
            EVENTS_SKIPPED.labels(GROUP, record.topic).inc()
        else:
            share.see(event, record.at, now)
            self._reach.see(event, min(record.at, now))

    async def _report(self) -> None:
        now = self._clock.now()
        groups = await self._lag()
        self._shares.forget_silent(now)
        crowd = self._shares.crowd()
        report = InsightReport(
            at=now,
            viewers=crowd.viewers(),
            starts_per_s=self._shares.starts_per_s(now),
            events_per_s=self._events.per_s(now),
            pathways=dict(crowd.on_pathway),
            groups=groups,
            audience=crowd.report(),
            partitions=tuple(self._shares.told()),
            patterns=self._shares.patterns(now),
        )
        cells = self._shares.cells(crowd.in_cell, now)
        await self._say(INSIGHT, report)
        await self._say(QOE, QoeReport(now, self._settings.qoe_window_s, cells))

    async def _sketch(self) -> None:
        key = SKETCHES + self._node
        if not self._resumed:
            entry = (await self._board.changes(None)).entries.get(key)
            said = decode_all({key: entry}, SketchReport) if entry else {}
            for one in said.values():
                self._reach.resume(one)
            self._resumed = True
        report = msgspec.json.encode(self._reach.report(self._clock.now()))
        await self._board.write(key, report, SKETCH_TTL_S)

    async def _say(self, folder: str, report: msgspec.Struct) -> None:
        await self._board.write(folder + self._node, msgspec.json.encode(report), REPORT_TTL_S)

    async def _lag(self) -> tuple[GroupLag, ...]:
        lags = await self._log.lag()
        for one in lags:
            EVENTLOG_LAG.labels(one.group, one.topic).set(one.records)
            EVENTLOG_LOST.labels(one.group, one.topic).set(one.lost)
        return tuple(GroupLag(one.group, one.topic, one.records, one.lost) for one in lags)
