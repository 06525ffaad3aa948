"""A control service over a real board, log and audit trail, and the cockpit's side of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tifo.adapters.sketches.hll import HllSketches
from tifo.adapters.sqlite.audit import SqliteAuditTrail
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.ad_control import LineItems
from tifo.api.breaks import BreakSchedule
from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.api.sessions import Kick, SessionPage, Sessions
from tifo.board.breaks import BreakBook
from tifo.board.view import BoardView
from tifo.eventlog.acts import Acts
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import SequentialIds
from tifo.services.control import letters_routes, routes
from tifo.services.control.letters import LetterDesk
from tifo.services.control.service import ControlService
from tifo.services.control.settings import ControlSettings
from tifo.serving.responders import application
from tifo.serving.routes import Listener
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing


class Watching(Sessions):
    """A session service that notes what it is asked to do, and can be taken away."""

    def __init__(self) -> None:
        self.asked: list[Kick | tuple[str, str, str]] = []
        self.failure: Refusal | None = None
        self.count = 7

    async def page(self, *, account: str, event: str, after: str, limit: int) -> SessionPage:
        return SessionPage((), None, self.count)

    async def end(self, session: str, account: str, reason: str) -> None:
        self.asked.append((session, account, reason))

    async def kick(self, kick: Kick) -> None:
        self.asked.append(kick)

    async def live(self) -> int:
        if self.failure is not None:
            raise self.failure
        return self.count


class Calendar(Catalogue):
    """A calendar of one match, which can be taken away."""

    failing = False

    async def event(self, event_id: str) -> CalendarEvent:
        if self.failing:
            raise Unavailable("catalogue", "down")
        if event_id != "final":
            raise Refusal("not-found", f"There is no event {event_id}.")
        return CalendarEvent("final", "The final", 0.0, 1.0, "main")

    async def events(self) -> tuple[CalendarEvent, ...]:
        return (await self.event("final"),)


class Bought(LineItems):
    """One line item, `ad`, and what was said of it; may be out of reach."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bool]] = []
        self.gone = False

    async def switch(self, operator: str, line_item: str, *, active: bool) -> int:
        if self.gone:
            raise Unavailable("ads", "down")
        if line_item != "ad":
            raise Refusal("not-found", f"There is no line item {line_item}.")
        self.said.append((operator, active))
        return len(self.said)


@pytest.fixture
def line_items() -> Bought:
    return Bought()


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def sessions() -> Watching:
    return Watching()


@pytest.fixture
async def audit(tmp_path: Path) -> AsyncIterator[SqliteAuditTrail]:
    audit = SqliteAuditTrail(tmp_path / "audit.db")
    yield audit
    await audit.close()


@pytest.fixture
async def control(
    sessions: Watching,
    calendar: Calendar,
    line_items: Bought,
    board: SqliteBoard,
    view: BoardView,
    audit: SqliteAuditTrail,
    publisher: Publisher,
    clock: ManualClock,
    ids: SequentialIds,
) -> AsyncIterator[ControlService]:
    control = ControlService(
        pathways={"cdn-a": 1e9, "cdn-b": None},
        loop_silent_s=10.0,
        sessions=sessions,
        catalogue=calendar,
        line_items=line_items,
        board=board,
        view=view,
        audit=audit,
        publisher=publisher,
        breaks=BreakBook(BreakSchedule(180, 20), view),
        break_notice_s=20,
        clock=clock,
        ids=ids,
        sketches=HllSketches(),
        settings=ControlSettings(sample_s=0.01, history_samples=3, audit_entries=2),
    )
    await control.open()
    yield control
    await control.close()


@pytest.fixture
async def cockpit(
    control: ControlService,
    sessions: Watching,
    log: SqliteEventLog,
    publisher: Publisher,
    audit: SqliteAuditTrail,
    clock: ManualClock,
) -> AsyncIterator[httpx.AsyncClient]:
    letters = letters_routes.handlers(LetterDesk(log, Acts(publisher, audit, clock)))
    handlers = {**routes.handlers(control, sessions), **letters}
    all_routes = routes.ROUTES + letters_routes.ROUTES
    app = application(Listener.OPERATORS, all_routes, handlers, RequestMetrics(), Tracing("", "test"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tifo") as client:
        yield client
