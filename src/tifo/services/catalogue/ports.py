from abc import abstractmethod
from typing import Protocol

from tifo.api.catalogue import CalendarEvent

EVENTS_MAX = 10_000
"""Events that a calendar holds."""


class CalendarStore(Protocol):
    """The calendar. Raises `Unavailable` when the store does not answer."""

    @abstractmethod
    async def events(self) -> tuple[CalendarEvent, ...]:
        """All events by start, then id; at most `EVENTS_MAX`."""

    @abstractmethod
    async def put(self, event: CalendarEvent) -> None:
        """Keep an event in place of an earlier one with its id; may be repeated."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""
