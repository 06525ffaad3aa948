"""The contract of the board, over every adapter."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from board_places import (
    Place,
    RedisPlace,
    SkewedClock,
    SqlitePlace,
    again,
    eventually,
    everything,
    mark_of,
    redis_at,
)

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.board.ports import ENTRY_BYTES_MAX, Board, Limits
from tifo.board.view import BoardView
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable

NEVER_ANSWERED_PORT = 1
SHORT_S = 0.2
SKEW_S = 20.0


@pytest.fixture
async def board(place: Place) -> Board:
    return place.open()


# --- writing and reading ------------------------------------------------------------------------------


async def test_new_board_is_empty(board: Board) -> None:
    assert dict(await everything(board)) == {}


async def test_written_value_is_read(board: Board) -> None:
    await board.write("pathway/cdn-a", b"out")
    assert (await everything(board))["pathway/cdn-a"].value == b"out"


@pytest.mark.parametrize("value", [b"", b" 0 1 ", bytes(range(256)), b"x" * ENTRY_BYTES_MAX])
async def test_value_comes_back_as_it_went(board: Board, value: bytes) -> None:
    await board.write("a key/ä\n", value)
    assert (await everything(board))["a key/ä\n"].value == value


async def test_last_write_wins_and_versions_grow(board: Board) -> None:
    first = await board.write("k", b"1")
    second = await board.write("k", b"2")
    read = (await everything(board))["k"]
    assert (read.value, read.version) == (b"2", second)
    assert second > first


async def test_deleted_key_is_gone_and_deleting_again_does_nothing(board: Board) -> None:
    await board.write("k", b"1")
    await board.delete("k")
    mark = await mark_of(board)
    await board.delete("k")
    assert dict(await everything(board)) == {}
    assert await mark_of(board) == mark


async def test_value_that_is_too_long_is_refused(board: Board) -> None:
    with pytest.raises(ValueError, match="at most"):
        await board.write("k", b"x" * (ENTRY_BYTES_MAX + 1))


async def test_new_key_on_a_full_board_is_refused_and_known_ones_may_change(place: Place) -> None:
    board = place.open(limits=Limits(entries_max=2))
    for key in ("a", "b"):
        await board.write(key, b"1")
    with pytest.raises(Unavailable) as caught:
        await board.write("c", b"1")
    assert caught.value.why == "it already has 2 entries"
    await board.write("a", b"2")
    await board.delete("b")
    await board.write("c", b"1")
    assert {key: one.value for key, one in (await everything(board)).items()} == {"a": b"2", "c": b"1"}


async def test_what_has_expired_takes_no_place(place: Place) -> None:
    board = place.open(limits=Limits(entries_max=1))
    await board.write("a", b"1", ttl_s=SHORT_S)
    await eventually(lambda: everything(board), lambda found: not found)
    await board.write("b", b"1")


# --- what changed ---------------------------------------------------------------------------------------


async def test_unchanged_board_says_so(board: Board) -> None:
    for write in (None, b"1"):
        if write:
            await board.write("k", write)
        mark = await mark_of(board)
        changes = await board.changes(mark)
        assert (changes.mark, dict(changes.entries), changes.gone, changes.whole) == (mark, {}, set(), False)


async def test_only_what_was_written_since_is_told(board: Board) -> None:
    await board.write("a", b"1")
    await board.write("b", b"1")
    mark = await mark_of(board)
    version = await board.write("b", b"2")
    changes = await board.changes(mark)
    assert (sorted(changes.entries), changes.gone, changes.whole) == (["b"], set(), False)
    assert changes.version == version


async def test_what_was_removed_since_is_told(board: Board) -> None:
    await board.write("a", b"1")
    mark = await mark_of(board)
    await board.write("b", b"1")
    await board.delete("a")
    await board.delete("b")
    changes = await board.changes(mark)
    assert dict(changes.entries) == {}
    assert changes.gone >= {"a"}
    assert not changes.whole


async def test_what_came_back_is_there(board: Board) -> None:
    await board.write("a", b"1")
    mark = await mark_of(board)
    await board.delete("a")
    await board.write("a", b"2")
    changes = await board.changes(mark)
    assert (changes.entries["a"].value, changes.gone) == (b"2", set())


async def test_removal_that_was_forgotten_is_made_good_by_everything(place: Place) -> None:
    board = place.open(limits=Limits(gone_kept_s=0.0))
    await board.write("kept", b"1")
    await board.write("a", b"1")
    mark = await mark_of(board)
    await board.delete("a")
    await board.write("b", b"1")
    changes = await board.changes(mark)
    assert (sorted(changes.entries), changes.whole) == (["b", "kept"], True)
    assert not (await board.changes(changes.mark)).whole


async def test_so_many_removals_are_remembered(place: Place) -> None:
    board = place.open(limits=Limits(gone_max=3))
    await board.write("kept", b"1")
    marks = []
    for n in range(6):
        await board.write(str(n), b"1")
        marks.append(await mark_of(board))
        await board.delete(str(n))
    await board.write("kept", b"2")
    assert [(await board.changes(mark)).whole for mark in (marks[0], marks[-1])] == [True, False]
    assert (await board.changes(marks[-1])).gone == {"5"}


@pytest.mark.parametrize("mark", [object(), ("another", 1), ("", 0), "mark"])
async def test_mark_of_another_board_is_answered_with_everything(board: Board, mark: object) -> None:
    await board.write("a", b"1")
    changes = await board.changes(mark)
    assert (sorted(changes.entries), changes.whole) == (["a"], True)


# --- expiry ---------------------------------------------------------------------------------------------


async def test_value_expires(board: Board) -> None:
    await board.write("short", b"1", ttl_s=SHORT_S)
    await board.write("long", b"1", ttl_s=60)
    await board.write("always", b"1")
    found = await everything(board)
    assert found["always"].expires_at is None
    assert "long" in found
    await eventually(lambda: everything(board), lambda found: sorted(found) == ["always", "long"])


async def test_value_that_is_written_again_lasts_as_the_last_write_says(board: Board) -> None:
    await board.write("a", b"1", ttl_s=SHORT_S)
    await board.write("a", b"2")
    await board.write("b", b"1")
    await board.write("b", b"2", ttl_s=SHORT_S)
    assert sorted(await eventually(lambda: everything(board), lambda found: "b" not in found)) == ["a"]


async def test_expiry_alone_is_no_change(board: Board) -> None:
    await board.write("a", b"1", ttl_s=SHORT_S)
    mark = await mark_of(board)
    await eventually(lambda: everything(board), lambda found: not found)
    changes = await board.changes(mark)
    assert (changes.mark, dict(changes.entries), changes.gone) == (mark, {}, set())


@pytest.mark.parametrize("written_since", [False, True])
async def test_what_was_shortened_and_expired_unseen_is_told_to_be_gone(
    board: Board, written_since: bool
) -> None:
    await board.write("a", b"1", ttl_s=60)
    mark = await mark_of(board)
    await board.write("a", b"2", ttl_s=SHORT_S)
    await eventually(lambda: everything(board), lambda found: not found)
    if written_since:  # which tidies up
        await board.write("b", b"1")
    changes = await board.changes(mark)
    assert (changes.gone, changes.whole) == ({"a"}, False)


@pytest.mark.parametrize("ahead_s", [-SKEW_S, SKEW_S])
async def test_nodes_whose_clocks_differ_agree_on_how_long_a_value_lasts(
    request: pytest.FixtureRequest, place: Place, ahead_s: float
) -> None:
    if isinstance(place, SqlitePlace):
        request.applymarker(
            pytest.mark.xfail(strict=True, reason="the processes of one machine share its clock")
        )
    here, there = place.open(SkewedClock(ahead_s)), place.open()
    await here.write("a", b"1", ttl_s=SKEW_S)
    left_s = [
        (await everything(one))["a"].expires_at - clock.now()  # type: ignore[operator]
        for one, clock in ((here, SkewedClock(ahead_s)), (there, SystemClock()))
    ]
    assert left_s == pytest.approx([SKEW_S, SKEW_S], abs=SKEW_S / 4)


# --- several nodes --------------------------------------------------------------------------------------


async def test_what_another_node_writes_and_removes_is_seen(board: Board, place: Place) -> None:
    other = place.open()
    mark = await mark_of(board)
    await other.write("k", b"1")
    changes = await board.changes(mark)
    assert changes.entries["k"].value == b"1"
    await other.delete("k")
    assert (await board.changes(changes.mark)).gone == {"k"}


async def test_many_writers_at_once_lose_nothing(board: Board, place: Place) -> None:
    nodes = (board, place.open())
    versions = await asyncio.gather(
        *(node.write(f"k{n}-{i}", b"v") for n in range(50) for i, node in enumerate(nodes))
    )
    assert len(set(versions)) == len(versions)
    assert {key: one.version for key, one in (await everything(board)).items()} == dict(
        zip((f"k{n}-{i}" for n in range(50) for i in range(2)), versions, strict=True)
    )


async def test_copy_that_follows_in_the_midst_of_many_writes_is_the_board(board: Board, place: Place) -> None:
    writer = place.open()

    async def write(n: int) -> None:
        for round in range(10):
            await writer.write(f"f/{n}", str(round).encode(), ttl_s=60 if round % 3 else None)
            if (n + round) % 4 == 0:
                await writer.delete(f"f/{n}")

    views = [BoardView(board, SystemClock()), BoardView(writer, SystemClock())]
    writing = asyncio.gather(*map(write, range(10)))
    while not writing.done():
        for view in views:
            await view.refresh()
    await writing
    expected = {key: (one.value, one.version) for key, one in (await everything(board)).items()}
    for view in views:
        await view.refresh()
        assert {key: (one.value, one.version) for key, one in view.entries.items()} == expected


# --- a board that is away, or came back another ------------------------------------------------------------


async def test_board_that_lost_its_memory_tells_everything(board: Board, place: Place) -> None:
    await board.write("lost", b"1")
    mark = await mark_of(board)
    await place.lose_memory()
    board = place.open()
    assert (await again(board, mark)).whole
    await board.write("new", b"1")
    changes = await board.changes(mark)
    assert (sorted(changes.entries), changes.whole) == (["new"], True)


async def test_board_that_came_back_as_it_was_before_tells_everything(board: Board, place: Place) -> None:
    await board.write("kept", b"1")
    await board.write("deleted", b"1")
    place.keep_a_copy()
    await board.write("lost", b"1")
    await board.delete("deleted")
    mark = await mark_of(board)
    await place.restore_the_copy()
    changes = await again(place.open(), mark)
    assert (sorted(changes.entries), changes.whole) == (["deleted", "kept"], True)


async def test_board_that_came_back_older_and_went_on_tells_everything(
    request: pytest.FixtureRequest, board: Board, place: Place
) -> None:
    if isinstance(place, SqlitePlace):
        why = "a file is put back while nothing runs, and a process that starts reads everything"
        request.applymarker(pytest.mark.xfail(strict=True, reason=why))
    place.keep_a_copy()
    await board.write("lost", b"1")
    mark = await mark_of(board)
    await place.restore_the_copy()
    board = place.open()
    await again(board, None)
    for key in ("a", "b"):
        await board.write(key, b"1")
    changes = await board.changes(mark)
    assert (sorted(changes.entries), changes.whole) == (["a", "b"], True)


async def test_store_that_does_not_answer_is_unavailable(place: Place, tmp_path: Path) -> None:
    nowhere: dict[type[Place], Callable[[], Board]] = {
        SqlitePlace: lambda: SqliteBoard(tmp_path, SystemClock()),  # a folder is no file
        RedisPlace: lambda: redis_at(f"redis://127.0.0.1:{NEVER_ANSWERED_PORT}"),
    }
    board = place.closing(nowhere[type(place)]())
    for call in (board.changes(None), board.write("k", b"1"), board.delete("k")):
        with pytest.raises(Unavailable):
            await call


# --- what is particular to SQLite ------------------------------------------------------------------------


async def test_file_of_the_version_before_opens_with_every_word_on_it(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "board.db")) as old:
        old.executescript(
            "CREATE TABLE board (key TEXT PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL,"
            " expires_at REAL);"
            "CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);"
            "INSERT INTO clock VALUES (1, 7); INSERT INTO board VALUES ('pathway/cdn-a', 'out', 7, NULL);"
        )
    board = SqliteBoard(tmp_path / "board.db", SystemClock())
    assert list(await everything(board)) == ["pathway/cdn-a"]
    mark = await mark_of(board)
    assert await board.write("pathway/cdn-a", b"in") == 8
    assert list((await board.changes(mark)).entries) == ["pathway/cdn-a"]
    await board.close()


async def test_reports_that_are_written_again_and_again_stay_small_on_the_disk(tmp_path: Path) -> None:
    board = SqliteBoard(tmp_path / "board.db", SystemClock())
    for _ in range(200):
        await board.write("node/n", b"x" * 4_000, ttl_s=5)
    assert await asyncio.to_thread(bytes_below, tmp_path) < 1_000_000
    await board.close()


def bytes_below(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
