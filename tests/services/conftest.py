"""The parts that services share, real ones on a folder of the test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import TOPICS, Event
from tifo.board.revocations import Revocations
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.eventlog.records import from_record
from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SequentialIds
from tifo.tokens.keys import Keyring

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
async def revocations(board: SqliteBoard, view: BoardView) -> Revocations:
    return Revocations(board, view)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog(tmp_path / "events.db")
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
        consumer = await log.consumer("test", TOPICS)
        return [from_record(delivery.record) for delivery in await consumer.poll()]

    return read
