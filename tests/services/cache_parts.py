"""What the tests of caches share: a source to read, a table that all nodes read, the way to a Redis."""

import asyncio
from collections import Counter

import msgspec

from tifo.adapters.redis.connection import RedisConnection
from tifo.cache.policy import CachePolicy
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import Meters

POLICY = CachePolicy(fresh_s=60, absent_s=10, refresh_s=60, jitter_share=0)


class Profile(msgspec.Struct, frozen=True):
    account: str
    plan: str


class Source:
    """A table that can be slow, gone or broken, and counts how often it is asked."""

    def __init__(self) -> None:
        self.plan = "basic"
        self.absent: set[str] = set()
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.asked: Counter[str] = Counter()
        self.at_once = self.at_once_max = 0

    async def profile(self, account: str) -> Profile | None:
        self.asked[account] += 1
        plan = self.plan
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            await asyncio.sleep(0)
            await self.open.wait()
        finally:
            self.at_once -= 1
        if self.error is not None:
            raise self.error
        return None if account in self.absent else Profile(account, plan)

    def fail(self) -> None:
        self.error = Unavailable("profiles", "connection refused")


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


def connection(url: str) -> RedisConnection:
    meter = Meters(SystemClock()).store("cache", "redis")
    return RedisConnection(url, "cache", meter, SystemIds(), gather_s=0.001)


async def settle() -> None:
    """Let what is under way in the background come to its end."""
    for _ in range(20):
        await asyncio.sleep(0)
