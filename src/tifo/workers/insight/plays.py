"""How each player goes on, from what it tells: each record counts once, a late one changes no state."""

from collections import OrderedDict
from typing import NamedTuple

from tifo.workers.insight.told import Told
from tifo.workers.insight.window import Mark

PLAYS_MAX = 500_000
"""Players of one share that are followed; past it the one that has been silent the longest is forgotten."""

SILENT_MS_MAX = 90_000
"""Milliseconds between two records past which nobody knows what the player did: three of its intervals."""

NUMBERS_KEPT = 64
"""Record numbers behind the highest that are told apart; older ones are taken for repeats."""

_KEPT = (1 << NUMBERS_KEPT) - 1

WATCHING = frozenset({"p", "r"})
STALLED = "r"


class Step(NamedTuple):
    """What one record adds: time watched and the part of it spent waiting, and a start that came about.

    `newest` where the record is the last word on the player, and not a late one.
    """

    newest: bool
    watched_ms: float = 0.0
    stalled_ms: float = 0.0
    startup_ms: float | None = None


class Play:
    """One session's player. `began_ms` is when it began to start, by its own clock, while it starts."""

    __slots__ = ("_seen", "at_ms", "began_ms", "content", "mark", "number", "started", "state")

    def __init__(self, content: str, mark: Mark) -> None:
        self.content = content
        self.mark = mark
        self.state = ""
        self.at_ms = -1
        self.began_ms: int | None = None
        self.started = False
        self.number = -1
        self._seen = 0

    def take(self, told: Told, at_ms: int) -> Step | None:
        """What the record adds; None for a repeat."""
        follows = at_ms > self.at_ms
        if told.number is None:
            # Nothing tells a repeat from a late record but its time.
            return self._advance(told, at_ms) if follows else None
        highest = told.number > self.number
        if not self._is_first(told.number, follows):
            return None
        # Numbers order what happened within one millisecond, and what a clock that was set back says.
        behind = self.at_ms - at_ms
        if follows or (highest and (behind == 0 or behind > SILENT_MS_MAX)):
            return self._advance(told, at_ms)
        return self._late(told)

    def _is_first(self, number: int, follows: bool) -> bool:
        ahead = number - self.number
        if ahead > 0:
            self._seen = (self._seen << min(ahead, NUMBERS_KEPT) | 1) & _KEPT
            self.number = number
            return True
        if follows:
            self._begin_again(number)
            return True
        bit = 1 << -ahead if -ahead < NUMBERS_KEPT else 0
        first = bool(bit) and not self._seen & bit
        self._seen |= bit
        return first

    def _begin_again(self, number: int) -> None:
        """The page built another player for the same session: it counts from the beginning."""
        self.number, self._seen = number, 1
        self.state, self.began_ms, self.started = "", None, False

    def _advance(self, told: Told, at_ms: int) -> Step:
        watched = self._watched(at_ms)
        stalled = watched if self.state == STALLED else 0.0
        if told.starved_ms is not None:
            stalled = min(told.starved_ms, watched)
        startup = self._startup(told, at_ms)
        self.at_ms = at_ms
        self.state = told.state or self.state
        return Step(True, watched, stalled, startup)

    def _watched(self, at_ms: int) -> float:
        gap = at_ms - self.at_ms
        return float(gap) if self.state in WATCHING and 0 < gap <= SILENT_MS_MAX else 0.0

    def _startup(self, told: Told, at_ms: int) -> float | None:
        """The player's own word, or the time from its starting state to its playing one."""
        if self.started:
            return None
        if told.start_delay_ms is not None:
            self.started = True
            return told.start_delay_ms
        if told.state == "s" and self.began_ms is None:
            self.began_ms = at_ms
        elif told.state in ("a", "e", "f"):
            # Whoever pauses before the first picture has not been kept waiting since.
            self.began_ms = None
        elif told.state == "p":
            return self._first_picture(at_ms)
        return None

    def _first_picture(self, at_ms: int) -> float | None:
        self.started = True
        began, self.began_ms = self.began_ms, None
        waited = at_ms - began if began is not None else None
        return float(waited) if waited is not None and 0 <= waited <= SILENT_MS_MAX else None

    def _late(self, told: Told) -> Step:
        """What was already passed over stays; only a start delay that nobody has told yet is news."""
        if self.started or told.start_delay_ms is None:
            return Step(newest=False)
        self.started = True
        return Step(newest=False, startup_ms=told.start_delay_ms)


class Plays:
    """The players that were heard of lately, the longest silent first."""

    def __init__(self) -> None:
        self._plays: OrderedDict[str, tuple[Play, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plays)

    def of(self, session: str, told: Told, event: str, at: float) -> Play | None:
        """The session's player; None where the record is of another one, such as an ad's.

        A session's own player plays its event. Where none names it, the first that was heard is it, until it
        falls silent.
        """
        play, heard = self._plays.get(session, (None, 0.0))
        if play is None or (play.content != told.content and (told.content == event or _silent(heard, at))):
            play = Play(told.content, play.mark if play else Mark())
        elif play.content != told.content:
            return None
        self._plays[session] = (play, max(at, heard))
        self._plays.move_to_end(session)
        if len(self._plays) > PLAYS_MAX:
            self._plays.popitem(last=False)
        return play

    def forget_silent(self, now: float) -> None:
        """Leave out players that were not heard of for long."""
        while self._plays:
            session, (_, heard) = next(iter(self._plays.items()))
            if not _silent(heard, now):
                return
            del self._plays[session]


def _silent(heard: float, now: float) -> bool:
    return now - heard > SILENT_MS_MAX / 1_000
