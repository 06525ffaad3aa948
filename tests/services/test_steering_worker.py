"""The steering loop over a board: reports and words in, weights out, and what a dead one leaves."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from patience import WITHIN_S_MAX

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.api.control import TrafficSample
from tifo.api.renditions import LADDER
from tifo.api.reports import QoeCell
from tifo.board.entries import (
    NODE,
    PATHWAY,
    QOE,
    TRAFFIC,
    WEIGHTS,
    PathwayState,
    QoeReport,
    SteeringWeights,
    latest_weights,
)
from tifo.board.view import BoardView
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Unavailable
from tifo.workers.steering import service as steering_worker
from tifo.workers.steering.rules import Cdn, Cell
from tifo.workers.steering.service import RESUMED_S_MAX, SteeringWorker, by_logs, merged, terms
from tifo.workers.steering.settings import CdnTermsSettings, SteeringLoopSettings

WEIGHT = {"cdn-a": 3.0, "cdn-b": 1.0}
CDNS = (CdnTermsSettings("cdn-a", gbps=10.0), CdnTermsSettings("cdn-b", gbps=10.0, cost_per_gb=1.0))
SETTINGS = SteeringLoopSettings(cdns=CDNS, step_s=0.005)
ISP = "AS64500 One"


class Calendar(Catalogue):
    """One match, and how many are expected."""

    def __init__(self, starts: float = 0.0, forecast_viewers: int = 0) -> None:
        self._event = CalendarEvent(
            "final", "Final", starts, starts + 7_200, "stadium", forecast_viewers=forecast_viewers
        )

    async def event(self, event_id: str) -> CalendarEvent:
        return self._event

    async def events(self) -> tuple[CalendarEvent, ...]:
        return (self._event,)


class Loop:
    """A worker that runs, on a clock that goes on a second with each look at what it wrote."""

    def __init__(self, worker: SteeringWorker, view: BoardView, clock: ManualClock) -> None:
        self._worker = worker
        self._view = view
        self._clock = clock
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._worker.run(self._stop))

    async def seconds(self, count: int) -> SteeringWeights:
        for _ in range(count):
            self._clock.advance(1)
            word = await self._next()
        return word

    async def _next(self) -> SteeringWeights:
        async with asyncio.timeout(WITHIN_S_MAX):
            while True:
                word = latest_weights(self._view.under(WEIGHTS))
                if word is not None and word.at == self._clock.now():
                    return word
                await asyncio.sleep(0)

    async def stop(self) -> None:
        self._stop.set()
        await self._task


@pytest.fixture
async def loop(view: BoardView, clock: ManualClock) -> AsyncIterator[Loop]:
    one = Loop(SteeringWorker(WEIGHT, view, Calendar(), clock, SETTINGS, "node-1"), view, clock)
    yield one
    await one.stop()


async def report(view: BoardView, node: str, *cells: QoeCell) -> None:
    await view.write(QOE + node, msgspec.json.encode(QoeReport(0.0, 30.0, cells)))


def cell(pathway: str, bps: float, errors: float = 0.0) -> QoeCell:
    return QoeCell(pathway, ISP, "tv", 1_000, bps, error_ratio=errors)


async def test_before_anything_is_measured_the_weights_of_the_settings_hold(loop: Loop) -> None:
    assert (await loop.seconds(3)).weights == {"cdn-a": 0.75, "cdn-b": 0.25}


async def test_reports_of_all_nodes_together_are_steered(loop: Loop, view: BoardView) -> None:
    await report(view, "one", cell("cdn-a", 8e9))
    await report(view, "two", cell("cdn-b", 4e9))
    word = await loop.seconds(60)
    assert word.weights["cdn-a"] == pytest.approx(8.5 / 12, abs=0.02)


async def test_what_an_operator_takes_out_gets_nothing_from_the_next_step_on(loop, view) -> None:
    await report(view, "one", cell("cdn-a", 4e9), cell("cdn-b", 1e9))
    await loop.seconds(2)
    await view.write(PATHWAY + "cdn-a", msgspec.json.encode(PathwayState("out")))
    word = await loop.seconds(2)
    assert word.weights == {"cdn-a": 0.0, "cdn-b": 1.0}
    assert ("move", "cdn-a") in {(one.what, one.pathway) for one in word.decisions}


async def test_too_much_for_all_together_caps_the_playlists(loop, view) -> None:
    await report(view, "one", cell("cdn-a", 15e9), cell("cdn-b", 15e9))
    assert (await loop.seconds(2)).bandwidth_max_bps == min(LADDER)


@pytest.mark.parametrize(("age_s", "share"), [(60.0, 0.1), (RESUMED_S_MAX + 1, 0.75)])
async def test_a_worker_carries_on_from_the_last_word_unless_it_is_old(
    view, clock, board: SqliteBoard, age_s: float, share: float
) -> None:
    last = SteeringWeights(clock.now(), {"cdn-a": 0.1, "cdn-b": 0.9})
    await view.write(WEIGHTS + "another", msgspec.json.encode(last))
    clock.advance(age_s)
    loop = Loop(SteeringWorker(WEIGHT, view, Calendar(), clock, SETTINGS, "node-1"), view, clock)
    assert (await loop.seconds(1)).weights["cdn-a"] == share
    await loop.stop()


def test_devices_are_merged_and_unknown_cdns_are_never_judged() -> None:
    cells = [
        QoeCell("cdn-a", ISP, "tv", 30, 3e9, error_ratio=0.1),
        QoeCell("cdn-a", ISP, "phone", 10, 1e9, error_ratio=0.5, rebuffer_ratio=0.2),
        QoeCell("", ISP, "phone", 10, 1e9, error_ratio=1.0),
    ]
    known, unknown = merged(cells, frozenset(WEIGHT))
    assert (known.bps, known.viewers) == (4e9, 40)
    assert (known.error_ratio, known.rebuffer_ratio) == (pytest.approx(0.2), 0.2)
    assert (unknown.bps, unknown.viewers) == (1e9, 0)


LOGS = {name: TrafficSample(name, 1.0, bps, 100, errors) for name, bps, errors in
        (("cdn-a", 8e9, 60), ("cdn-b", 2e9, 0))}  # fmt: skip


def test_logs_go_before_reports_and_are_divided_by_them() -> None:
    cells = [Cell("cdn-a", "AS1", 3e9, 30, 0.1), Cell("cdn-a", "AS2", 1e9, 10), Cell("", "AS1", 5e9, 0)]
    some = by_logs(cells, {"cdn-a": LOGS["cdn-a"]}, frozenset(WEIGHT))
    assert [(cell.cdn, cell.isp, cell.bps, cell.error_ratio) for cell in some] == [
        ("cdn-a", "AS1", 6e9, 0.6),
        ("cdn-a", "AS2", 2e9, 0.6),
        ("", "AS1", 5e9, None),
    ]
    every = by_logs(cells, LOGS, frozenset(WEIGHT))
    assert [(cell.cdn, cell.isp, cell.bps) for cell in every[2:]] == [("cdn-b", "", 2e9)]
    assert by_logs(cells, {}, frozenset(WEIGHT)) == cells


async def test_the_loop_goes_by_logs_while_they_are_fresh(loop, view, clock) -> None:
    await report(view, "one", cell("cdn-a", 4e9), cell("cdn-b", 4e9))
    for name in WEIGHT:
        sample = TrafficSample(name, clock.now(), 6e9)
        await view.write(TRAFFIC + name, msgspec.json.encode(sample))
    word = await loop.seconds(25)
    assert word.weights["cdn-a"] == pytest.approx(8.5 / 12, abs=0.02)
    word = await loop.seconds(200)
    assert word.weights["cdn-a"] == pytest.approx(1.0, abs=0.02)


async def test_how_many_there_are_for_each_node_is_told(loop, view) -> None:
    await report(view, "one", cell("cdn-a", 4e9), cell("cdn-b", 4e9))
    for name, service in (("a", "steering"), ("b", "steering"), ("c", "ads")):
        node = {"services": [service], "routes": []}
        await view.write(NODE + name, msgspec.json.encode(node))
    assert (await loop.seconds(1)).viewers_per_node == 1_000


async def test_a_calendar_that_is_gone_stops_no_decision(view, clock) -> None:
    class Gone(Calendar):
        async def events(self) -> tuple[CalendarEvent, ...]:
            raise Unavailable("catalogue", "down")

    loop = Loop(SteeringWorker(WEIGHT, view, Gone(), clock, SETTINGS, "node-1"), view, clock)
    assert (await loop.seconds(3)).weights == {"cdn-a": 0.75, "cdn-b": 0.25}
    await loop.stop()


async def test_who_is_expected_has_a_backup_warmed_up(view, clock, monkeypatch) -> None:
    monkeypatch.setattr(steering_worker, "CALENDAR_S", 0.001)
    cold = SteeringLoopSettings(
        cdns=(CdnTermsSettings("cdn-a", gbps=10.0), CdnTermsSettings("cdn-b", 10.0, 1.0, warm_up_s=60.0)),
        step_s=0.005,
    )
    await view.write(WEIGHTS + "before", msgspec.json.encode(SteeringWeights(clock.now(), {"cdn-a": 1.0})))
    await report(view, "one", cell("cdn-a", 1e9))
    calendar = Calendar(clock.now() + 600, 20_000)
    loop = Loop(SteeringWorker(WEIGHT, view, calendar, clock, cold, "node-1"), view, clock)
    word = await loop.seconds(60)
    assert word.weights["cdn-b"] == pytest.approx(cold.warm_up_share)
    assert any("the calendar expects 20.0 Gbit/s" in one.reason for one in word.decisions)
    await loop.stop()


def test_what_is_not_stated_of_a_cdn_is_without_limit() -> None:
    stated = SteeringLoopSettings(cdns=(CdnTermsSettings("cdn-a", 2.0, 0.5, 60.0, {"AS64500": 1.0}),))
    assert terms(WEIGHT, stated) == (
        Cdn("cdn-a", 2e9, 0.5, 3.0, {"AS64500": 1e9}, 60.0),
        Cdn("cdn-b", weight=1.0),
    )
