from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

import msgspec

from tifo.api.accounts import EventPass, Plan
from tifo.api.fields import DeviceKind
from tifo.kernel.errors import TifoError

PROFILE_BYTES_MAX = 4_096
"""Bytes of a profile as JSON: one unit of reading. A larger one is a `ValueError`."""

DEVICES_MAX = 50
"""Devices told of one account: those seen last."""

POSITIONS_MAX = 100
"""Resume positions told of one account: those written last."""


class Profile(msgspec.Struct, frozen=True):
    """What an account may do, as it is kept."""

    account: str
    plan: Plan = "free"
    entitlements: tuple[str, ...] = ()
    """Ids of events it may watch whatever its plan; `*` is every one."""
    passes: tuple[EventPass, ...] = ()
    region: str = ""
    stream_limit: int | None = None
    """None is the service's own limit."""
    version: int = 0
    """Counts the writes; 0 is a profile that is not kept yet."""


class ProfileConflict(TifoError):
    """Somebody else wrote the profile meanwhile; `found` is what stands there now, None for nothing."""

    def __init__(self, found: Profile | None) -> None:
        super().__init__("the profile is another one now")
        self.found = found


class Sighting(msgspec.Struct, frozen=True):
    """A device of an account was there at `at` (epoch seconds)."""

    account: str
    device: str
    kind: DeviceKind
    at: float
    name: str = ""
    """What its owner calls it, where that is known."""


class KnownDevice(msgspec.Struct, frozen=True):
    """A device of an account, between its first and its last sighting (epoch seconds)."""

    device: str
    kind: DeviceKind
    name: str
    first_seen: float
    last_seen: float


class Position(msgspec.Struct, frozen=True):
    """Where an account stopped in an event: `position_s` seconds in, told at `at` (epoch seconds)."""

    account: str
    event: str
    position_s: float
    at: float


class History(msgspec.Struct, frozen=True):
    """The devices and resume positions of an account, the latest first."""

    devices: tuple[KnownDevice, ...] = ()
    positions: tuple[Position, ...] = ()


class ProfileStore(Protocol):
    """Accounts: what each may do, on which devices it watched, and where it stopped.

    Every method raises `Unavailable` when the store does not answer in its time, and may be repeated
    then: of a write that failed nobody knows whether it happened, and doing it again does no harm.
    """

    @abstractmethod
    async def profile(self, account: str) -> Profile | None:
        """The account's profile, or None when there is none. May miss a write of the last second."""

    @abstractmethod
    async def put_profile(self, profile: Profile) -> Profile:
        """Keep a profile if the one that stands there has its `version`; 0 is none. Answers what is kept.

        The answer's version is one more. Raises `ProfileConflict` when another one stands there: of
        several callers who write on the same version, one gets through.
        """

    @abstractmethod
    async def history(self, account: str) -> History:
        """At most `DEVICES_MAX` and `POSITIONS_MAX`; empty for an account without any.

        May miss a write of the last second.
        """

    @abstractmethod
    async def saw_devices(self, batch: Sequence[Sighting]) -> None:
        """Keep when devices were seen; returns when all of them are kept.

        The latest sighting of a device wins, whatever the order they come in; one as old as what is kept
        changes nothing. Past `DEVICES_MAX` those not seen for longest are forgotten by and by.
        """

    @abstractmethod
    async def put_positions(self, batch: Sequence[Position]) -> None:
        """Keep where accounts stopped; as `saw_devices`, by account and event, with `POSITIONS_MAX`."""

    @abstractmethod
    async def delete_account(self, account: str) -> None:
        """Forget everything about an account, known or not. What is written after it began may stay."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way, and release what the adapter holds."""


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Who a login provider's token is, and from when until when it holds (epoch seconds)."""

    account: str
    issued_at: float
    expires_at: float


class IdentityProvider(Protocol):
    """A login provider outside. Tokens are verified by signature alone; nobody is asked about a viewer."""

    @property
    @abstractmethod
    def failing(self) -> bool:
        """Whether it is known to be gone: it has failed several times in a row."""

    @abstractmethod
    async def identify(self, token: str) -> Identity:
        """Who the token is, its time over or not: that is for the caller to look at.

        Raises `Refusal` (bad-token, its member `reason` one stable word) for any other token that is not
        in order, and `Unavailable` while no keys of the provider are known. May be repeated.
        """

    @abstractmethod
    async def open(self) -> None:
        """Begin to keep the keys fresh; a provider that is gone keeps nobody from starting."""

    @abstractmethod
    async def close(self) -> None:
        """Stop, and release what the adapter holds."""
