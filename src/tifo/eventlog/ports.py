"""The event log: everything that happens, in order per key, kept until each group has handled it."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

RECORD_BYTES_MAX = 64 * 1024
"""Bytes of one record's value."""

POLL_RECORDS_MAX = 1_000
"""Records that one poll returns at the most."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One event to append. `id` makes it countable once; `key` orders it; `at` is epoch seconds."""

    topic: str
    key: str
    id: str
    type: str
    at: float
    value: bytes


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A record as a consumer gets it; `offset` grows within the log."""

    offset: int
    record: Record


@dataclass(frozen=True, slots=True)
class Lag:
    """How many records of `topic` the consumer group has not committed."""

    group: str
    topic: str
    records: int


class Consumer(Protocol):
    """One reader of some topics on behalf of a group; at least once, in order per key."""

    @abstractmethod
    async def poll(self, records_max: int = POLL_RECORDS_MAX) -> tuple[Delivery, ...]:
        """The next records after the last poll, possibly none. Raises `Unavailable`."""

    @abstractmethod
    async def commit(self) -> None:
        """Everything polled so far is handled. Uncommitted records come again to the next consumer."""

    @abstractmethod
    async def close(self) -> None:
        """Leave the group without committing."""


class EventLog(Protocol):
    """Append and consume. Safe for many callers at once, in one process and in several."""

    @abstractmethod
    async def append(self, records: Sequence[Record]) -> None:
        """Keep the records: they are durable when this returns, all of them or, when it raises, none.

        Raises `Unavailable` when the log cannot keep them now, at once when its queue is full.
        """

    @abstractmethod
    async def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        """Join a group at the first record it has not committed; a new group begins at the oldest."""

    @abstractmethod
    async def lag(self) -> tuple[Lag, ...]:
        """Of each group that ever committed, topic by topic. Raises `Unavailable`."""

    @abstractmethod
    async def close(self) -> None:
        """Finish the appends under way and release what the adapter holds."""
