"""Time, as a constructor argument: rules and services never ask the machine themselves."""

import time
from abc import abstractmethod
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Wall-clock and monotonic time in seconds."""

    @abstractmethod
    def now(self) -> float:
        """Seconds since the Unix epoch."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds from an arbitrary point, never going back."""


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since the Unix epoch, from the machine."""
        return time.time()

    def monotonic(self) -> float:
        """Monotonic seconds, from the machine."""
        return time.monotonic()


class ManualClock(Clock):
    """A clock that stands still until it is moved: for tests and simulations."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """The time it was last moved to."""
        return self._now

    def monotonic(self) -> float:
        """The same time: a clock moved by hand only goes forward."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        if seconds < 0:
            raise ValueError("a clock only goes forward")
        self._now += seconds


@lru_cache(maxsize=1024)
def rfc3339(epoch_s: float) -> str:
    """An epoch time as RFC 3339 in UTC with milliseconds, as every answer of the API spells it.

    Remembered, for at any moment thousands of leases end in the same few seconds.
    """
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
