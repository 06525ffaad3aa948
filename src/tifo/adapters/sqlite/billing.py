"""The books of ads in one SQLite file."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.api.billing import LINES_MAX, BilledAsked, BilledLine
from tifo.workers.billing.ports import FACTS_MAX, BillingLedger, BillingTerms, Fact, Taken
from tifo.workers.billing.slots import Booking, Line, Slot, book

_SCHEMA = """
CREATE TABLE IF NOT EXISTS slots (
  key BLOB PRIMARY KEY, partition INTEGER NOT NULL, last_at REAL NOT NULL, slot BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slots_by_age ON slots (partition, last_at);
CREATE TABLE IF NOT EXISTS seen (partition INTEGER PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS lines (
  event TEXT NOT NULL, break_id TEXT NOT NULL, line_item TEXT NOT NULL, creative TEXT NOT NULL,
  hour INTEGER NOT NULL, standing TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (event, break_id, line_item, creative, hour, standing, what)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lines_by_hour ON lines (hour);
"""

_ADD = (
    "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET count = count + excluded.count"
)

_LINES = (
    "SELECT event, break_id, line_item, creative, hour, standing, what, count FROM lines"
    " WHERE hour >= ? AND hour < ? AND (? = '' OR event = ?) AND count <> 0 ORDER BY hour DESC LIMIT ?"
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Slot).decode

FORGET_SLOTS_MAX = 2 * FACTS_MAX
"""Slots that one call forgets: more than it can bring, so that they do not pile up."""


class SqliteBillingLedger(BillingLedger):
    """What is known of each slot and the figures change in one transaction.

    Some 250 bytes a slot for `BillingTerms.keep_s`. Caveat: one file, hence one machine; members take turns.
    """

    def __init__(self, path: Path, terms: BillingTerms) -> None:
        self._database = Database(path, "billing", _SCHEMA)
        self._terms = terms

    async def take(self, facts: Sequence[Fact], now: float) -> Taken:
        """Read the slots, book and write, with the file locked."""
        if len(facts) > FACTS_MAX:
            raise ValueError(f"more than {FACTS_MAX} facts")
        if not facts:
            return Taken()
        return await self._database.run(lambda connection: _take(connection, facts, self._terms, now))

    async def lines(self, asked: BilledAsked, lines_max: int = LINES_MAX) -> tuple[BilledLine, ...]:
        """By the index of hours."""
        values = (asked.since, asked.until, asked.event, asked.event, min(lines_max, LINES_MAX))
        rows = await self._database.run(lambda connection: connection.execute(_LINES, values).fetchall())
        return tuple(BilledLine(*row) for row in rows)

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()


def _take(connection: sqlite3.Connection, facts: Sequence[Fact], terms: BillingTerms, now: float) -> Taken:
    connection.execute("BEGIN IMMEDIATE")
    seen: dict[int, float] = dict(connection.execute("SELECT partition, at FROM seen"))
    booking = book(facts, _finder(connection), seen, terms, now)
    _write(connection, booking, seen)
    _forget(connection, seen, terms, now)
    return booking.taken


def _finder(connection: sqlite3.Connection) -> Callable[[bytes], Slot | None]:
    def find(key: bytes) -> Slot | None:
        row = connection.execute("SELECT slot FROM slots WHERE key = ?", (key,)).fetchone()
        return _decode(row[0]) if row else None

    return find


def _write(connection: sqlite3.Connection, booking: Booking, seen: Mapping[int, float]) -> None:
    rows = ((key, one.partition, one.last_at, _encode(one)) for key, one in booking.slots.items())
    connection.executemany("INSERT OR REPLACE INTO slots VALUES (?, ?, ?, ?)", rows)
    connection.executemany(_ADD, _counted(booking.counts))
    connection.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", seen.items())


def _counted(counts: Mapping[Line, int]) -> Iterable[tuple[str | int, ...]]:
    return ((*line, count) for line, count in counts.items())


def _forget(
    connection: sqlite3.Connection, seen: Mapping[int, float], terms: BillingTerms, now: float
) -> None:
    for partition, at in seen.items():
        connection.execute(
            "DELETE FROM slots WHERE key IN"
            " (SELECT key FROM slots WHERE partition = ? AND last_at < ? LIMIT ?)",
            (partition, at - terms.keep_s, FORGET_SLOTS_MAX),
        )
    connection.execute("DELETE FROM lines WHERE hour < ?", (now - terms.figures_s,))
