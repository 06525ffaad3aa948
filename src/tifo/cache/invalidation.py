"""What one node wrote is forgotten by the caches of all others within a second: told over the board."""

import contextlib
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import structlog

from tifo.board.entries import STALE, StaleKeys, decode_all
from tifo.board.ports import Entry
from tifo.board.view import BoardView
from tifo.cache.two_level import ReadThrough
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids
from tifo.telemetry.metrics import CACHE_DOUBTED

TELL_S = 0.2
"""Between two words of one node: however much it writes, the board is written this often at the most."""

TOLD_KEYS_MAX = 500
"""Keys in a node's word. Whoever missed more than it holds doubts everything."""

TOLD_BYTES_MAX = 48 * 1024
"""Bytes of the keys in a node's word: less than an entry of the board may have."""

WORD_TTL_S = 300.0
"""How long a word stands. Whoever did not see the board for longer doubts everything."""

NODES_MAX = 2_000
"""Lives of nodes whose last word is remembered; of another, everything it says is news."""

_log = structlog.get_logger(__name__)


class Invalidations:
    """A node's word on what it wrote, and its ear for the words of the others.

    A word is one entry of the board with the last keys and how many there ever were, so that whoever looks
    at the board now and then misses nothing unnoticed.
    """

    def __init__(self, node: str, view: BoardView, clock: Clock, ids: Ids) -> None:
        self._view = view
        self._clock = clock
        self._life = ids.new("life")
        # Processes that share a node's name do not share its word.
        self._key = f"{STALE}{node}.{self._life}"
        self._caches: dict[str, list[ReadThrough[Any]]] = {}
        self._told: deque[tuple[int, tuple[str, str]]] = deque()
        self._told_bytes = 0
        self._count = 0
        self._unwritten: set[tuple[str, str]] = set()
        self._heard: dict[str, int] = {}
        self._heard_at = clock.monotonic()
        view.follow(STALE, self._hear)
        self._telling = Background("cache-invalidations", TELL_S, self.beat, "other nodes answer of before")

    def join(self, cache: ReadThrough[Any]) -> None:
        """From now on the cache forgets what other nodes write under its name."""
        self._caches.setdefault(cache.name, []).append(cache)

    def tell(self, cache: str, key: str) -> None:
        """Have the other nodes forget a key; they are told within `TELL_S`."""
        stale = (cache, key)
        if stale in self._unwritten:
            return
        self._unwritten.add(stale)
        self._count += 1
        size = len(msgspec.json.encode(stale)) + 1
        self._told.append((size, stale))
        self._told_bytes += size
        while len(self._told) > TOLD_KEYS_MAX or self._told_bytes > TOLD_BYTES_MAX:
            dropped, gone = self._told.popleft()
            self._told_bytes -= dropped
            self._unwritten.discard(gone)

    async def open(self) -> None:
        """Begin to tell; what others say is heard as soon as the view looks at the board."""
        await self._telling.open()

    async def close(self) -> None:
        """Tell what is left, if the board takes it."""
        await self._telling.close()
        with contextlib.suppress(Unavailable):
            await self._write()

    async def beat(self) -> None:
        """Write this node's word if it has news, and see that no silence of the board was too long."""
        now = self._clock.monotonic()
        if not self._view.failing:
            if now - self._heard_at > WORD_TTL_S:
                self._doubt_all("the board could not be read for too long")
            self._heard_at = now
        await self._write()

    async def _write(self) -> None:
        if not self._unwritten:
            return
        written, self._unwritten = self._unwritten, set()
        word = StaleKeys(self._life, self._count, tuple(stale for _, stale in self._told))
        try:
            await self._view.write(self._key, msgspec.json.encode(word), WORD_TTL_S)
        except BaseException:
            self._unwritten |= written
            raise

    def _hear(self, written: Mapping[str, Entry], _gone: Collection[str]) -> None:
        for who, word in decode_all(written, StaleKeys).items():
            if word.life != self._life:
                self._take(who, word)

    def _take(self, who: str, word: StaleKeys) -> None:
        new = word.count - self._heard.pop(word.life, 0)
        self._heard[word.life] = word.count
        if len(self._heard) > NODES_MAX:
            del self._heard[next(iter(self._heard))]
        if new > len(word.keys):
            self._doubt_all(f"missed what {who} wrote")
        elif new > 0:
            for name, key in word.keys[-new:]:
                for cache in self._caches.get(name, ()):
                    cache.forget(key)

    def _doubt_all(self, why: str) -> None:
        doubted = 0
        for name, caches in self._caches.items():
            count = sum(cache.doubt_all() for cache in caches)
            doubted += count
            if count:
                CACHE_DOUBTED.labels(name).inc()
        if doubted:
            _log.warning("cache.doubted", why=why, values=doubted, effect="each is asked for again")
