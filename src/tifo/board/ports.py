"""The board: the small shared state that operators and controllers write and every node reads."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

ENTRY_BYTES_MAX = 64 * 1024
"""Bytes of one entry's value."""

ENTRIES_MAX = 50_000
"""Entries on the board; a write of a new key past it is refused."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value on the board. `version` grows with every write; `expires_at` is epoch seconds or None."""

    key: str
    value: bytes
    version: int
    expires_at: float | None


class Board(Protocol):
    """A key-value store that is small enough for every node to hold a whole copy.

    Keys are paths such as `pathway/cdn-a`. Every method raises `Unavailable` when the store does not
    answer, may be repeated, and is safe for many callers at once; the last write of a key wins.
    """

    @abstractmethod
    async def read(self) -> Mapping[str, Entry]:
        """Everything on the board that has not expired, by key."""

    @abstractmethod
    async def changed(self, since: object) -> object | None:
        """A mark of the board's present state if it differs from the mark `since`, else None.

        Marks are opaque; pass None the first time. Cheap, so that it can be asked several times a second.
        Expiry alone need not change the mark.
        """

    @abstractmethod
    async def write(self, key: str, value: bytes, ttl_s: float | None = None) -> None:
        """Put a value under a key until it is deleted or `ttl_s` has passed.

        Raises `ValueError` when the value is longer than `ENTRY_BYTES_MAX`, and `Unavailable` when the
        board already has `ENTRIES_MAX` entries.
        """

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Remove a key; nothing happens when it is absent."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds; the board is not used afterwards."""
