"""A file of records that is only ever added to: each with its length and its checksum in front."""

import contextlib
import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tifo.eventlog.ports import Record

_HEADER = struct.Struct("<II")
"""Bytes of what follows, and their CRC-32."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


@dataclass(frozen=True, slots=True)
class Frame:
    """A record as it stands in a file, and what is counted of it."""

    data: bytes
    topic: str
    at: float


def frame(record: Record) -> Frame:
    """Raises `UnicodeEncodeError` for what is no text."""
    payload = _encode(record)
    return Frame(_HEADER.pack(len(payload), zlib.crc32(payload)) + payload, record.topic, record.at)


def records_in(data: bytes, start: int = 0) -> Iterator[tuple[Record, int]]:
    """Each record from `start` on and where it ends, up to the first that is not whole."""
    while start + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, start)
        end = start + _HEADER.size + length
        payload = data[start + _HEADER.size : end]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        try:
            record = _decode(payload)
        except msgspec.DecodeError:
            return
        yield record, end
        start = end


@dataclass(eq=False)
class Segment:
    """One such file. Whatever it raises is an `OSError`; it has then the records that it had before."""

    path: Path
    number: int
    size: int = 0
    sent: int = 0
    """Up to where it was sent."""
    waiting: Counter[str] = field(default_factory=Counter)
    """Records by topic that were not."""
    oldest_at: float = 0.0
    """When the first of these happened, or the last that was sent."""
    closed: bool = False
    """A write failed: nobody knows what the disk has after `size`, so nothing is added there."""

    def append(self, frames: Sequence[Frame]) -> None:
        """On the disk when this returns."""
        data = b"".join([one.data for one in frames])
        try:
            self._write(data)
        except OSError:
            self.closed = True
            # Gives back the room; where not even that works, whoever recovers it cuts it by its checksum.
            with contextlib.suppress(OSError):
                os.truncate(self.path, self.size)
            raise
        if not self.waiting:
            self.oldest_at = frames[0].at
        self.size += len(data)
        self.waiting.update([one.topic for one in frames])

    def read(self, records_max: int, bytes_max: int) -> tuple[list[Record], int]:
        """The next that were not sent, and where they end; at least one, however long."""
        with self.path.open("rb") as file:
            file.seek(self.sent)
            data = file.read(min(bytes_max, self.size - self.sent))
        found, end = [], 0
        for record, ends in records_in(data):
            found.append(record)
            end = ends
            if len(found) == records_max:
                break
        return found, self.sent + end

    def forget(self, records: Sequence[Record], end: int) -> None:
        """They were sent."""
        self.sent = end
        self.waiting.subtract([one.topic for one in records])
        self.waiting = +self.waiting
        self.oldest_at = records[-1].at

    def recover(self, sent: int) -> int:
        """Read what another process left, cut off what is not whole, and say how many bytes that was."""
        data = self.path.read_bytes()
        for record, end in records_in(data):
            if end <= sent:
                self.sent = end
            else:
                self.oldest_at = self.oldest_at if self.waiting else record.at
                self.waiting[record.topic] += 1
            self.size = end
        if cut := len(data) - self.size:
            os.truncate(self.path, self.size)
        return cut

    def _write(self, data: bytes) -> None:
        new = self.size == 0
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | (os.O_CREAT if new else 0), 0o600)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            os.fdatasync(file)
        finally:
            os.close(file)
        if new:
            sync_folder(self.path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names of its files on the disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
