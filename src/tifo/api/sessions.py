"""What the session service promises to the others."""

from abc import abstractmethod
from typing import Protocol

import msgspec

from tifo.api.fields import DeviceKind, Id, Timestamp

PAGE_SESSIONS_MAX = 200
"""Sessions on one page of the operators' list."""


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What plays: an identifier that the app keeps, and its kind."""

    id: Id
    kind: DeviceKind


class RunningSession(msgspec.Struct, frozen=True):
    """One session with a lease, as operators see it."""

    session: str
    account: str
    event: str
    device: Device
    since: Timestamp
    expires_at: Timestamp


class SessionPage(msgspec.Struct, frozen=True):
    """A page of running sessions; `next` is what to pass as `after`, None on the last page."""

    sessions: tuple[RunningSession, ...]
    next: str | None
    total: int


class Sessions(Protocol):
    """Looking at sessions and ending them, for operators and other services."""

    @abstractmethod
    async def page(self, *, account: str, event: str, after: str, limit: int) -> SessionPage:
        """Running sessions by id; empty `account` and `event` mean all. At most `PAGE_SESSIONS_MAX`."""

    @abstractmethod
    async def end(self, session: str, reason: str) -> None:
        """End a session; its player is told `ended`. Ending one that does not run changes nothing."""

    @abstractmethod
    async def kick(self, session: str, reason: str) -> None:
        """End a session; its player is told `kicked` and the reason."""

    @abstractmethod
    async def live(self) -> int:
        """How many sessions have a lease."""
