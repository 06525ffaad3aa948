"""Looks at what insight says of everybody, and tells what looks wrong: to the log, and on the board."""

import asyncio
from collections.abc import Mapping

import msgspec
import structlog

from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.api.events import AnomalyBegan, AnomalyEnded
from tifo.board.audience import whole_audience
from tifo.board.entries import (
    ANOMALIES,
    INSIGHT,
    PATHWAY,
    USUAL,
    WEIGHTS,
    AnomaliesReport,
    InsightReport,
    PathwayState,
    UsualWeek,
    decode_all,
    latest_anomalies,
    latest_weights,
)
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.kernel.background import Background, going_on
from tifo.kernel.clock import Clock
from tifo.workers.anomalies.cases import Change, past, resumed, step
from tifo.workers.anomalies.expectation import WEEK_S, WEEKS_MAX, ending, expected, learned, slot_of
from tifo.workers.anomalies.rules import Group, Look, find, kept
from tifo.workers.anomalies.settings import AnomaliesSettings

CALENDAR_S = 5.0
"""Between two looks at the calendar."""

LEARN_S = 60.0
"""Between two notes of how many viewers are usual."""

SAID_S = 900.0
"""Seconds for which the last word of a worker that died stands, and from which another goes on."""

WEIGHTS_KEPT_S = 120.0
"""Seconds for which viewers may still leave a CDN after its weight fell: they ask once a minute, or so."""

WEIGHT_FALLS = 0.9
"""A CDN whose weight has fallen below this share of what it was gives viewers away."""

_log = structlog.get_logger(__name__)


class AnomaliesWorker:
    """One of its kind: it reads the board, where all shares of insight come together.

    What it has told is on the board, so that the one after it neither tells it again nor forgets to say that
    it is over. What groups had a minute ago is in memory, and is known again after a minute.
    """

    def __init__(
        self,
        view: BoardView,
        catalogue: Catalogue,
        publisher: Publisher,
        clock: Clock,
        settings: AnomaliesSettings,
    ) -> None:
        self._view = view
        self._catalogue = catalogue
        self._publisher = publisher
        self._clock = clock
        self._settings = settings
        self._events: tuple[CalendarEvent, ...] = ()
        self._looks: tuple[Look, ...] = ()
        self._weights: tuple[tuple[float, Mapping[str, float]], ...] = ()
        said = latest_anomalies(view.under(ANOMALIES))
        self._cases = resumed(said.anomalies)
        self._past = said.past
        self._looking = Background(
            "anomalies", settings.look_s, self._look, "what looks wrong now is told later"
        )

    @property
    def failing(self) -> bool:
        """Whether the last look failed."""
        return self._looking.failing

    async def run(self, stop: asyncio.Event) -> None:
        """Look each `look_s` until `stop` is set; a board or a log that fails is tried again."""
        tasks = (
            Background("anomalies-calendar", CALENDAR_S, self._read_calendar, "what was planned still is"),
            self._looking,
            Background("anomalies-usual", LEARN_S, self._learn, "what is usual stays as it was"),
        )
        async with going_on(*tasks):
            await stop.wait()

    async def _read_calendar(self) -> None:
        self._events = tuple(await self._catalogue.events())

    async def _look(self) -> None:
        now = self._clock.now()
        told = whole_audience(decode_all(self._view.under(INSIGHT), InsightReport).values())
        if told is None or not told.partitions:
            return  # Nobody counts: that is insight's trouble, and no loss of viewers.
        look = self._seen(told, now)
        self._looks = kept((*self._looks, look), now)
        found = find(self._looks, self._settings)
        groups = {**look.groups, ("audience", ""): look.viewers}
        cases, changes = step(self._cases, found, groups, now, self._settings)
        for change in changes:
            await self._tell(change, now)
        self._cases = cases
        self._past = past(self._past, changes, now)
        newest = sorted(cases.open.values(), key=lambda one: (-one.since, one.id))
        report = msgspec.json.encode(AnomaliesReport(now, tuple(newest), self._past))
        await self._view.write(f"{ANOMALIES}all", report, SAID_S)

    def _seen(self, told: InsightReport, now: float) -> Look:
        should = expected(self._events, self._weeks(), now, self._settings.settled_s)
        audience = told.audience
        splits = (("isp", audience.isp), ("device", audience.device_kind), ("event", audience.event))
        groups: dict[Group, int] = {("cdn", name): count for name, count in told.pathways.items()}
        for respect, split in splits:
            groups.update({(respect, one.name): one.viewers for one in split.top if one.name})
        return Look(
            at=now,
            viewers=told.viewers,
            groups=groups,
            starts_per_s=told.starts_per_s,
            expected=should.viewers,
            by=should.by,
            explained=self._explained(now),
            ending=ending(self._events, now, self._settings.settled_s),
            patterns=told.patterns,
            partitions=told.partitions,
        )

    def _explained(self, now: float) -> frozenset[Group]:
        """CDNs that operators or the steering loop take viewers from, and events that are over or nearly."""
        states = decode_all(self._view.under(PATHWAY), PathwayState)
        weights = latest_weights(self._view.under(WEIGHTS))
        self._weights = (
            *((at, one) for at, one in self._weights if now - at <= WEIGHTS_KEPT_S),
            (now, weights.weights if weights else {}),
        )
        wanted = {name for name, state in states.items() if state.state != "in" or state.share is not None}
        latest = self._weights[-1][1]
        for _, before in self._weights:
            wanted |= {name for name, was in before.items() if latest.get(name, 0.0) < WEIGHT_FALLS * was}
        settled_s = self._settings.settled_s
        over = {one.id for one in self._events if now >= one.ends - settled_s}
        return frozenset({("cdn", name) for name in wanted} | {("event", name) for name in over})

    async def _tell(self, change: Change, now: float) -> None:
        one = change.anomaly
        if change.over:
            _log.info("anomaly.over", kind=one.kind, subject=one.subject, lasted_s=round(now - one.since))
            event = AnomalyEnded(
                anomaly=one.id, what=one.kind, subject=one.subject, lasted_s=round(now - one.since, 1)
            )
            await self._publisher.keep_or_tell(event, f"{one.id}-over")
            return
        _log.warning("anomaly", kind=one.kind, subject=one.subject, evidence=one.evidence)
        began = AnomalyBegan(
            anomaly=one.id, what=one.kind, subject=one.subject, evidence=one.evidence, figures=one.figures
        )
        await self._publisher.keep_or_tell(began, one.id)

    async def _learn(self) -> None:
        if not self._looks:
            return
        now, before = self._clock.now(), self._weeks()
        number = slot_of(now).week
        week = learned(before, self._looks[-1].viewers, now)[number]
        if week != before.get(number):
            value = msgspec.json.encode(UsualWeek(week))
            await self._view.write(f"{USUAL}{number}", value, WEEKS_MAX * WEEK_S)

    def _weeks(self) -> dict[int, tuple[int, ...]]:
        weeks = decode_all(self._view.under(USUAL), UsualWeek)
        return {int(number): one.viewers for number, one in weeks.items() if number.isdecimal()}
