"""What the catalogue promises to the others: the calendar of events."""

from abc import abstractmethod
from typing import Literal, Protocol

import msgspec

from tifo.api.fields import Id, Timestamp

Criticality = Literal["ordinary", "high", "exceptional"]


class CalendarEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A match in the calendar. Times are epoch seconds; `channel` is the live channel that carries it."""

    id: Id
    title: str
    starts: float
    ends: float
    channel: Id
    criticality: Criticality = "ordinary"
    forecast_viewers: int = 0

    def state(self, now: float) -> Literal["upcoming", "live", "over"]:
        """Where the event stands at `now`."""
        if now < self.starts:
            return "upcoming"
        return "live" if now < self.ends else "over"


class EventAnswer(msgspec.Struct, frozen=True):
    """An event as viewers see it."""

    id: str
    title: str
    starts_at: Timestamp
    ends_at: Timestamp
    state: Literal["upcoming", "live", "over"]


class EventsAnswer(msgspec.Struct, frozen=True):
    """The calendar."""

    events: tuple[EventAnswer, ...]


class Catalogue(Protocol):
    """The calendar, read from memory."""

    @abstractmethod
    async def event(self, event_id: str) -> CalendarEvent:
        """One event. Raises `Refusal("not-found")`, or `Unavailable` when nothing could be read yet."""

    @abstractmethod
    async def events(self) -> tuple[CalendarEvent, ...]:
        """All events by start."""
