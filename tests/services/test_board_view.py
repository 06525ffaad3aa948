"""A node's copy of the board: fresh, stale while the board fails, and telling its listeners."""

import asyncio
from collections.abc import Sequence

import pytest

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.board.entries import PATHWAY, REVOKED, REVOKED_ACCOUNT, PathwayState, Revoked, decode_all
from tifo.board.ports import Board, Changes, Entry, Restored
from tifo.board.revocations import Revocations
from tifo.board.view import BoardView
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable


class Brittle(Board):
    """A board that can be taken away and given back, counts what it says, and says it late if told to."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.failing = False
        self.said: list[tuple[bool, list[str]]] = []
        self.late: asyncio.Event | None = None

    def _answer(self) -> None:
        if self.failing:
            raise Unavailable("board", "disk I/O error")

    async def changes(self, since: object | None) -> Changes:
        self._answer()
        changes = await self._board.changes(since)
        self.said.append((changes.whole, sorted(changes.entries)))
        if self.late is not None:
            await self.late.wait()
        return changes

    async def write(self, key: str, value: bytes, ttl_s: float | None = None) -> int:
        self._answer()
        return await self._board.write(key, value, ttl_s)

    async def delete(self, key: str) -> None:
        self._answer()
        await self._board.delete(key)

    async def restore(self, words: Sequence[Entry], mark: object, known: int, *, last: bool) -> Restored:
        self._answer()
        return await self._board.restore(words, mark, known, last=last)

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


async def test_only_what_is_new_is_read(seen: BoardView, brittle: Brittle, board: SqliteBoard) -> None:
    await board.write("a", b"1")
    await seen.refresh()
    await board.write("b", b"1")
    await seen.refresh()
    await seen.refresh()
    assert brittle.said == [(True, ["a"]), (False, ["b"]), (False, [])]
    assert sorted(seen.entries) == ["a", "b"]


async def test_key_without_a_folder_is_a_folder_of_its_own(seen: BoardView, board: SqliteBoard) -> None:
    await board.write("posture", b"1")
    await board.write("posture/x", b"2")
    await seen.refresh()
    assert [(rest, one.value) for rest, one in seen.under("posture").items()] == [("", b"1")]


async def test_board_that_lost_its_memory_is_read_anew(seen: BoardView, clock, tmp_path) -> None:
    boards = [SqliteBoard(tmp_path / f"{n}.db", clock) for n in range(2)]
    for key in ("f/kept", "f/lost"):
        await boards[0].write(key, b"1")
    await boards[1].write("f/kept", b"1")
    await boards[1].write("f/new", b"1")
    view = BoardView(boards[0], clock)
    await view.refresh()
    view._board = boards[1]  # what a restored Redis looks like to whoever knew the one before
    await view.refresh()
    assert sorted(view.under("f/")) == ["kept", "new"]
    for one in boards:
        await one.close()


async def test_own_write_is_in_force_at_once(seen: BoardView, board: SqliteBoard) -> None:
    await seen.write("f/a", b"1")
    assert seen.under("f/")["a"].value == b"1"
    assert (await board.changes(None)).entries["f/a"] == seen.entries["f/a"]


async def test_own_write_is_not_undone_by_an_older_answer_that_comes_late(
    seen: BoardView, brittle: Brittle, until
) -> None:
    brittle.late = asyncio.Event()
    look = asyncio.create_task(seen.refresh())
    await until(lambda: bool(brittle.said))
    await seen.write("f/a", b"1")
    brittle.late.set()
    await look
    assert "f/a" in seen.entries
    await seen.refresh()
    assert "f/a" in seen.entries


async def test_later_write_of_another_is_not_hidden_by_an_own_one(
    seen: BoardView, board: SqliteBoard
) -> None:
    await seen.write("f/a", b"own")
    await board.write("f/a", b"other")
    await seen.refresh()
    assert seen.entries["f/a"].value == b"other"
    await board.delete("f/a")
    await seen.refresh()
    assert dict(seen.entries) == {}


async def test_two_looks_at_once_leave_the_later_state(seen: BoardView, board: SqliteBoard) -> None:
    async def write(n: int) -> None:
        await board.write("f/a", str(n).encode())
        await seen.refresh()

    for n in range(20):
        await asyncio.gather(write(n), seen.refresh(), seen.refresh())
    assert seen.entries["f/a"].value == b"19"


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
    clock.advance(3)
    await seen.refresh()
    assert "k" not in seen.entries


async def test_entry_that_was_written_again_expires_later(
    seen: BoardView, board: SqliteBoard, clock: ManualClock
) -> None:
    await board.write("k", b"1", ttl_s=3)
    await seen.refresh()
    await board.write("k", b"2", ttl_s=10)
    await seen.refresh()
    clock.advance(5)
    await seen.refresh()
    assert seen.entries["k"].value == b"2"


async def test_last_state_stays_in_force_while_the_board_fails_until_it_expires(
    seen: BoardView, brittle: Brittle, board: SqliteBoard, clock: ManualClock
) -> None:
    await board.write("k", b"1")
    await board.write("short", b"1", ttl_s=3)
    await seen.refresh()
    brittle.failing = True
    clock.advance(60)
    await seen.refresh()
    assert seen.failing
    assert sorted(seen.entries) == ["k"]


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


async def test_listener_is_told_now_and_then_what_changed_in_its_folder(
    seen: BoardView, board: SqliteBoard, clock: ManualClock
) -> None:
    told: list[tuple[list[str], list[str]]] = []
    await board.write("f/a", b"1")
    await seen.refresh()
    seen.follow("f/", lambda written, gone: told.append((sorted(written), sorted(gone))))
    await board.write("f/b", b"1", ttl_s=3)
    await board.write("g/c", b"1")
    await seen.refresh()
    await seen.refresh()
    await board.delete("f/a")
    await seen.refresh()
    clock.advance(3)
    await seen.refresh()
    assert told == [(["a"], []), (["b"], []), ([], ["a"]), ([], ["b"])]


async def test_reading_everything_again_is_no_news(seen: BoardView, board: SqliteBoard) -> None:
    told: list[list[str]] = []
    seen.follow("f/", lambda written, gone: told.append([*written, *gone]))
    await board.write("f/a", b"1")
    await seen.refresh()
    seen._mark = None
    await seen.refresh()
    assert told == [[], ["a"]]


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


def refused(
    revocations: Revocations, session: str, account: str = "", event: str = "", since: int = 0
) -> str:
    """The code and the reason with which it is refused; empty when it is not."""
    try:
        revocations.check(session, account, event, since)
    except Refusal as refusal:
        return f"{refusal.code}: {refusal.detail}"
    return ""


async def test_revoked_session_is_refused_here_at_once_and_elsewhere_with_the_next_look(
    board: SqliteBoard, clock: ManualClock
) -> None:
    views = [BoardView(board, clock) for _ in range(2)]
    here, elsewhere = map(Revocations, views)
    await here.revoke("ses_1", Revoked("kicked", "Rights."), 60)
    assert refused(here, "ses_1") == "kicked: Rights."
    assert not refused(elsewhere, "ses_1")
    await views[1].refresh()
    assert refused(elsewhere, "ses_1") == "kicked: Rights."


async def test_other_sessions_go_on(revocations: Revocations) -> None:
    await revocations.revoke("ses_1", Revoked("ended"), 60)
    assert not refused(revocations, "ses_2")


@pytest.mark.parametrize("of", ["account", "event"])
async def test_sessions_of_an_account_or_event_are_refused_unless_they_began_later(
    board: SqliteBoard, clock: ManualClock, of: str
) -> None:
    views = [BoardView(board, clock) for _ in range(2)]
    here, elsewhere = map(Revocations, views)
    await getattr(here, f"revoke_{of}")("x", Revoked("kicked", "Rights.", before=100), 60)
    await views[1].refresh()
    for one in (here, elsewhere):
        assert refused(one, "ses_1", **{of: "x"}, since=100) == "kicked: Rights."
        assert not refused(one, "ses_1", **{of: "x"}, since=101)
        assert not refused(one, "ses_1", **{of: "y"}, since=100)
        assert one.void_before(**{"account": "y", "event": "y", of: "x"}) == 100
        assert one.void_before("y", "y") == 0
    clock.advance(60)
    for view in views:
        await view.refresh()
    for one in (here, elsewhere):
        assert not refused(one, "ses_1", **{of: "x"}, since=100)
        assert one.void_before("x", "x") == 0


async def test_larger_of_two_times_holds_for_who_watches_now(revocations: Revocations) -> None:
    await revocations.revoke_account("a", Revoked("kicked", before=100), 60)
    await revocations.revoke_event("e", Revoked("kicked", before=200), 60)
    assert revocations.void_before("a", "e") == 200
    assert revocations.void_before("a", "other") == 100


async def test_node_whose_clock_is_behind_lets_nobody_back_in(revocations: Revocations) -> None:
    await revocations.revoke_account("a", Revoked("kicked", "first", before=100), 60)
    await revocations.revoke_account("a", Revoked("kicked", "second", before=95), 60)
    assert refused(revocations, "ses_1", "a", since=98) == "kicked: second"


async def test_revocation_ends_with_its_tokens(
    revocations: Revocations, view: BoardView, clock: ManualClock
) -> None:
    await revocations.revoke("ses_1", Revoked("ended"), 60)
    clock.advance(60)
    await view.refresh()
    assert not refused(revocations, "ses_1")


async def test_revocation_ends_with_its_tokens_though_the_board_fails(
    brittle: Brittle, seen: BoardView, clock: ManualClock
) -> None:
    revocations = Revocations(seen)
    await revocations.revoke("ses_1", Revoked("ended"), 60)
    brittle.failing = True
    clock.advance(59)
    await seen.refresh()
    assert refused(revocations, "ses_1")
    clock.advance(1)
    await seen.refresh()
    assert not refused(revocations, "ses_1")


async def test_later_word_on_a_session_goes_before_the_earlier(
    revocations: Revocations, view: BoardView
) -> None:
    await revocations.revoke("ses_1", Revoked("ended", "first"), 60)
    await view.refresh()
    await revocations.revoke("ses_1", Revoked("kicked", "second"), 60)
    await view.refresh()
    assert refused(revocations, "ses_1") == "kicked: second"


async def test_revocation_that_the_board_does_not_take_is_in_force_nowhere(
    brittle: Brittle, seen: BoardView
) -> None:
    revocations = Revocations(seen)
    brittle.failing = True
    for revoke in (revocations.revoke, revocations.revoke_account, revocations.revoke_event):
        with pytest.raises(Unavailable):
            await revoke("x", Revoked("ended", before=100), 60)
    assert not refused(revocations, "x", "x", "x", 100)
    assert revocations.void_before("x", "x") == 0


async def test_revocation_that_does_not_read_revokes_nobody(
    revocations: Revocations, view: BoardView, board: SqliteBoard
) -> None:
    await board.write(REVOKED + "ses_1", b'{"code":"vanished"}')
    await board.write(REVOKED_ACCOUNT + "a", b"\xff")
    await board.write(REVOKED + "ses_2", b'{"code":"ended"}')
    await view.refresh()
    assert not refused(revocations, "ses_1", "a")
    assert refused(revocations, "ses_2")


async def test_revocation_that_the_board_forgot_is_over(
    revocations: Revocations, view: BoardView, board: SqliteBoard
) -> None:
    await revocations.revoke("ses_1", Revoked("ended"), 60)
    await board.delete(REVOKED + "ses_1")
    await view.refresh()
    assert not refused(revocations, "ses_1")
