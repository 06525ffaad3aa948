"""What operators and cues may say of breaks: what was announced stands, and only its end may still move.

A break that shall last longer than announced goes on in another one that begins where it ends: nothing
that players have read is ever changed. One that shall be shorter has an early return.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from tifo.api.breaks import Break
from tifo.api.control import BREAK_S_MAX, BreakSource, BreakState, BreakView
from tifo.board.breaks import CONTINUED, BreakBook
from tifo.board.entries import BreakWord
from tifo.kernel.errors import Refusal
from tifo.scte35.cues import Cue, nearest_s

BREAK_AHEAD_S_MAX = 24 * 3600
"""Seconds ahead that a break may be planned."""

BREAK_S_MIN = 1.0
"""Seconds: what is shorter is no break, and no news of one either."""

CONTINUATIONS_MAX = 20
"""Breaks that one may go on in."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What is known when somebody speaks.

    `lead_s`: seconds from a word to the earliest start. `notice_s`: seconds before its start at which a
    break is announced. `unstated_s`: how long one lasts of which nobody says it.
    """

    book: BreakBook
    now: float
    lead_s: float
    notice_s: float
    unstated_s: float

    @property
    def earliest(self) -> float:
        """The whole second at which a break may begin."""
        return float(math.ceil(self.now + self.lead_s))

    def announced(self, one: Break) -> bool:
        """Whether players may have read of it."""
        return one.start - self.notice_s <= self.now

    def family(self, break_id: str) -> tuple[Break, ...]:
        """The break with this id or that it continues, and all that continue it, oldest first."""
        return tuple(one for one in map(self.book.find, family_ids(break_id)) if one is not None)


@dataclass(frozen=True, slots=True)
class Said:
    """A word for the board, and what the audit trail calls it."""

    id: str
    word: BreakWord
    act: Literal["break-start", "break-extend", "break-change", "break-return", "break-off"]
    detail: str = ""


def family_ids(break_id: str) -> tuple[str, ...]:
    """The ids that a break and all that continue it may have."""
    root = break_id.partition(CONTINUED)[0]
    return (root, *(f"{root}{CONTINUED}{n}" for n in range(2, CONTINUATIONS_MAX + 2)))


def plan(desk: Desk, new_id: str, starts_at: float | None, duration_s: float, cue: int | None = None) -> Said:
    """A break from `starts_at` on, or as soon as players can know; raises `Refusal`."""
    start = desk.earliest if starts_at is None else round(starts_at, 3)
    if not desk.earliest - desk.lead_s <= start <= desk.now + BREAK_AHEAD_S_MAX:
        raise Refusal("invalid", "A break begins some seconds from now at the earliest, and within a day.")
    word = BreakWord(max(start, desk.earliest), round(duration_s, 3), cue=cue)
    _refuse_overlap(desk, word)
    return Said(new_id, word, "break-start", f"{word.duration_s:g} s" + _of_cue(cue))


def give_back(desk: Desk, break_id: str, at: float | None = None) -> tuple[Said, ...]:
    """The early return of a break and of what continues it, now or at `at`; nothing once it is over."""
    found = _known(desk, break_id)
    moment = max(desk.now, at or 0.0)
    return tuple(_ended(desk, one, moment) for one in found if moment < one.end)


def resize(desk: Desk, break_id: str, total_s: float) -> tuple[Said, ...]:
    """Have a break last `total_s` in all; raises `Refusal` (not-found) for one that is over."""
    found = _known(desk, break_id)
    first, newest = found[0], found[-1]
    end = first.start + total_s
    if newest.end <= desk.now:
        raise Refusal("not-found", "That break is over.")
    if not desk.announced(first):
        return (_changed(desk, first, total_s),)
    if end >= newest.end + BREAK_S_MIN:
        return (_continued(desk, found, end),)
    return give_back(desk, break_id, end) if end < newest.end else ()


def hear(desk: Desk, cue: Cue, new_id: str, starts_at: float | None) -> tuple[Said, ...]:
    """What a cue changes; nothing, for one that was heard before or that speaks of no break of ours.

    `starts_at` is when its time is, where its clock is not the channel's. Cues are sent several times,
    so that one speaks of the break of its event id as long as that is not over.
    """
    at = starts_at
    if at is None and cue.pts is not None:
        at = nearest_s(cue.pts, desk.now)
    known = _of_event(desk, cue.event_id)
    if cue.kind == "out":
        return _heard_again(desk, cue, known, at) if known else _opened(desk, cue, new_id, at)
    if cue.kind == "in":
        known = known or _running_cue(desk)
    if known is None or not desk.family(known):
        return ()
    return give_back(desk, known, at if cue.kind == "in" else None)


def view(desk: Desk, break_id: str) -> BreakView | None:
    """How a break stands; None when there is none with that id."""
    word, one = desk.book.word(break_id), desk.book.find(break_id)
    if one is None and word is not None:
        one = Break(break_id, word.start, word.duration_s, word.start)
    if one is None:
        return None
    source: BreakSource = "schedule"
    if not break_id.startswith("brk-") or CONTINUED in break_id:
        source = "cue" if word and word.cue is not None else "operator"
    return BreakView(one.id, _state(desk, one, word), source, one.start, one.end, one.duration_s)


def _state(desk: Desk, one: Break, word: BreakWord | None) -> BreakState:
    if one.end == one.start or (word is not None and word.off):
        return "off"
    if one.end <= desk.now:
        return "over"
    if one.start <= desk.now:
        return "running"
    return "announced" if desk.announced(one) else "planned"


def _opened(desk: Desk, cue: Cue, new_id: str, at: float | None) -> tuple[Said, ...]:
    """A cue that comes late opens what is left of its break."""
    lasts_s = min(cue.duration_s or desk.unstated_s, BREAK_S_MAX)
    if at is None:
        return (plan(desk, new_id, None, lasts_s, cue.event_id),)
    start = max(at, desk.earliest)
    left_s = at + lasts_s - start
    return (plan(desk, new_id, start, left_s, cue.event_id),) if left_s >= BREAK_S_MIN else ()


def _heard_again(desk: Desk, cue: Cue, known: str, at: float | None) -> tuple[Said, ...]:
    """A cue of a break that is known may make it longer, and not shorter: that is what a return is for.

    One that was given back, or called off, stays so however often its cue is sent.
    """
    words = (desk.book.word(id) for id in family_ids(known))
    given_back = any(word is not None and (word.off or word.returned_at is not None) for word in words)
    if at is None or cue.duration_s is None or given_back:
        return ()
    found = desk.family(known)
    end = at + min(cue.duration_s, BREAK_S_MAX)
    return resize(desk, known, end - found[0].start) if end >= found[-1].end + BREAK_S_MIN else ()


def _of_event(desk: Desk, event_id: int) -> str | None:
    return next((id for id, word in _cued(desk) if word.cue == event_id), None)


def _running_cue(desk: Desk) -> str | None:
    """Who closes a break may give its word an event id of its own."""
    return next((id for id, word in _cued(desk) if word.start <= desk.now and not word.off), None)


def _cued(desk: Desk) -> Iterator[tuple[str, BreakWord]]:
    """The words of cues whose breaks would not be over yet as they were announced."""
    for id, word in desk.book.words().items():
        if word.cue is not None and word.start + word.duration_s > desk.now:
            yield id, word


def _known(desk: Desk, break_id: str) -> tuple[Break, ...]:
    found = desk.family(break_id)
    if not found or found[0].start > desk.now + BREAK_AHEAD_S_MAX:
        raise Refusal("not-found", f"There is no break {break_id}.")
    return found


def _ended(desk: Desk, one: Break, at: float) -> Said:
    word = _word(desk, one)
    if not desk.announced(one):
        return Said(one.id, msgspec.structs.replace(word, off=True), "break-off")
    back = round(max(at, one.start), 3)
    return Said(one.id, msgspec.structs.replace(word, returned_at=back), "break-return")


def _changed(desk: Desk, one: Break, total_s: float) -> Said:
    word = msgspec.structs.replace(_word(desk, one), duration_s=round(total_s, 3))
    _refuse_overlap(desk, word, but=one.id)
    return Said(one.id, word, "break-change", f"{word.duration_s:g} s")


def _continued(desk: Desk, found: tuple[Break, ...], end: float) -> Said:
    first, newest = found[0], found[-1]
    number = int(newest.id.partition(CONTINUED)[2] or 1) + 1
    start = max(newest.end, desk.earliest)
    if end - start < BREAK_S_MIN or number > CONTINUATIONS_MAX + 1:
        raise Refusal("invalid", "That is too little, or too often, for the break to go on.")
    word = BreakWord(round(start, 3), round(end - start, 3), cue=_word(desk, first).cue)
    _refuse_overlap(desk, word)
    return Said(f"{first.id}{CONTINUED}{number}", word, "break-extend", f"{word.duration_s:g} s more")


def _word(desk: Desk, one: Break) -> BreakWord:
    return desk.book.word(one.id) or BreakWord(one.start, one.duration_s)


def _refuse_overlap(desk: Desk, word: BreakWord, but: str = "") -> None:
    """A break of the schedule that nobody knows of yet gives way; every other one stands."""
    for one in desk.book.between(word.start, word.start + word.duration_s):
        gives_way = desk.book.word(one.id) is None and not desk.announced(one)
        if one.id != but and not gives_way and one.end > one.start:
            detail = f"The break {one.id} is then, from {one.start:.0f} to {one.end:.0f}."
            raise Refusal("break-overlap", detail, members={"break": one.id})


def _of_cue(cue: int | None) -> str:
    return "" if cue is None else f", cue {cue:#010x}"
