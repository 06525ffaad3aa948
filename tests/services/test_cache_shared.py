"""What one node read, another finds in the Redis that they share."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from cache_parts import POLICY, Profile, Table, connection
from redis_server import NOT_RUN, RedisServer, installed, redis_server

from tifo.adapters.redis.cache import RedisSharedCache
from tifo.cache.caches import Caches
from tifo.cache.ports import SHARED_VALUE_BYTES_MAX, SharedCache, SharedValue
from tifo.cache.two_level import HEARD_S_MAX, ReadThrough
from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import Meters

pytestmark = pytest.mark.skipif(not installed(), reason=NOT_RUN)


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


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


async def test_what_one_node_read_another_need_not(pair, table) -> None:
    one, other = pair
    for account in ("ada", "nobody"):
        first = await one.get(account)
        await landed(one)
        assert await other.get(account) == first
    assert table.asked == 2
    assert other._meter._counts["shared-hit"] == 2


async def test_value_that_is_old_in_the_shared_cache_is_not_made_young(pair, shared, clock) -> None:
    cache, _ = pair
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "shared"), 50.0), 600)
    assert (await cache.get("ada")).plan == "shared"
    clock.advance(11)
    assert cache.peek("ada") is None


async def test_value_too_old_in_the_shared_cache_is_read_again_for_all(pair, shared, table) -> None:
    one, other = pair
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "old"), 61.0), 600)
    assert (await one.get("ada")).plan == "basic"
    await landed(one)
    assert (await other.get("ada")).plan == "basic"
    assert table.asked == 1


async def test_value_too_old_in_the_shared_cache_answers_if_the_source_fails(pair, shared, table) -> None:
    cache, _ = pair
    table.failing = True
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "old"), 3_600.0), 600)
    assert (await cache.get("ada")).plan == "old"


@pytest.mark.parametrize("write", ["put", "invalidate"])
async def test_write_of_one_node_is_in_the_shared_cache_at_once(pair, table, write) -> None:
    one, other = pair
    await one.get("ada")
    await landed(one)
    table.plan = "plus"
    await (one.put("ada", Profile("ada", "plus")) if write == "put" else one.invalidate("ada"))
    assert (await other.get("ada")).plan == "plus"


async def test_slow_read_of_another_node_does_not_undo_a_write(pair, shared, table) -> None:
    one, other = pair
    await one.invalidate("ada")
    # What a node puts that asked the table half a second ago, before the write.
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "before"), 0.5), 600)
    assert (await other.get("ada")).plan == "basic"


async def test_writer_that_could_not_reach_the_shared_cache_is_heard_nevertheless(
    pair, shared, table
) -> None:
    _, other = pair
    await shared.put("test-shared:ada", SharedValue(encoded("ada", "before"), HEARD_S_MAX + 5), 600)
    other.forget("ada")
    assert (await other.get("ada")).plan == "basic"


async def test_value_of_another_version_is_read_again(pair, shared) -> None:
    cache, _ = pair
    await shared.put("test-shared:ada", SharedValue(b"\xc1", 0.0), 600)
    assert (await cache.get("ada")).plan == "basic"


async def test_value_too_long_to_share_is_kept_by_each_node(pair, shared, table) -> None:
    one, _ = pair
    table.plan = "x" * SHARED_VALUE_BYTES_MAX
    await one.get("ada")
    await landed(one)
    assert one.peek("ada") is not None
    assert await shared.get("test-shared:ada") is None


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
