"""The segments of a spool, in a lane for each worth, so that the oldest of one goes by removing a file."""

import contextlib
import errno
import fcntl
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tifo.adapters.disk.segments import Frame, Segment, sync_folder
from tifo.eventlog.ports import Record, SpoolLevel
from tifo.eventlog.rules import Worth, makes_room

SEGMENT_BYTES_MAX = 8 * 1024 * 1024
SEGMENTS_MIN = 32
"""A segment is at most this part of the spool, for what goes at once is a segment."""

READ_BYTES_MAX = 1024 * 1024
"""Bytes that are read at once; more than the longest record has."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no room."""

_NAME = re.compile(r"(telemetry|sessions|money)-(\d{12})\.spool")
_SENT = "sent"
_LOCK = "lock"


class Mark(NamedTuple):
    """So many records of a batch: of which segment they are, and where in it they end."""

    records: int
    worth: Worth
    number: int
    end: int


class Lanes:
    """Waits for the disk: one thread calls it. Whatever it raises is an `OSError`.

    How far each lane was sent is written down without waiting for the disk, so that a machine that loses its
    power sends some records twice.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._segment_bytes = min(SEGMENT_BYTES_MAX, bytes_max // SEGMENTS_MIN)
        self._lanes: dict[Worth, list[Segment]] = {worth: [] for worth in Worth}
        self._number = 0
        self._dropped: Counter[str] = Counter()
        self._refused = 0
        self._lock: int | None = None

    def open(self) -> int:
        """Take the folder and what is in it; how many bytes were cut off."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            cut = self._recover()
            sync_folder(self._folder.parent)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        return cut

    def close(self) -> None:
        """Let the folder go."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def add(self, frames: Mapping[Worth, Sequence[Frame]]) -> dict[Worth, str]:
        """Write what is worth most first; of what was refused, why. Telemetry without room is dropped."""
        refused: dict[Worth, str] = {}
        for worth in reversed(Worth):
            if not frames.get(worth):
                continue
            try:
                self._write(worth, frames[worth])
            except OSError as error:
                if worth is Worth.TELEMETRY and error.errno in FULL:
                    self._dropped.update(one.topic for one in frames[worth])
                else:
                    refused[worth] = str(error)
                    self._refused += len(frames[worth])
        return refused

    def oldest(self, records_max: int) -> tuple[list[Record], tuple[Mark, ...]]:
        """The first that were not sent: of what is worth most, and of the others what there is room for."""
        records: list[Record] = []
        marks: list[Mark] = []
        for worth in reversed(Worth):
            if len(records) < records_max:
                found, mark = self._oldest_of(worth, records_max - len(records))
                records += found
                marks += [mark] if mark else []
        return records, tuple(marks)

    def forget(self, records: Sequence[Record], marks: Sequence[Mark]) -> None:
        """They were sent. Nothing, of those that were dropped meanwhile."""
        start = 0
        for mark in marks:
            its = records[start : start + mark.records]
            start += mark.records
            lane = self._lanes[mark.worth]
            if not lane or lane[0].number != mark.number:
                continue
            segment = lane[0]
            segment.forget(its, mark.end)
            if segment.sent == segment.size:
                segment.path.unlink()
                lane.pop(0)
        self._note_sent()

    def level(self) -> SpoolLevel:
        """As it is now."""
        segments = [one for lane in self._lanes.values() for one in lane]
        return SpoolLevel(
            records=sum(one.waiting.total() for one in segments),
            bytes=sum(one.size for one in segments),
            bytes_max=self._bytes_max,
            oldest_at=min((one.oldest_at for one in segments), default=None),
            dropped=dict(self._dropped),
            refused=self._refused,
        )

    def _oldest_of(self, worth: Worth, records_max: int) -> tuple[list[Record], Mark | None]:
        lane = self._lanes[worth]
        while lane:
            records, end = lane[0].read(records_max, READ_BYTES_MAX)
            if records:
                return records, Mark(len(records), worth, lane[0].number, end)
            # What was whole when it was written is not now: the disk has lost it.
            self._drop(worth)
        return [], None

    def _write(self, worth: Worth, frames: Sequence[Frame]) -> None:
        size = sum(len(one.data) for one in frames)
        while self._used() + size > self._bytes_max:
            if not self._make_room(worth):
                raise OSError(errno.ENOSPC, f"its {self._bytes_max} bytes are full")
        while True:
            try:
                self._append(worth, frames)
            except OSError as error:
                if error.errno not in FULL or not self._make_room(worth):
                    raise
            else:
                return

    def _append(self, worth: Worth, frames: Sequence[Frame]) -> None:
        lane = self._lanes[worth]
        if lane and not lane[-1].closed and lane[-1].size < self._segment_bytes:
            lane[-1].append(frames)
            return
        self._number += 1
        name = f"{worth.name.lower()}-{self._number:012}.spool"
        segment = Segment(self._folder / name, self._number)
        try:
            segment.append(frames)
        except OSError:
            segment.path.unlink(missing_ok=True)
            raise
        lane.append(segment)

    def _make_room(self, coming: Worth) -> bool:
        worth = makes_room([one for one, lane in self._lanes.items() if lane], coming)
        if worth is None:
            return False
        self._drop(worth)
        return True

    def _drop(self, worth: Worth) -> None:
        segment = self._lanes[worth].pop(0)
        self._dropped.update(segment.waiting)
        segment.path.unlink(missing_ok=True)

    def _used(self) -> int:
        return sum(one.size for lane in self._lanes.values() for one in lane)

    def _recover(self) -> int:
        sent, cut = self._read_sent(), 0
        self._number = max(sent, default=0)
        self._lanes = {worth: [] for worth in Worth}
        for path in sorted(self._folder.iterdir()):
            if (name := _NAME.fullmatch(path.name)) is None:
                continue
            segment = Segment(path, int(name[2]))
            self._number = max(self._number, segment.number)
            cut += segment.recover(sent.get(segment.number, 0))
            if segment.waiting:
                self._lanes[Worth[name[1].upper()]].append(segment)
            else:
                path.unlink()
        return cut

    def _read_sent(self) -> dict[int, int]:
        try:
            return msgspec.json.decode((self._folder / _SENT).read_bytes(), type=dict[int, int])
        except (OSError, msgspec.DecodeError):
            return {}

    def _note_sent(self) -> None:
        """By segment; the newest is among them, so that no number is given twice."""
        firsts = {lane[0].number: lane[0].sent for lane in self._lanes.values() if lane}
        new = self._folder / f"{_SENT}.new"
        with contextlib.suppress(OSError):
            new.write_bytes(msgspec.json.encode({self._number: 0} | firsts))
            new.replace(self._folder / _SENT)
