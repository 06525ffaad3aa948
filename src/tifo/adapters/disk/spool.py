"""A spool in a folder of this node's disk."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tifo.adapters.disk.lanes import Lanes, Mark
from tifo.adapters.disk.segments import Frame, frame
from tifo.eventlog.ports import APPEND_QUEUE_RECORDS_MAX, Record, Spool, SpoolBatch, SpoolLevel
from tifo.eventlog.rules import Worth, worth
from tifo.kernel.errors import Unavailable

PART = "spool"

WRITE_BYTES_MAX = 1024 * 1024
"""Bytes that are gathered from many callers for one write, unless a single caller has more."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Add:
    frames: dict[Worth, list[Frame]]
    records: int
    bytes: int
    done: asyncio.Future[None]


class DiskSpool(Spool):
    """Files that are only added to, one write and one wait for the disk for all who came meanwhile.

    What is worth more is sent first, in batches that have room for the rest. What goes to make room goes
    by segments, the oldest first; of one that is being sent meanwhile, some count as dropped that were not.

    Caveats: it is as lasting as its disk, and a folder that nobody opens again is sent by nobody.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._lanes = Lanes(folder, bytes_max)
        self._level = SpoolLevel(bytes_max=bytes_max)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._queue: list[_Add] = []
        self._queued_records = 0
        self._writing: asyncio.Task[None] | None = None
        self._open = False

    @property
    def level(self) -> SpoolLevel:
        """As of the last call."""
        return self._level

    async def open(self) -> int:
        """Lock the folder and read all segments."""
        cut = await self._run(self._lanes.open)
        self._open = True
        return cut

    async def add(self, records: Sequence[Record]) -> None:
        """Queue the records for the next write and wait for it."""
        if not self._open:
            raise Unavailable(PART, "it is not open")
        if self._queued_records + len(records) > APPEND_QUEUE_RECORDS_MAX:
            raise Unavailable(PART, "its queue is full")
        frames: defaultdict[Worth, list[Frame]] = defaultdict(list)
        try:
            for one in records:
                frames[worth(one)].append(frame(one))
        except UnicodeEncodeError as error:
            raise Unavailable(PART, f"a record is no text: {error.reason}") from error
        size = sum(len(one.data) for lane in frames.values() for one in lane)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Add(frames, len(records), size, done))
        self._queued_records += len(records)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_queued(), name="spool-write")
        await done

    async def oldest(self, records_max: int) -> SpoolBatch:
        """From the first segment of each lane, what is worth most first."""
        records, marks = await self._run(lambda: self._lanes.oldest(records_max))
        return SpoolBatch(tuple(records), marks)

    async def forget(self, batch: SpoolBatch) -> None:
        """Remove each segment with its last record."""
        marks = [one for one in batch.marks if isinstance(one, Mark)]
        await self._run(lambda: self._lanes.forget(batch.records, marks))

    async def close(self) -> None:
        """Write what is queued, and unlock the folder."""
        self._open = False
        if self._writing is not None:
            await self._writing
        with contextlib.suppress(Unavailable):
            await self._run(self._lanes.close)
        self._thread.shutdown(wait=False)

    async def _write_queued(self) -> None:
        while self._queue:
            adds = self._take()
            refused = await self._write(adds)
            for one in adds:
                _settle(one, refused)

    async def _write(self, adds: Sequence[_Add]) -> dict[Worth, str]:
        frames: defaultdict[Worth, list[Frame]] = defaultdict(list)
        for one in adds:
            for lane, its in one.frames.items():
                frames[lane] += its
        try:
            return await self._run(lambda: self._lanes.add(frames))
        except Unavailable as error:
            return dict.fromkeys(Worth, error.why)

    def _take(self) -> list[_Add]:
        size = count = 0
        while count < len(self._queue) and (not count or size + self._queue[count].bytes <= WRITE_BYTES_MAX):
            size += self._queue[count].bytes
            count += 1
        adds, self._queue = self._queue[:count], self._queue[count:]
        self._queued_records -= sum(one.records for one in adds)
        return adds

    async def _run(self, work: Callable[[], T]) -> T:
        """In the thread; whatever goes wrong there is `Unavailable`."""
        try:
            done, self._level = await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: (work(), self._lanes.level())
            )
        except (OSError, RuntimeError) as error:
            raise Unavailable(PART, f"{type(error).__name__}: {error}") from error
        return done


def _settle(one: _Add, refused: dict[Worth, str]) -> None:
    if one.done.done():
        return
    if whys := [refused[lane] for lane in one.frames if lane in refused]:
        one.done.set_exception(Unavailable(PART, whys[0]))
    else:
        one.done.set_result(None)
