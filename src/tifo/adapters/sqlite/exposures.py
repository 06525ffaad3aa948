"""What accounts have seen, in one SQLite table."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.services.ads.exposures import joined
from tifo.services.ads.ports import MARKS_MAX, ExposureStore, Mark

_SCHEMA = """
CREATE TABLE IF NOT EXISTS exposures (account TEXT PRIMARY KEY, until REAL NOT NULL, seen BLOB NOT NULL)
  WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exposures_by_end ON exposures (until);
"""

FORGET_MAX = 2 * MARKS_MAX
"""Accounts whose last window is over that one call takes away."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, tuple[float, ...]]).decode
"""By cap the time at which it lapses, and then those of the last impressions."""


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
    connection.execute("BEGIN IMMEDIATE")
    accounts: dict[str, dict[str, tuple[float, ...]]] = {}
    for mark in marks:
        if mark.account not in accounts:
            accounts[mark.account] = dict(_kept(connection, mark.account))
        seen = accounts[mark.account]
        for cap in mark.caps:
            moments = joined(seen.get(cap.key, ())[1:], (mark.at,), cap.times)
            seen[cap.key] = (moments[-1] + cap.per_s, *moments)
    connection.executemany("INSERT OR REPLACE INTO exposures VALUES (?, ?, ?)", _rows(accounts, now))
    connection.execute(
        "DELETE FROM exposures WHERE account IN (SELECT account FROM exposures WHERE until <= ? LIMIT ?)",
        (now, FORGET_MAX),
    )


def _rows(
    accounts: Mapping[str, Mapping[str, tuple[float, ...]]], now: float
) -> Iterator[tuple[str, float, bytes]]:
    for account, seen in accounts.items():
        kept = {cap: found for cap, found in seen.items() if found[0] > now}
        yield account, max((found[0] for found in kept.values()), default=now), _encode(kept)


def _seen(connection: sqlite3.Connection, account: str, now: float) -> Mapping[str, Sequence[float]]:
    return {cap: found[1:] for cap, found in _kept(connection, account).items() if found[0] > now}


def _kept(connection: sqlite3.Connection, account: str) -> Mapping[str, tuple[float, ...]]:
    row = connection.execute("SELECT seen FROM exposures WHERE account = ?", (account,)).fetchone()
    return _decode(row[0]) if row else {}
