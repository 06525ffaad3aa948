"""The contract of a board that lost its memory, over every adapter: who may put back what."""

import asyncio
from collections.abc import Sequence

import pytest
from board_places import Place, again, eventually, everything, mark_of

from tifo.board.ports import Board, Entry, Limits, Restored
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable

SHORT_S = 0.2


@pytest.fixture
async def board(place: Place) -> Board:
    """A board of a life that has begun."""
    board = place.open()
    await board.write("node/n", b"1")
    return board


def word(key: str, value: bytes = b"old", version: int = 1, left_s: float | None = None) -> Entry:
    return Entry(key, value, version, None if left_s is None else SystemClock().now() + left_s)


async def restore(board: Board, words: Sequence[Entry], known: int, *, last: bool = True) -> Restored:
    return await board.restore(words, await mark_of(board), known, last=last)


async def values(board: Board) -> dict[str, bytes]:
    return {key: one.value for key, one in (await everything(board)).items() if key != "node/n"}


async def test_board_that_lost_its_memory_says_so_once(board: Board, place: Place) -> None:
    mark = await mark_of(board)
    await place.lose_memory()
    board = place.open()
    assert (await again(board, mark)).lost
    await board.write("new", b"1")
    changes = await board.changes(mark)
    assert (changes.lost, sorted(changes.entries)) == (True, ["new"])
    assert not (await board.changes(changes.mark)).lost
    assert not (await board.changes(None)).lost


async def test_everything_for_another_reason_is_no_loss(place: Place) -> None:
    board = place.open(limits=Limits(gone_kept_s=0.0))
    await board.write("a", b"1")
    mark = await mark_of(board)
    await board.delete("a")
    await board.write("b", b"1")
    changes = await board.changes(mark)
    assert (changes.whole, changes.lost) == (True, False)


async def test_board_that_came_back_as_it_was_before_is_not_lost(board: Board, place: Place) -> None:
    place.keep_a_copy()
    await board.write("undone", b"1")
    mark = await mark_of(board)
    await place.restore_the_copy()
    changes = await again(place.open(), mark)
    assert (changes.whole, changes.lost) == (True, False)


async def test_versions_of_a_new_life_are_larger(board: Board, place: Place) -> None:
    before = await board.write("a", b"1")
    await place.lose_memory()
    board = place.open()
    await again(board, None)
    assert await board.write("a", b"1") > before


async def test_words_are_put_back_for_the_rest_of_their_time(board: Board) -> None:
    mark = await mark_of(board)
    words = [word("a"), word("b", b" 1 \n\x00", left_s=60), word("c", left_s=-1), word("d", left_s=SHORT_S)]
    assert await restore(board, words, 1) == "done"
    changes = await board.changes(mark)
    assert changes.entries["a"].expires_at is None
    assert changes.entries["b"].expires_at == pytest.approx(SystemClock().now() + 60, abs=5)
    assert "c" not in changes.entries
    assert await eventually(lambda: values(board), lambda found: "d" not in found) == {
        "a": b"old",
        "b": b" 1 \n\x00",
    }


async def test_what_was_said_meanwhile_wins(board: Board) -> None:
    await board.write("written", b"new")
    await board.write("deleted", b"new")
    await board.delete("deleted")
    await board.delete("never-there")
    await board.write("expired", b"new", ttl_s=SHORT_S)
    await eventually(lambda: values(board), lambda found: "expired" not in found)
    words = [word(key) for key in ("written", "deleted", "never-there", "expired", "kept")]
    assert await restore(board, words, 1) == "done"
    assert await values(board) == {"written": b"new", "kept": b"old"}


async def test_what_was_said_after_the_restore_wins_over_another_restore(board: Board) -> None:
    await restore(board, [word("a"), word("b")], 1)
    await board.write("a", b"new")
    await board.delete("b")
    assert await restore(board, [word("a"), word("b")], 2) == "done"
    assert await values(board) == {"a": b"new"}


async def test_first_word_on_an_empty_board_may_be_a_removal(board: Board, place: Place) -> None:
    await place.lose_memory()
    board = place.open()
    await again(board, None)
    await board.delete("a")
    await board.write("node/n", b"1")
    await restore(board, [word("a"), word("b")], 1)
    assert await values(board) == {"b": b"old"}


async def test_node_that_knew_less_comes_too_late(board: Board) -> None:
    assert await restore(board, [word("a")], 5) == "done"
    assert await restore(board, [word("deleted"), word("a", b"older")], 4) == "done"
    assert await restore(board, [word("deleted")], 5) == "done"
    assert await values(board) == {"a": b"old"}


async def test_what_a_node_put_back_that_knew_less_gives_way(board: Board) -> None:
    await restore(board, [word("deleted"), word("a", b"older"), word("b")], 4)
    mark = await mark_of(board)
    assert await restore(board, [word("a"), word("b")], 5) == "done"
    changes = await board.changes(mark)
    assert await values(board) == {"a": b"old", "b": b"old"}
    assert (sorted(changes.entries), changes.gone) == (["a"], {"deleted"})


async def test_many_words_of_a_node_that_knew_less_give_way(board: Board) -> None:
    await restore(board, [word(f"k{n}") for n in range(250)], 4)
    await eventually(lambda: restore(board, (), 5), lambda answer: answer == "done")
    assert await values(board) == {}


async def test_nodes_that_know_less_wait_until_the_one_that_knows_more_is_silent(board: Board) -> None:
    assert await restore(board, (), 4, last=False) == "go-on"
    assert await restore(board, [word("a")], 5, last=False) == "go-on"
    assert await restore(board, [word("b")], 4, last=False) == "wait"
    assert await values(board) == {"a": b"old"}
    await eventually(lambda: restore(board, [word("b")], 4), lambda answer: answer == "done")
    assert await values(board) == {"a": b"old", "b": b"old"}


async def test_of_nodes_that_know_the_same_one_begins_and_goes_on(board: Board) -> None:
    answers = [await restore(board, (), 4, last=False) for _ in range(3)]
    assert answers == ["go-on", "wait", "wait"]
    assert await restore(board, [word("a")], 4, last=False) == "go-on"
    assert await restore(board, (), 4) == "done"
    assert await restore(board, (), 4, last=False) == "done"


async def test_who_saw_another_life_last_looks_again_first(board: Board, place: Place) -> None:
    mark = await mark_of(board)
    await place.lose_memory()
    board = place.open()
    await again(board, mark)
    assert await board.restore([word("a")], mark, 1, last=True) == "wait"
    assert await values(board) == {}


async def test_board_that_forgot_a_removal_takes_no_word(place: Place) -> None:
    board = place.open(limits=Limits(gone_kept_s=0.0))
    await board.delete("a")
    await board.write("node/n", b"1")
    assert await restore(board, [word("a"), word("b")], 1) == "done"
    assert await values(board) == {}


async def test_full_board_is_unavailable_to_who_restores_it(place: Place) -> None:
    board = place.open(limits=Limits(entries_max=1))
    await board.write("a", b"new")
    with pytest.raises(Unavailable):
        await restore(board, [word("b")], 1)


async def test_many_nodes_at_once_put_back_what_the_last_of_them_knew(board: Board, place: Place) -> None:
    nodes = [board, place.open(), place.open()]

    async def one(n: int) -> None:
        words = [word(f"k{i}", str(n).encode()) for i in range(n, n + 10)]
        await eventually(lambda: restore(nodes[n % 3], words, n), lambda answer: answer == "done")

    await asyncio.gather(*map(one, range(12)))
    assert await values(board) == {f"k{i}": b"11" for i in range(11, 21)}
