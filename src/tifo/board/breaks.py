"""The break book: the schedule, and what operators and cues have said of breaks, the same on every node."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tifo.api.breaks import Break, Breaks, BreakSchedule, gives_way, merged
from tifo.board.entries import BREAK, BreakWord, decode_all
from tifo.board.ports import Entry
from tifo.board.view import BoardView

CONTINUED = "."
"""Stands in the id of a break that continues another one, between that one's id and a number from 2."""


@dataclass(frozen=True, slots=True)
class _Page:
    words: Mapping[str, BreakWord]
    breaks: Mapping[str, Break]


class BreakBook(Breaks):
    """The node's copy of the book. Any thread may read it: what it reads is replaced and never changed."""

    def __init__(self, schedule: BreakSchedule, view: BoardView) -> None:
        self._schedule = schedule
        self._page = _Page({}, {})
        view.follow(BREAK, self._read)

    def between(self, begin: float, end: float) -> tuple[Break, ...]:
        """The breaks that overlap [begin, end), oldest first."""
        page = self._page
        planned = (one for one in self._schedule.between(begin, end) if one.id not in page.words)
        return tuple(one for one in merged(planned, page.breaks.values()) if one.overlaps(begin, end))

    def find(self, break_id: str) -> Break | None:
        """The break with this id; None when there is none, when it gave way or was called off."""
        page = self._page
        if break_id in page.words:
            return page.breaks.get(break_id)
        planned = self._schedule.find(break_id)
        return None if planned is None or gives_way(planned, page.breaks.values()) else planned

    def word(self, break_id: str) -> BreakWord | None:
        """What was said of a break; None of one that is as the schedule has it."""
        return self._page.words.get(break_id)

    def words(self) -> Mapping[str, BreakWord]:
        """Everything that was said, by break."""
        return MappingProxyType(self._page.words)

    def _read(self, written: Mapping[str, Entry], gone: Collection[str]) -> None:
        kept = {id: word for id, word in self._page.words.items() if id not in gone and id not in written}
        words = {**kept, **decode_all(written, BreakWord)}
        breaks = {
            id: Break(id, word.start, word.duration_s, word.returned_at)
            for id, word in words.items()
            if not word.off
        }
        self._page = _Page(words, breaks)
