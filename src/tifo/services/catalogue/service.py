"""The catalogue: the calendar, held in memory and read again every few seconds."""

import asyncio
import contextlib
from types import MappingProxyType

import structlog

from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.catalogue.ports import CalendarStore
from tifo.services.catalogue.settings import CatalogueSettings

_log = structlog.get_logger(__name__)


class CatalogueService(Catalogue):
    """The last calendar that could be read stays in force while the store fails."""

    def __init__(self, store: CalendarStore, settings: CatalogueSettings) -> None:
        self._store = store
        self._settings = settings
        self._events = MappingProxyType[str, CalendarEvent]({})
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Write the events of the settings, read the calendar, and keep reading it."""
        for event in self._settings.events:
            await self._store.put(event)
        await self._read()
        self._task = asyncio.create_task(self._refresh(), name="calendar")

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

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

    async def _refresh(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(self._settings.refresh_s)
            try:
                await self._read()
                failing = False
            except Unavailable as error:
                if not failing:
                    _log.warning("calendar.failing", why=error.why, effect="the last calendar stays in force")
                failing = True
