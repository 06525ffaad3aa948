"""The embedded board: one small SQLite table, shared by the processes of one machine."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from tifo.adapters.sqlite.database import Database
from tifo.board.ports import ENTRIES_MAX, ENTRY_BYTES_MAX, Board, Entry
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS board (
  key TEXT PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL, expires_at REAL
);
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, 0);
"""


class SqliteBoard(Board):
    """A version counter beside the entries makes asking for news one read of one row.

    Caveat: one file, hence one machine.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._database = Database(path, "board", _SCHEMA)
        self._clock = clock

    async def read(self) -> Mapping[str, Entry]:
        """Every entry that has not expired."""
        now = self._clock.now()
        rows = await self._database.run(
            lambda c: c.execute(
                "SELECT key, value, version, expires_at FROM board WHERE COALESCE(expires_at, 9e99) > ?",
                (now,),
            ).fetchall()
        )
        return {row[0]: Entry(*row) for row in rows}

    async def changed(self, since: object) -> object | None:
        """The version counter, when it is another one."""
        version: int = await self._database.run(
            lambda c: c.execute("SELECT version FROM clock").fetchone()[0]
        )
        return None if version == since else version

    async def write(self, key: str, value: bytes, ttl_s: float | None = None) -> None:
        """Put the value and count the write."""
        if len(value) > ENTRY_BYTES_MAX:
            raise ValueError(f"{key}: {len(value)} bytes, at most {ENTRY_BYTES_MAX}")
        now = self._clock.now()
        expires_at = None if ttl_s is None else now + ttl_s
        await self._database.run(lambda c: _write(c, key, value, now, expires_at))

    async def delete(self, key: str) -> None:
        """Remove the key and count it as a write."""
        await self._database.run(lambda c: _delete(c, key))

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()


def _write(c: sqlite3.Connection, key: str, value: bytes, now: float, expires_at: float | None) -> None:
    version = _next_version(c)
    c.execute("DELETE FROM board WHERE expires_at <= ?", (now,))
    count, known = c.execute("SELECT COUNT(*), COALESCE(SUM(key = ?), 0) FROM board", (key,)).fetchone()
    if count >= ENTRIES_MAX and not known:
        raise Unavailable("board", f"it already has {ENTRIES_MAX} entries")
    c.execute("INSERT OR REPLACE INTO board VALUES (?, ?, ?, ?)", (key, value, version, expires_at))


def _delete(c: sqlite3.Connection, key: str) -> None:
    _next_version(c)
    c.execute("DELETE FROM board WHERE key = ?", (key,))


def _next_version(c: sqlite3.Connection) -> int:
    version: int = c.execute("UPDATE clock SET version = version + 1 RETURNING version").fetchone()[0]
    return version
