"""The event log: everything that happens, in order per key, kept until each group has handled it."""

from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from zlib import crc32

import msgspec

RECORD_BYTES_MAX = 64 * 1024
"""Bytes of one record's value."""

APPEND_QUEUE_RECORDS_MAX = 10_000
"""Records of one process that wait to be kept; an append past it is refused at once."""

POLL_RECORDS_MAX = 1_000
"""Records that one poll returns at the most."""

LETTERS_MAX = 1_000
"""Dead letters that are read or replayed at once."""

REASON_LENGTH_MAX = 1_000
"""Characters of a dead letter's reason; what is longer is cut."""

SESSION_S = 10.0
"""Seconds without a sign of life after which a member's partitions go to others."""

POLL_S_MAX = 60.0
"""Seconds between two polls after which a member is stuck: alive, and yet its partitions go to others."""


LANES = 48
"""Lanes that keys fall into. The number of a topic's partitions divides it: a lane is in one partition."""


def lane_of(key: str) -> int:
    """The lane of a key, the same in every process and for ever: with N partitions it is in `lane % N`."""
    return crc32(key.encode()) % LANES


@dataclass(frozen=True, slots=True)
class Pace:
    """When a member counts as dead, and when as stuck."""

    session_s: float = SESSION_S
    poll_s_max: float = POLL_S_MAX


class Record(msgspec.Struct, frozen=True, gc=False):
    """One event to append. `id` makes it countable once; `key` orders it; `at` is epoch seconds."""

    topic: str
    key: str
    id: str
    type: str
    at: float
    value: bytes


class Partition(NamedTuple):
    """A share of a topic's keys. All records of a key are in one partition."""

    topic: str
    number: int


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A record as a consumer gets it; `offset` grows within the partition."""

    offset: int
    record: Record
    partition: Partition


@dataclass(frozen=True, slots=True)
class Lag:
    """How many records of `topic` the consumer group has not committed.

    `lost` of those that it had not committed were forgotten before it handled them, as far as is known.
    """

    group: str
    topic: str
    records: int
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that a group could not handle, why, and when it was set aside (epoch seconds)."""

    record: Record
    reason: str
    parked_at: float


class Consumer(Protocol):
    """One member of a group. At least once, in order per key, a key at one member at a time.

    Partitions move between members while they poll: when one joins, leaves, dies (`SESSION_S`) or is stuck
    (`POLL_S_MAX`). A member loses none while it handles what it polled, unless it is dead or stuck; what
    it handles then is delivered to another member as well, and its own commit of that does nothing.
    """

    @abstractmethod
    def partitions(self) -> frozenset[Partition]:
        """What it holds as of its last poll or commit; none before the group has let it in."""

    @abstractmethod
    async def poll(self, records_max: int = POLL_RECORDS_MAX) -> tuple[Delivery, ...]:
        """The next records after the last poll, possibly none; does not wait for records to come.

        Raises `Unavailable`, also when another consumer of this member's name took its place.
        """

    @abstractmethod
    async def commit(self) -> None:
        """Everything polled so far is handled. Uncommitted records come again to whoever has them next.

        Commits nothing of partitions that went to other members meanwhile. Raises `Unavailable`.
        """

    @abstractmethod
    async def park(self, delivery: Delivery, reason: str) -> None:
        """Set a record aside that this group cannot handle: durable among its letters when this returns.

        The record counts as handled with the next commit; one parked twice is two letters. Raises
        `Unavailable`.
        """

    @abstractmethod
    async def seek(self, at: float) -> None:
        """Go on with the first record of `at` (epoch seconds) or later, in every partition it holds.

        That is where the group stands from now on, also when this member dies. Raises `Unavailable`.
        """

    @abstractmethod
    async def close(self) -> None:
        """Stop without committing. Its place is kept for `SESSION_S`, for the next of its name."""


