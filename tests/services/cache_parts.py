"""What the tests of shared caches share: a table that all nodes read, and the way to a Redis."""

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
