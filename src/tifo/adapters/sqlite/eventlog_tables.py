"""The tables of the embedded event log, and what is done in them within one transaction."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from tifo.eventlog.ports import LETTERS_MAX, Letter, Partition, Record, lane_of

PARTITIONS = 16
"""Shares of each topic's keys, hence members of a group that have something to do at once."""

FORGET_RECORDS = 10_000
FORGET_ROUNDS_MAX = 50
"""Records that retention looks at together, and how often in one go."""

LETTERS_KEPT_MAX = 100_000
"""Dead letters of all groups; the oldest go first."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
  offset INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
  at REAL NOT NULL, value BLOB NOT NULL,
  partition INTEGER NOT NULL DEFAULT 0, only_for TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS records_by_topic ON records (topic, offset);
CREATE TABLE IF NOT EXISTS positions (
  consumer_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
  next_offset INTEGER NOT NULL, lost INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (consumer_group, topic, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
  epoch INTEGER PRIMARY KEY AUTOINCREMENT,
  consumer_group TEXT NOT NULL, member TEXT NOT NULL, until REAL NOT NULL,
  UNIQUE (consumer_group, member)
);
CREATE TABLE IF NOT EXISTS subscriptions (
  epoch INTEGER NOT NULL, topic TEXT NOT NULL, PRIMARY KEY (epoch, topic)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holdings (
  consumer_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, epoch INTEGER NOT NULL,
  PRIMARY KEY (consumer_group, topic, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS letters (
  letter INTEGER PRIMARY KEY AUTOINCREMENT,
  consumer_group TEXT NOT NULL, reason TEXT NOT NULL, parked_at REAL NOT NULL,
  topic TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
  at REAL NOT NULL, value BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS letters_by_group ON letters (consumer_group, letter);
"""

_COLUMNS = "topic, key, id, type, at, value"

ROWS_AT_ONCE = (256, 64, 16, 4, 1)
"""Rows that one statement appends. Python's module lets go of the interpreter for every statement, and a busy
event loop gives it back a turn later: one at a time, each record would cost both threads a turn."""

_INSERTS = {
    count: f"INSERT INTO records ({_COLUMNS}, partition, only_for) VALUES "  # noqa: S608 - constant
    + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * count)
    for count in ROWS_AT_ONCE
}

Row = tuple[str, str, str, str, float, bytes]


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept, whether or not every group has handled it; the oldest goes first."""

    records_max: int = 2_000_000
    age_s: float = 7 * 86_400.0
    age_s_by_topic: Mapping[str, float] = field(default_factory=dict)
    """Of topics that are kept for another time."""
    bytes_max: int = 4 * 1024**3
    """Of the file, what it has free within itself not counted."""


def partition_of(key: str) -> int:
    """The share that a key belongs to."""
    return lane_of(key) % PARTITIONS


def upgrade(connection: sqlite3.Connection) -> None:
    """Give a file of before there were partitions its partitions, and each group its place in them."""
    if not _is_old(connection):
        return
    connection.create_function("partition_of", 1, partition_of, deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if not _is_old(connection):
            return
        connection.execute("ALTER TABLE records ADD COLUMN partition INTEGER NOT NULL DEFAULT 0")
        connection.execute("ALTER TABLE records ADD COLUMN only_for TEXT NOT NULL DEFAULT ''")
        connection.execute("UPDATE records SET partition = partition_of(key)")
        connection.execute(
            "CREATE TABLE positions (consumer_group TEXT NOT NULL, topic TEXT NOT NULL,"
            " partition INTEGER NOT NULL, next_offset INTEGER NOT NULL, lost INTEGER NOT NULL DEFAULT 0,"
            " PRIMARY KEY (consumer_group, topic, partition)) WITHOUT ROWID"
        )
        for number in range(PARTITIONS):
            connection.execute(
                "INSERT INTO positions SELECT consumer_group, topic, ?, next_offset, 0 FROM committed",
                (number,),
            )
        connection.execute("DROP TABLE committed")


def _is_old(connection: sqlite3.Connection) -> bool:
    columns = {row[1] for row in connection.execute("PRAGMA table_info(records)")}
    return bool(columns) and "partition" not in columns


def row_of(record: Record) -> Row:
    """A record's columns."""
    return (record.topic, record.key, record.id, record.type, record.at, record.value)


