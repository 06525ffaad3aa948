"""Insight: reads the event log and says on the board who watches what, each second."""

import asyncio
from collections.abc import Collection, Sequence

import msgspec
import structlog

from tifo.api.events import PLAYBACK, SESSIONS, SessionStarted
from tifo.api.reports import GroupLag
from tifo.board.entries import INSIGHT, QOE, InsightReport, QoeReport
from tifo.board.ports import Board
from tifo.eventlog.following import Follower, Member, Trouble
from tifo.eventlog.ports import Consumer, Delivery, EventLog
from tifo.eventlog.records import from_record
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.telemetry.metrics import EVENTLOG_LAG, EVENTLOG_LOST, EVENTS_HANDLED, EVENTS_SKIPPED
from tifo.workers.insight.qoe import Qoe
from tifo.workers.insight.rules import Audience, Rate
from tifo.workers.insight.settings import InsightSettings

GROUP = "insight"
REPORT_TTL_S = 10.0
"""Seconds after which the last report of a worker that died is no longer believed."""

_log = structlog.get_logger(__name__)


class InsightWorker:
    """One consumer of the event log.

    Its state is in memory: after a restart it begins at the committed offsets, and knows the sessions
    again as soon as each has renewed its lease or asked for its steering.
    """

    def __init__(
        self,
        log: EventLog,
        board: Board,
        clock: Clock,
        settings: InsightSettings,
        node: str,
        pathways: Collection[str],
    ) -> None:
        self._log = log
        member = Member(GROUP, (SESSIONS, PLAYBACK), node, settings.poll_s)
        trouble = Trouble("insight.eventlog-failing", "insight.eventlog-back", "the counts stand still")
        self._follower = Follower(log, member, self._handle_all, trouble)
        self._board = board
        self._clock = clock
        self._settings = settings
        self._node = node
        self._audience = Audience(settings.silent_s)
        self._qoe = Qoe(settings.qoe_window_s, frozenset(pathways))
        self._starts = Rate(settings.rate_window_s)
        self._events = Rate(settings.rate_window_s)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume and report until `stop` is set; a log or board that fails is tried again."""
        reporting = Background(
            "insight.report", self._settings.report_s, self._report, "cockpits see no counts"
        )
        await reporting.open()
        try:
            await self._follower.run(stop)
        finally:
            await reporting.close()

    async def _handle_all(self, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            try:
                self._handle(delivery)
            except Exception as error:
                await self._park(consumer, delivery, error)

    def _handle(self, delivery: Delivery) -> None:
        record = delivery.record
        now = self._clock.now()
        EVENTS_HANDLED.labels(GROUP, record.topic).inc()
        self._events.add(now)
        event = from_record(record)
        if event is None:
            EVENTS_SKIPPED.labels(GROUP, record.topic).inc()
            return
        self._audience.see(event, record.at, now)
        self._qoe.see(event, self._audience, record.at, now)
        if isinstance(event, SessionStarted):
            self._starts.add(min(record.at, now))

    async def _park(self, consumer: Consumer, delivery: Delivery, error: Exception) -> None:
        """Set aside a record that we fail at, and say why."""
        record = delivery.record
        _log.error("insight.parked", event_id=record.id, topic=record.topic, exc_info=error)
        await self._follower.set_aside(consumer, delivery, repr(error))

    async def _report(self) -> None:
        now = self._clock.now()
        self._audience.forget_silent(now)
        report = InsightReport(
            at=now,
            viewers=self._audience.viewers(),
            starts_per_s=self._starts.per_s(now),
            events_per_s=self._events.per_s(now),
            pathways=self._audience.by_pathway(),
            groups=await self._lag(),
            audience=self._audience.report(),
        )
        await self._say(INSIGHT, report)
        cells = self._qoe.cells(self._audience, now)
        await self._say(QOE, QoeReport(now, self._settings.qoe_window_s, cells))

    async def _say(self, folder: str, report: msgspec.Struct) -> None:
        await self._board.write(folder + self._node, msgspec.json.encode(report), REPORT_TTL_S)

    async def _lag(self) -> tuple[GroupLag, ...]:
        lags = await self._log.lag()
        for one in lags:
            EVENTLOG_LAG.labels(one.group, one.topic).set(one.records)
            EVENTLOG_LOST.labels(one.group, one.topic).set(one.lost)
        return tuple(GroupLag(one.group, one.topic, one.records) for one in lags)
