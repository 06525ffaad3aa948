"""The contract of the cache that all nodes share, over every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis_server import NOT_RUN, installed, redis_server

from tifo.adapters.redis.cache import RedisSharedCache
from tifo.adapters.redis.connection import RedisConnection
from tifo.cache.ports import SharedCache, SharedValue
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import Meters

needs_its_own_redis = pytest.mark.skipif(not installed(), reason=NOT_RUN)

Opener = Callable[[], SharedCache]


def redis_opener(url: str) -> Opener:
    def open_one() -> SharedCache:
        meter = Meters(SystemClock()).store("cache", "redis")
        return RedisSharedCache(RedisConnection(url, "cache", meter, SystemIds(), gather_s=0.001))

    return open_one


@pytest.fixture(params=["redis", "redis_cluster"])
def reopen(request: pytest.FixtureRequest) -> Opener:
    return redis_opener(request.getfixturevalue(request.param).url)


@pytest.fixture
async def cache(reopen: Opener) -> AsyncIterator[SharedCache]:
    cache = reopen()
    yield cache
    await cache.close()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key of the test's own: the server is shared."""
    return f"profiles:{request.node.name}"


async def stored(cache: SharedCache, key: str) -> bytes | None:
    found = await cache.get(key)
    assert found is not None
    return found.value


async def test_unknown_key_is_nothing(cache: SharedCache, key: str) -> None:
    assert await cache.get(key) is None


@pytest.mark.parametrize("value", [b"v", b"", b"\x00\xff\r\n", b"x" * 200_000], ids=len)
async def test_value_comes_back_as_it_was(cache: SharedCache, key: str, value: bytes) -> None:
    await cache.put(key, SharedValue(value, 0.0), 60)
    assert await stored(cache, key) == value


async def test_that_there_is_nothing_is_a_value(cache: SharedCache, key: str) -> None:
    await cache.put(key, SharedValue(None, 0.0), 60)
    assert await stored(cache, key) is None


async def test_value_does_not_grow_younger_in_the_cache(cache: SharedCache, key: str) -> None:
    await cache.put(key, SharedValue(b"v", 100.0), 60)
    found = await cache.get(key)
    assert found is not None
    assert 100.0 <= found.age_s < 200.0


async def test_value_expires(cache: SharedCache, key: str) -> None:
    await cache.put(key, SharedValue(b"v", 0.0), 0.05)
    for _ in range(500):
        if await cache.get(key) is None:
            return
        await asyncio.sleep(0.01)
    pytest.fail("it is still there")


async def test_younger_value_replaces(cache: SharedCache, key: str) -> None:
    await cache.put(key, SharedValue(b"old", 10.0), 60)
    await cache.put(key, SharedValue(b"new", 0.0), 60)
    assert await stored(cache, key) == b"new"


async def test_older_value_does_not_replace(cache: SharedCache, key: str) -> None:
    await cache.put(key, SharedValue(b"new", 0.0), 60)
    await cache.put(key, SharedValue(b"old", 10.0), 60)
    assert await stored(cache, key) == b"new"


async def test_dropped_key_is_nothing(cache: SharedCache, key: str) -> None:
    await cache.put(key, SharedValue(b"v", 0.5), 60)
    await cache.drop(key)
    await cache.drop(key)
    assert await cache.get(key) is None


async def test_value_read_before_the_drop_is_not_kept(cache: SharedCache, key: str) -> None:
    await cache.drop(key)
    await cache.put(key, SharedValue(b"old", 0.5), 60)
    assert await cache.get(key) is None


async def test_value_read_after_the_drop_is_kept(cache: SharedCache, key: str) -> None:
    await cache.drop(key)
    await cache.put(key, SharedValue(b"new", 0.0), 60)
    assert await stored(cache, key) == b"new"


async def test_keys_do_not_touch_each_other(cache: SharedCache, key: str) -> None:
    keys = [f"{key}/{n}" for n in range(200)]
    await asyncio.gather(*(cache.put(one, SharedValue(one.encode(), 0.0), 60) for one in keys))
    await cache.drop(keys[0])
    found = await asyncio.gather(*(cache.get(one) for one in keys))
    assert [one and one.value for one in found] == [None, *(one.encode() for one in keys[1:])]


async def test_of_many_puts_at_once_the_youngest_stays(cache: SharedCache, key: str) -> None:
    ages = [float(n) for n in range(50, -1, -1)] + [float(n) for n in range(1, 51)]
    await asyncio.gather(*(cache.put(key, SharedValue(b"%d" % age, age), 60) for age in ages))
    assert await stored(cache, key) == b"0"


async def test_what_one_node_puts_another_reads(reopen: Opener, cache: SharedCache, key: str) -> None:
    await cache.put(key, SharedValue(b"v", 0.0), 60)
    other = reopen()
    try:
        assert await stored(other, key) == b"v"
    finally:
        await other.close()


@needs_its_own_redis
async def test_cache_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        cache = redis_opener(server.url)()
        await cache.put("k", SharedValue(b"v", 0.0), 60)
    try:
        for refused in (cache.get("k"), cache.put("k", SharedValue(b"v", 0.0), 60), cache.drop("k")):
            with pytest.raises(Unavailable):
                await refused
    finally:
        await cache.close()


@needs_its_own_redis
async def test_key_that_holds_something_else_is_unavailable(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        server.cli("LPUSH", "tifo:cache:k", "1")
        server.cli("SET", "tifo:cache:short", "1")
        cache = redis_opener(server.url)()
        try:
            for key in ("k", "short"):
                with pytest.raises(Unavailable):
                    await cache.get(key)
        finally:
            await cache.close()
