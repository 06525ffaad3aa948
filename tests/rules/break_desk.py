"""A desk at which breaks are spoken of, and the board below it, both by hand."""

from dataclasses import replace

import msgspec

from tifo.api.breaks import BreakSchedule
from tifo.board.breaks import BreakBook
from tifo.board.entries import BREAK
from tifo.board.ports import Entry
from tifo.channel.playlist import date_range
from tifo.services.control.break_rules import Desk, Said

NOW = 1_800_000_000.0
"""A break of the schedule begins now."""
EVERY_10_MIN = BreakSchedule(every_s=600, duration_s=20)
NO_BREAKS = BreakSchedule(0, 0)


class Board:
    """What a board's view does for the book: it tells who follows a folder what is new in it."""

    def __init__(self) -> None:
        self.listener = lambda written, gone: None

    def follow(self, folder, listener) -> None:
        assert folder == BREAK
        self.listener = listener


class Room:
    """One desk over time."""

    def __init__(self, schedule: BreakSchedule = NO_BREAKS) -> None:
        self.board = Board()
        self.book = BreakBook(schedule, self.board)
        self.desk = Desk(self.book, NOW, lead_s=4.0, notice_s=20.0, unstated_s=60.0)

    def at(self, seconds: float) -> Desk:
        """The desk so many seconds after the beginning."""
        self.desk = replace(self.desk, now=NOW + seconds)
        return self.desk

    def write(self, *said: Said) -> tuple[str, ...]:
        """Put it on the board; the breaks it was about."""
        for one in said:
            self.board.listener({one.id: Entry(one.id, msgspec.json.encode(one.word), 1, None)}, ())
        return tuple(one.id for one in said)

    def tag(self, break_id: str) -> str:
        """What playlists say of a break at the desk's time."""
        found = self.book.find(break_id)
        assert found is not None
        return date_range(found, self.desk.now)

    def spans(self, begin: float = 0, end: float = 3600) -> list[tuple[str, float, float]]:
        """The breaks in that time: id, start and end in seconds after the beginning."""
        found = self.book.between(NOW + begin, NOW + end)
        return [(one.id, one.start - NOW, one.end - NOW) for one in found]
