"""What the catalogue promises to the others: the calendar of events."""

from abc import abstractmethod
from typing import Literal, Protocol

import msgspec

from tifo.api.fields import Id, Timestamp

Criticality = Literal["ordinary", "high", "exceptional"]
Access = Literal["free", "subscriber", "pass"]
Format = Literal["hls", "dash"]

EVERY_FORMAT: tuple[Format, ...] = ("hls", "dash")


class EventOrigin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A live origin elsewhere, by the http or https address of what it offers; both are on one server."""

    hls: str = ""
    """Its multivariant playlist; empty where it has no HLS."""
    dash: str = ""
    """Its MPD; empty where it has no DASH."""


TEST_CHANNEL = EventOrigin()
"""What an event says that names no origin: the channel of the settings carries it."""


# What is as usual is not written: a node of the version before reads an event until it uses a new field.
class CalendarEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A match in the calendar."""

    id: Id
    """Its id in addresses and entitlements."""
    title: str
    """What viewers read."""
    starts: float
    """When it begins, in epoch seconds; viewers may be there before."""
    ends: float
    """When it is over, in epoch seconds."""
    channel: Id
    """The live channel that carries it."""
    criticality: Criticality = "ordinary"
    """How much is at stake, for those who plan and watch over it."""
    forecast_viewers: int = 0
    """Viewers at once that are expected; 0 where nobody has said."""
    access: Access = "subscriber"
    """Who may watch: everybody (`free`), subscribers, or only who has a pass for it (`pass`)."""
    regions: tuple[str, ...] = ()
    """Where it may be shown, by the regions of accounts; none is everywhere."""
    stream_limit: int = 0
    """Sessions of one account at once in this event; 0 is no limit of its own."""
    origin: EventOrigin = TEST_CHANNEL
    """A live origin elsewhere that carries it instead of the test channel."""

    @property
    def formats(self) -> tuple[Format, ...]:
        """What players can have of it; the test channel, which carries who names no origin, has both."""
        offered: tuple[Format, ...] = tuple(one for one in EVERY_FORMAT if getattr(self.origin, one))
        return offered or EVERY_FORMAT

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
