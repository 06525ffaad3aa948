"""Who has which partitions: members of a group, each with a lease that it renews, share them out."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tifo.adapters.sqlite.eventlog_tables import PARTITIONS
from tifo.eventlog.ports import Partition

Positions = dict[Partition, int]
"""The next offset of each partition that a member holds."""


@dataclass(frozen=True, slots=True)
class Member:
    """One consumer of a group. `epoch` grows for ever: a later one of the same name has a greater one."""

    group: str
    name: str
    topics: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a member holds, and whether that is all it will have as things are."""

    member: Member
    positions: Positions
    settled: bool


class NameTaken(Exception):
    """Another consumer joined under this one's name."""


def changes(
    mine: Collection[int], free: Collection[int], rank: int, members: int
) -> tuple[Sequence[int], Sequence[int]]:
    """Which partitions of a topic a member gives up and which it takes, so that all have the same number.

    `rank` is its place among the members in order. Each only gives up its own and takes what is free, so
    that a partition has no two members and nothing moves that need not.
    """
    quota = PARTITIONS // members + (rank < PARTITIONS % members)
    return sorted(mine)[quota:], sorted(free)[: max(0, quota - len(mine))]


def join(connection: sqlite3.Connection, member: Member, until: float) -> Member:
    """Take a place under the name, and the partitions of whoever had it."""
    # The lock comes first, so that what is read next is what is.
    connection.execute("UPDATE members SET until = until WHERE consumer_group = ?", (member.group,))
    before = connection.execute(
        "SELECT epoch FROM members WHERE consumer_group = ? AND member = ?", (member.group, member.name)
    ).fetchone()
    connection.execute(
        "DELETE FROM members WHERE consumer_group = ? AND member = ?", (member.group, member.name)
    )
    epoch = connection.execute(
        "INSERT INTO members (consumer_group, member, until) VALUES (?, ?, ?)",
        (member.group, member.name, until),
    ).lastrowid
    assert epoch is not None
    connection.executemany(
        "INSERT INTO subscriptions (epoch, topic) VALUES (?, ?)", [(epoch, one) for one in member.topics]
    )
    if before is not None:
        connection.execute(
            "UPDATE holdings SET epoch = ? WHERE epoch = ?"
            " AND topic IN (SELECT topic FROM subscriptions WHERE epoch = ?)",
            (epoch, *before, epoch),
        )
        _clear(connection, member.group)
    return Member(member.group, member.name, member.topics, epoch)


def renew(connection: sqlite3.Connection, member: Member, until: float) -> bool:
    """Stay a member; False for one whose lease ran out and was taken off. Raises `NameTaken`."""
    if connection.execute("UPDATE members SET until = ? WHERE epoch = ?", (until, member.epoch)).rowcount:
        return True
    if connection.execute(
        "SELECT 1 FROM members WHERE consumer_group = ? AND member = ?", (member.group, member.name)
    ).fetchone():
        raise NameTaken
    return False


def leave(connection: sqlite3.Connection, member: Member) -> None:
    """Give the place up, with all partitions."""
    connection.execute("DELETE FROM members WHERE epoch = ?", (member.epoch,))
    _clear(connection, member.group)


def balance(connection: sqlite3.Connection, member: Member, now: float) -> Share:
    """Share out with the others, in the transaction that renewed or joined."""
    connection.execute("DELETE FROM members WHERE consumer_group = ? AND until < ?", (member.group, now))
    _clear(connection, member.group)
    settled = True
    for topic in member.topics:
        settled &= _balance_topic(connection, member, topic)
    rows = connection.execute(
        "SELECT h.topic, h.partition, COALESCE(p.next_offset, 0) FROM holdings h LEFT JOIN positions p"
        " USING (consumer_group, topic, partition) WHERE h.consumer_group = ? AND h.epoch = ?",
        (member.group, member.epoch),
    )
    positions = {Partition(topic, number): offset for topic, number, offset in rows}
    return Share(member, positions, settled)


def commit(connection: sqlite3.Connection, member: Member, positions: Positions) -> None:
    """Keep the positions of those partitions that it still holds."""
    connection.executemany(
        "INSERT INTO positions (consumer_group, topic, partition, next_offset)"
        " SELECT consumer_group, topic, partition, ? FROM holdings"
        " WHERE consumer_group = ? AND topic = ? AND partition = ? AND epoch = ?"
        " ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset, lost = 0",
        [(offset, member.group, *place, member.epoch) for place, offset in positions.items()],
    )


def _balance_topic(connection: sqlite3.Connection, member: Member, topic: str) -> bool:
    names = [
        row[0]
        for row in connection.execute(
            "SELECT member FROM members JOIN subscriptions USING (epoch)"
            " WHERE consumer_group = ? AND topic = ? ORDER BY member",
            (member.group, topic),
        )
    ]
    held: dict[int, int] = dict(
        connection.execute(
            "SELECT partition, epoch FROM holdings WHERE consumer_group = ? AND topic = ?",
            (member.group, topic),
        ).fetchall()
    )
    mine = [number for number, epoch in held.items() if epoch == member.epoch]
    free = [number for number in range(PARTITIONS) if number not in held]
    rank = names.index(member.name)
    given_up, taken = changes(mine, free, rank, len(names))
    connection.executemany(
        "DELETE FROM holdings WHERE consumer_group = ? AND topic = ? AND partition = ?",
        [(member.group, topic, number) for number in given_up],
    )
    connection.executemany(
        "INSERT INTO holdings (consumer_group, topic, partition, epoch) VALUES (?, ?, ?, ?)",
        [(member.group, topic, number, member.epoch) for number in taken],
    )
    quota = PARTITIONS // len(names) + (rank < PARTITIONS % len(names))
    return len(mine) + len(taken) >= quota


def _clear(connection: sqlite3.Connection, group: str) -> None:
    connection.execute(
        "DELETE FROM holdings WHERE consumer_group = ? AND epoch NOT IN (SELECT epoch FROM members)", (group,)
    )
    connection.execute("DELETE FROM subscriptions WHERE epoch NOT IN (SELECT epoch FROM members)")
