"""The parts that services share, real ones on a folder of the test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from accounts_parts import Accounts
from control_parts import audit, calendar, cockpit, control, line_items, sessions
from delivery_parts import (
    ads,
    asked,
    asking,
    decider,
    levers,
    make_ads,
    no_origins,
    no_outside,
    signers,
    steering,
    video,
)
from outside_parts import node, servers
from session_nodes import SETTINGS, Atlas, Brittle, Calendar, Door, Make

from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import TOPICS, Event
from tifo.board.postures import Postures
from tifo.board.revocations import Revocations
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.eventlog.records import from_record
from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SequentialIds
from tifo.services.sessions.service import SessionService
from tifo.services.sessions.settings import SessionsSettings
from tifo.tokens.keys import Keyring
from tifo.tokens.playback import PlaybackTokens, playback_tokens

__all__ = [
    "ads",
    "asked",
    "asking",
    "audit",
    "calendar",
    "cockpit",
    "control",
    "decider",
    "levers",
    "line_items",
    "make_ads",
    "no_origins",
    "no_outside",
    "node",
    "servers",
    "sessions",
    "signers",
    "steering",
    "video",
]

Told = Callable[[], Awaitable[list[Event | None]]]


@pytest.fixture
def keys() -> Keyring:
    return Keyring("k1", {"k1": b"5" * 32})


@pytest.fixture
async def board(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteBoard]:
    board = SqliteBoard(tmp_path / "board.db", clock)
    yield board
    await board.close()


@pytest.fixture
async def view(board: SqliteBoard, clock: ManualClock) -> BoardView:
    return BoardView(board, clock)


@pytest.fixture
async def revocations(view: BoardView) -> Revocations:
    return Revocations(view)


@pytest.fixture
async def log(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog(tmp_path / "events.db", clock)
    yield log
    await log.close()


@pytest.fixture
async def publisher(log: SqliteEventLog, clock: ManualClock, ids: SequentialIds) -> AsyncIterator[Publisher]:
    publisher = Publisher(log, clock, ids)
    await publisher.open()
    yield publisher
    await publisher.close()


@pytest.fixture
async def told(publisher: Publisher, log: SqliteEventLog) -> Told:
    """What was told or kept so far: closes the publisher, which sends what is left."""

    async def read() -> list[Event | None]:
        await publisher.close()
        consumer = await log.consumer("test", TOPICS, "reader")
        return [from_record(delivery.record) for delivery in await consumer.poll()]

    return read


@pytest.fixture
def store(clock: ManualClock) -> Brittle:
    return Brittle(clock)


@pytest.fixture
def postures(view: BoardView) -> Postures:
    return Postures(view)


@pytest.fixture
def tokens(keys: Keyring) -> PlaybackTokens:
    return playback_tokens(keys)


@pytest.fixture
def make(
    store: Brittle,
    tokens: PlaybackTokens,
    revocations: Revocations,
    postures: Postures,
    publisher: Publisher,
    clock: ManualClock,
    ids: SequentialIds,
) -> Make:
    """A node over the test's store, board and log, or over others."""

    def one(settings: SessionsSettings = SETTINGS, **parts: object) -> SessionService:
        usual = {
            "store": store,
            "local": MemorySessionStore(clock),
            "accounts": Door(),
            "catalogue": Calendar(clock.now() - 60),
            "networks": Atlas(),
            "tokens": tokens,
            "revocations": revocations,
            "postures": postures,
            "publisher": publisher,
            "clock": clock,
            "ids": ids,
        }
        return SessionService(**{**usual, **parts}, settings=settings)

    return one


@pytest.fixture
def service(make: Make) -> SessionService:
    return make()


@pytest.fixture
async def accounts(tmp_path: Path, keys: Keyring, clock: ManualClock) -> AsyncIterator[Accounts]:
    accounts = Accounts(tmp_path, keys, clock)
    yield accounts
    await accounts.close()
