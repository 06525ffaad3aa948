"""The audit trail of the control service in another process."""

from tifo.adapters.http.client import PeerClient
from tifo.api.audit import AuditNotes
from tifo.api.control import AuditEntry

NOTE_S_MAX = 5.0
"""Seconds until a note is given up: what it is of was done already."""


class HttpAuditNotes(AuditNotes):
    """Tells a control node by its operators' port."""

    def __init__(self, base_url: str, operator_token: str) -> None:
        self._peer = PeerClient("control", base_url, operator_token, NOTE_S_MAX)

    async def note(self, entry: AuditEntry) -> None:
        """Have it kept there; when it was done is when it is noted."""
        told = {
            "operator": entry.operator, "action": entry.action, "target": entry.target,
            "detail": entry.detail,
        }  # fmt: skip
        await self._peer.post("/v1/control/audit", told)

    async def close(self) -> None:
        """Close the connections."""
        await self._peer.close()
