"""What a section asks of who makes breaks: to go out, to come back, or to forget what was said."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tifo.scte35.values import PTS_WRAP_TICKS, TICKS_PER_S, Section, Segmentation, SpliceInsert, TimeSignal

OPENING = frozenset({0x22, 0x34, 0x36, 0x44, 0x46})
"""Segments that are breaks begin: break, placement opportunity and ad block, of a provider or distributor
(section 10.3.3.1, table 23). Those of single advertisements stand within such a break."""

CLOSING = frozenset({0x23, 0x35, 0x37, 0x45, 0x47})
"""The same segments end."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One word about one break. `pts` (90 kHz, adjusted) is when; None at once. `duration_s` as planned."""

    kind: Literal["out", "in", "cancel"]
    event_id: int
    pts: int | None = None
    duration_s: float | None = None


def cues(section: Section) -> tuple[Cue, ...]:
    """What a section says about breaks; nothing, for one that speaks of other things."""
    match section.command:
        case SpliceInsert():
            return (_of_insert(section.command, section.pts_adjustment),)
        case TimeSignal(pts):
            at = _adjusted(pts, section.pts_adjustment)
            told = (one for one in section.descriptors if isinstance(one, Segmentation))
            return tuple(_of_segments(told, at))
        case _:
            return ()


def nearest_s(pts: int, now: float) -> float:
    """The epoch second nearest to `now` at which a clock that counts 90 kHz from the epoch shows `pts`.

    Such a clock shows the same again every 26.5 hours.
    """
    ahead = (pts - round(now * TICKS_PER_S)) % PTS_WRAP_TICKS
    if ahead > PTS_WRAP_TICKS // 2:
        ahead -= PTS_WRAP_TICKS
    return (round(now * TICKS_PER_S) + ahead) / TICKS_PER_S


def _of_insert(insert: SpliceInsert, adjustment: int) -> Cue:
    if insert.cancel:
        return Cue("cancel", insert.event_id)
    times = [insert.pts, *(one.pts for one in insert.components or ())]
    pts = next((one for one in times if one is not None), None)
    duration_s = insert.duration.ticks / TICKS_PER_S if insert.duration else None
    kind: Literal["out", "in"] = "out" if insert.out_of_network else "in"
    return Cue(kind, insert.event_id, _adjusted(pts, adjustment), duration_s)


def _of_segments(told: Iterator[Segmentation], pts: int | None) -> Iterator[Cue]:
    for one in told:
        if one.cancel:
            yield Cue("cancel", one.event_id)
        elif one.type_id in OPENING:
            seconds = one.duration_ticks / TICKS_PER_S if one.duration_ticks else None
            yield Cue("out", one.event_id, pts, seconds)
        elif one.type_id in CLOSING:
            yield Cue("in", one.event_id, pts)


def _adjusted(pts: int | None, adjustment: int) -> int | None:
    return None if pts is None else (pts + adjustment) % PTS_WRAP_TICKS
