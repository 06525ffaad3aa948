"""What the session service needs: a store of leases, stream limits and take-over codes.

Times are epoch seconds by the caller's clock. A lease's `since` is kept to the millisecond. Its `until` is a
whole second, so that a store of many machines may look for lapsed leases second by second and still answer
exactly.
"""

from abc import abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import Protocol

import msgspec

LEASES_PER_ACCOUNT_MAX = 50
"""Sessions of one account that a store keeps at the most, whatever the limit says."""

ENDED_PER_ACCOUNT_MAX = 50
"""Ended sessions of one account that a store remembers; the oldest make room."""


class Lease(msgspec.Struct, frozen=True, gc=False):
    """A session's slot. Past `until` the slot is free."""

    session: str
    account: str
    event: str
    device: str
    device_kind: str
    since: float
    until: float


class Limits(msgspec.Struct, frozen=True, gc=False):
    """Sessions at once: of the account, of the account on the lease's device kind, and of the account in
    the lease's event. 0 is no limit of that sort."""

    account: int
    of_kind: int = 0
    of_event: int = 0


class Request(msgspec.Struct, frozen=True, gc=False):
    """A start that asks for a slot: `lease`, if the account keeps within `limits`.

    Leases of the same account and event that began in the second `void_before` or earlier are no longer good
    (an operator kicked them) and give way. With `give_way` the oldest session does when the limit is reached.
    """

    lease: Lease
    limits: Limits
    void_before: float = 0.0
    give_way: bool = False


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """The start got a slot.

    `lease`: an earlier session of the same device in the same event keeps its id. `used`: slots that the
    account now uses. `ended`: sessions that gave way, which the store now remembers as ended.
    """

    lease: Lease
    used: int
    ended: tuple[Lease, ...] = ()


class Full(msgspec.Struct, frozen=True, gc=False):
    """Every slot of the account is taken, by these sessions, oldest first."""

    running: tuple[Lease, ...]


class Renew(msgspec.Struct, frozen=True, gc=False):
    """A lease to extend to `lease.until`.

    A session that the store does not know is taken back: within `limits`, or, where they are None, as
    long as the account has fewer than `LEASES_PER_ACCOUNT_MAX`.
    """

    lease: Lease
    limits: Limits | None


class Renewal(Enum):
    """What became of a renewal. `FAILED`: the part of the store that keeps this account did not answer."""

    RENEWED = "renewed"
    ADOPTED = "adopted"
    FULL = "full"
    ENDED = "ended"
    FAILED = "failed"


class LeasePage(msgspec.Struct, frozen=True, gc=False):
    """Some leases, and what to pass as `after` to go on; None when there are no more."""

    leases: tuple[Lease, ...]
    next: str | None


class SessionStore(Protocol):
    """Leases by account.

    Every method is atomic for an account, may be repeated with the same outcome, is safe for many
    callers at once, and raises `Unavailable` when the store does not answer. Lapsed leases (`until` <=
    `now`) hold no slot and are in no answer, also before `expire` removes them. Who gets a slot is told
    by `tifo.services.sessions.slots.admit`.
    """

    @abstractmethod
    async def start(self, request: Request, *, forget_at: float, now: float) -> Admitted | Full:
        """Take a slot. The same account, device and event as a running session is that session again.

        Two starts that race for the last slot never both get it. Sessions that gave way are remembered
        as ended until `forget_at`.
        """

    @abstractmethod
    async def renew(self, renewals: Sequence[Renew], *, now: float) -> tuple[Renewal, ...]:
        """Extend leases, in few round trips; one outcome each, in order. A lease is never shortened.

        A session that was ended stays ended. Does not raise `Unavailable`: a renewal whose part of the
        store does not answer is `FAILED`, and the others are not touched by that.
        """

    @abstractmethod
    async def end(self, account: str, session: str, *, forget_at: float, now: float) -> Lease | None:
        """Free the slot and remember until `forget_at` that the session ended.

        The lease it held, or None when it held none: ending twice changes nothing.
        """

    @abstractmethod
    async def running(self, account: str, *, now: float) -> tuple[Lease, ...]:
        """The account's leases, oldest first."""

    @abstractmethod
    async def page(self, *, account: str, event: str, after: str, limit: int, now: float) -> LeasePage:
        """Leases in an order of the store's own, from the mark `after` on (empty: from the beginning);
        empty `account` and `event` mean all. At most `limit`, perhaps fewer although there are more.

        A lease that runs from the first page to the last is on one of them at least; one that starts
        or ends meanwhile may be.
        """

    @abstractmethod
    async def count(self, *, now: float) -> int:
        """How many leases run."""

    @abstractmethod
    async def expire(self, *, now: float, limit: int) -> tuple[Lease, ...]:
        """Remove lapsed leases, at most `limit`, and say which; each is said once, to one caller."""

    @abstractmethod
    async def remembers_since(self, *, now: float) -> float:
        """Since when the store remembers: the time at which its memory was last empty, or a part of it."""

    @abstractmethod
    async def put_takeover(self, account: str, code: str, *, until: float, now: float) -> None:
        """Keep a one-time code for the account; a later code replaces it."""

    @abstractmethod
    async def use_takeover(self, account: str, code: str, *, now: float) -> bool:
        """Whether the code was the account's and in force; it is gone afterwards."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""
