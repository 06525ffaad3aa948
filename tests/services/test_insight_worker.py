"""The worker that counts who watches: from the log to the board, across failures and restarts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from patience import WITHIN_S_MAX

from tifo.adapters.sketches.hll import HllSketches
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import (
    Event,
    PathwayUsed,
    PlaybackReported,
    SessionEnded,
    SessionsRenewed,
    SessionStarted,
)
from tifo.api.reports import QoeCell
from tifo.board.entries import INSIGHT, QOE, InsightReport, QoeReport
from tifo.board.ports import ENTRY_BYTES_MAX
from tifo.eventlog import following
from tifo.eventlog.ports import Consumer, Record, lane_of
from tifo.eventlog.records import to_record
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.metrics import EVENTS_SKIPPED
from tifo.workers.insight import service as insight_service
from tifo.workers.insight.rules import Audience
from tifo.workers.insight.service import InsightWorker
from tifo.workers.insight.settings import InsightSettings
from tifo.workers.insight.share import SETTLE_S

SETTINGS = InsightSettings(poll_s=0.01, report_s=0.01, rate_window_s=5, silent_s=60)


class Brittle(SqliteEventLog):
    """A log whose readers can be turned away."""

    failing = False

    async def consumer(
        self, group: str, topics: Sequence[str], member: str, memory_s: float = 0.0
    ) -> Consumer:
        if self.failing:
            raise Unavailable("eventlog", "disk I/O error")
        return await super().consumer(group, topics, member, memory_s)


@pytest.fixture
async def log(tmp_path, clock) -> AsyncIterator[Brittle]:
    log = Brittle(tmp_path / "events.db", clock)
    yield log
    await log.close()


@asynccontextmanager
async def working(
    log: Brittle, board: SqliteBoard, clock: ManualClock, node: str = "node-1"
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = InsightWorker(log, board, clock, SETTINGS, node, ("cdn-a", "cdn-b"), HllSketches())
    running = asyncio.create_task(worker.run(stop))
    yield
    stop.set()
    async with asyncio.timeout(WITHIN_S_MAX):
        await running


def started(n: int, at: float) -> Record:
    event = SessionStarted(session=f"ses_{n}", event="final", account="a", device="d", device_kind="tv")
    return to_record(event, f"evt_{n}", at)


class Seen:
    """The last report on the board."""

    def __init__(self, board: SqliteBoard) -> None:
        self._board = board

    async def until(self, **expected: object) -> InsightReport:
        async with asyncio.timeout(WITHIN_S_MAX):
            while True:
                entry = (await self._board.changes(None)).entries.get(INSIGHT + "node-1")
                report = msgspec.json.decode(entry.value, type=InsightReport) if entry else None
                if report and all(getattr(report, name) == value for name, value in expected.items()):
                    return report


@pytest.fixture
def seen(board: SqliteBoard) -> Seen:
    return Seen(board)


async def test_worker_reports_who_watches_and_where(log, board, clock, seen) -> None:
    now = clock.now()
    used = PathwayUsed(session="ses_1", event="final", pathway="cdn-a")
    await log.append([started(n, now) for n in range(10)] + [to_record(used, "evt_u", now)])
    async with working(log, board, clock):
        report = await seen.until(viewers=10, pathways={"cdn-a": 1})
    assert (report.starts_per_s, report.events_per_s, report.at) == (2.0, 2.2, now)


async def test_type_of_another_version_is_passed_over_and_counted(log, board, clock, seen) -> None:
    now = clock.now()
    later = Record("sessions", "ses_1", "evt_l", "session.moved", now, b'{"type":"session.moved"}')
    skipped = EVENTS_SKIPPED.labels(insight_service.GROUP, "sessions")
    before = skipped._value.get()
    await log.append([later, started(1, now)])
    async with working(log, board, clock):
        await seen.until(viewers=1)
    assert skipped._value.get() - before == 1


async def test_worker_reports_who_the_viewers_are_also_when_it_missed_their_starts(
    log, board, clock, seen
) -> None:
    now = clock.now()
    renewed = SessionsRenewed(
        batch="ren_1", sessions=("ses_8", "ses_9"), event="semi", device_kind="web", isp="AS64500 Example"
    )
    await log.append([started(1, now), to_record(renewed, "evt_r", now)])
    async with working(log, board, clock):
        report = await seen.until(viewers=3)
    splits = (report.audience.event, report.audience.device_kind, report.audience.isp)
    assert [{one.name: one.viewers for one in split.top} for split in splits] == [
        {"semi": 2, "final": 1},
        {"web": 2, "tv": 1},
        {"AS64500 Example": 2, "": 1},
    ]


async def test_report_of_a_crowd_from_everywhere_fits_on_the_board(log, board, clock, seen) -> None:
    now = clock.now()
    crowd = [
        SessionStarted(
            session=f"ses_{n}", event=f"{n}{'e' * 60}", account="a", device="d", device_kind="tv",
            isp=f"AS{n} {'é' * 70}",
        )
        for n in range(300)
    ]  # fmt: skip
    await log.append([to_record(event, f"evt_{event.session}", now) for event in crowd])
    async with working(log, board, clock):
        report = await seen.until(viewers=300)
    assert (len(report.audience.isp.top), report.audience.isp.others) == (50, 250)
    assert len(msgspec.json.encode(report)) < ENTRY_BYTES_MAX / 2


async def cells(board: SqliteBoard) -> tuple[QoeCell, ...]:
    entry = (await board.changes(None)).entries.get(QOE + "node-1")
    return msgspec.json.decode(entry.value, type=QoeReport).cells if entry else ()


async def test_worker_reports_what_a_viewer_had(log, board, clock) -> None:
    now = clock.now()
    used = PathwayUsed(session="ses_1", event="final", pathway="cdn-a")
    told = [
        PlaybackReported(session="ses_1", values={"sid": "ses_1", "v": 2, "e": "ps", "sn": n} | values)
        for n, values in enumerate(
            (
                {"sta": "s", "ts": 0},
                {"sta": "p", "ts": 1_000, "br": [3_000], "mtp": [9_000]},
                {"sta": "r", "ts": 2_000},
            )
        )
    ]
    events = [to_record(event, f"evt_{n}", now) for n, event in enumerate((used, *told, *told))]
    await log.append([started(1, now), *events])
    async with working(log, board, clock), asyncio.timeout(WITHIN_S_MAX):
        while not (found := await cells(board)) or found[0].throughput_p50_bps is None:
            pass
    near = (found[0].startup_p50_ms, found[0].throughput_p50_bps)
    assert found == (QoeCell("cdn-a", "", "tv", 1, 3e6, near[0], near[0], 0.0, 0.0, near[1]),)
    assert near == (pytest.approx(1_000, rel=0.06), pytest.approx(9e6, rel=0.06))


async def test_what_a_crowd_from_everywhere_had_fits_on_the_board(log, board, clock) -> None:
    now = clock.now()
    isps = [f"AS{n} {'é' * 70}" for n in range(300)]
    crowd: list[Event] = []
    for n, isp in enumerate(isps):
        renewed = SessionsRenewed(
            batch=f"ren_{n}", sessions=(f"ses_{n}",), event="final", device_kind="console", isp=isp
        )
        values = {"sid": f"ses_{n}", "sta": "p", "msd": 1_234, "br": [4_321], "mtp": [54_321], "e": "e"}
        crowd += [renewed, PlaybackReported(session=f"ses_{n}", values=values)]
    await log.append([to_record(event, f"evt_{n}", now) for n, event in enumerate(crowd)])
    async with working(log, board, clock), asyncio.timeout(WITHIN_S_MAX):
        found: tuple[QoeCell, ...] = ()
        while sum(one.viewers for one in found) < 300:
            found = await cells(board)
    assert len(msgspec.json.encode(found)) < ENTRY_BYTES_MAX * 0.8


async def test_worker_follows_what_is_appended(log, board, clock, seen) -> None:
    async with working(log, board, clock):
        await log.append([started(1, clock.now())])
        await seen.until(viewers=1)
        ended = SessionEnded(session="ses_1", event="final", why="left")
        await log.append([to_record(ended, "evt_e", clock.now())])
        await seen.until(viewers=0)


async def test_viewers_of_before_a_restart_are_known_at_once_and_count_once(log, board, clock, seen) -> None:
    await log.append([started(n, clock.now()) for n in range(20)])
    async with working(log, board, clock):
        await seen.until(viewers=20)
        async with asyncio.timeout(WITHIN_S_MAX):
            while not await caught_up(log):
                pass
    clock.advance(SETTINGS.silent_s / 2)
    await log.append([started(20, clock.now())])
    async with working(log, board, clock):
        await seen.until(partitions=(lane_of("ses_20") % 16,))
        clock.advance(SETTLE_S)
        await seen.until(viewers=21)


async def test_what_was_said_long_before_a_restart_is_not_read_again(log, board, clock, seen) -> None:
    await log.append([started(n, clock.now() - SETTINGS.memory_s - 1) for n in range(20)])
    await log.append([started(30, clock.now())])
    async with working(log, board, clock):
        report = await seen.until(viewers=1)
    assert report.events_per_s < 2


async def test_workers_share_the_viewers_and_each_counts_at_one(log, board, clock) -> None:
    await log.append([started(n, clock.now()) for n in range(60)])

    async def reports() -> list[InsightReport]:
        entries = (await board.changes(None)).entries
        return [
            msgspec.json.decode(entry.value, type=InsightReport)
            for name, entry in entries.items()
            if name.startswith(INSIGHT)
        ]

    async def shared_out() -> bool:
        told = await reports()
        viewers = [one.viewers for one in told]
        held = [number for one in told for number in one.partitions]
        return len(told) == 2 and min(viewers) > 0 and sum(viewers) == 60 and sorted(held) == list(range(16))

    async with working(log, board, clock):
        async with asyncio.timeout(WITHIN_S_MAX):
            while sum(one.viewers for one in await reports()) < 60:
                pass
        async with working(log, board, clock, "node-2"), asyncio.timeout(WITHIN_S_MAX):
            while not await shared_out():
                clock.advance(0.01)
                await asyncio.sleep(0.01)


async def caught_up(log: Brittle) -> bool:
    lags = await log.lag()
    return bool(lags) and not any(lag.records for lag in lags)


async def test_record_that_does_not_read_stops_nobody(log, board, clock, seen) -> None:
    poison = Record("sessions", "s", "evt_0", "session.started", clock.now(), b"{\xff")
    await log.append([poison, started(1, clock.now())])
    async with working(log, board, clock):
        await seen.until(viewers=1)


async def test_record_that_it_fails_at_is_set_aside_and_the_rest_counts(
    log, board, clock, seen, monkeypatch, logged
) -> None:
    whole = Audience.see

    def see(audience: Audience, event: Event, at: float, now: float) -> None:
        if getattr(event, "session", "") == "ses_1":
            raise ZeroDivisionError
        whole(audience, event, at, now)

    monkeypatch.setattr(Audience, "see", see)
    await log.append([started(n, clock.now()) for n in range(3)])
    async with working(log, board, clock):
        await seen.until(viewers=2)
    (letter,) = await log.letters("insight")
    assert (letter.record.id, letter.reason, letter.parked_at) == (
        "evt_1",
        "ZeroDivisionError()",
        clock.now(),
    )
    assert await caught_up(log)
    assert [entry["event"] for entry in logged] == ["insight.parked"]
    logged.clear()


async def test_log_that_fails_is_read_when_it_is_back(
    log, board, clock, seen, monkeypatch, until, logged
) -> None:
    monkeypatch.setattr(following, "RETRY_S", 0.01)
    await log.append([started(1, clock.now())])
    log.failing = True
    async with working(log, board, clock):
        await until(lambda: any(entry["event"] == "insight.eventlog-failing" for entry in logged))
        log.failing = False
        await seen.until(viewers=1)
    assert [entry["event"] for entry in logged] == ["insight.eventlog-failing", "insight.eventlog-back"]


async def test_report_of_a_worker_that_died_is_not_believed_for_long(log, board, clock, seen) -> None:
    async with working(log, board, clock):
        await seen.until(viewers=0)
    clock.advance(insight_service.REPORT_TTL_S)
    assert dict((await board.changes(None)).entries) == {}
