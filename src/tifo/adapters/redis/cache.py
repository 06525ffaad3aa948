"""The shared cache in Redis or a cluster of it."""

from importlib.resources import files

from tifo.adapters.redis.connection import RedisConnection, Script
from tifo.cache.ports import DROPPED_S, SharedCache, SharedValue
from tifo.kernel.errors import Unavailable

PREFIX = "tifo:cache:"


class RedisSharedCache(SharedCache):
    """One key of Redis for each key of the cache: they spread over the slots of a cluster by themselves.

    Ages are told by the clock of the server that holds the key; after a failover they are wrong by as much
    as the two servers' clocks differ. Redis may run with `maxmemory` and any policy of eviction: what it
    forgets is read again, and only the memory of a key that was just dropped is worth keeping.
    """

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._get = _script("cache_get")
        self._put = _script("cache_put")

    async def get(self, key: str) -> SharedValue | None:
        """What was put, with its age."""
        found = await self._connection.run(self._get, PREFIX + key)
        if found is None:
            return None
        match found:
            case [int(age_ms), b"v", bytes(body)]:
                return SharedValue(body, max(0.0, age_ms / 1000))
            case [int(age_ms), b"a", _]:
                return SharedValue(None, max(0.0, age_ms / 1000))
        raise Unavailable("cache", "there is something else under its key")

    async def put(self, key: str, value: SharedValue, ttl_s: float) -> None:
        """Keep a value unless a younger one is there."""
        await self._write(key, "a" if value.value is None else "v", value.age_s, ttl_s, value.value or b"")

    async def drop(self, key: str) -> None:
        """Put a mark that is younger than whatever was read before."""
        await self._write(key, "d", 0.0, DROPPED_S, b"")

    async def close(self) -> None:
        """Let go of the connection."""
        await self._connection.close()

    async def _write(self, key: str, kind: str, age_s: float, ttl_s: float, body: bytes) -> None:
        age_ms, ttl_ms = max(0, round(age_s * 1000)), max(1, round(ttl_s * 1000))
        await self._connection.run(self._put, PREFIX + key, kind, age_ms, ttl_ms, body)


def _script(name: str) -> Script:
    return Script(name, files("tifo.adapters.redis").joinpath(f"{name}.lua").read_text())
