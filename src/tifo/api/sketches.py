"""Counting how many different names there were without remembering them: sketches that can be joined."""

from abc import abstractmethod
from typing import Protocol


class Sketch(Protocol):
    """How many different names were added, here or to what was joined; one added again counts once."""

    @abstractmethod
    def add(self, name: str) -> None:
        """Count a name."""

    @abstractmethod
    def join(self, other: bytes) -> None:
        """Count what another has, as it was dumped. Raises `ValueError` for what is no sketch."""

    @abstractmethod
    def count(self) -> int:
        """How many there were, within `Sketches.error` in 19 of 20 cases."""

    @abstractmethod
    def dump(self) -> bytes:
        """A few kilobytes, however many there were."""


class Sketches(Protocol):
    """Makes them, all alike, so that any two can be joined."""

    error: float
    """By which share of the truth a count is wrong at the most, in 19 of 20 cases."""

    @abstractmethod
    def new(self) -> Sketch:
        """One that has counted nothing."""