def insert(connection: sqlite3.Connection, records: Iterable[Record], only_for: str = "") -> None:
    """Append; records that are only for one group are seen by no other."""
    rows = [(*row_of(record), partition_of(record.key), only_for) for record in records]
    begin = 0
    for count in ROWS_AT_ONCE:
        while len(rows) - begin >= count:
            connection.execute(_INSERTS[count], list(chain.from_iterable(rows[begin : begin + count])))
            begin += count


def lag(connection: sqlite3.Connection) -> list[tuple[str, str, int, int]]:
    """Group, topic, records, lost."""
    groups = connection.execute(
        "SELECT consumer_group, topic, MIN(next_offset), SUM(lost) FROM positions GROUP BY 1, 2"
    ).fetchall()
    return [
        (group, topic, _behind(connection, group, topic, first), lost) for group, topic, first, lost in groups
    ]


def _behind(connection: sqlite3.Connection, group: str, topic: str, first: int) -> int:
    # One pass over what the group's last partition has not read, in the order of the log.
    (count,) = connection.execute(
        "SELECT COUNT(*) FROM records r CROSS JOIN positions p ON p.consumer_group = ? AND p.topic = r.topic"
        " AND p.partition = r.partition WHERE r.topic = ? AND r.offset >= ?"
        " AND r.offset >= p.next_offset AND r.only_for IN ('', ?)",
        (group, topic, first, group),
    ).fetchone()
    return int(count)


def first_at(connection: sqlite3.Connection, partition: Partition, at: float) -> int:
    """The offset of its first record of that time or later; the one after the last where there is none."""
    (found,) = connection.execute(
        "SELECT MIN(offset) FROM records WHERE topic = ? AND partition = ? AND at >= ?", (*partition, at)
    ).fetchone()
    if found is None:
        (found,) = connection.execute("SELECT COALESCE(MAX(offset), 0) + 1 FROM records").fetchone()
    return int(found)


def last_before(connection: sqlite3.Connection, at: float) -> int:
    """An offset of about that time, and no later where times grow with offsets; found in a few looks."""
    low, high = connection.execute(
        "SELECT COALESCE(MIN(offset), 0), COALESCE(MAX(offset), 0) + 1 FROM records"
    ).fetchone()
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(
            "SELECT at FROM records WHERE offset >= ? ORDER BY offset LIMIT 1", (middle,)
        ).fetchone()
        if found is not None and found[0] < at:
            low = middle + 1
        else:
            high = middle
    return int(low)


# --- dead letters ---------------------------------------------------------------------------------------


def park(connection: sqlite3.Connection, group: str, letter: Letter) -> None:
    """Add one, and forget the oldest where there are too many."""
    connection.execute(
        f"INSERT INTO letters (consumer_group, reason, parked_at, {_COLUMNS})"  # noqa: S608 - constant
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (group, letter.reason, letter.parked_at, *row_of(letter.record)),
    )
    connection.execute(
        "DELETE FROM letters WHERE letter <= (SELECT MAX(letter) FROM letters) - ?", (LETTERS_KEPT_MAX,)
    )


def letters(connection: sqlite3.Connection, group: str) -> tuple[Letter, ...]:
    """The oldest of a group."""
    rows = connection.execute(
        f"SELECT reason, parked_at, {_COLUMNS} FROM letters WHERE consumer_group = ?"  # noqa: S608 - constant
        " ORDER BY letter LIMIT ?",
        (group, LETTERS_MAX),
    )
    return tuple(Letter(Record(*row[2:]), row[0], row[1]) for row in rows)


