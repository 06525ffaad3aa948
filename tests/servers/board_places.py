"""Where a board is kept, and what may happen to it there: losing its memory, coming back older."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from patience import WITHIN_S_MAX
from redis_server import NOT_RUN, RedisServer, installed, redis_server

from tifo.adapters.redis.board import RedisBoard
from tifo.adapters.redis.connection import RedisConnection
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.board.ports import Board, Changes, Entry, Limits
from tifo.kernel.clock import Clock, SystemClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import StoreMeter

T = TypeVar("T")


class SkewedClock(SystemClock):
    """The clock of a machine that nobody set."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_s = ahead_s

    def now(self) -> float:
        return super().now() + self._ahead_s


class Place:
    """Where one board is kept, and what may happen to it there."""

    def __init__(self) -> None:
        self.opened: list[Board] = []

    def open(self, clock: Clock | None = None, limits: Limits | None = None) -> Board:
        """Another node's way to the same board."""
        return self.closing(self._open(clock or SystemClock(), limits))

    def closing(self, board: Board) -> Board:
        """Have the board closed with the place."""
        self.opened.append(board)
        return board

    async def close(self) -> None:
        while self.opened:
            await self.opened.pop().close()

    def _open(self, clock: Clock, limits: Limits | None) -> Board:
        raise NotImplementedError

    async def lose_memory(self) -> None:
        raise NotImplementedError

    def keep_a_copy(self) -> None:
        raise NotImplementedError

    async def restore_the_copy(self) -> None:
        raise NotImplementedError


class SqlitePlace(Place):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder, self._copy = folder / "board", folder / "copy"

    def _open(self, clock: Clock, limits: Limits | None) -> Board:
        return SqliteBoard(self._folder / "board.db", clock, limits)

    async def lose_memory(self) -> None:
        await self.close()
        shutil.rmtree(self._folder)

    def keep_a_copy(self) -> None:
        shutil.copytree(self._folder, self._copy)

    async def restore_the_copy(self) -> None:
        await self.lose_memory()
        shutil.move(self._copy, self._folder)


def redis_at(url: str, clock: Clock | None = None, limits: Limits | None = None) -> RedisBoard:
    clock = clock or SystemClock()
    meter = StoreMeter("board", "redis", clock)
    return RedisBoard(RedisConnection(url, "board", meter, SystemIds()), clock, limits)


@contextmanager
def own_redis(folder: Path) -> Iterator[RedisServer]:
    """A Redis that may be stopped and emptied; without one the test says that it was not run."""
    if not installed():
        pytest.skip(NOT_RUN)
    with redis_server(folder, options=("repl-diskless-sync-delay 0",)) as running:
        yield running


class RedisPlace(Place):
    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self.server = server
        server.cli("FLUSHALL")
        (server.folder / "dump.rdb").unlink(missing_ok=True)

    def _open(self, clock: Clock, limits: Limits | None) -> Board:
        return redis_at(self.server.url, clock, limits)

    async def lose_memory(self) -> None:
        (self.server.folder / "dump.rdb").unlink(missing_ok=True)
        await self.restore_the_copy()

    def keep_a_copy(self) -> None:
        assert self.server.cli("SAVE") == "OK"

    async def restore_the_copy(self) -> None:
        await asyncio.to_thread(self.server.restart)


async def everything(board: Board) -> Mapping[str, Entry]:
    changes = await board.changes(None)
    assert changes.whole
    return changes.entries


async def mark_of(board: Board) -> object:
    return (await board.changes(None)).mark


async def eventually(ask: Callable[[], Awaitable[T]], met: Callable[[T], bool]) -> T:
    """The first answer that is as it should be, tried again for `WITHIN_S_MAX` seconds."""
    async with asyncio.timeout(WITHIN_S_MAX):
        while True:
            try:
                if met(answer := await ask()):
                    return answer
            except Unavailable:
                pass
            await asyncio.sleep(0.01)


async def again(board: Board, mark: object) -> Changes:
    """The changes, once a board that was away answers again."""
    return await eventually(lambda: board.changes(mark), lambda _: True)
