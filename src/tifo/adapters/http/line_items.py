"""The line items of the ads service in another process."""

from urllib.parse import quote

from tifo.adapters.http.client import PeerClient
from tifo.api.ad_control import LineItems, RevisionAnswer, SwitchBody

SWITCH_S_MAX = 10.0
"""Seconds until a switch is given up: the whole inventory is checked and kept."""


class HttpLineItems(LineItems):
    """Asks a node that decides ads by its operators' port; the others follow it."""

    def __init__(self, base_url: str, operator_token: str) -> None:
        self._peer = PeerClient("ads", base_url, operator_token, SWITCH_S_MAX)

    async def switch(self, operator: str, line_item: str, *, active: bool) -> int:
        """Switch it there, where the act is the control service's: who was behind it is in its own trail."""
        path = f"/v1/control/ads/line-items/{quote(line_item, safe='')}"
        return (await self._peer.put(path, SwitchBody(active), RevisionAnswer)).revision

    async def close(self) -> None:
        """Close the connections."""
        await self._peer.close()
