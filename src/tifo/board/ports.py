"""The board: the small shared state that operators and controllers write and every node reads."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

ENTRY_BYTES_MAX = 64 * 1024
"""Bytes of one entry's value."""

ENTRIES_MAX = 50_000
"""Entries on the board; a write of a new key past it is refused."""

GONE_KEPT_S = 600.0
"""How long a board remembers that a key is gone: a mark that is older is answered with everything."""

GONE_MAX = 10_000
"""Keys that a board remembers to be gone; past it the oldest are forgotten before their time."""

RESTORER_SILENT_S = 2.0
"""Without a word of it for so long, a node that restores a board no longer keeps others waiting."""

Restored = Literal["go-on", "wait", "done"]
"""What a board says to who restores it: send the rest; look again first, another is at it; or nothing is
left to do, and the next look tells what is in force."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one board holds and remembers; every node of a board has the same."""

    entries_max: int = ENTRIES_MAX
    gone_max: int = GONE_MAX
    gone_kept_s: float = GONE_KEPT_S


@dataclass(frozen=True, slots=True)
class Entry:
    """One value on the board. `version` grows with every write; `expires_at` is epoch seconds or None.

    Versions of a board that began anew are larger than those before, as long as its clock is not behind.
    `expires_at` is in the time of the node that reads, whatever the clock of the one that wrote.
    """

    key: str
    value: bytes
    version: int
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened on the board after a mark, and the mark to go on from.

    `entries` were written and `gone` is no longer there; with `whole`, `entries` is everything and
    whatever is not in it is gone. `version` is the last write or removal that this answer knows of.
    `lost` is said when the board of the mark is not this one: it began anew, empty or from another's copy,
    and knows nothing of what was said before. A replica of the same board, or an older copy, is not that.
    """

    mark: object
    version: int
    entries: Mapping[str, Entry]
    gone: frozenset[str]
    whole: bool
    lost: bool = False


class Board(Protocol):
    """A key-value store that is small enough for every node to hold a whole copy.

    Keys are paths such as `pathway/cdn-a`. Every method raises `Unavailable` when the store does not
    answer, may be repeated, and is safe for many callers at once; the last write of a key wins.
    """

    @abstractmethod
    async def changes(self, since: object | None) -> Changes:
        """What was written or removed after the mark `since`, or everything for None.

        Marks are opaque. On an unchanged board the answer has no entries and the same mark, and is cheap
        enough to be asked for several times a second. Everything is also the answer to a mark that is
        older than `GONE_KEPT_S`, and to one from before the board lost its memory. Expired entries are
        never among the entries, but that an entry expires is no change: its `expires_at` said so.
        """

    @abstractmethod
    async def write(self, key: str, value: bytes, ttl_s: float | None = None) -> int:
        """Put a value under a key until it is deleted or `ttl_s` has passed; the version that it got.

        Raises `ValueError` when the value is longer than `ENTRY_BYTES_MAX`, and `Unavailable` when the
        board already has `ENTRIES_MAX` entries.
        """

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Remove a key; of one that is absent it is remembered that it shall be, and nothing else happens."""

    @abstractmethod
    async def restore(self, words: Sequence[Entry], mark: object, known: int, *, last: bool) -> Restored:
        """Put back what a node still knows of this board from before it lost its memory.

        `mark` is of the node's last look at the board as it is now; at one that began anew since, the
        answer is `wait`. `known` is the version of its last look before the loss: the node knew everything
        until then. Many nodes may ask at once, and begin by asking without words: one goes on, a node that
        knew more takes its place, and the others wait. Once it was answered `done` to `last`, so is whoever
        knew the same or less.

        A word is put back for the rest of its time unless its key was written or removed since the board
        began anew. What was put back by a node that knew less gives way to this one's, and with `last`
        whatever it put back that this node does not know is removed. A board that no longer knows every
        removal since it began takes no word any more, and says `done`. Raises `Unavailable` also when the
        board is full; may be repeated.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds; the board is not used afterwards."""
