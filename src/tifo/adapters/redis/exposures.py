"""What accounts have seen, in Redis: shared by the nodes of many machines."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tifo.adapters.redis.connection import Call, RedisConnection, Script, answered
from tifo.adapters.redis.shards import shard_of, tags
from tifo.services.ads.ports import MARKS_MAX, ExposureStore, Mark

PER_CALL_MAX = 200
"""Impressions, or accounts, of one call of the script: about a millisecond of the server."""

CALLS_PER_TRIP = 32
"""Calls in one round trip, so that other stores in the same Redis have their turn between two."""

PER_TURN = 500
"""What is sorted into shards before requests have their turn: half a millisecond of this process."""

T = TypeVar("T")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, tuple[float, ...]]).decode


class RedisExposureStore(ExposureStore):
    """A key for each account, which goes with its longest window; some 150 bytes and 40 for each cap.

    Accounts are gathered by the shards of sessions, so that a call is about many of them. Caveats: what Redis
    acknowledged and lost in a failover may be shown once more; one that evicts forgets.
    """

    def __init__(self, redis: RedisConnection, *, prefix: str = "seen") -> None:
        self._redis = redis
        self._prefix = prefix
        self._script = Script("exposures", Path(__file__).with_name("exposures.lua").read_text("utf-8"))

    async def add(self, marks: Sequence[Mark], now: float) -> None:
        """One call of the script for each shard."""
        if len(marks) > MARKS_MAX:
            raise ValueError(f"more than {MARKS_MAX} impressions")
        shards: defaultdict[int, list[Mark]] = defaultdict(list)
        for n, mark in enumerate(marks, 1):
            shards[shard_of(mark.account)].append(mark)
            if not n % PER_TURN:
                await asyncio.sleep(0)
        calls = [self._call(shard, "add", now, part) for shard, part in _parts(shards)]
        await self._run(calls)

    async def read(self, accounts: Sequence[str], now: float) -> tuple[Mapping[str, Sequence[float]], ...]:
        """The same; it writes nothing."""
        if len(accounts) > MARKS_MAX:
            raise ValueError(f"more than {MARKS_MAX} accounts")
        shards: defaultdict[int, list[str]] = defaultdict(list)
        for account in accounts:
            shards[shard_of(account)].append(account)
        parts = list(_parts(shards))
        calls = [self._call(shard, "read", now, part) for shard, part in parts]
        found: dict[str, Mapping[str, Sequence[float]]] = {}
        for (_, part), values in zip(parts, await self._run(calls), strict=True):
            found.update(zip(part, (_seen(value, now) for value in values), strict=True))
        return tuple(found[account] for account in accounts)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._redis.close()

    async def _run(self, calls: Sequence[Call]) -> list[Any]:
        answers: list[Any] = []
        for begin in range(0, len(calls), CALLS_PER_TRIP):
            answers += answered(await self._redis.run_many(calls[begin : begin + CALLS_PER_TRIP]))
        return answers

    def _call(self, shard: int, what: str, now: float, part: Sequence[Mark] | Sequence[str]) -> Call:
        return Call(self._script, f"{self._prefix}:{{{tags()[shard]}}}", (what, now, _encode(part)))


def _parts(shards: Mapping[int, Sequence[T]]) -> Iterator[tuple[int, Sequence[T]]]:
    for shard, told in shards.items():
        for begin in range(0, len(told), PER_CALL_MAX):
            yield shard, told[begin : begin + PER_CALL_MAX]


def _seen(value: bytes | None, now: float) -> Mapping[str, Sequence[float]]:
    """What is in a key; each cap's times begin with the one at which it lapses."""
    if value is None:
        return {}
    return {cap: found[1:] for cap, found in _decode(value).items() if found[0] > now}
