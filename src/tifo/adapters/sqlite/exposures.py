"""What accounts have seen, in one SQLite table."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.services.ads.exposures import joined
from tifo.services.ads.ports import MARKS_MAX, ExposureStore, Limit, Mark

_SCHEMA = """
CREATE TABLE IF NOT EXISTS exposures (account TEXT PRIMARY KEY, until REAL NOT NULL, seen BLOB NOT NULL)
  WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exposures_by_end ON exposures (until);
"""

FORGET_MAX = 2 * MARKS_MAX
"""Accounts whose last window is over that one call takes away."""

TURN = 256
"""Impressions or accounts of one transaction: its thread holds the interpreter for a millisecond, and whoever
answers viewers waits no longer for it."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, tuple[float, ...]]).decode
"""By cap the time at which it lapses, and then those of the last impressions."""

Seen = dict[str, tuple[float, ...]]


class SqliteExposureStore(ExposureStore):
    """Several processes may share it; one transaction is one call. Caveat: one file, hence one machine."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, "exposures", _SCHEMA)

    async def add(self, marks: Sequence[Mark], now: float) -> None:
        """Read, join and write, with the file locked."""
        if len(marks) > MARKS_MAX:
            raise ValueError(f"more than {MARKS_MAX} impressions")
        for begin in range(0, len(marks), TURN):
            turn = marks[begin : begin + TURN]
            await self._database.run(partial(_add, marks=turn, now=now))

    async def read(self, accounts: Sequence[str], now: float) -> tuple[Mapping[str, Sequence[float]], ...]:
        """By the primary key."""
        if len(accounts) > MARKS_MAX:
            raise ValueError(f"more than {MARKS_MAX} accounts")

        found: list[Mapping[str, Sequence[float]]] = []
        for begin in range(0, len(accounts), TURN):
            turn = accounts[begin : begin + TURN]
            found += await self._database.run(partial(_seen, accounts=turn, now=now))
        return tuple(found)

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()


def _add(connection: sqlite3.Connection, marks: Sequence[Mark], now: float) -> None:
    connection.execute("BEGIN IMMEDIATE")
    accounts = _kept(connection, {mark.account for mark in marks})
    for mark in marks:
        seen = accounts.setdefault(mark.account, {})
        for cap in mark.caps:
            seen[cap.key] = _with(seen.get(cap.key), mark.at, cap)
    connection.executemany("INSERT OR REPLACE INTO exposures VALUES (?, ?, ?)", _rows(accounts, now))
    connection.execute(
        "DELETE FROM exposures WHERE account IN (SELECT account FROM exposures WHERE until <= ? LIMIT ?)",
        (now, FORGET_MAX),
    )


def _with(before: tuple[float, ...] | None, at: float, cap: Limit) -> tuple[float, ...]:
    if before is None:
        return (at + cap.per_s, at)
    if before[-1] < at:  # the usual case, without a sort
        return (at + cap.per_s, *before[max(1, len(before) - cap.times + 1) :], at)
    moments = joined(before[1:], (at,), cap.times)
    return (moments[-1] + cap.per_s, *moments)


def _rows(
    accounts: Mapping[str, Mapping[str, tuple[float, ...]]], now: float
) -> Iterator[tuple[str, float, bytes]]:
    for account, seen in accounts.items():
        kept = {cap: found for cap, found in seen.items() if found[0] > now}
        yield account, max((found[0] for found in kept.values()), default=now), _encode(kept)


def _seen(
    connection: sqlite3.Connection, accounts: Sequence[str], now: float
) -> list[Mapping[str, Sequence[float]]]:
    kept = _kept(connection, accounts)
    return [
        {cap: found[1:] for cap, found in kept.get(account, {}).items() if found[0] > now}
        for account in accounts
    ]


def _kept(
    connection: sqlite3.Connection, accounts: Collection[str]
) -> dict[str, dict[str, tuple[float, ...]]]:
    marks = ", ".join("?" * len(accounts))
    rows = connection.execute(
        f"SELECT account, seen FROM exposures WHERE account IN ({marks})",  # noqa: S608 - marks only
        tuple(accounts),
    )
    return {account: _decode(seen) for account, seen in rows}
