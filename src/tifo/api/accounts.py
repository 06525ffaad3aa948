"""What the accounts service promises to the others."""

from abc import abstractmethod
from typing import Protocol

import msgspec


class Viewer(msgspec.Struct, frozen=True):
    """Who is behind an access token, and what the account may do."""

    account: str
    entitlements: tuple[str, ...]
    stream_limit: int | None = None
    by_grace: bool = False
    """Whether it is let in only because the login provider is gone."""

    def entitled(self, event: str) -> bool:
        """Whether the account may watch the event; `*` opens every event."""
        return "*" in self.entitlements or event in self.entitlements


class Accounts(Protocol):
    """Accounts, by the tokens their login provider gave them."""

    @abstractmethod
    async def viewer(self, access_token: str, device: str) -> Viewer:
        """Who asks to watch on `device`.

        Raises `Refusal` (bad-token) for a token that is not in force, and `Unavailable` when that cannot
        be told or the account cannot be read.
        """

    @abstractmethod
    def grace_token(self, viewer: Viewer, device: str) -> str:
        """What the device may start with again while the login provider is gone; empty when nothing is due.

        Good for that device only. A viewer who was let in by grace gets none: grace is not prolonged.
        """
