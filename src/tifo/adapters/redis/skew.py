"""How far the store's clock is ahead of ours: nodes whose clocks differ agree on when a lease lapses."""

import asyncio

from tifo.adapters.redis.connection import Call, RedisConnection, Script
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable

MEASURE_EVERY_S = 10.0
HYSTERESIS_S = 1.0
"""The figure changes only when it is off by more, so that nobody's seconds flicker."""

SLOW_S_MAX = 0.25
"""An answer that took longer says too little about the time."""

_TIME = Script("time", "return redis.call('TIME')")


class Skew:
    """Measured with the first call, then every `MEASURE_EVERY_S`, on the first of `keys` that answers."""

    def __init__(self, connection: RedisConnection, clock: Clock, keys: tuple[str, ...]) -> None:
        self._connection = connection
        self._clock = clock
        self._calls = [Call(_TIME, key) for key in keys]
        self._measuring = asyncio.Lock()
        self._again_at = 0.0
        self._seconds: int | None = None

    async def seconds(self) -> int:
        """Whole seconds to add to our time; raises `Unavailable` while it was never measured."""
        known = self._seconds
        now = asyncio.get_running_loop().time()
        if known is not None and (now < self._again_at or self._measuring.locked()):
            return known
        async with self._measuring:
            if self._seconds is None or self._again_at <= now:
                await self._measure()
        return self._seconds or 0

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        began_s, ours = loop.time(), self._clock.now()
        answers = await self._connection.run_many(self._calls)
        took_s = loop.time() - began_s
        told = next((one for one in answers if not isinstance(one, Unavailable)), answers[0])
        if isinstance(told, Unavailable) and self._seconds is None:
            raise told
        if isinstance(told, Unavailable) or (took_s > SLOW_S_MAX and self._seconds is not None):
            return
        ahead = int(told[0]) + int(told[1]) / 1e6 - ours - took_s / 2
        if self._seconds is None or abs(ahead - self._seconds) > HYSTERESIS_S:
            self._seconds = round(ahead)
        self._again_at = loop.time() + MEASURE_EVERY_S
