"""What many callers ask within a moment goes out together."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from tifo.kernel.errors import Unavailable

K = TypeVar("K", bound=Hashable)
Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

Send = Callable[[Mapping[K, Ask], dict[K, Answer | Unavailable]], Awaitable[None]]
"""Asks for all at once, and writes each answer as it comes; what it raises is for those without one."""


class Gatherer(Generic[K, Ask, Answer]):
    """Batches of different keys, some under way at a time, the rest in a bounded queue.

    Of two asks for one key that wait together `merge` makes one, and both callers get its answer: a table
    takes no key twice in a batch.
    """

    def __init__(
        self,
        part: str,
        send: Send[K, Ask, Answer],
        merge: Callable[[Ask, Ask], Ask],
        *,
        gather_s: float,
        batch_max: int,
        flights_max: int,
        queue_max: int,
    ) -> None:
        self._part = part
        self._send = send
        self._merge = merge
        self._gather_s = gather_s
        self._batch_max = batch_max
        self._flights_max = flights_max
        self._queue_max = queue_max
        self._waiting: dict[K, tuple[Ask, asyncio.Future[Answer]]] = {}
        self._flights: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, key: K, ask: Ask) -> Answer:
        """The answer for one key; raises `Unavailable`, at once when the queue is full."""
        # Shielded: a caller who goes away takes nothing from the others who ask the same.
        return await asyncio.shield(self._enter(key, ask))

    async def ask_all(self, asks: Iterable[tuple[K, Ask]]) -> list[Answer | Unavailable]:
        """The answers in order, or what went wrong with each."""
        entered = [self._try_enter(key, ask) for key, ask in asks]
        if entered:
            await asyncio.wait(set(entered))
        outcomes: list[Answer | Unavailable] = []
        outcomes.extend(map(_outcome, entered))
        return outcomes

    async def close(self) -> None:
        """Send what waits, and wait for what is under way."""
        while self._waiting or self._flights:
            self._take_off()
            await asyncio.wait(set(self._flights))

    def _try_enter(self, key: K, ask: Ask) -> "asyncio.Future[Answer]":
        try:
            return self._enter(key, ask)
        except Unavailable as error:
            refused: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            _settle(refused, error)
            return refused

    def _enter(self, key: K, ask: Ask) -> "asyncio.Future[Answer]":
        known = self._waiting.get(key)
        if known is not None:
            self._waiting[key] = (self._merge(known[0], ask), known[1])
            return known[1]
        if len(self._waiting) >= self._queue_max:
            raise Unavailable(self._part, f"its queue has {self._queue_max} calls already")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting[key] = (ask, future)
        if len(self._waiting) >= self._batch_max:
            self._take_off()
        elif self._timer is None:
            self._timer = loop.call_later(self._gather_s, self._take_off)
        return future

    def _take_off(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and len(self._flights) < self._flights_max:
            keys = list(self._waiting)[: self._batch_max]
            flight = asyncio.create_task(self._fly({key: self._waiting.pop(key) for key in keys}))
            self._flights.add(flight)
            flight.add_done_callback(self._land)

    def _land(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if self._timer is None:
            self._take_off()

    async def _fly(self, batch: Mapping[K, tuple[Ask, "asyncio.Future[Answer]"]]) -> None:
        answers: dict[K, Answer | Unavailable] = {}
        error = Unavailable(self._part, "it did not say what became of the call")
        try:
            await self._send({key: ask for key, (ask, _) in batch.items()}, answers)
        except Unavailable as unavailable:
            error = unavailable
        except Exception as fault:
            # Whatever it is: nobody may wait for ever.
            error = Unavailable(self._part, f"{type(fault).__name__}: {fault}")
        for key, (_, future) in batch.items():
            _settle(future, answers.get(key, error))


def _settle(future: "asyncio.Future[Answer]", outcome: Answer | Unavailable) -> None:
    if future.done():
        return
    if isinstance(outcome, Unavailable):
        future.set_exception(outcome)
        future.exception()  # a caller who went away is told nothing, and that is no news for the log
    else:
        future.set_result(outcome)


def _outcome(future: "asyncio.Future[Answer]") -> Answer | Unavailable:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, Unavailable):
        return error
    raise error
