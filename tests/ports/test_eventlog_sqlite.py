"""What the embedded event log does beyond its contract: old files, one order, retention, even shares."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from event_logs import BASE, names, record, rest, take
from msgspec.structs import replace

from tifo.adapters.sqlite import eventlog as embedded
from tifo.adapters.sqlite import eventlog_tables as tables
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.adapters.sqlite.eventlog_members import changes
from tifo.eventlog.ports import EventLog
from tifo.kernel.clock import ManualClock

BEFORE_PARTITIONS = """
CREATE TABLE records (
  offset INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL,
  type TEXT NOT NULL, at REAL NOT NULL, value BLOB NOT NULL
);
CREATE INDEX records_by_topic ON records (topic, offset);
CREATE TABLE committed (
  consumer_group TEXT NOT NULL, topic TEXT NOT NULL, next_offset INTEGER NOT NULL,
  PRIMARY KEY (consumer_group, topic)
);
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
async def log(file: Path, clock: ManualClock) -> AsyncIterator[EventLog]:
    log = SqliteEventLog(file, clock)
    yield log
    await log.close()


async def test_file_of_before_there_were_partitions_goes_on_where_it_was(file: Path, log: EventLog) -> None:
    with closing(sqlite3.connect(file)) as old:
        old.executescript(BEFORE_PARTITIONS)
        old.executemany(
            "INSERT INTO records (topic, key, id, type, at, value) VALUES (?, ?, ?, ?, ?, ?)",
            [tables.row_of(record(n, key=f"key-{n % 5}")) for n in range(20)],
        )
        old.execute("INSERT INTO committed VALUES ('g', 'sessions', 11)")
        old.commit()
    assert [(one.group, one.records) for one in await log.lag()] == [("g", 10)]
    await log.append([record(20, key="key-0")])
    keys = [f"key-{n}" for n in range(5)]
    assert await rest(log, keys=keys) == [f"evt_{n}" for n in range(10, 21)]
    consumer = await log.consumer("new", ["sessions"], "m")
    for one in await take(consumer, 20):
        assert one.partition.number == tables.partition_of(one.record.key)


async def test_topics_come_in_the_order_of_the_log(log: EventLog) -> None:
    for n in range(12):
        await log.append([record(n, topic=("sessions", "ads", "playback")[n % 3], key=f"key-{n}")])
    consumer = await log.consumer("g", ("playback", "sessions"), "m")
    polls = [names(await consumer.poll(3)) for _ in range(4)]
    assert polls == [["evt_0", "evt_2", "evt_3"], ["evt_5", "evt_6", "evt_8"], ["evt_9", "evt_11"], []]


async def test_partition_that_was_read_less_far_loses_nothing(log: EventLog) -> None:
    await log.append([record(n, key=f"key-{n}") for n in range(40)])
    one = await log.consumer("g", ["sessions"], "one")
    first = await take(one, 10)
    await one.commit()
    await one.close()
    with_a_second = await log.consumer("g", ["sessions"], "one")
    assert names([*first, *await take(with_a_second, 30)]) == [f"evt_{n}" for n in range(40)]


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (tables.Retention(records_max=5), 5),
        (tables.Retention(age_s=100.0), 10),
        (tables.Retention(age_s=0.55), 5),
        (tables.Retention(bytes_max=0), 0),
        (tables.Retention(), 10),
    ],
    ids=["records", "young", "old", "bytes", "nothing"],
)
async def test_old_records_are_forgotten(
    file: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, keep: tables.Retention, left: int
) -> None:
    monkeypatch.setattr(embedded, "RETENTION_EVERY_COMMITS", 1)
    log = SqliteEventLog(file, clock, retention=keep)
    await log.append([replace(record(n), at=clock.now() - 1.0 + n / 10) for n in range(10)])
    await log.close()
    with closing(sqlite3.connect(file)) as kept:
        assert kept.execute("SELECT COUNT(*) FROM records").fetchone() == (left,)


def test_topics_are_kept_for_a_time_of_their_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "FORGET_RECORDS", 3)
    keep = tables.Retention(age_s=50.0, age_s_by_topic={"ads": 20.0, "control": 200.0})
    old = [
        replace(record(n, topic=topic), at=BASE - 10.0 * n)
        for n in range(10, 0, -1)
        for topic in ("sessions", "ads", "control")
    ]
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(tables.SCHEMA)
        tables.insert(connection, old)
        connection.executemany(
            "INSERT INTO positions (consumer_group, topic, partition, next_offset)"
            " SELECT DISTINCT 'g', topic, partition, 1 FROM records WHERE topic = ?",
            [("ads",), ("control",)],
        )
        tables.forget_old(connection, keep, BASE)
        left = dict(connection.execute("SELECT topic, COUNT(*) FROM records GROUP BY topic"))
        lost = dict(connection.execute("SELECT topic, SUM(lost) FROM positions GROUP BY topic"))
    assert left == {"sessions": 5, "ads": 2, "control": 10}
    assert lost == {"ads": 8, "control": 0}


def test_retention_goes_on_until_enough_is_forgotten(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "FORGET_RECORDS", 3)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(tables.SCHEMA)
        tables.insert(connection, [record(n) for n in range(20)])
        tables.forget_old(connection, tables.Retention(records_max=4), BASE)
        kept = [one for (one,) in connection.execute("SELECT id FROM records")]
    assert kept == [f"evt_{n}" for n in range(16, 20)]


@pytest.mark.parametrize("members", [1, 2, 3, 5, 16, 20])
def test_shares_become_even_whoever_moves_first(members: int) -> None:
    held: dict[int, set[int]] = {rank: set() for rank in range(members)}
    held[0] = set(range(tables.PARTITIONS))
    for _ in range(3):
        for rank in range(members):
            free = set(range(tables.PARTITIONS)) - set().union(*held.values())
            given_up, taken = changes(held[rank], free, rank, members)
            held[rank] = (held[rank] - set(given_up)) | set(taken)
    sizes = [len(one) for one in held.values()]
    assert sum(sizes) == tables.PARTITIONS
    assert max(sizes) - min(sizes) <= 1


def test_nothing_moves_between_even_shares() -> None:
    assert changes(range(8), (), 0, 2) == ([], [])
