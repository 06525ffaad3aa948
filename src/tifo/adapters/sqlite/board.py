"""The embedded board: one small SQLite file, shared by the processes of one machine."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tifo.adapters.sqlite.database import Database
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

# The tables `board` and `clock` are those of 0.1, so that an older data folder opens with every word on
# it; what came since stands beside them. Reports are written again and again: without the pragma they
# would grow the write-ahead log to 4 MB before a byte of it is used again. The first version is a time in
# microseconds, so that those of a file that was made anew are larger than those before.
_SCHEMA = """
PRAGMA wal_autocheckpoint = 100;
CREATE TABLE IF NOT EXISTS board (
  key TEXT PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL, expires_at REAL
);
CREATE INDEX IF NOT EXISTS board_by_version ON board (version);
CREATE INDEX IF NOT EXISTS board_by_expiry ON board (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS gone (key TEXT PRIMARY KEY, version INTEGER NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS gone_by_version ON gone (version);
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, CAST((julianday('now') - 2440587.5) * 86400e6 AS INTEGER));
CREATE TABLE IF NOT EXISTS memory (
  one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, forgotten INTEGER NOT NULL
);
INSERT OR IGNORE INTO memory VALUES (1, lower(hex(randomblob(8))), 0);
CREATE TABLE IF NOT EXISTS back (key TEXT PRIMARY KEY, knew INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS restoring (
  one INTEGER PRIMARY KEY CHECK (one = 1), restored INTEGER NOT NULL, restorer INTEGER NOT NULL,
  at REAL NOT NULL
);
INSERT OR IGNORE INTO restoring VALUES (1, -1, -1, 0);
"""

_NEVER = 9e99
"""When an entry without a time to live expires."""


class SqliteBoard(Board):
    """A version counter orders writes and removals; `gone` remembers removals for a while.

    A mark is the file's own id and a version: another file, or an older copy, does not know it.
    Caveats: one file, hence one machine and one clock; and a process that has the file open goes on in it
    though it was removed, until it fails.
    """

    def __init__(self, path: Path, clock: Clock, limits: Limits | None = None) -> None:
        self._database = Database(path, "board", _SCHEMA)
        self._clock = clock
        self._limits = limits or Limits()

    async def changes(self, since: object | None) -> Changes:
        """Two short reads of two indexes; of one row when nothing happened."""
        now = self._clock.now()
        return await self._database.run(lambda c: _changes(c, since, now))

    async def write(self, key: str, value: bytes, ttl_s: float | None = None) -> int:
        """Put the value and count the write."""
        if len(value) > ENTRY_BYTES_MAX:
            raise ValueError(f"{key}: {len(value)} bytes, at most {ENTRY_BYTES_MAX}")
        now = self._clock.now()
        entry = (key, value, None if ttl_s is None else now + ttl_s)
        return await self._database.run(lambda c: _write(c, *entry, now, self._limits))

    async def delete(self, key: str) -> None:
        """Remove the key, and remember for a while that it is gone."""
        now = self._clock.now()
        await self._database.run(lambda c: _delete(c, key, now, self._limits))

    async def restore(self, words: Sequence[Entry], mark: object, known: int, *, last: bool) -> Restored:
        """One transaction for all words."""
        now = self._clock.now()
        asked = _Asked(words, mark[0] if isinstance(mark, tuple) else "", known, last)
        return await self._database.run(lambda c: _restore(c, asked, now, self._limits))

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()


def _changes(c: sqlite3.Connection, since: object | None, now: float) -> Changes:
    c.execute("BEGIN")  # what follows reads one and the same state of the file
    version, memory, forgotten = c.execute("SELECT version, id, forgotten FROM clock, memory").fetchone()
    mark = (memory, version)
    if since == mark:
        return Changes(mark, version, {}, frozenset(), whole=False)
    after = since[1] if isinstance(since, tuple) and since[0] == memory else -1
    if not forgotten <= after <= version:
        lost = isinstance(since, tuple) and since[0] != memory
        return Changes(mark, version, _entries(c, -1, now), frozenset(), whole=True, lost=lost)
    return Changes(mark, version, _entries(c, after, now), _gone(c, after, now), whole=False)


def _entries(c: sqlite3.Connection, after: int, now: float) -> dict[str, Entry]:
    rows = c.execute(
        "SELECT key, value, version, expires_at FROM board WHERE version > ? AND COALESCE(expires_at, ?) > ?",
        (after, _NEVER, now),
    )
    return {row[0]: Entry(*row) for row in rows}


def _gone(c: sqlite3.Connection, after: int, now: float) -> frozenset[str]:
    """What was removed, and what was written and has expired since: its older value may last longer."""
    rows = c.execute(
        "SELECT key FROM gone WHERE version > ?"
        " UNION ALL SELECT key FROM board WHERE version > ? AND expires_at <= ?",
        (after, after, now),
    )
    return frozenset(row[0] for row in rows)


def _write(
    c: sqlite3.Connection, key: str, value: bytes, expires_at: float | None, now: float, limits: Limits
) -> int:
    _forget(c, now, limits)
    return _put(c, key, value, expires_at, limits)


def _put(c: sqlite3.Connection, key: str, value: bytes, expires_at: float | None, limits: Limits) -> int:
    version = _next_version(c)
    known = c.execute("SELECT 1 FROM board WHERE key = ?", (key,)).fetchone()
    if not known and c.execute("SELECT COUNT(*) FROM board").fetchone()[0] >= limits.entries_max:
        raise Unavailable("board", f"it already has {limits.entries_max} entries")
    c.execute("INSERT OR REPLACE INTO board VALUES (?, ?, ?, ?)", (key, value, version, expires_at))
    c.execute("DELETE FROM gone WHERE key = ?", (key,))
    c.execute("DELETE FROM back WHERE key = ?", (key,))
    return version


def _delete(c: sqlite3.Connection, key: str, now: float, limits: Limits) -> None:
    there = c.execute("DELETE FROM board WHERE key = ?", (key,)).rowcount
    if there or not c.execute("SELECT 1 FROM gone WHERE key = ?", (key,)).fetchone():
        c.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (key, _next_version(c), now))
    c.execute("DELETE FROM back WHERE key = ?", (key,))
    _forget(c, now, limits)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a node that restores the board says: `memory` is the file that it saw last."""

    words: Sequence[Entry]
    memory: str
    known: int
    last: bool

    @property
    def begins(self) -> bool:
        """It is not at it yet, so that one that knows the same goes before it."""
        return not self.words and not self.last


def _restore(c: sqlite3.Connection, asked: _Asked, now: float, limits: Limits) -> Restored:
    _forget(c, now, limits)
    memory, forgotten, restored, restorer, at = c.execute(
        "SELECT id, forgotten, restored, restorer, at FROM memory, restoring"
    ).fetchone()
    if memory != asked.memory:
        return "wait"
    if forgotten or asked.known <= restored:
        return "done"
    if asked.known < restorer + asked.begins and now - at < RESTORER_SILENT_S:
        return "wait"
    for one in asked.words:
        _put_back(c, one, max(asked.known, one.version), now, limits)
    c.execute("UPDATE restoring SET restorer = ?, at = ?", (asked.known, now))
    if not asked.last:
        return "go-on"
    for (key,) in c.execute("SELECT key FROM back WHERE knew < ?", (asked.known,)).fetchall():
        _delete(c, key, now, limits)
    c.execute("UPDATE restoring SET restored = ?", (asked.known,))
    return "done"


def _put_back(c: sqlite3.Connection, word: Entry, knew: int, now: float, limits: Limits) -> None:
    """Unless it has expired, or somebody else had a word on the key, or put back a later one."""
    if word.expires_at is not None and word.expires_at <= now:
        return
    (before,) = c.execute("SELECT MAX(knew) FROM back WHERE key = ?", (word.key,)).fetchone()
    taken = "SELECT 1 FROM board WHERE key = :key UNION ALL SELECT 1 FROM gone WHERE key = :key"
    if before is None and c.execute(taken, {"key": word.key}).fetchone():
        return
    if before is not None and before >= knew:
        return
    held = c.execute("SELECT value, expires_at FROM board WHERE key = ?", (word.key,)).fetchone()
    if held != (word.value, word.expires_at):
        _put(c, word.key, word.value, word.expires_at, limits)
    c.execute("INSERT OR REPLACE INTO back VALUES (?, ?)", (word.key, knew))


def _forget(c: sqlite3.Connection, now: float, limits: Limits) -> None:
    """Let expired entries go, and in the end the memory that there was anything.

    An expired entry is gone under its own version: who saw that version knew when it expires.
    """
    c.execute(
        "INSERT OR REPLACE INTO gone SELECT key, version, expires_at FROM board WHERE expires_at <= ?", (now,)
    )
    c.execute("DELETE FROM back WHERE key IN (SELECT key FROM board WHERE expires_at <= ?)", (now,))
    c.execute("DELETE FROM board WHERE expires_at <= ?", (now,))
    (old,) = c.execute("SELECT MAX(version) FROM gone WHERE at <= ?", (now - limits.gone_kept_s,)).fetchone()
    surplus = "SELECT version FROM gone ORDER BY version DESC LIMIT 1 OFFSET ?"
    forgotten = max(old or 0, *(c.execute(surplus, (limits.gone_max,)).fetchone() or (0,)))
    if forgotten:
        c.execute("DELETE FROM gone WHERE version <= ?", (forgotten,))
        c.execute("UPDATE memory SET forgotten = MAX(forgotten, ?)", (forgotten,))


def _next_version(c: sqlite3.Connection) -> int:
    version: int = c.execute("UPDATE clock SET version = version + 1 RETURNING version").fetchone()[0]
    return version
