"""The board in Redis: shared by the nodes of many machines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tifo.adapters.redis.connection import RedisConnection, Script
from tifo.board.ports import (
    ENTRY_BYTES_MAX,
    RESTORER_SILENT_S,
    Board,
    Changes,
    Entry,
    Limits,
    Restored,
)
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable

KEY = "{board}"
"""The tag of every key: the board has one slot of a cluster."""

PAGE_ENTRIES_MAX = 500
PAGE_BYTES_MAX = 256 * 1024
"""What one answer may hold, give or take its last value: Redis serves others between two of them."""

PAGES_MAX = 15_000
"""Answers that make up a whole: as many as the largest board needs, and some more."""


class RedisBoard(Board):
    """One script does every step; an unchanged board costs one command that reads one small hash.

    Everything expires by Redis's clock, and `expires_at` is put in terms of the caller's: nodes' clocks
    may differ. A mark names the server's life as well, so after a failover or a restart everything is
    read once. Caveats: a write that Redis acknowledged and lost in a failover is undone; Redis must not
    evict (`maxmemory-policy noeviction`); and its user must be allowed INFO, or a failover that loses
    writes may leave a node with words that no other node knows until they are written anew.
    """

    def __init__(self, redis: RedisConnection, clock: Clock, limits: Limits | None = None) -> None:
        self._redis = redis
        self._clock = clock
        self._limits = limits or Limits()
        self._script = Script("board", Path(__file__).with_name("board.lua").read_text("utf-8"))

    async def changes(self, since: object | None) -> Changes:
        """One command; several for what does not fit into a page."""
        memory, version = since if isinstance(since, tuple) else ("", 0)
        found = _Found()
        for n in range(PAGES_MAX):
            answer = await self._do("changes", memory, version, int(n > 0), PAGE_ENTRIES_MAX, PAGE_BYTES_MAX)
            page = _Page.read(answer, self._clock.now())
            found.add(page)
            memory, version = page.memory, page.version
            if not page.more:
                return found.changes((memory, version), version)
        raise Unavailable("board", f"it is more than {PAGES_MAX} pages long")

    async def write(self, key: str, value: bytes, ttl_s: float | None = None) -> int:
        """Put the value, and tidy up a little."""
        if len(value) > ENTRY_BYTES_MAX:
            raise ValueError(f"{key}: {len(value)} bytes, at most {ENTRY_BYTES_MAX}")
        ttl_us = -1 if ttl_s is None else _us(ttl_s)
        version = await self._do("write", key, value, ttl_us, self._limits.entries_max, *self._memory())
        return int(self._unless_full(version))

    async def delete(self, key: str) -> None:
        """Remove the key, and remember for a while that it is gone."""
        await self._do("delete", key, *self._memory())

    async def restore(self, words: Sequence[Entry], mark: object, known: int, *, last: bool) -> Restored:
        """One command, as long as its words are many."""
        memory = mark[0] if isinstance(mark, tuple) else ""
        sent = _sent(words, known, self._clock.now())
        limits = (_us(RESTORER_SILENT_S), self._limits.entries_max, *self._memory())
        answer = await self._do("restore", memory, known, int(last), *limits, *sent)
        restored: Restored = self._unless_full(answer).decode()
        return restored

    async def close(self) -> None:
        """Let go of the connection."""
        await self._redis.close()

    async def _do(self, what: str, *args: bytes | str | int) -> Any:  # noqa: ANN401 - what Redis answers
        return await self._redis.run(self._script, KEY, what, *args)

    def _unless_full(self, answer: Any) -> Any:  # noqa: ANN401 - what Redis answers
        if answer is None:
            raise Unavailable("board", f"it already has {self._limits.entries_max} entries")
        return answer

    def _memory(self) -> tuple[int, int]:
        return _us(self._limits.gone_kept_s), self._limits.gone_max


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer of the script: what is no longer there, or has expired by Redis's clock, is None."""

    memory: str
    version: int
    whole: bool
    more: bool
    lost: bool
    entries: Sequence[tuple[str, Entry | None]]

    @classmethod
    def read(cls, answer: Sequence[Any], now: float) -> "_Page":
        memory, version, whole, more, lost, redis_now_us, pairs = answer
        entries = tuple(_entries(pairs, int(redis_now_us), now))
        return cls(memory.decode(), int(version), bool(whole), bool(more), bool(lost), entries)


class _Found:
    """What the pages of one reading come to: a later page may take back what an earlier one said."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._gone: set[str] = set()
        self._whole = self._lost = False

    def add(self, page: _Page) -> None:
        if page.whole:
            self._entries, self._gone, self._whole = {}, set(), True
        self._lost = self._lost or page.lost
        for key, entry in page.entries:
            if entry is None:
                self._entries.pop(key, None)
                self._gone.add(key)
            else:
                self._entries[key] = entry
                self._gone.discard(key)

    def changes(self, mark: object, version: int) -> Changes:
        gone = frozenset() if self._whole else frozenset(self._gone)
        return Changes(mark, version, self._entries, gone, self._whole, self._lost)


def _entries(pairs: Sequence[Any], redis_now_us: int, now: float) -> Iterator[tuple[str, Entry | None]]:
    for name, packed in zip(pairs[::2], pairs[1::2], strict=True):
        key = name.decode()
        if packed is None:
            yield key, None
            continue
        version, expires_us, value = packed.split(b" ", 2)
        left_us = int(expires_us) - redis_now_us
        if int(expires_us) and left_us <= 0:
            yield key, None
        else:
            yield key, Entry(key, value, int(version), now + left_us / 1e6 if int(expires_us) else None)


def _sent(words: Sequence[Entry], known: int, now: float) -> Iterator[bytes | str | int]:
    for one in words:
        if one.expires_at is None or one.expires_at > now:
            yield from (one.key, max(known, one.version))
            yield from (-1 if one.expires_at is None else _us(one.expires_at - now), one.value)


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
