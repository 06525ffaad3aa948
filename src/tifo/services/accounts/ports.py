from abc import abstractmethod
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
