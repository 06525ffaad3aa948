"""The embedded event log: one SQLite file, shared by the processes of one machine."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

from tifo.adapters.sqlite import eventlog_tables as tables
from tifo.adapters.sqlite.database import Database
from tifo.adapters.sqlite.eventlog_consumer import SqliteConsumer
from tifo.adapters.sqlite.eventlog_members import Member
from tifo.eventlog.ports import (
    APPEND_QUEUE_RECORDS_MAX,
    LETTERS_MAX,
    EventLogStore,
    Lag,
    Letter,
    Pace,
    Record,
)
from tifo.eventlog.records import refuse_long
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable

RETENTION_EVERY_COMMITS = 200


@dataclass(frozen=True, slots=True)
class _Append:
    records: Sequence[Record]
    done: asyncio.Future[None]


class SqliteEventLog(EventLogStore):
    """Appends of many callers share one commit, so a report costs a fraction of a disk write.

    Caveats: one file, hence one machine; a group has `PARTITIONS` members that have something to do; who
    has which partitions is told by the machine's clock, and a clock that jumps by a session may make two
    members handle the same records once; records past `Retention` are gone even for a group that has not
    read them, and counted as its lost ones.
    """

    def __init__(
        self, path: Path, clock: Clock, pace: Pace | None = None, retention: tables.Retention | None = None
    ) -> None:
        self._writer = Database(path, "eventlog", tables.SCHEMA, tables.upgrade)
        self._reader = Database(path, "eventlog", tables.SCHEMA, tables.upgrade)
        self._clock = clock
        self._pace = pace or Pace()
        self._retention = retention or tables.Retention()
        self._queue: list[_Append] = []
        self._queued_records = 0
        self._wake = asyncio.Event()
        self._commits = 0
        self._committing: asyncio.Task[None] | None = None
        self._consumers: WeakSet[SqliteConsumer] = WeakSet()
        self._closed = False

    async def append(self, records: Sequence[Record]) -> None:
        """Queue the records for the next commit and wait for it."""
        refuse_long(records)
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

    async def consumer(
        self, group: str, topics: Sequence[str], member: str, memory_s: float = 0.0
    ) -> SqliteConsumer:
        """Join at the group's committed offsets, or at what `memory_s` asks for."""
        place = Member(group, member, tuple(dict.fromkeys(topics)), epoch=0)
        consumer = SqliteConsumer(self._reader, place, self._clock, self._pace, memory_s)
        self._consumers.add(consumer)
        await consumer.join()
        return consumer

    async def lag(self) -> tuple[Lag, ...]:
        """Counted from the committed offsets."""
        return tuple(Lag(*row) for row in await self._reader.run(tables.lag))

    async def letters(self, group: str) -> tuple[Letter, ...]:
        """From their table."""
        return await self._reader.run(lambda c: tables.letters(c, group))

    async def replay(self, group: str, letters_max: int = LETTERS_MAX) -> int:
        """All of them in one transaction, or none."""
        limit = min(letters_max, LETTERS_MAX)
        return await self._writer.run(lambda c: tables.replay(c, group, limit))

    async def close(self) -> None:
        """Commit what is queued, then close the file."""
        self._closed = True
        if self._committing is not None:
            self._committing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._committing
            await self._commit_queued()
        for consumer in list(self._consumers):
            await consumer.close()
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
        records = [record for append in appends for record in append.records]
        try:
            await self._writer.run(lambda connection: tables.insert(connection, records))
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
                now = self._clock.now()
                await self._writer.run(lambda c: tables.forget_old(c, self._retention, now))


def _settle(appends: list[_Append], why: str) -> None:
    for append in appends:
        if append.done.done():
            continue
        if not why:
            append.done.set_result(None)
        else:
            append.done.set_exception(Unavailable("eventlog", why))
