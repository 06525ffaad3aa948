"""A running platform, as its operators' port shows it to a command."""

from collections.abc import Mapping

import msgspec

from tifo.adapters.http.client import PeerClient
from tifo.api.ad_control import Explained, RevisionAnswer
from tifo.api.billing import BilledAnswer
from tifo.api.inventory import Inventory
from tifo.api.reports import AudienceReport
from tifo.api.sessions import Kick, SessionPage

ANSWER_S_MAX = 10.0
"""Seconds an operator waits for one answer."""


class Audience(msgspec.Struct, frozen=True):
    """How many watch, and who they are as far as the event log says."""

    viewers: int
    audience: AudienceReport = AudienceReport()


class PlatformClient:
    """Asks the control API. Every method raises the `Refusal` it is given, or `Unavailable`."""

    def __init__(self, base_url: str, operator_token: str) -> None:
        self._peer = PeerClient("platform", base_url, operator_token, ANSWER_S_MAX)

    async def audience(self) -> Audience:
        """Who watches now."""
        return await self._peer.get("/v1/control/overview", Audience)

    async def page(self, *, account: str, event: str, after: str, limit: int) -> SessionPage:
        """A page of running sessions; empty `account` and `event` mean all."""
        return await self._peer.get(
            "/v1/control/sessions", SessionPage, account=account, event=event, after=after, limit=limit
        )

    async def kick(self, kick: Kick) -> None:
        """Send them away."""
        await self._peer.post("/v1/control/kicks", msgspec.structs.asdict(kick))

    async def load_inventory(
        self, inventory: Inventory, on: int | None, file: str, sha256: str
    ) -> RevisionAnswer:
        """Put an ad inventory in force, in place of revision `on` or of any; `file` has that hash."""
        query: dict[str, str | int] = {"file": file, "sha256": sha256}
        if on is not None:
            query["on"] = on
        return await self._peer.put("/v1/control/ads/inventory", inventory, RevisionAnswer, **query)

    async def explain(self, query: Mapping[str, str | int]) -> Explained:
        """The pod of a viewer, and why."""
        return await self._peer.get("/v1/control/ads/explain", Explained, **query)

    async def billed(self, event: str, hours: int) -> BilledAnswer:
        """What was counted of ads."""
        return await self._peer.get("/v1/control/ads/billed", BilledAnswer, event=event, hours=hours)

    async def close(self) -> None:
        """Close the connections."""
        await self._peer.close()
