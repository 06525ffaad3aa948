"""The session service in another process."""

from urllib.parse import quote

import msgspec

from tifo.adapters.http.client import PeerClient
from tifo.api.sessions import Kick, SessionPage, Sessions


class HttpSessions(Sessions):
    """Asks the session service by its operators' port."""

    def __init__(self, base_url: str, operator_token: str) -> None:
        self._peer = PeerClient("sessions", base_url, operator_token)

    async def open(self) -> None:
        """Nothing is asked before the first request."""

    async def page(self, *, account: str, event: str, after: str, limit: int) -> SessionPage:
        """A page of the other process's sessions."""
        return await self._peer.get(
            "/v1/peer/sessions", SessionPage, account=account, event=event, after=after, limit=limit
        )

    async def end(self, session: str, account: str, reason: str) -> None:
        """End it there."""
        body = {"account": account, "reason": reason}
        await self._peer.post(f"/v1/peer/sessions/{quote(session, safe='')}/end", body)

    async def kick(self, kick: Kick) -> None:
        """Kick them there."""
        await self._peer.post("/v1/peer/kicks", msgspec.structs.asdict(kick))

    async def live(self) -> int:
        """How many run there."""
        return (await self.page(account="", event="", after="", limit=1)).total

    async def close(self) -> None:
        """Close the connections."""
        await self._peer.close()
