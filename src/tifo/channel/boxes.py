"""Movie fragments (ISO/IEC 14496-12, CMAF): the few boxes that change from segment to segment.

Written here and not by a muxer, because the times in them are the wall clock's.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_STYP = struct.pack(">I4s4sI4s4s", 24, b"styp", b"msdh", 0, b"msdh", b"cmfs")
_SYNC_SAMPLE = 0x0200_0000
_DEPENDENT_SAMPLE = 0x0101_0000
_DEFAULT_BASE_IS_MOOF = 0x02_0000
_TRUN_FIELDS = 0x01 | 0x100 | 0x200 | 0x400  # data offset; duration, size and flags of each sample
_START_CODE = re.compile(rb"\x00\x00\x00?\x01")


@dataclass(frozen=True, slots=True)
class Sample:
    """One coded picture or audio frame; `ticks` is its duration in its track's timescale."""

    data: bytes
    ticks: int
    sync: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive samples of one track; `start` is the first one's decode time in the track's timescale."""

    track: int
    start: int
    samples: tuple[Sample, ...]


def segment(number: int, runs: Sequence[Run]) -> bytes:
    """A whole CMAF segment (styp, moof, mdat) with one run for each track it carries."""
    size = len(_moof(number, runs, 0))
    payload = b"".join(sample.data for run in runs for sample in run.samples)
    return b"".join((_STYP, _moof(number, runs, size + 8), _box(b"mdat", payload)))


def length_prefixed(annex_b: bytes) -> bytes:
    """An H.264 access unit with its start codes turned into four-byte lengths, as MP4 has it."""
    units = [unit for unit in _START_CODE.split(annex_b) if unit]
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def box(data: bytes, *path: str) -> bytes:
    """The payload of the first box at a path such as `"moof", "traf", "tfdt"`; empty when there is none."""
    for name in path:
        data = next((payload for kind, payload in top_boxes(data) if kind == name), b"")
    return data


def top_boxes(data: bytes) -> Iterable[tuple[str, bytes]]:
    """The boxes that lie side by side in `data`, as (type, payload)."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind.decode("latin-1"), data[at + 8 : at + size]
        at += max(size, 8)


def _moof(number: int, runs: Sequence[Run], data_offset: int) -> bytes:
    trafs = []
    for run in runs:
        trafs.append(_traf(run, data_offset))
        data_offset += sum(len(sample.data) for sample in run.samples)
    return _box(b"moof", _full_box(b"mfhd", 0, 0, struct.pack(">I", number & 0xFFFF_FFFF)), *trafs)


def _traf(run: Run, data_offset: int) -> bytes:
    samples = b"".join(
        struct.pack(">III", one.ticks, len(one.data), _SYNC_SAMPLE if one.sync else _DEPENDENT_SAMPLE)
        for one in run.samples
    )
    return _box(
        b"traf",
        _full_box(b"tfhd", 0, _DEFAULT_BASE_IS_MOOF, struct.pack(">I", run.track)),
        _full_box(b"tfdt", 1, 0, struct.pack(">Q", run.start)),
        _full_box(b"trun", 0, _TRUN_FIELDS, struct.pack(">Ii", len(run.samples), data_offset), samples),
    )


def _full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *payload)


def _box(kind: bytes, *payload: bytes) -> bytes:
    size = 8 + sum(map(len, payload))
    return b"".join((struct.pack(">I4s", size, kind), *payload))
