from abc import abstractmethod
from typing import Protocol

from tifo.api.audit import AuditNotes
from tifo.api.control import AuditEntry


class AuditTrail(AuditNotes, Protocol):
    """Who did what to what, newest first. Raises `Unavailable` when it cannot be read or kept."""

    @abstractmethod
    async def note(self, entry: AuditEntry) -> None:
        """Keep an entry; durable when this returns."""

    @abstractmethod
    async def latest(self, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""