def replay(connection: sqlite3.Connection, group: str, letters_max: int) -> int:
    """Append the oldest for their group only, and take them off; how many."""
    rows = connection.execute(
        f"SELECT letter, {_COLUMNS} FROM letters WHERE consumer_group = ? ORDER BY letter LIMIT ?",  # noqa: S608
        (group, letters_max),
    ).fetchall()
    insert(connection, [Record(*row[1:]) for row in rows], only_for=group)
    connection.executemany("DELETE FROM letters WHERE letter = ?", [row[:1] for row in rows])
    return len(rows)


# --- retention ------------------------------------------------------------------------------------------


def forget_old(connection: sqlite3.Connection, keep: Retention, now: float) -> None:
    """Forget what is too old or too much, some of it at a time, and count what a group had not handled."""
    for _ in range(FORGET_ROUNDS_MAX):
        last = _last_too_much(connection, keep)
        if last is None:
            break
        for topic in list(_topics(connection)):
            _forget(connection, topic, last)
    for topic in list(_topics(connection)):
        before = now - keep.age_s_by_topic.get(topic, keep.age_s)
        for _ in range(FORGET_ROUNDS_MAX):
            last = _last_too_old(connection, topic, before)
            if last is None:
                break
            _forget(connection, topic, last)


def _forget(connection: sqlite3.Connection, topic: str, last: int) -> None:
    connection.execute(
        "UPDATE positions SET lost = lost + (SELECT COUNT(*) FROM records r"
        " WHERE r.topic = positions.topic AND r.partition = positions.partition"
        " AND r.offset BETWEEN positions.next_offset AND ?"
        " AND r.only_for IN ('', positions.consumer_group)) WHERE topic = ? AND next_offset <= ?",
        (last, topic, last),
    )
    connection.execute("DELETE FROM records WHERE topic = ? AND offset <= ?", (topic, last))


def _topics(connection: sqlite3.Connection) -> Iterator[str]:
    """By steps through the index: there are few topics and many records."""
    topic = ""
    while True:
        (found,) = connection.execute("SELECT MIN(topic) FROM records WHERE topic > ?", (topic,)).fetchone()
        if found is None:
            return
        yield (topic := str(found))


def _last_too_much(connection: sqlite3.Connection, keep: Retention) -> int | None:
    oldest: int | None
    newest: int
    oldest, newest = connection.execute("SELECT MIN(offset), MAX(offset) FROM records").fetchone()
    if oldest is None:
        return None
    chunk_end = oldest + FORGET_RECORDS - 1
    if _bytes_used(connection) > keep.bytes_max:
        return min(chunk_end, newest)
    if oldest <= newest - keep.records_max:
        return min(chunk_end, newest - keep.records_max)
    return None


def _last_too_old(connection: sqlite3.Connection, topic: str, before: float) -> int | None:
    (last,) = connection.execute(
        "SELECT MAX(offset) FROM (SELECT offset, at FROM records WHERE topic = ? ORDER BY offset LIMIT ?)"
        " WHERE at < ?",
        (topic, FORGET_RECORDS, before),
    ).fetchone()
    return None if last is None else int(last)


def _bytes_used(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def read(
    connection: sqlite3.Connection, group: str, places: Sequence[tuple[str, int, Sequence[int]]], limit: int
) -> list[tuple[int, str, str, str, str, float, bytes, int]]:
    """The next records in the order of the log, of (topic, first offset, partitions) each."""
    # Each by its index and no further than the limit: together in one WHERE they would be sorted whole,
    # which for a group that is a million records behind costs more than it reads.
    parts: list[str] = []
    values: list[str | int] = []
    for topic, offset, partitions in places:
        marks = ", ".join("?" * len(partitions))
        parts.append(
            f"SELECT * FROM (SELECT offset, {_COLUMNS}, partition FROM records"  # noqa: S608 - constant
            f" WHERE topic = ? AND offset >= ? AND partition IN ({marks}) AND only_for IN ('', ?)"
            " ORDER BY offset LIMIT ?)"
        )
        values += [topic, offset, *partitions, group, limit]
    if not parts:
        return []
    return connection.execute(
        f"{' UNION ALL '.join(parts)} ORDER BY offset LIMIT ?", (*values, limit)
    ).fetchall()
