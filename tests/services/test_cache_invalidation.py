"""What one node wrote, the caches of the others forget: told over the board."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cache_parts import POLICY, Profile, Table, connection
from redis_server import NOT_RUN, installed, redis_server

from tifo.adapters.redis.board import RedisBoard
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.board.entries import STALE, StaleKeys
from tifo.board.ports import ENTRY_BYTES_MAX, Board
from tifo.board.view import BoardView
from tifo.cache.caches import Caches
from tifo.cache.invalidation import TOLD_BYTES_MAX, TOLD_KEYS_MAX, WORD_TTL_S, Invalidations
from tifo.cache.two_level import ReadThrough
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import Meters

needs_redis = pytest.mark.skipif(not installed(), reason=NOT_RUN)


@dataclass
class Node:
    cache: ReadThrough[Profile]
    others: Invalidations
    view: BoardView

    async def plan(self, account: str = "ada") -> str:
        found = await self.cache.get(account)
        assert found is not None
        return found.plan

    async def looks(self) -> None:
        await self.view.refresh()
        await self.others.beat()


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
async def board(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Board]:
    if request.param == "sqlite":
        board: Board = SqliteBoard(tmp_path / "board.db", clock)
        yield board
        await board.close()
        return
    with redis_server(tmp_path) as server:
        board = RedisBoard(connection(server.url), clock)
        yield board
        await board.close()


NewNode = Callable[[str], Node]


@pytest.fixture
async def new_node(board: Board, table: Table, clock: ManualClock) -> NewNode:
    """A node that looks at the board and tells when it is told to."""

    def make(name: str) -> Node:
        view = BoardView(board, clock)
        others = Invalidations(name, view, clock, SystemIds())
        caches = Caches(clock, SystemIds(), Meters(clock), None, others)
        return Node(caches.over("test-nodes", table.profile, Profile, POLICY), others, view)

    return make


@pytest.fixture
async def nodes(new_node: NewNode) -> tuple[Node, Node]:
    return new_node("a"), new_node("b")


async def change(table: Table, by: Node, plan: str, account: str = "ada") -> None:
    table.plan = plan
    await by.cache.invalidate(account)


async def test_what_one_node_wrote_the_other_forgets(nodes, table) -> None:
    one, other = nodes
    assert await other.plan() == "basic"
    await change(table, one, "plus")
    await one.looks()
    await other.looks()
    assert await other.plan() == "plus"


async def test_other_keys_stay_remembered(nodes, table) -> None:
    one, other = nodes
    await other.plan("bob")
    await change(table, one, "plus", "ada")
    await one.looks()
    await other.looks()
    assert await other.plan("bob") == "basic"


async def test_every_write_is_heard_once(nodes, table) -> None:
    one, other = nodes
    for round_ in ("one", "two", "three"):
        await change(table, one, round_)
        await one.looks()
        await other.looks()
        assert await other.plan() == round_
        await other.looks()
        assert other.cache.peek("ada") is not None


async def test_own_word_is_no_news(nodes, table) -> None:
    one, _ = nodes
    await one.cache.put("ada", Profile("ada", "plus"))
    await one.looks()
    await one.looks()
    assert one.cache.peek("ada") is not None


async def test_node_without_news_writes_nothing(nodes, board) -> None:
    one, _ = nodes
    await one.looks()
    assert not (await board.changes(None)).entries


async def test_flood_of_writes_is_one_small_entry_and_whoever_misses_doubts(nodes, table, board) -> None:
    one, other = nodes
    await other.plan("bob")
    table.plan = "plus"
    for n in range(5 * TOLD_KEYS_MAX):
        await one.cache.invalidate(f"account-{n}" + "é" * 200)
    await one.looks()
    (entry,) = (await board.changes(None)).entries.values()
    assert len(entry.value) < ENTRY_BYTES_MAX
    await other.looks()
    assert other.cache.peek("bob") is None
    assert await other.plan("bob") == "plus"


async def test_flood_of_one_key_is_told_once(nodes, board) -> None:
    one, _ = nodes
    for _ in range(1_000):
        await one.cache.invalidate("ada")
    await one.looks()
    (entry,) = (await board.changes(None)).entries.values()
    assert msgspec.json.decode(entry.value, type=StaleKeys).keys == (("test-nodes", "ada"),)


async def test_node_that_missed_much_doubts_but_answers_if_the_source_fails(nodes, table) -> None:
    one, other = nodes
    await other.plan("bob")
    for n in range(TOLD_KEYS_MAX + 1):
        await one.cache.invalidate(str(n))
    await one.looks()
    await other.looks()
    table.failing = True
    assert await other.plan("bob") == "basic"


async def test_node_that_missed_little_doubts_nothing(nodes, table) -> None:
    one, other = nodes
    await other.plan("bob")
    for n in range(TOLD_KEYS_MAX):
        await one.cache.invalidate(str(n))
        await one.others.beat()
    await other.looks()
    assert other.cache.peek("bob") is not None


async def test_node_that_restarted_is_heard_from_its_first_write_on(new_node, nodes, table) -> None:
    one, other = nodes
    for n in range(10):
        await one.cache.invalidate(str(n))
    await one.looks()
    await other.looks()
    await other.plan()
    again = new_node("a")
    await change(table, again, "plus")
    await again.others.beat()
    await other.looks()
    assert await other.plan() == "plus"


async def test_node_that_did_not_see_the_board_for_too_long_doubts(nodes, clock, table) -> None:
    _, other = nodes
    await other.looks()
    await other.plan()
    clock.advance(WORD_TTL_S + 1)
    await other.cache.put("ada", Profile("ada", "basic"))
    await other.looks()
    assert other.cache.peek("ada") is None


async def test_word_that_the_board_did_not_take_is_told_later(nodes, table, board, monkeypatch) -> None:
    one, other = nodes
    await other.plan()
    await change(table, one, "plus")

    async def refuse(*_: object) -> None:
        raise Unavailable("board", "disk I/O error")

    with monkeypatch.context() as failing:
        failing.setattr(one.view, "write", refuse)
        with pytest.raises(Unavailable):
            await one.others.beat()
    await one.looks()
    await other.looks()
    assert await other.plan() == "plus"


async def test_node_that_closes_tells_what_is_left(nodes, table) -> None:
    one, other = nodes
    await other.plan()
    await change(table, one, "plus")
    await one.others.close()
    await other.looks()
    assert await other.plan() == "plus"


async def test_word_of_another_version_is_passed_over(nodes, board) -> None:
    _, other = nodes
    await other.plan()
    await board.write(STALE + "c", b"[1]")
    await other.looks()
    assert other.cache.peek("ada") is not None


async def test_opened_nodes_tell_each_other_by_themselves(nodes, table, until) -> None:
    async with AsyncExitStack() as stack:
        for node in nodes:
            for part in (node.view, node.others):
                await part.open()
                stack.push_async_callback(part.close)
        one, other = nodes
        await other.plan()
        await change(table, one, "plus")
        await until(lambda: other.cache.peek("ada") is None)
        assert await other.plan() == "plus"


def test_word_fits_on_the_board() -> None:
    assert TOLD_BYTES_MAX + 1_024 < ENTRY_BYTES_MAX
