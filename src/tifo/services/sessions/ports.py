"""What the session service needs: a store of leases, stream limits and take-over codes."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

LEASES_PER_ACCOUNT_MAX = 50
"""Sessions of one account that a store keeps at the most, whatever the limit says."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A session's slot. `since` and `until` are epoch seconds; past `until` the slot is free."""

    session: str
    account: str
    event: str
    device: str
    device_kind: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Admitted:
    """The start got a slot: `lease` (an earlier session of the same device keeps its id) and how many
    slots the account now uses."""

    lease: Lease
    used: int


@dataclass(frozen=True, slots=True)
class Full:
    """Every slot of the account is taken, by these sessions, oldest first."""

    running: tuple[Lease, ...]


class Renewal(Enum):
    """What became of a heartbeat that wrote."""

    RENEWED = "renewed"
    ADOPTED = "adopted"
    FULL = "full"
    ENDED = "ended"


class SessionStore(Protocol):
    """Leases by session and by account.

    Every method is atomic, may be repeated with the same outcome, is safe for many callers at once,
    and raises `Unavailable` when the store does not answer. Lapsed leases (`until` <= `now`) hold no
    slot and are in no answer, also before `expire` removes them.
    """

    @abstractmethod
    async def start(self, lease: Lease, *, limit: int, now: float) -> Admitted | Full:
        """Take a slot. The same account, device and event as a running session is that session again.

        Two starts that race for the last slot never both get it.
        """

    @abstractmethod
    async def renew(self, lease: Lease, *, limit: int, now: float) -> Renewal:
        """Extend a lease to `lease.until`.

        A session the store does not know is adopted from its token when a slot is free (`limit` of 0:
        always, for a store that has just lost its memory); one that was ended stays ended.
        """

    @abstractmethod
    async def end(self, session: str, *, forget_at: float) -> Lease | None:
        """Free the slot and remember until `forget_at` that the session ended.

        The lease it held, or None when it held none: ending twice changes nothing.
        """

    @abstractmethod
    async def running(self, account: str, *, now: float) -> tuple[Lease, ...]:
        """The account's leases, oldest first."""

    @abstractmethod
    async def page(self, *, account: str, event: str, after: str, limit: int, now: float) -> Sequence[Lease]:
        """Leases by session id, those after the id `after`; empty `account` and `event` mean all."""

    @abstractmethod
    async def count(self, *, now: float) -> int:
        """How many leases run."""

    @abstractmethod
    async def expire(self, *, now: float, limit: int) -> tuple[Lease, ...]:
        """Remove lapsed leases, at most `limit`, and say which; each is said once."""

    @abstractmethod
    async def put_takeover(self, account: str, code: str, *, until: float) -> None:
        """Keep a one-time code for the account; a later code replaces it."""

    @abstractmethod
    async def use_takeover(self, account: str, code: str, *, now: float) -> bool:
        """Whether the code was the account's and in force; it is gone afterwards."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""
