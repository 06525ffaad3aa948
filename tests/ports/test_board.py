"""The contract of the board, over every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.board.ports import ENTRY_BYTES_MAX, Board
from tifo.kernel.clock import ManualClock

Opener = Callable[[], Board]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Opener:
    openers: dict[str, Opener] = {"sqlite": lambda: SqliteBoard(tmp_path / "board.db", clock)}
    return openers[request.param]


@pytest.fixture
async def board(reopen: Opener) -> AsyncIterator[Board]:
    board = reopen()
    yield board
    await board.close()


async def test_new_board_is_empty(board: Board) -> None:
    assert dict(await board.read()) == {}


async def test_written_value_is_read(board: Board) -> None:
    await board.write("pathway/cdn-a", b"out")
    assert (await board.read())["pathway/cdn-a"].value == b"out"


async def test_last_write_wins_and_versions_grow(board: Board) -> None:
    await board.write("k", b"1")
    first = (await board.read())["k"]
    await board.write("k", b"2")
    second = (await board.read())["k"]
    assert second.value == b"2"
    assert second.version > first.version


async def test_deleted_key_is_gone_and_deleting_again_does_nothing(board: Board) -> None:
    await board.write("k", b"1")
    await board.delete("k")
    await board.delete("k")
    assert "k" not in await board.read()


async def test_value_expires(board: Board, clock: ManualClock) -> None:
    await board.write("k", b"1", ttl_s=10)
    clock.advance(9)
    assert "k" in await board.read()
    clock.advance(2)
    assert "k" not in await board.read()


async def test_unchanged_board_says_so(board: Board) -> None:
    mark = await board.changed(None)
    assert mark is not None
    assert await board.changed(mark) is None


async def test_write_of_another_process_is_seen(board: Board, reopen: Opener) -> None:
    mark = await board.changed(None)
    other = reopen()
    await other.write("k", b"1")
    await other.close()
    assert await board.changed(mark) is not None
    assert (await board.read())["k"].value == b"1"


async def test_delete_is_a_change(board: Board) -> None:
    await board.write("k", b"1")
    mark = await board.changed(None)
    await board.delete("k")
    assert await board.changed(mark) is not None


async def test_value_that_is_too_long_is_refused(board: Board) -> None:
    with pytest.raises(ValueError, match="at most"):
        await board.write("k", b"x" * (ENTRY_BYTES_MAX + 1))


async def test_many_writers_at_once_lose_nothing(board: Board, reopen: Opener) -> None:
    other = reopen()
    await asyncio.gather(
        *(b.write(f"k{n}-{i}", b"v") for n in range(50) for i, b in enumerate((board, other)))
    )
    await other.close()
    assert len(await board.read()) == 100
