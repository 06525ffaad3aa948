"""A node's copy of the board: fresh, stale while the board fails, and telling its listeners."""

from collections.abc import Mapping

import pytest

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.board.entries import PATHWAY, REVOKED, PathwayState, Revoked, decode_all
from tifo.board.ports import Board, Entry
from tifo.board.revocations import Revocations
from tifo.board.view import EXPIRY_SWEEP_S, BoardView
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable


class Brittle(Board):
    """A board that can be taken away and given back, and counts how often it is read whole."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.failing = False
        self.reads = 0

    def _answer(self) -> None:
        if self.failing:
            raise Unavailable("board", "disk I/O error")

    async def read(self) -> Mapping[str, Entry]:
        self._answer()
        self.reads += 1
        return await self._board.read()

    async def changed(self, since: object) -> object | None:
        self._answer()
        return await self._board.changed(since)

    async def write(self, key: str, value: bytes, ttl_s: float | None = None) -> None:
        self._answer()
        await self._board.write(key, value, ttl_s)

    async def delete(self, key: str) -> None:
        self._answer()
        await self._board.delete(key)

    async def close(self) -> None:
        await self._board.close()


@pytest.fixture
async def brittle(board: SqliteBoard) -> Brittle:
    return Brittle(board)


@pytest.fixture
async def seen(brittle: Brittle, clock: ManualClock) -> BoardView:
    return BoardView(brittle, clock)


async def test_view_is_empty_before_it_looked(seen: BoardView) -> None:
    assert (dict(seen.entries), seen.under(PATHWAY)) == ({}, {})


async def test_view_shows_what_was_written(seen: BoardView, board: SqliteBoard) -> None:
    await board.write("pathway/cdn-a", b"out")
    await board.write("other/cdn-a", b"x")
    await seen.refresh()
    assert [(key, one.value) for key, one in seen.under(PATHWAY).items()] == [("cdn-a", b"out")]


async def test_view_does_not_follow_by_itself_before_it_is_opened(
    seen: BoardView, board: SqliteBoard
) -> None:
    await board.write("k", b"1")
    assert dict(seen.entries) == {}


async def test_opened_view_follows(seen: BoardView, board: SqliteBoard, until) -> None:
    await seen.open()
    await board.write("k", b"1")
    await until(lambda: "k" in seen.entries)
    await board.delete("k")
    await until(lambda: "k" not in seen.entries)
    await seen.close()


async def test_board_without_news_is_not_read_again(
    seen: BoardView, brittle: Brittle, board: SqliteBoard
) -> None:
    await seen.refresh()
    await seen.refresh()
    assert brittle.reads == 1
    await board.write("k", b"1")
    await seen.refresh()
    await seen.refresh()
    assert brittle.reads == 2


async def test_expired_entry_is_not_shown(seen: BoardView, board: SqliteBoard, clock: ManualClock) -> None:
    await board.write("pathway/cdn-a", b"1", ttl_s=3)
    await seen.refresh()
    clock.advance(3)
    assert seen.under(PATHWAY) == {}


async def test_expired_entry_goes_without_any_news(
    seen: BoardView, board: SqliteBoard, clock: ManualClock
) -> None:
    await board.write("k", b"1", ttl_s=3)
    await seen.refresh()
    clock.advance(EXPIRY_SWEEP_S)
    await seen.refresh()
    assert "k" not in seen.entries


async def test_last_state_stays_in_force_while_the_board_fails(
    seen: BoardView, brittle: Brittle, board: SqliteBoard, clock: ManualClock
) -> None:
    await board.write("k", b"1", ttl_s=3)
    await seen.refresh()
    brittle.failing = True
    clock.advance(60)
    await seen.refresh()
    assert seen.failing
    assert seen.entries["k"].value == b"1"


async def test_failure_is_said_once_and_so_is_its_end(seen: BoardView, brittle: Brittle, logged) -> None:
    for failing in (True, True, False, False):
        brittle.failing = failing
        await seen.refresh()
    assert [entry["event"] for entry in logged] == ["board.failing", "board.back"]
    assert not seen.failing


async def test_board_that_fails_at_the_start_is_read_when_it_is_back(
    seen: BoardView, brittle: Brittle, board: SqliteBoard, until
) -> None:
    await board.write("k", b"1")
    brittle.failing = True
    await seen.open()
    assert seen.failing
    brittle.failing = False
    await until(lambda: "k" in seen.entries)
    await seen.close()


async def test_listener_is_told_now_and_after_each_change(seen: BoardView, board: SqliteBoard) -> None:
    told: list[list[str]] = []
    seen.on_change(lambda entries: told.append(sorted(entries)))
    for key in ("a", "b"):
        await board.write(key, b"1")
        await seen.refresh()
    await seen.refresh()
    assert told == [[], ["a"], ["a", "b"]]


async def test_values_of_another_shape_are_left_out() -> None:
    values = {
        "a": b'{"state":"out"}',
        "b": b'{"state":"sideways"}',
        "c": b"\xff",
        "d": b'{"state":"\xff"}',
        "e": b"",
    }
    entries = {key: Entry(key, value, 1, None) for key, value in values.items()}
    assert decode_all(entries, PathwayState) == {"a": PathwayState("out")}


async def test_revoked_session_is_refused_here_at_once_and_elsewhere_with_the_next_look(
    board: SqliteBoard, clock: ManualClock
) -> None:
    views = [BoardView(board, clock) for _ in range(2)]
    here, elsewhere = (Revocations(board, view) for view in views)
    await here.revoke("ses_1", Revoked("kicked", "Rights."), 60)
    with pytest.raises(Refusal) as caught:
        here.check("ses_1")
    assert (caught.value.code, caught.value.detail) == ("kicked", "Rights.")
    elsewhere.check("ses_1")
    await views[1].refresh()
    with pytest.raises(Refusal):
        elsewhere.check("ses_1")


async def test_other_sessions_go_on(revocations: Revocations) -> None:
    await revocations.revoke("ses_1", Revoked("ended"), 60)
    revocations.check("ses_2")


async def test_revocation_ends_with_its_tokens(
    revocations: Revocations, view: BoardView, clock: ManualClock
) -> None:
    await revocations.revoke("ses_1", Revoked("ended"), 60)
    clock.advance(60 + EXPIRY_SWEEP_S)
    await view.refresh()
    revocations.check("ses_1")


async def test_later_word_on_a_session_goes_before_the_earlier(
    revocations: Revocations, view: BoardView
) -> None:
    await revocations.revoke("ses_1", Revoked("ended", "first"), 60)
    await view.refresh()
    await revocations.revoke("ses_1", Revoked("kicked", "second"), 60)
    await view.refresh()
    with pytest.raises(Refusal, match="second"):
        revocations.check("ses_1")


async def test_revocation_that_the_board_does_not_take_is_in_force_nowhere(
    brittle: Brittle, seen: BoardView
) -> None:
    revocations = Revocations(brittle, seen)
    brittle.failing = True
    with pytest.raises(Unavailable):
        await revocations.revoke("ses_1", Revoked("ended"), 60)
    revocations.check("ses_1")


async def test_revocation_that_does_not_read_revokes_nobody(
    revocations: Revocations, view: BoardView, board: SqliteBoard
) -> None:
    await board.write(REVOKED + "ses_1", b'{"code":"vanished"}')
    await board.write(REVOKED + "ses_2", b'{"code":"ended"}')
    await view.refresh()
    revocations.check("ses_1")
    with pytest.raises(Refusal):
        revocations.check("ses_2")
