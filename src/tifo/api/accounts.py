"""What the accounts service promises to the others."""

from abc import abstractmethod
from typing import Protocol

import msgspec


class Viewer(msgspec.Struct, frozen=True):
    """Who is behind an access token, and what the account may do."""

    account: str
    entitlements: tuple[str, ...]
    stream_limit: int | None = None

    def entitled(self, event: str) -> bool:
        """Whether the account may watch the event; `*` opens every event."""
        return "*" in self.entitlements or event in self.entitlements


class Accounts(Protocol):
    """Accounts, by the tokens their login provider gave them."""

    @abstractmethod
    async def viewer(self, access_token: str) -> Viewer:
        """Raises `Refusal("bad-token")` for a token that is not in force."""
