"""The audit trail as whoever acts for an operator needs it."""

from abc import abstractmethod
from typing import Protocol

import msgspec

from tifo.api.control import AuditEntry


class AuditNotes(Protocol):
    """Where it is kept who did what to what."""

    @abstractmethod
    async def note(self, entry: AuditEntry) -> None:
        """Keep an entry; durable when this returns. Raises `Unavailable`; said again it is kept twice."""


class NoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator did on another service's operators' port; when, is when it is noted."""

    operator: str
    action: str
    target: str
    detail: str = ""
