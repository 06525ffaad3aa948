"""The way to one master: what several callers ask at about the same time goes there in one round trip."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from redis.exceptions import NoScriptError, ReadOnlyError

from tifo.adapters.redis.link import Address, Command, Link, LinkFailed, Target
from tifo.kernel.ids import Ids
from tifo.telemetry.stores import StoreMeter

QUEUE_COMMANDS_MAX = 16_384
"""Commands that wait for one master; one more is refused."""

WAIT_S_MAX = 1.0
"""Seconds that a command waits to be sent; past them it is refused."""

EXCHANGE_COMMANDS_MAX = 512
"""Commands in one round trip."""

PROBE_EVERY_S = 0.25
"""Seconds between two looks at a master that failed, give or take a quarter."""


class Failed(msgspec.Struct, frozen=True, gc=False):
    """An answer that did not come; `why` is for the log."""

    why: str


class Asked(msgspec.Struct, frozen=True):
    """One command on its way: `body` is the script behind an EVALSHA, `asking` follows an ASK redirect."""

    command: Command
    meter: StoreMeter
    answer: asyncio.Future[Any]
    since_s: float
    body: str = ""
    asking: bool = False


class Lane:
    """Gathers for `gather_s` after the first command, then exchanges, one exchange at a time.

    When one fails, everything that waits fails with it, and so does at once whatever is asked until a
    probe of our own was answered: a dead or stopped server costs its callers one time limit together.
    """

    def __init__(
        self,
        target: Target,
        address: Address,
        gather_s: float,
        ids: Ids,
        still_down: Callable[[], Awaitable[None]],
    ) -> None:
        self.address = address
        self.down = ""
        self._link = Link(target, address)
        self._gather_s = gather_s
        self._ids = ids
        self._still_down = still_down
        self._queue: deque[Asked] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None

    def ask(self, asked: Asked) -> None:
        """Have it answered: its future gets the answer, a `ResponseError`, or `Failed`."""
        if self.down:
            _settle(asked, Failed(self.down))
        elif len(self._queue) >= QUEUE_COMMANDS_MAX:
            _settle(asked, Failed(f"{QUEUE_COMMANDS_MAX} commands wait already"))
        else:
            self._queue.append(asked)
            if self._flushing is None:
                self._flushing = asyncio.create_task(self._flush(), name="redis-lane")

    async def close(self) -> None:
        """Stop; what waits fails."""
        self.down = "closed"
        for task in (self._flushing, self._probing):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._fail_waiting()
        await self._link.drop()

    async def _flush(self) -> None:
        try:
            while self._queue:
                await asyncio.sleep(self._gather_s)
                await self._exchange(self._batch())
        finally:
            self._flushing = None

    def _batch(self) -> list[Asked]:
        batch: list[Asked] = []
        oldest_s = asyncio.get_running_loop().time() - WAIT_S_MAX
        while self._queue and len(batch) < EXCHANGE_COMMANDS_MAX:
            asked = self._queue.popleft()
            if asked.since_s < oldest_s:
                _settle(asked, Failed(f"it was not sent within {WAIT_S_MAX} s"))
            else:
                batch.append(asked)
        return batch

    async def _exchange(self, batch: list[Asked]) -> None:
        try:
            answers = await self._answers(batch)
        except LinkFailed as error:
            self._fail(error.why)
            answers = [Failed(error.why)] * len(batch)
        except asyncio.CancelledError:
            for asked in batch:
                _settle(asked, Failed(self.down))
            raise
        for asked, answer in zip(batch, answers, strict=True):
            _settle(asked, answer)

    async def _answers(self, batch: list[Asked]) -> list[Any]:
        """Exchange, and once more with their bodies those whose scripts the server has not."""
        answers = await self._send(batch)
        missing = [n for n, one in enumerate(answers) if isinstance(one, NoScriptError)]
        if missing:
            bodies = {batch[n].body for n in missing}
            await self._link.exchange([("SCRIPT", "LOAD", body) for body in bodies])
            again = await self._send([batch[n] for n in missing])
            for n, answer in zip(missing, again, strict=True):
                answers[n] = answer
        if any(isinstance(one, ReadOnlyError) for one in answers):
            # This is no master any more, and its name may lead to the new one.
            await self._link.drop()
        return answers

    async def _send(self, batch: list[Asked]) -> list[Any]:
        commands: list[Command] = []
        for asked in batch:
            commands += [("ASKING",), asked.command] if asked.asking else [asked.command]
        for meter, count in Counter(asked.meter for asked in batch).items():
            meter.exchanged(count)
        answers = iter(await self._link.exchange(commands))
        return [[next(answers) for _ in range(1 + asked.asking)][-1] for asked in batch]

    def _fail(self, why: str) -> None:
        self.down = self.down or why
        self._fail_waiting()
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe(), name="redis-probe")

    def _fail_waiting(self) -> None:
        while self._queue:
            _settle(self._queue.popleft(), Failed(self.down))

    async def _probe(self) -> None:
        while True:
            with contextlib.suppress(LinkFailed):
                (pong,) = await self._link.exchange([("PING",)])
                if pong == b"PONG":
                    break
            await self._still_down()
            await asyncio.sleep(PROBE_EVERY_S * (0.75 + 0.5 * self._ids.fraction()))
        self.down, self._probing = "", None


def _settle(asked: Asked, answer: object) -> None:
    if not asked.answer.done():
        asked.answer.set_result(answer)
