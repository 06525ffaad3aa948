"""The worker that looks for anomalies: from insight's reports to the log and the board, over a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from patience import WITHIN_S_MAX

from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.anomalies import Anomaly, AnomalyPast
from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.api.events import AnomalyBegan, AnomalyEnded, AnyEvent
from tifo.api.reports import AudienceCount, AudienceReport, AudienceSplit
from tifo.board.entries import (
    ANOMALIES,
    INSIGHT,
    PATHWAY,
    USUAL,
    WEIGHTS,
    InsightReport,
    PathwayState,
    SteeringWeights,
    latest_anomalies,
)
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.eventlog.records import from_record
from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SystemIds
from tifo.workers.anomalies import service
from tifo.workers.anomalies.expectation import slot_of
from tifo.workers.anomalies.service import AnomaliesWorker
from tifo.workers.anomalies.settings import AnomaliesSettings

SETTINGS = AnomaliesSettings(look_s=0.01, confirm_s=10, over_s=20)


class Calendar(Catalogue):
    """One match that is under way."""

    def __init__(self, now: float) -> None:
        self._event = CalendarEvent(
            "final", "Final", now - 3_600, now + 3_600, "one", forecast_viewers=10_000
        )

    async def event(self, event_id: str) -> CalendarEvent:
        return self._event

    async def events(self) -> tuple[CalendarEvent, ...]:
        return (self._event,)


class Night:
    """A board on which insight reports, a log, and workers that look, on a clock of the test."""

    def __init__(self, view: BoardView, log: SqliteEventLog, clock: ManualClock, until) -> None:
        self._until = until
        self.view = view
        self.log = log
        self.clock = clock
        self.calendar = Calendar(clock.now())

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        publisher = Publisher(self.log, self.clock, SystemIds())
        await publisher.open()
        stop = asyncio.Event()
        worker = AnomaliesWorker(self.view, self.calendar, publisher, self.clock, SETTINGS)
        running = asyncio.create_task(worker.run(stop))
        yield
        stop.set()
        async with asyncio.timeout(WITHIN_S_MAX):
            await running
        await publisher.close()

    async def report(self, on_a: int, on_b: int = 5_000) -> None:
        isps = AudienceSplit((AudienceCount("AS1", on_a + on_b),))
        report = InsightReport(
            at=self.clock.now(), viewers=on_a + on_b, starts_per_s=1.0, events_per_s=1.0,
            pathways={"cdn-a": on_a, "cdn-b": on_b}, groups=(), audience=AudienceReport(isp=isps),
            partitions=(0,),
        )  # fmt: skip
        await self.view.write(INSIGHT + "node-1", msgspec.json.encode(report), 10.0)

    async def goes_on(self, seconds: int, on_a: int) -> None:
        """Each step with the worker's look at it."""
        for _ in range(0, seconds, 5):
            self.clock.advance(5)
            await self.report(on_a)
            await self.looked()

    async def looked(self) -> None:
        now = self.clock.now()
        await self._until(lambda: self._looked_at() == now)

    def _looked_at(self) -> float:
        entry = self.view.under(ANOMALIES).get("all")
        return msgspec.json.decode(entry.value)["at"] if entry else 0.0

    def wrong(self) -> tuple[Anomaly, ...]:
        return latest_anomalies(self.view.under(ANOMALIES)).anomalies

    def past(self) -> tuple[AnomalyPast, ...]:
        return latest_anomalies(self.view.under(ANOMALIES)).past

    async def told(self) -> list[AnyEvent | None]:
        consumer = await self.log.consumer("test", ["control"], "reader")
        return [from_record(one.record) for one in await consumer.poll()]


@pytest.fixture
async def night(view: BoardView, tmp_path, clock: ManualClock, until) -> AsyncIterator[Night]:
    log = SqliteEventLog(tmp_path / "events.db", clock)
    yield Night(view, log, clock, until)
    await log.close()


async def test_cdn_that_loses_its_viewers_is_told_once_and_again_when_they_are_back(night, logged) -> None:
    async with night.watched():
        await night.goes_on(100, on_a=5_000)
        assert night.wrong() == ()
        await night.goes_on(60, on_a=10)
        (one,) = night.wrong()
        assert (one.kind, one.subject, one.figures) == ("cdn-lost", "cdn-a", {"before": 5_000.0, "now": 10.0})
        await night.goes_on(60, on_a=5_000)
        assert night.wrong() == ()
        (over,) = night.past()
        assert (over.id, over.since, over.evidence) == (one.id, one.since, one.evidence)
        assert over.until > over.since
    began, ended = await night.told()
    assert isinstance(began, AnomalyBegan)
    assert isinstance(ended, AnomalyEnded)
    assert began.anomaly == ended.anomaly == one.id
    assert [entry["event"] for entry in logged] == ["anomaly", "anomaly.over"]
    logged.clear()


async def test_worker_that_takes_over_says_what_is_over_and_nothing_twice(night, logged) -> None:
    async with night.watched():
        await night.goes_on(100, on_a=5_000)
        await night.goes_on(60, on_a=10)
    async with night.watched():
        await night.goes_on(30, on_a=10)
        assert [one.kind for one in night.wrong()] == ["cdn-lost"]
        await night.goes_on(60, on_a=5_000)
    async with night.watched():
        await night.goes_on(5, on_a=5_000)
        assert [one.kind for one in night.past()] == ["cdn-lost"]
    assert [type(one) for one in await night.told()] == [AnomalyBegan, AnomalyEnded]
    logged.clear()


@pytest.mark.parametrize("word", ["operator", "loop"])
async def test_cdn_that_is_emptied_by_somebody_is_no_anomaly(night, word) -> None:
    async def weights(share: float) -> None:
        said = SteeringWeights(at=night.clock.now(), weights={"cdn-a": share, "cdn-b": 1 - share})
        await night.view.write(WEIGHTS + "node-1", msgspec.json.encode(said))

    await weights(0.5)
    async with night.watched():
        await night.goes_on(100, on_a=5_000)
        if word == "operator":
            await night.view.write(PATHWAY + "cdn-a", msgspec.json.encode(PathwayState("draining")))
        else:
            await weights(0.1)
        await night.goes_on(60, on_a=900)
        assert [one.kind for one in night.wrong() if one.kind == "cdn-lost"] == []


async def test_insight_that_said_nothing_for_a_while_is_no_loss_of_viewers(night) -> None:
    async with night.watched():
        await night.goes_on(100, on_a=5_000)
        night.clock.advance(60)
        await night.report(5_000)
        await night.looked()
        assert night.wrong() == ()


async def test_what_is_usual_is_noted_on_the_board(night, monkeypatch, until) -> None:
    monkeypatch.setattr(service, "LEARN_S", 0.01)
    async with night.watched():
        await night.goes_on(5, on_a=1_000)
        await until(lambda: bool(night.view.under(USUAL)))
    week, quarter = slot_of(night.clock.now())
    seen = msgspec.json.decode(night.view.under(USUAL)[str(week)].value)["viewers"]
    assert (seen[quarter], sum(seen)) == (6_000, 6_000)
