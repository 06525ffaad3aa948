"""The books of the ads service in another process."""

from tifo.adapters.http.client import PeerClient
from tifo.api.billing import Billed, BilledAnswer

READ_S_MAX = 10.0
"""Seconds until reading is given up."""


class HttpBilled(Billed):
    """Asks a node that runs ads by its operators' port."""

    def __init__(self, base_url: str, operator_token: str) -> None:
        self._peer = PeerClient("ads", base_url, operator_token, READ_S_MAX)

    async def billed(self, event: str, hours: int, *, lines: bool) -> BilledAnswer:
        """What it answers."""
        return await self._peer.get(
            "/v1/control/ads/billed", BilledAnswer, event=event, hours=hours, lines=int(lines)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._peer.close()
