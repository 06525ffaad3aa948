"""The cache that all nodes share, between a node's memory and the table."""

from abc import abstractmethod
from typing import Protocol

import msgspec

SHARED_VALUE_BYTES_MAX = 256 * 1024
"""Bytes of one shared value; a longer one is kept by each node for itself."""

DROPPED_S = 30.0
"""How long a shared cache remembers that a key was dropped; longer than any read of a source takes."""


class SharedValue(msgspec.Struct, frozen=True, gc=False):
    """What the source said `age_s` ago: `value`, or None when it said that there is nothing.

    Ages and not times cross this port, so that no two nodes' clocks are ever compared.
    """

    value: bytes | None
    age_s: float


class SharedCache(Protocol):
    """Bytes by key with a lifetime; it may forget anything at any moment.

    Every method raises `Unavailable` when the store does not answer, waits for it no longer than its
    adapter says, may be repeated, and is safe for many callers at once.
    """

    @abstractmethod
    async def get(self, key: str) -> SharedValue | None:
        """What was put under the key, with its age of now; None when there is nothing."""

    @abstractmethod
    async def put(self, key: str, value: SharedValue, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds from now.

        Of two values the one that is younger stays, whichever is put last; and one that was read from the
        source before the key was dropped is not kept. So a slow reader cannot undo a writer.
        """

    @abstractmethod
    async def drop(self, key: str) -> None:
        """Forget a key, and for `DROPPED_S` whatever the source said of it before now."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds; the cache is not used afterwards."""
