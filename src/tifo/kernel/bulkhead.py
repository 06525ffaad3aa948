"""A budget and a bulkhead around what is not ours: one that hangs or is gone costs a little and no more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one dependency may cost us.

    `calls_max` under way at once, `waiting_max` in line behind them, `call_s_max` seconds for each,
    waiting included. After `failures_max` failures in a row nothing is asked but one probe every
    `probe_s` seconds.
    """

    calls_max: int = 4
    waiting_max: int = 16
    call_s_max: float = 2.0
    failures_max: int = 3
    probe_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """Whether a dependency is worth asking: decided from what became of the last calls."""

    failures: int = 0
    probe_at: float = 0.0

    def is_open(self, budget: Budget) -> bool:
        """Whether it has failed so often in a row that only probes go out."""
        return self.failures >= budget.failures_max

    def admits(self, now: float, budget: Budget) -> bool:
        """Whether a call may go out at `now`."""
        return not self.is_open(budget) or now >= self.probe_at

    def asked(self, now: float, budget: Budget, jitter: float) -> "Circuit":
        """After a call was let out: while open it is the probe, and the next one has to wait."""
        return replace(self, probe_at=_next_probe(now, budget, jitter)) if self.is_open(budget) else self

    def succeeded(self) -> "Circuit":
        """After an answer."""
        return Circuit()

    def failed(self, now: float, budget: Budget, jitter: float) -> "Circuit":
        """After a call that failed; `jitter` in [0, 1) keeps many nodes from probing together."""
        # Counted no further than to open: what was asked long ago and fails late makes nothing worse.
        failures = min(self.failures + 1, budget.failures_max)
        return Circuit(failures, _next_probe(now, budget, jitter))


def _next_probe(now: float, budget: Budget, jitter: float) -> float:
    return now + budget.probe_s * (0.75 + jitter / 2)


class TimedOut(Unavailable):
    """It did not answer within its time."""


class NotAsked(Unavailable):
    """It was not asked at all: it has failed too often, or there is no room in line."""


class Bulkhead:
    """Every call to one dependency goes through here.

    `count` is told what became of each: `ok`, `failed`, `timeout`, `full` (no room in line) or `open` (not
    asked, for it has failed too often).
    """

    def __init__(
        self, part: str, budget: Budget, clock: Clock, ids: Ids, count: Callable[[str], None]
    ) -> None:
        self._part = part
        self._budget = budget
        self._clock = clock
        self._ids = ids
        self._count = count
        self._circuit = Circuit()
        self._room = asyncio.Semaphore(budget.calls_max)
        self._inside = 0

    @property
    def failing(self) -> bool:
        """Whether the dependency is known to be gone."""
        return self._circuit.is_open(self._budget)

    @property
    def under_way(self) -> int:
        """Calls that were let in and have not ended, those in line among them."""
        return self._inside

    async def call(self, do: Callable[[], Awaitable[T]]) -> T:
        """What `do` answers; raises `Unavailable` when it does, `TimedOut` and `NotAsked` among them.

        Any other error of `do` passes through, and says nothing of the dependency.
        """
        self._enter()
        try:
            async with asyncio.timeout(self._budget.call_s_max), self._room:
                answer = await do()
        except TimeoutError:
            self._failed("timeout")
            raise TimedOut(self._part, f"no answer within {self._budget.call_s_max:g} s") from None
        except Unavailable as error:
            self._failed("failed")
            raise Unavailable(self._part, error.why) from error
        finally:
            self._inside -= 1
        self._circuit = self._circuit.succeeded()
        self._count("ok")
        return answer

    def _enter(self) -> None:
        now = self._clock.monotonic()
        if not self._circuit.admits(now, self._budget):
            self._count("open")
            raise NotAsked(self._part, "it failed again and again and is asked seldom")
        if self._inside >= self._budget.calls_max + self._budget.waiting_max:
            self._count("full")
            raise NotAsked(self._part, f"{self._inside} calls wait for it already")
        self._circuit = self._circuit.asked(now, self._budget, self._ids.fraction())
        self._inside += 1

    def _failed(self, outcome: str) -> None:
        self._circuit = self._circuit.failed(self._clock.monotonic(), self._budget, self._ids.fraction())
        self._count(outcome)
