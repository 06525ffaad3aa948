"""What accounts have seen, in one SQLite table."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.services.ads.exposures import joined
from tifo.services.ads.model import Limit, Mark
from tifo.services.ads.ports import MARKS_MAX, ExposureStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS exposures (
  account TEXT NOT NULL, cap TEXT NOT NULL, until REAL NOT NULL, moments BLOB NOT NULL,
  PRIMARY KEY (account, cap)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exposures_by_end ON exposures (until);
"""

FORGET_MAX = 2 * MARKS_MAX
"""Lapsed rows that one call takes away."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[float, ...]).decode


class SqliteExposureStore(ExposureStore):
    """Several processes may share it; one transaction is one call. Caveat: one file, hence one machine."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, "exposures", _SCHEMA)

    async def add(self, marks: Sequence[Mark], now: float) -> None:
        """Read, join and write, with the file locked."""
        if len(marks) > MARKS_MAX:
            raise ValueError(f"more than {MARKS_MAX} impressions")
        if marks:
            await self._database.run(lambda connection: _add(connection, marks, now))

    async def read(self, accounts: Sequence[str], now: float) -> tuple[Mapping[str, Sequence[float]], ...]:
        """By the primary key."""
        if len(accounts) > MARKS_MAX:
            raise ValueError(f"more than {MARKS_MAX} accounts")

        def work(connection: sqlite3.Connection) -> tuple[Mapping[str, Sequence[float]], ...]:
            return tuple(_seen(connection, account, now) for account in accounts)

        return await self._database.run(work)

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()


def _add(connection: sqlite3.Connection, marks: Sequence[Mark], now: float) -> None:
    told: defaultdict[tuple[str, Limit], list[float]] = defaultdict(list)
    for mark in marks:
        for cap in mark.caps:
            told[mark.account, cap].append(mark.at)
    connection.execute("BEGIN IMMEDIATE")
    for (account, cap), more in told.items():
        row = connection.execute(
            "SELECT moments FROM exposures WHERE account = ? AND cap = ?", (account, cap.key)
        ).fetchone()
        moments = joined(_decode(row[0]) if row else (), more, cap.times)
        row = (account, cap.key, moments[-1] + cap.per_s, _encode(moments))
        connection.execute("INSERT OR REPLACE INTO exposures VALUES (?, ?, ?, ?)", row)
    connection.execute(
        "DELETE FROM exposures WHERE (account, cap) IN"
        " (SELECT account, cap FROM exposures WHERE until <= ? LIMIT ?)",
        (now, FORGET_MAX),
    )


def _seen(connection: sqlite3.Connection, account: str, now: float) -> Mapping[str, Sequence[float]]:
    rows = connection.execute(
        "SELECT cap, moments FROM exposures WHERE account = ? AND until > ?", (account, now)
    )
    return {cap: _decode(moments) for cap, moments in rows}
