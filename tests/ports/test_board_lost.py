"""Nodes on a Redis that comes back empty: operators' words stay in force, and stand on it again."""

import asyncio

import msgspec
import pytest
from board_places import RedisPlace, eventually, everything

from tifo.board import restoring
from tifo.board.entries import LASTING, NODE, PATHWAY, POSTURE, REVOKED, PathwayState, PostureState, Revoked
from tifo.board.ports import Board
from tifo.board.postures import Postures
from tifo.board.revocations import Revocations
from tifo.board.view import BoardView
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Refusal

OUT = msgspec.json.encode(PathwayState("out"))
IN = msgspec.json.encode(PathwayState("in"))
LEAN = msgspec.json.encode(PostureState("lean"))


class Node:
    """One node's copy, and what it decides by it."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.view = BoardView(board, SystemClock())
        self.revocations = Revocations(self.view)
        self.postures = Postures(self.view)

    def kicked(self, session: str) -> bool:
        try:
            self.revocations.check(session, "", "", 0)
        except Refusal:
            return True
        return False

    def words(self) -> dict[str, bytes]:
        return {
            key: one.value
            for key, one in self.view.entries.items()
            if restoring.folder_of(key) in LASTING and not key.startswith(REVOKED)
        }


@pytest.fixture
def nodes(redis_place: RedisPlace) -> list[Node]:
    return [Node(redis_place.open()) for _ in range(2)]


async def look(nodes: list[Node]) -> None:
    """Every node looks, and nobody who was kicked is let in by any of them."""
    await asyncio.gather(*(node.view.refresh() for node in nodes))
    assert all(node.kicked("ses_1") for node in nodes)


async def settled(nodes: list[Node]) -> None:
    """Looks until the board says that all is as it was, and everybody has heard."""

    async def looked() -> bool:
        await look(nodes)
        return not any(node.view.failing or node.view._restoring._words for node in nodes)

    await eventually(looked, lambda well: well)
    await look(nodes)


async def say(nodes: list[Node]) -> None:
    """A kick, a take-out, a posture and a report, known to every node."""
    await nodes[0].revocations.revoke("ses_1", Revoked("kicked", "Rights."), 60)
    await nodes[0].board.write(PATHWAY + "cdn-a", OUT)
    await nodes[0].board.write(POSTURE, LEAN)
    await nodes[0].board.write(NODE + "n1", b"report", 60)
    await look(nodes)


async def test_words_stay_in_force_and_stand_on_the_board_again(
    redis_place: RedisPlace, nodes: list[Node]
) -> None:
    await say(nodes)
    await redis_place.lose_memory()
    await settled(nodes)
    fresh = Node(redis_place.open())
    await settled([fresh, *nodes])
    for node in (fresh, *nodes):
        assert node.words() == {PATHWAY + "cdn-a": OUT, POSTURE: LEAN}
        assert node.postures.step == "lean"
        assert NODE + "n1" not in node.view.entries
    kick = fresh.view.entries[REVOKED + "ses_1"]
    assert kick.expires_at == pytest.approx(SystemClock().now() + 60, abs=10)
    assert sorted(await everything(fresh.board)) == [PATHWAY + "cdn-a", POSTURE, REVOKED + "ses_1"]


async def test_board_that_is_emptied_while_it_runs_gets_its_words_back(
    redis_place: RedisPlace, nodes: list[Node]
) -> None:
    await say(nodes)
    redis_place.server.cli("FLUSHALL")
    await settled(nodes)
    assert PATHWAY + "cdn-a" in await everything(nodes[0].board)


async def test_board_that_is_lost_again_while_it_is_restored_gets_its_words_back(
    redis_place: RedisPlace, nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "CHUNK_WORDS_MAX", 1)
    monkeypatch.setattr(restoring, "CHUNKS_MAX", 1)
    await say(nodes)
    for looks in range(5):
        redis_place.server.cli("FLUSHALL")
        for _ in range(looks):
            await look(nodes)
    await settled(nodes)
    found = await everything(nodes[0].board)
    assert sorted(found) == [PATHWAY + "cdn-a", POSTURE, REVOKED + "ses_1"]


async def test_what_is_said_in_the_new_life_stays_said(redis_place: RedisPlace, nodes: list[Node]) -> None:
    await say(nodes)
    await redis_place.lose_memory()
    operator = redis_place.open()
    await eventually(lambda: operator.write(PATHWAY + "cdn-a", IN), lambda _: True)
    await operator.delete(POSTURE)
    await settled(nodes)
    for node in nodes:
        assert node.words() == {PATHWAY + "cdn-a": IN}
        assert node.postures.step == "normal"


async def test_node_that_hears_late_brings_nothing_back(redis_place: RedisPlace, nodes: list[Node]) -> None:
    await say(nodes)
    late = nodes.pop()
    await nodes[0].board.write(PATHWAY + "cdn-a", IN)  # which the late one never hears
    await nodes[0].board.delete(POSTURE)
    await settled(nodes)
    await redis_place.lose_memory()
    await settled(nodes)
    await settled([late, *nodes])
    for node in (late, *nodes):
        assert node.words() == {PATHWAY + "cdn-a": IN}


async def test_node_that_knew_more_corrects_one_that_was_faster(
    redis_place: RedisPlace, nodes: list[Node]
) -> None:
    await say(nodes)
    late = nodes.pop()
    await nodes[0].board.write(PATHWAY + "cdn-a", IN)
    await nodes[0].board.delete(POSTURE)
    await settled(nodes)
    await redis_place.lose_memory()
    await settled([late])
    assert late.words() == {PATHWAY + "cdn-a": OUT, POSTURE: LEAN}
    await settled([late, *nodes])
    for node in (late, *nodes):
        assert node.words() == {PATHWAY + "cdn-a": IN}


async def test_words_that_are_not_taken_any_more_are_over(redis_place: RedisPlace, nodes: list[Node]) -> None:
    await say(nodes)
    redis_place.server.cli("FLUSHALL")
    await nodes[0].board.write(NODE + "n1", b"report")
    redis_place.server.cli("HSET", "{board}", "forgotten", "1")
    for _ in range(3):
        await asyncio.gather(*(node.view.refresh() for node in nodes))
    assert not any(node.kicked("ses_1") for node in nodes)
    assert all(node.words() == {} for node in nodes)


async def test_thousands_of_kicks_come_back_in_chunks(redis_place: RedisPlace, nodes: list[Node]) -> None:
    kicks = [f"ses_{n}" for n in range(1, 4_001)]
    for some in range(0, len(kicks), 500):
        revoke = nodes[0].revocations.revoke
        await asyncio.gather(*(revoke(one, Revoked("kicked"), 60) for one in kicks[some : some + 500]))
    await look(nodes)
    await redis_place.lose_memory()
    await settled(nodes)
    fresh = Node(redis_place.open())
    await fresh.view.refresh()
    assert all(node.kicked(one) for node in (fresh, *nodes) for one in kicks)
