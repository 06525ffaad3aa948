"""A node's own copy of the board, so that the hot path reads memory and never a store."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

import structlog

from tifo.board.expiry import Expiry
from tifo.board.ports import Board, Changes, Entry
from tifo.board.restoring import Restoring
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable

POLL_S = 0.2
"""Between two looks at the board: an operator's word is in force everywhere within a second."""

Listener = Callable[[Mapping[str, Entry], Collection[str]], None]
"""Told what was written below its folder, and what was deleted or has expired there: both by the rest of
the key."""

_log = structlog.get_logger(__name__)


class BoardView:
    """The last state of the board that this node saw, without what has expired since.

    When the board cannot be read, or not be written, the last state stays in force and `failing` says so:
    losing the board freezes decisions, it does not undo them. Nor does a board that lost its memory: its
    lasting words stay in force here and are put back.
    """

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._folders: dict[str, dict[str, Entry]] = {}
        self._expiry = Expiry(self._entries)
        self._listeners: dict[str, list[Listener]] = {}
        self._mark: object | None = None
        self._version = 0
        self._restoring = Restoring()
        self._looking = asyncio.Lock()
        self._written: dict[str, Entry] = {}
        self._poll = Background("board-view", POLL_S, self.refresh, "the last state stays in force")
        self._unread: Unavailable | None = None
        self._unwritten: Unavailable | None = None

    @property
    def failing(self) -> bool:
        """Whether the board could not be read or written when it was last tried."""
        return self._unread is not None or self._unwritten is not None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Everything on the board, by key, as last seen."""
        return MappingProxyType(self._entries)

    def under(self, folder: str) -> dict[str, Entry]:
        """The entries below a folder, by the rest of the key; expired ones left out.

        A folder is the beginning of keys up to and with their first `/`, and costs what is in it.
        """
        now = self._clock.now()
        found = self._folders.get(folder, {})
        return {rest: one for rest, one in found.items() if one.expires_at is None or one.expires_at > now}

    def follow(self, folder: str, listener: Listener) -> None:
        """Call `listener` now with what is below a folder, and with each change there from now on."""
        self._listeners.setdefault(folder, []).append(listener)
        listener(self.under(folder), ())

    async def open(self) -> None:
        """Read the board once and keep reading it; a board that fails now is read when it is back."""
        await self.refresh()
        await self._poll.open()

    async def close(self) -> None:
        """Stop reading."""
        await self._poll.close()

    async def refresh(self) -> None:
        """Look at the board now: after a write of another's, or before the first request."""
        try:
            async with self._looking:  # an answer never overtakes a later one
                await self._look()
                await self._restoring.put_back(self._board, self._mark, self._clock.now())
        except Unavailable as error:
            self._say(unread=error, unwritten=self._unwritten)
        else:
            self._say(unread=None, unwritten=self._unwritten)
        finally:
            self._change({}, self._expiry.due(self._clock.now()))

    async def write(self, key: str, value: bytes, ttl_s: float | None = None) -> None:
        """Write to the board; in force here at once.

        Raises what the board raises, and then nothing changed here.
        """
        version = await self._board.write(key, value, ttl_s)
        entry = Entry(key, value, version, None if ttl_s is None else self._clock.now() + ttl_s)
        self._written[key] = entry
        self._change({key: entry}, ())

    def wrote(self, error: Unavailable | None) -> None:
        """How this node's own writing goes, from whoever writes all the time."""
        self._say(unread=self._unread, unwritten=error)

    async def _look(self) -> None:
        self._written.clear()
        changes = await self._board.changes(self._mark)
        # What was written here meanwhile may have come after what the board read for this answer.
        later = {key: entry for key, entry in self._written.items() if entry.version > changes.version}
        if changes.lost and (words := self._restoring.begin(self._entries, self._version)):
            _log.warning("board.lost", words=words, effect="they stay in force and are put back")
        over = self._restoring.told(changes)
        gone = {*self._gone(changes), *over}
        self._mark, self._version = changes.mark, changes.version
        self._change({**self._news(changes), **later}, gone - later.keys())

    def _gone(self, changes: Changes) -> Collection[str]:
        if not changes.whole:
            return changes.gone
        return self._entries.keys() - changes.entries.keys() - set(self._restoring.missing)

    def _news(self, changes: Changes) -> Mapping[str, Entry]:
        """The entries without those that are known: the answer is everything after a failover, say."""
        if not changes.whole:
            return changes.entries
        return {key: one for key, one in changes.entries.items() if not _same(self._entries.get(key), one)}

    def _change(self, written: Mapping[str, Entry], gone: Collection[str]) -> None:
        """Bring the copy up to date, and tell those who follow a folder where something changed."""
        told: dict[str, tuple[dict[str, Entry], list[str]]] = {}
        for key, entry in written.items():
            folder, rest = _parts(key)
            self._entries[key] = entry
            self._folders.setdefault(folder, {})[rest] = entry
            self._expiry.add(entry)
            told.setdefault(folder, ({}, []))[0][rest] = entry
        for key in gone:
            folder, rest = _parts(key)
            if self._entries.pop(key, None) is not None:
                del self._folders[folder][rest]
                told.setdefault(folder, ({}, []))[1].append(rest)
        for folder, news in told.items():
            for listener in self._listeners.get(folder, ()):
                listener(*news)

    def _say(self, *, unread: Unavailable | None, unwritten: Unavailable | None) -> None:
        failed, error = self.failing, unread or unwritten
        self._unread, self._unwritten = unread, unwritten
        if error is not None and not failed:
            _log.warning("board.failing", why=error.why, effect="the last state stays in force")
        if error is None and failed:
            _log.info("board.back")


def _parts(key: str) -> tuple[str, str]:
    """A key's folder, with its `/`, and the rest."""
    folder, slash, rest = key.partition("/")
    return folder + slash, rest


def _same(known: Entry | None, read: Entry) -> bool:
    """Whether it is the write that is known: when it expires is told anew with every reading."""
    return known is not None and (known.version, known.value) == (read.version, read.value)
