"""The embedded event log: one SQLite file, shared by the processes of one machine."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tifo.adapters.sqlite.database import Database
from tifo.eventlog.ports import (
    POLL_RECORDS_MAX,
    RECORD_BYTES_MAX,
    Consumer,
    Delivery,
    EventLog,
    Lag,
    Record,
)
from tifo.kernel.errors import Unavailable

APPEND_QUEUE_RECORDS_MAX = 10_000
"""Records that wait for the next commit; an append past it is refused at once."""

RETENTION_RECORDS_MAX = 2_000_000
"""Records kept; the oldest go first, whether or not every group has handled them."""

RETENTION_EVERY_COMMITS = 200

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
  offset INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
  at REAL NOT NULL, value BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_topic ON records (topic, offset);
CREATE TABLE IF NOT EXISTS committed (
  consumer_group TEXT NOT NULL, topic TEXT NOT NULL, next_offset INTEGER NOT NULL,
  PRIMARY KEY (consumer_group, topic)
);
"""

_READ_TOPIC = (
    "SELECT offset, topic, key, id, type, at, value FROM records"
    " WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class _Append:
    records: Sequence[Record]
    done: asyncio.Future[None]


class SqliteEventLog(EventLog):
    """Appends of many callers share one commit, so a report costs a fraction of a disk write.

    Caveats: one file, hence one machine; a group has one consumer at a time (a second one of the same
    group reads the same records); records past `RETENTION_RECORDS_MAX` are gone even for a group that
    has not read them.
    """

    def __init__(self, path: Path) -> None:
        self._writer = Database(path, "eventlog", _SCHEMA)
        self._reader = Database(path, "eventlog", _SCHEMA)
        self._queue: list[_Append] = []
        self._queued_records = 0
        self._wake = asyncio.Event()
        self._commits = 0
        self._committing: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, records: Sequence[Record]) -> None:
        """Queue the records for the next commit and wait for it."""
        if any(len(record.value) > RECORD_BYTES_MAX for record in records):
            raise ValueError(f"a record is longer than {RECORD_BYTES_MAX} bytes")
        if self._closed:
            raise Unavailable("eventlog", "it is closed")
        if self._queued_records + len(records) > APPEND_QUEUE_RECORDS_MAX:
            raise Unavailable("eventlog", "its queue is full")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Append(records, done))
        self._queued_records += len(records)
        self._wake.set()
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_forever(), name="eventlog-commit")
        await done

    async def consumer(self, group: str, topics: Sequence[str]) -> "SqliteConsumer":
        """Join at the group's committed offsets."""
        consumer = SqliteConsumer(self._reader, group, tuple(topics))
        await consumer.join()
        return consumer

    async def lag(self) -> tuple[Lag, ...]:
        """Counted from the committed offsets."""
        rows = await self._reader.run(_lag)
        return tuple(Lag(group, topic, count) for group, topic, count in rows)

    async def close(self) -> None:
        """Commit what is queued, then close the file."""
        self._closed = True
        if self._committing is not None:
            self._committing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._committing
            await self._commit_queued()
        await self._writer.close()
        await self._reader.close()

    async def _commit_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            # Shielded: a commit under way when the log closes is finished, and its callers are told.
            await asyncio.shield(asyncio.ensure_future(self._commit_queued()))

    async def _commit_queued(self) -> None:
        appends, self._queue = self._queue, []
        self._queued_records = 0
        if not appends:
            return
        rows = [row for append in appends for row in map(_row, append.records)]
        try:
            await self._writer.run(lambda connection: _insert(connection, rows))
        except Exception as error:
            # Whatever it is: nobody may wait for ever, and those who come after are to be served.
            _settle(
                appends, error.why if isinstance(error, Unavailable) else f"{type(error).__name__}: {error}"
            )
            return
        _settle(appends, "")
        self._commits += 1
        if self._commits % RETENTION_EVERY_COMMITS == 0:
            with contextlib.suppress(Unavailable):
                await self._writer.run(_forget_old)


class SqliteConsumer(Consumer):
    """Reads in the order of the whole log, which keeps the order of every key."""

    def __init__(self, database: Database, group: str, topics: tuple[str, ...]) -> None:
        self._database = database
        self._group = group
        self._topics = topics
        self._next: dict[str, int] = {}

    async def join(self) -> None:
        """Read where the group stands."""
        rows = await self._database.run(
            lambda c: c.execute(
                "SELECT topic, next_offset FROM committed WHERE consumer_group = ?", (self._group,)
            ).fetchall()
        )
        committed: dict[str, int] = dict(rows)
        self._next = {topic: committed.get(topic, 0) for topic in self._topics}

    async def poll(self, records_max: int = POLL_RECORDS_MAX) -> tuple[Delivery, ...]:
        """The next records of all topics together, in the order they were appended."""
        limit = min(records_max, POLL_RECORDS_MAX)
        rows = await self._database.run(lambda c: _read(c, self._next, limit))
        deliveries = tuple(Delivery(row[0], Record(*row[1:])) for row in rows)
        for delivery in deliveries:
            self._next[delivery.record.topic] = delivery.offset + 1
        return deliveries

    async def commit(self) -> None:
        """Write the offsets after the last poll."""
        rows = [(self._group, topic, offset) for topic, offset in self._next.items()]
        await self._database.run(
            lambda c: c.executemany("INSERT OR REPLACE INTO committed VALUES (?, ?, ?)", rows)
        )

    async def close(self) -> None:
        """Nothing is held between polls."""


def _row(record: Record) -> tuple[str, str, str, str, float, bytes]:
    return (record.topic, record.key, record.id, record.type, record.at, record.value)


def _insert(connection: sqlite3.Connection, rows: list[tuple[str, str, str, str, float, bytes]]) -> None:
    connection.executemany(
        "INSERT INTO records (topic, key, id, type, at, value) VALUES (?, ?, ?, ?, ?, ?)", rows
    )


def _read(
    connection: sqlite3.Connection, next_offsets: dict[str, int], limit: int
) -> list[tuple[int, str, str, str, str, float, bytes]]:
    # Each topic by its index and no further than the limit: together in one WHERE they would be sorted
    # whole, which for a group that is a million records behind costs more than it reads.
    each = " UNION ALL ".join([f"SELECT * FROM ({_READ_TOPIC})"] * len(next_offsets))  # noqa: S608 - constant
    values = [value for topic, offset in next_offsets.items() for value in (topic, offset, limit)]
    return connection.execute(f"{each} ORDER BY offset LIMIT ?", (*values, limit)).fetchall()


def _lag(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
    return connection.execute(
        "SELECT c.consumer_group, c.topic, COUNT(r.offset) FROM committed c LEFT JOIN records r"
        " ON r.topic = c.topic AND r.offset >= c.next_offset GROUP BY c.consumer_group, c.topic"
    ).fetchall()


def _forget_old(connection: sqlite3.Connection) -> None:
    connection.execute(
        "DELETE FROM records WHERE offset <= (SELECT MAX(offset) FROM records) - ?", (RETENTION_RECORDS_MAX,)
    )


def _settle(appends: list[_Append], why: str) -> None:
    for append in appends:
        if append.done.done():
            continue
        if not why:
            append.done.set_result(None)
        else:
            append.done.set_exception(Unavailable("eventlog", why))
