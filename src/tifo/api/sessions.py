"""What the session service promises to the others."""

from abc import abstractmethod
from typing import Literal, Protocol

import msgspec

from tifo.api.fields import AccountName, DeviceKind, Id, Reason, Timestamp

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
    """A page of running sessions, perhaps short; `next` is what to pass as `after`, None on the last page."""

    sessions: tuple[RunningSession, ...]
    next: str | None
    total: int


class Kick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom an operator sends away: one session (with its account, or its slot is free only when its lease
    lapses), every session of an account, or everybody who watches an event."""

    what: Literal["session", "account", "event"]
    id: Id
    reason: Reason = ""
    account: AccountName = ""


class Sessions(Protocol):
    """Looking at sessions and ending them, for operators and other services."""

    @abstractmethod
    async def page(self, *, account: str, event: str, after: str, limit: int) -> SessionPage:
        """Running sessions; empty `account` and `event` mean all. At most `PAGE_SESSIONS_MAX`."""

    @abstractmethod
    async def end(self, session: str, account: str, reason: str) -> None:
        """End a session of an account; its player is told `ended`.

        Where the account is not given, its slot is free when its lease lapses. Ending a session that
        does not run changes nothing.
        """

    @abstractmethod
    async def kick(self, kick: Kick) -> None:
        """End the sessions that `kick` names; their players are told `kicked` and the reason.

        In force on every node within a second, for every session that has begun until now.
        """

    @abstractmethod
    async def live(self) -> int:
        """How many sessions have a lease."""
