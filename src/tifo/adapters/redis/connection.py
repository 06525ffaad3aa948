"""What every Redis adapter asks through: scripts on one key's slot, gathered into few round trips."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha1
from typing import Any

import msgspec
from redis.exceptions import AskError, MovedError, ResponseError

from tifo.adapters.redis.lane import Asked, Failed, Lane
from tifo.adapters.redis.servers import Servers
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids
from tifo.telemetry.stores import Meters, StoreMeter

REDIRECTS_MAX = 3
"""Times that a call follows its slot to another server."""


@dataclass(frozen=True)
class Script:
    """A Lua script. It gets one key, and makes every other key of it with the same `{tag}`."""

    name: str
    body: str = field(repr=False)

    @cached_property
    def sha(self) -> str:
        """The name Redis knows it by."""
        return sha1(self.body.encode(), usedforsecurity=False).hexdigest()


class Call(msgspec.Struct, frozen=True, gc=False):
    """A script to run on `key`'s slot, as KEYS[1], with these ARGV."""

    script: Script
    key: str
    args: tuple[bytes | str | int | float, ...] = ()


class RedisConnection:
    """A store's way to one Redis or one cluster; several stores of a process may share the servers.

    Connects when first asked. `part` names the store to clients. A call whose time limit has passed may
    have been done nevertheless. URLs: `tifo.adapters.redis.link.Target.parse`, which raises `ValueError`.
    """

    def __init__(
        self, url: str | Servers, part: str, meter: StoreMeter, ids: Ids, *, gather_s: float = 0.005
    ) -> None:
        self._servers = url if isinstance(url, Servers) else Servers(url, ids, gather_s)
        self._servers.users += 1
        self._part = part
        self._meter = meter

    def shared(self, part: str, meter: StoreMeter) -> "RedisConnection":
        """The same servers for another store."""
        return RedisConnection(self._servers, part, meter, self._servers.ids)

    async def run(self, script: Script, key: str, *args: bytes | str | int | float) -> Any:  # noqa: ANN401
        """Run it, gathered with what others ask just now; raises `Unavailable`."""
        call = Call(script, key, args)
        answer = await (await self._ask(call)).answer
        if isinstance(answer, AskError):
            (answer,) = await self._follow([call], [answer])
        self._tell(answer)
        said = self._said(answer)
        if isinstance(said, Unavailable):
            raise said
        return said

    async def run_many(self, calls: Sequence[Call]) -> list[Any]:
        """Run them in as few round trips; for each its answer, or the `Unavailable` that it met."""
        asked = [await self._ask(call) for call in calls]
        answers = await self._follow(calls, [await one.answer for one in asked])
        self._tell(*answers)
        return [self._said(one) for one in answers]

    async def close(self) -> None:
        """Let go of the servers; the last store to do so closes them."""
        self._servers.users -= 1
        if not self._servers.users:
            await self._servers.close()

    async def _follow(self, calls: Sequence[Call], answers: list[Any]) -> list[Any]:
        """The answers, those calls asked again that were sent to another server."""
        for _ in range(REDIRECTS_MAX):
            left = [n for n, answer in enumerate(answers) if isinstance(answer, AskError)]
            if not left:
                break
            if any(isinstance(answers[n], MovedError) for n in left):
                await self._servers.learn()
            asked = [await self._ask(calls[n], answers[n]) for n in left]
            for n, one in zip(left, asked, strict=True):
                answers[n] = await one.answer
        return answers

    async def _ask(self, call: Call, before: object = None) -> Asked:
        loop = asyncio.get_running_loop()
        asking = isinstance(before, AskError) and not isinstance(before, MovedError)
        asked = Asked(
            ("EVALSHA", call.script.sha, 1, call.key, *call.args),
            self._meter,
            loop.create_future(),
            loop.time(),
            call.script.body,
            asking,
        )
        lane: Lane | Failed
        if isinstance(before, AskError) and asking:
            lane = self._servers.lane_at((before.host, before.port))
        else:
            lane = await self._servers.lane_of(call.key)
        if isinstance(lane, Failed):
            asked.answer.set_result(lane)
        else:
            lane.ask(asked)
        return asked

    def _tell(self, *answers: Any) -> None:  # noqa: ANN401 - what Redis answers
        well = not self._servers.down and not any(isinstance(one, Failed) for one in answers)
        self._meter.answers(well=well)

    def _said(self, answer: Any) -> Any:  # noqa: ANN401 - what Redis answers
        if isinstance(answer, Failed):
            return Unavailable(self._part, answer.why)
        if isinstance(answer, ResponseError):
            return Unavailable(self._part, str(answer))
        return answer


def answered(answers: Iterable[Any]) -> Iterator[Any]:
    """Those of `run_many`, until one is missing: that is raised."""
    for answer in answers:
        if isinstance(answer, Unavailable):
            raise answer
        yield answer


class RedisConnections:
    """The connections of one process: stores that name the same URL share its servers."""

    def __init__(self, meters: Meters, ids: Ids) -> None:
        self._meters = meters
        self._ids = ids
        self._first: dict[str, RedisConnection] = {}

    def of(self, url: str, part: str) -> RedisConnection:
        """The way for the store `part`; the store closes it. Raises `ValueError` for a URL that is none."""
        meter = self._meters.store(part, "redis")
        if url in self._first:
            return self._first[url].shared(part, meter)
        self._first[url] = RedisConnection(url, part, meter, self._ids)
        return self._first[url]
