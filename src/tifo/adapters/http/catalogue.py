"""The catalogue in another process."""

from urllib.parse import quote

from cachebox import LRUCache, TTLCache

from tifo.adapters.http.client import PeerClient
from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.kernel.errors import Unavailable

FRESH_S = 2
EVENTS_MAX = 10_000


class HttpCatalogue(Catalogue):
    """Asks the catalogue service, and believes an answer for `FRESH_S` seconds.

    What it said before stays in force while it does not answer.
    """

    def __init__(self, base_url: str, operator_token: str) -> None:
        self._peer = PeerClient("catalogue", base_url, operator_token)
        self._known: TTLCache[str, CalendarEvent] = TTLCache(EVENTS_MAX, global_ttl=FRESH_S)
        self._last: LRUCache[str, CalendarEvent] = LRUCache(EVENTS_MAX)

    async def open(self) -> None:
        """Nothing is asked before the first request."""

    async def event(self, event_id: str) -> CalendarEvent:
        """One event, of the last seconds."""
        event: CalendarEvent | None = self._known.get(event_id)
        if event is not None:
            return event
        try:
            event = await self._peer.get(f"/v1/peer/calendar/{quote(event_id, safe='')}", CalendarEvent)
        except Unavailable:
            event = self._last.get(event_id)
            if event is None:
                raise
            return event
        self._known[event_id] = self._last[event_id] = event
        return event

    async def events(self) -> tuple[CalendarEvent, ...]:
        """The whole calendar."""
        return await self._peer.get("/v1/peer/calendar", tuple[CalendarEvent, ...])

    async def close(self) -> None:
        """Close the connections."""
        await self._peer.close()
