"""One member of a group in the embedded event log."""

import asyncio
import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tifo.adapters.sqlite import eventlog_members as members
from tifo.adapters.sqlite import eventlog_tables as tables
from tifo.adapters.sqlite.database import Database
from tifo.eventlog.ports import (
    POLL_RECORDS_MAX,
    REASON_LENGTH_MAX,
    Consumer,
    Delivery,
    Letter,
    Pace,
    Partition,
    Record,
)
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable

BEATS_PER_SESSION = 4
"""How often within a session a member renews its lease and looks whether the shares are even."""

SHORT_BEAT_S = 0.1
"""Seconds between two looks of a member that is owed partitions by others."""

T = TypeVar("T")


class SqliteConsumer(Consumer):
    """Reads what it holds in the order of the whole log, which keeps the order of every key."""

    def __init__(
        self, database: Database, member: members.Member, clock: Clock, pace: Pace, memory_s: float
    ) -> None:
        self._database = database
        self._member = member
        self._clock = clock
        self._pace = pace
        self._memory_s = memory_s
        self._beat_s = pace.session_s / BEATS_PER_SESSION
        self._next: members.Positions = {}
        self._settled = False
        self._balanced_at = self._polled_at = clock.monotonic()
        self._beating: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Take a place, and what partitions are free."""
        self._have(await self._run(self._join))
        self._beating = asyncio.create_task(self._beat(), name="eventlog-member")

    def partitions(self) -> frozenset[Partition]:
        """Those that were read last."""
        return frozenset(self._next)

    async def poll(self, records_max: int = POLL_RECORDS_MAX) -> tuple[Delivery, ...]:
        """The next records of all topics together, in the order they were appended."""
        now = self._polled_at = self._clock.monotonic()
        if now - self._balanced_at >= (self._beat_s if self._settled else SHORT_BEAT_S):
            self._have(await self._run(self._balance))
        limit = min(records_max, POLL_RECORDS_MAX)
        rows = await self._run(lambda c: tables.read(c, self._member.group, self._places(), limit))
        deliveries = tuple(Delivery(row[0], Record(*row[1:7]), Partition(row[1], row[7])) for row in rows)
        if deliveries:
            # Of every partition that stood before it there is nothing left up to the last one.
            end = deliveries[-1].offset + 1
            self._next = {place: max(offset, end) for place, offset in self._next.items()}
        return deliveries

    async def commit(self) -> None:
        """Of the partitions that are its own in the file, whatever it thinks."""
        await self._run(lambda c: members.commit(c, self._member, self._next))

    async def park(self, delivery: Delivery, reason: str) -> None:
        """Among the letters of its group."""
        letter = Letter(delivery.record, reason[:REASON_LENGTH_MAX], self._clock.now())
        await self._run(lambda c: tables.park(c, self._member.group, letter))

    async def seek(self, at: float) -> None:
        """By a look at all that is kept of each partition."""
        self._next = await self._run(lambda c: self._seek(c, at))

    async def close(self) -> None:
        """Renew its lease no more."""
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating
            self._beating = None

    async def _beat(self) -> None:
        """Show that it is alive while it handles what it polled; once it is stuck, give all up."""
        while True:
            await asyncio.sleep(self._beat_s)
            stuck = self._clock.monotonic() - self._polled_at > self._pace.poll_s_max
            # What goes wrong here goes wrong with the next poll, and is told there.
            with contextlib.suppress(Unavailable):
                await self._run(self._leave if stuck else self._renew)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.run(work)
        except members.NameTaken:
            raise Unavailable("eventlog", "another has its name in the group") from None

    def _have(self, share: members.Share) -> None:
        """What a transaction gave, once it is in the file."""
        before = self._kept(share)
        self._member, self._settled = share.member, share.settled
        self._next = {place: before.get(place, offset) for place, offset in share.positions.items()}
        self._balanced_at = self._clock.monotonic()

    def _kept(self, share: members.Share) -> members.Positions:
        """Where it stands in the partitions that it had without a break."""
        return self._next if share.member.epoch == self._member.epoch else {}

    # --- in the database's thread, where nothing of this object changes ---------------------------------

    def _until(self) -> float:
        return self._clock.now() + self._pace.session_s

    def _join(self, connection: sqlite3.Connection) -> members.Share:
        return self._share(connection, members.join(connection, self._member, self._until()))

    def _renew(self, connection: sqlite3.Connection) -> None:
        members.renew(connection, self._member, self._until())

    def _leave(self, connection: sqlite3.Connection) -> None:
        members.leave(connection, self._member)

    def _balance(self, connection: sqlite3.Connection) -> members.Share:
        if members.renew(connection, self._member, self._until()):
            return self._share(connection, self._member)
        return self._join(connection)

    def _share(self, connection: sqlite3.Connection, member: members.Member) -> members.Share:
        share = members.balance(connection, member, self._clock.now())
        gained = share.positions.keys() - self._kept(share).keys()
        if self._memory_s and gained:
            begin = tables.last_before(connection, self._clock.now() - self._memory_s)
            share = replace(share, positions=share.positions | dict.fromkeys(gained, begin))
        return share

    def _seek(self, connection: sqlite3.Connection, at: float) -> members.Positions:
        found = {place: tables.first_at(connection, place, at) for place in self._next}
        members.commit(connection, self._member, found)
        return found

    def _places(self) -> list[tuple[str, int, list[int]]]:
        together: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for place, offset in self._next.items():
            together[place.topic, offset].append(place.number)
        return [(topic, offset, numbers) for (topic, offset), numbers in together.items()]
