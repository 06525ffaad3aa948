from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

from tifo.api.accounts import Viewer


class ProfileStore(Protocol):
    """What each account may do. Raises `Unavailable` when the store does not answer."""

    @abstractmethod
    async def profile(self, account: str) -> Viewer | None:
        """The account's profile, or None when there is none."""

    @abstractmethod
    async def put(self, profile: Viewer) -> None:
        """Keep a profile in place of the account's earlier one; may be repeated."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""


@dataclass(frozen=True, slots=True)
class Identity:
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
