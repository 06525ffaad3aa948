import msgspec

from tifo.api.catalogue import CalendarEvent


class CatalogueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The catalogue: events that stand in the calendar from the start, and how fresh its copy is."""

    events: tuple[CalendarEvent, ...] = ()
    """Written to the calendar when the service starts."""
    refresh_s: int = 2
    """Seconds between two readings of the calendar."""
    public_max_age_s: int = 5
    """Seconds a CDN or a browser may keep the calendar's answers."""