class EventLog(Protocol):
    """Append and consume. Safe for many callers at once, in one process and in several."""

    @abstractmethod
    async def append(self, records: Sequence[Record]) -> None:
        """Keep the records: they are durable when this returns, in the order given per key.

        Raises `Unavailable` when the log cannot keep them now, at once when its queue is full. Some may
        have been kept all the same: appended again they keep their ids. `ValueError` for one that is too
        long, and nothing is kept.
        """

    @abstractmethod
    async def consumer(
        self, group: str, topics: Sequence[str], member: str, memory_s: float = 0.0
    ) -> Consumer:
        """Join a group where it last committed; a new group begins at the oldest record.

        `member` is one name in the group. Who comes with the name of another takes its place and its
        partitions at once, so that a restart moves nothing. Raises `Unavailable`.

        `memory_s` is for a group whose members keep in memory what the last so many seconds have said of
        each key: every partition that comes to a member begins with what was appended in them, committed or
        not (some records before it as well), and it comes with the partitions of the same number of all its
        topics. All members of a group ask alike.
        """

    @abstractmethod
    async def lag(self) -> tuple[Lag, ...]:
        """Of each group that ever committed, topic by topic. Raises `Unavailable`."""

    @abstractmethod
    async def close(self) -> None:
        """Finish the appends under way, stop the consumers, and release what the adapter holds."""


class DeadLetters(Protocol):
    """What groups set aside, for the one who mends the reason. Every event log has them."""

    @abstractmethod
    async def letters(self, group: str) -> tuple[Letter, ...]:
        """The dead letters of a group that were not replayed, oldest first, `LETTERS_MAX` at the most."""

    @abstractmethod
    async def replay(self, group: str, letters_max: int = LETTERS_MAX) -> int:
        """Deliver the oldest letters again, to this group only; how many. Raises `Unavailable`.

        A letter may come twice when this fails half-way, and none is lost.
        """


class EventLogStore(EventLog, DeadLetters, Protocol):
    """What an adapter is: a log, and the dead letters of its groups."""


@dataclass(frozen=True, slots=True)
class SpoolLevel:
    """How full a spool is: records that wait, bytes on the disk of `bytes_max`, and when the oldest of them
    happened (epoch seconds; None when none waits).

    Since it was opened it has `dropped` so many records of each topic, and `refused` so many.
    """

    records: int = 0
    bytes: int = 0
    bytes_max: int = 0
    oldest_at: float | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0


@dataclass(frozen=True, slots=True)
class SpoolBatch:
    """Records that wait, and `marks`, by which the spool knows them again."""

    records: tuple[Record, ...] = ()
    marks: tuple[Hashable, ...] = ()


class Spool(Protocol):
    """Where records wait on a node's disk for a log that does not take them. Safe for many callers at once.

    One process has it at a time; what it leaves behind, also by dying, is there for the next.
    """

    @abstractmethod
    async def open(self) -> int:
        """Take it, with what waits in it; how many bytes at its ends could not be read and were cut off.

        Those were never acknowledged, unless the disk is broken. Raises `Unavailable`, also while another
        process has it; may be tried again.
        """

    @abstractmethod
    async def add(self, records: Sequence[Record]) -> None:
        """Keep the records: they are on the disk when this returns, but for telemetry without room.

        Whatever is worth less makes room for what is worth more, oldest first, and is counted as dropped.
        Raises `Unavailable` when there is no room for what may not be dropped, when its queue is full, or
        when it is not open; some may have been kept all the same.
        """

    @abstractmethod
    async def oldest(self, records_max: int) -> SpoolBatch:
        """The next records to send, none when none waits; of one key those that came first.

        Raises `Unavailable`.
        """

    @abstractmethod
    async def forget(self, batch: SpoolBatch) -> None:
        """They are kept elsewhere. After a crash they may come once more. Raises `Unavailable`."""

    @property
    @abstractmethod
    def level(self) -> SpoolLevel:
        """How full it is, as of the last call; asks no disk."""

    @abstractmethod
    async def close(self) -> None:
        """Keep what was added, and let go of it."""
