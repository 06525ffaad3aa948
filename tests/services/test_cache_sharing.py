"""Nodes that share what they read: over Redis, and over the board what they wrote."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from redis_server import RedisServer, installed, redis_server

from tifo.adapters.redis.board import RedisBoard
from tifo.adapters.redis.cache import RedisSharedCache
from tifo.adapters.redis.connection import RedisConnection
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.board.entries import STALE, StaleKeys
from tifo.board.ports import ENTRY_BYTES_MAX, Board
from tifo.board.view import BoardView
from tifo.cache.caches import Caches
from tifo.cache.invalidation import TOLD_BYTES_MAX, TOLD_KEYS_MAX, WORD_TTL_S, Invalidations
from tifo.cache.policy import CachePolicy
from tifo.cache.ports import SHARED_VALUE_BYTES_MAX, SharedCache, SharedValue
from tifo.cache.two_level import HEARD_S_MAX, ReadThrough
from tifo.kernel.clock import ManualClock, SystemClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import Meters

POLICY = CachePolicy(fresh_s=60, absent_s=10, refresh_s=60, jitter_share=0)

needs_redis = pytest.mark.skipif(
    not installed(), reason="redis-server is not installed: sharing over Redis was not tested"
)


class Profile(msgspec.Struct, frozen=True):
    account: str
    plan: str


class Table:
    """What all nodes read."""

    def __init__(self) -> None:
        self.plan = "basic"
        self.failing = False
        self.asked = 0

    async def profile(self, account: str) -> Profile | None:
        self.asked += 1
        if self.failing:
            raise Unavailable("profiles", "connection refused")
        return None if account == "nobody" else Profile(account, self.plan)


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


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def connection(url: str) -> RedisConnection:
    meter = Meters(SystemClock()).store("cache", "redis")
    return RedisConnection(url, "cache", meter, SystemIds(), gather_s=0.001)


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
async def board(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Board]:
    if request.param == "sqlite":
        board: Board = SqliteBoard(tmp_path / "board.db", clock)
    else:
        server = request.getfixturevalue("redis")
        server.cli("FLUSHALL")
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


# --- over the board ---------------------------------------------------------------------------------------


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


# --- over Redis -------------------------------------------------------------------------------------------


@pytest.fixture
async def shared(redis: RedisServer) -> AsyncIterator[SharedCache]:
    redis.cli("FLUSHALL")
    shared = RedisSharedCache(connection(redis.url))
    yield shared
    await shared.close()


@pytest.fixture
async def pair(
    shared: SharedCache, table: Table, clock: ManualClock
) -> AsyncIterator[tuple[ReadThrough[Profile], ...]]:
    """Two nodes' caches over one Redis."""
    both = [Caches(clock, SystemIds(), Meters(clock), shared) for _ in range(2)]
    yield tuple(caches.over("test-shared", table.profile, Profile, POLICY) for caches in both)
    for caches in both:
        await caches.close()


async def landed(cache: ReadThrough[Profile]) -> None:
    """What the last read put into the shared cache is there."""
    await asyncio.gather(*cache._tasks)


@needs_redis
async def test_what_one_node_read_another_need_not(pair, table) -> None:
    one, other = pair
    for account in ("ada", "nobody"):
        first = await one.get(account)
        await landed(one)
        assert await other.get(account) == first
    assert table.asked == 2
    assert other._meter._counts["shared-hit"] == 2


@needs_redis
async def test_value_that_is_old_in_the_shared_cache_is_not_made_young(pair, shared, clock) -> None:
    cache, _ = pair
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "shared"), 50.0), 600)
    assert (await cache.get("ada")).plan == "shared"
    clock.advance(11)
    assert cache.peek("ada") is None


@needs_redis
async def test_value_too_old_in_the_shared_cache_is_read_again_for_all(pair, shared, table) -> None:
    one, other = pair
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "old"), 61.0), 600)
    assert (await one.get("ada")).plan == "basic"
    await landed(one)
    assert (await other.get("ada")).plan == "basic"
    assert table.asked == 1


@needs_redis
async def test_value_too_old_in_the_shared_cache_answers_if_the_source_fails(pair, shared, table) -> None:
    cache, _ = pair
    table.failing = True
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "old"), 3_600.0), 600)
    assert (await cache.get("ada")).plan == "old"


@needs_redis
@pytest.mark.parametrize("write", ["put", "invalidate"])
async def test_write_of_one_node_is_in_the_shared_cache_at_once(pair, table, write) -> None:
    one, other = pair
    await one.get("ada")
    await landed(one)
    table.plan = "plus"
    await (one.put("ada", Profile("ada", "plus")) if write == "put" else one.invalidate("ada"))
    assert (await other.get("ada")).plan == "plus"


@needs_redis
async def test_slow_read_of_another_node_does_not_undo_a_write(pair, shared, table) -> None:
    one, other = pair
    await one.invalidate("ada")
    # What a node puts that asked the table half a second ago, before the write.
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "before"), 0.5), 600)
    assert (await other.get("ada")).plan == "basic"


@needs_redis
async def test_writer_that_could_not_reach_the_shared_cache_is_heard_nevertheless(
    pair, shared, table
) -> None:
    _, other = pair
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "before"), HEARD_S_MAX + 5), 600)
    other.forget("ada")
    assert (await other.get("ada")).plan == "basic"


@needs_redis
async def test_value_of_another_version_is_read_again(pair, shared) -> None:
    cache, _ = pair
    await shared.put("test-shared:ada", SharedValue(b"\xc1", 0.0), 600)
    assert (await cache.get("ada")).plan == "basic"


@needs_redis
async def test_value_too_long_to_share_is_kept_by_each_node(pair, shared, table) -> None:
    one, _ = pair
    table.plan = "x" * SHARED_VALUE_BYTES_MAX
    await one.get("ada")
    await landed(one)
    assert one.peek("ada") is not None
    assert await shared.get("test-shared:ada") is None


@needs_redis
async def test_reads_and_writes_go_past_a_shared_cache_that_is_gone(tmp_path: Path, table, clock) -> None:
    with redis_server(tmp_path) as server:
        shared = RedisSharedCache(connection(server.url))
        caches = Caches(clock, SystemIds(), Meters(clock), shared)
        cache = caches.over("test-alone", table.profile, Profile, POLICY)
        await cache.get("ada")
        await landed(cache)
    table.plan = "plus"
    await cache.invalidate("ada")
    assert (await cache.get("ada")).plan == "plus"
    await cache.put("ada", Profile("ada", "premium"))
    assert (await cache.get("ada")).plan == "premium"
    await caches.close()
    await shared.close()


def encoded(account: str, plan: str) -> bytes:
    return msgspec.msgpack.encode(Profile(account, plan))
