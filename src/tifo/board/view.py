"""A node's own copy of the board, so that the hot path reads memory and never a store."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import structlog

from tifo.board.ports import Board, Entry
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable

POLL_S = 0.2
"""Between two looks at the board: an operator's word is in force everywhere within a second."""

EXPIRY_SWEEP_S = 5.0
"""Between two full reads when nothing was written, so that expired entries go."""

Listener = Callable[[Mapping[str, Entry]], None]

_log = structlog.get_logger(__name__)


class BoardView:
    """The last state of the board that this node saw.

    When the board cannot be read, or not be written, the last state stays in force and `failing` says so:
    losing the board freezes decisions, it does not undo them.
    """

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._entries: Mapping[str, Entry] = MappingProxyType({})
        self._mark: object | None = None
        self._read_at = 0.0
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._unread: Unavailable | None = None
        self._unwritten: Unavailable | None = None

    @property
    def failing(self) -> bool:
        """Whether the board could not be read or written when it was last tried."""
        return self._unread is not None or self._unwritten is not None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Everything on the board, by key, as last seen."""
        return self._entries

    def under(self, prefix: str) -> dict[str, Entry]:
        """The entries whose keys begin with `prefix`, by the rest of the key; expired ones left out."""
        now = self._clock.now()
        return {
            key[len(prefix) :]: entry
            for key, entry in self._entries.items()
            if key.startswith(prefix) and (entry.expires_at is None or entry.expires_at > now)
        }

    def on_change(self, listener: Listener) -> None:
        """Call `listener` with all entries now and after every change, on the loop of this view."""
        self._listeners.append(listener)
        listener(self._entries)

    async def open(self) -> None:
        """Read the board once and keep reading it; a board that fails now is read when it is back."""
        await self.refresh()
        self._task = asyncio.create_task(self._poll(), name="board-view")

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def refresh(self) -> None:
        """Look at the board now: after a write of one's own, or before the first request."""
        try:
            await self._look()
        except Unavailable as error:
            self._say(unread=error, unwritten=self._unwritten)
        else:
            self._say(unread=None, unwritten=self._unwritten)

    def wrote(self, error: Unavailable | None) -> None:
        """How this node's own writing goes, from whoever writes all the time."""
        self._say(unread=self._unread, unwritten=error)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            await self.refresh()

    async def _look(self) -> None:
        mark = await self._board.changed(self._mark)
        stale = self._clock.monotonic() - self._read_at >= EXPIRY_SWEEP_S
        if mark is None and not stale:
            return
        self._entries = MappingProxyType(dict(await self._board.read()))
        self._mark = self._mark if mark is None else mark
        self._read_at = self._clock.monotonic()
        for listener in self._listeners:
            listener(self._entries)

    def _say(self, *, unread: Unavailable | None, unwritten: Unavailable | None) -> None:
        failed, error = self.failing, unread or unwritten
        self._unread, self._unwritten = unread, unwritten
        if error is not None and not failed:
            _log.warning("board.failing", why=error.why, effect="the last state stays in force")
        if error is None and failed:
            _log.info("board.back")
