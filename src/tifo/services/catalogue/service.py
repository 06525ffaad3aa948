"""The catalogue: the calendar, held in memory and read again every few seconds."""

from types import MappingProxyType

from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.kernel.background import Background
from tifo.kernel.errors import Refusal
from tifo.services.catalogue.ports import CalendarStore
from tifo.services.catalogue.settings import CatalogueSettings


class CatalogueService(Catalogue):
    """The last calendar that could be read stays in force while the store fails."""

    def __init__(self, store: CalendarStore, settings: CatalogueSettings) -> None:
        self._store = store
        self._settings = settings
        self._events = MappingProxyType[str, CalendarEvent]({})
        effect = "the last calendar stays in force"
        self._reading = Background("calendar", settings.refresh_s, self._read, effect)

    async def open(self) -> None:
        """Write the events of the settings, read the calendar, and keep reading it."""
        for event in self._settings.events:
            await self._store.put(event)
        await self._read()
        await self._reading.open()

    async def close(self) -> None:
        """Stop reading."""
        await self._reading.close()

    async def event(self, event_id: str) -> CalendarEvent:
        """One event, from memory."""
        event = self._events.get(event_id)
        if event is None:
            raise Refusal("not-found", "The calendar has no such event.")
        return event

    async def events(self) -> tuple[CalendarEvent, ...]:
        """All events, from memory."""
        return tuple(self._events.values())

    async def _read(self) -> None:
        self._events = MappingProxyType({event.id: event for event in await self._store.events()})
