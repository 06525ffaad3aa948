"""The ways of several nodes to one store of ads, in each of the places where it may be."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from session_stores import new_prefix

from tifo.adapters.redis.connection import RedisConnection
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import StoreMeter

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class InRedis(Protocol[T_co]):
    """Makes the store in Redis, under a prefix of its own."""

    def __call__(self, redis: RedisConnection, *, prefix: str) -> T_co: ...


def ways_to(
    part: str,
    request: pytest.FixtureRequest,
    folder: Path,
    sqlite: Callable[[Path], T],
    redis: InRedis[T],
    memory: Callable[[], T] | None = None,
) -> Callable[[], T]:
    """Another node's way to the same store of `part`, in the place that `request.param` names.

    That is memory (of which there is but one), sqlite, or a fixture of a Redis: `redis`, `redis-cluster`.
    """
    if request.param == "memory" and memory is not None:
        only = memory()
        return lambda: only
    if request.param == "sqlite":
        return lambda: sqlite(folder / f"{part}.db")
    url = request.getfixturevalue(request.param.replace("-", "_")).url
    prefix = new_prefix()

    def in_redis() -> T:
        meter = StoreMeter(part, "redis", SystemClock())
        return redis(RedisConnection(url, part, meter, SystemIds()), prefix=prefix)

    return in_redis
