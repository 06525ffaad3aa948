"""The catalogue in another process."""

from urllib.parse import quote

from tifo.adapters.http.client import PeerClient
from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.cache.caches import Caches
from tifo.cache.policy import CachePolicy
from tifo.kernel.errors import Refusal

POLICY = CachePolicy(fresh_s=2, absent_s=2, refresh_s=10, entries_max=10_000, bytes_max=16 * 1024 * 1024)

WHOLE = "all"
"""The one key of the whole calendar."""


class HttpCatalogue(Catalogue):
    """Asks the catalogue service, and believes an answer for a few seconds.

    What it said before stays in force for hours while it does not answer.
    """

    def __init__(self, base_url: str, operator_token: str, caches: Caches) -> None:
        self._peer = PeerClient("catalogue", base_url, operator_token)
        self._events = caches.over("events", self._ask, CalendarEvent, POLICY)
        self._calendar = caches.over("calendar", self._ask_all, tuple[CalendarEvent, ...], POLICY)

    async def open(self) -> None:
        """Nothing is asked before the first request."""

    async def event(self, event_id: str) -> CalendarEvent:
        """One event, of the last seconds."""
        event = await self._events.get(event_id)
        if event is None:
            raise Refusal("not-found", "The calendar has no such event.")
        return event

    async def events(self) -> tuple[CalendarEvent, ...]:
        """The whole calendar, of the last seconds."""
        return await self._calendar.get(WHOLE) or ()

    async def close(self) -> None:
        """End what is under way and close the connections."""
        await self._events.close()
        await self._calendar.close()
        await self._peer.close()

    async def _ask(self, event_id: str) -> CalendarEvent | None:
        try:
            return await self._peer.get(f"/v1/peer/calendar/{quote(event_id, safe='')}", CalendarEvent)
        except Refusal as refusal:
            if refusal.code == "not-found":
                return None
            raise

    async def _ask_all(self, _key: str) -> tuple[CalendarEvent, ...]:
        return await self._peer.get("/v1/peer/calendar", tuple[CalendarEvent, ...])
