"""When the breaks of a channel are: one rule that the channel and the services all read."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Break:
    """One ad break: `start` in seconds since the epoch, `duration_s` in seconds, as announced.

    `returned_at` (epoch seconds) is the early return: the match goes on there, and not at the planned end.
    """

    id: str
    start: float
    duration_s: float
    returned_at: float | None = None

    @property
    def end(self) -> float:
        """When the break is over, in seconds since the epoch."""
        planned = self.start + self.duration_s
        return planned if self.returned_at is None else max(self.start, min(planned, self.returned_at))

    def overlaps(self, begin: float, end: float) -> bool:
        """Whether any of it is in [begin, end); one that was called off is a moment, and may be there too."""
        return self.start < end and (self.end > begin or self.start == self.end == begin)


class Breaks(Protocol):
    """The breaks there were and will be, as they are known now; reads memory only."""

    @abstractmethod
    def between(self, begin: float, end: float) -> tuple[Break, ...]:
        """The breaks that overlap [begin, end), oldest first."""

    @abstractmethod
    def find(self, break_id: str) -> Break | None:
        """The break with this id, or None when there is no such break."""


@dataclass(frozen=True, slots=True)
class BreakSchedule(Breaks):
    """A break of `duration_s` every `every_s`, on the wall clock, so that everyone computes the same.

    `every_s` of 0 means no breaks. A break's id is `brk-<n>`, n being its start divided by `every_s`.
    """

    every_s: int
    duration_s: int

    def between(self, begin: float, end: float) -> tuple[Break, ...]:
        """The breaks that overlap [begin, end), oldest first."""
        if self.every_s <= 0:
            return ()
        first = int(begin - self.duration_s) // self.every_s
        candidates = (self._nth(n) for n in range(first, int(end) // self.every_s + 1))
        return tuple(b for b in candidates if b.overlaps(begin, end))

    def find(self, break_id: str) -> Break | None:
        """The break with this id, or None when the schedule has no such break."""
        head, _, number = break_id.partition("-")
        if self.every_s <= 0 or head != "brk" or not number.isdecimal() or len(number) > 12:
            return None
        return self._nth(int(number))

    def _nth(self, n: int) -> Break:
        return Break(id=f"brk-{n}", start=float(n * self.every_s), duration_s=float(self.duration_s))


def merged(planned: Iterable[Break], said: Iterable[Break]) -> tuple[Break, ...]:
    """Breaks of the schedule together with those that people or cues made, oldest first.

    A planned break gives way to one that was said and that it would overlap, for as long as that was
    announced: an early return brings nothing back that had already given way.
    """
    said = tuple(said)
    left = (one for one in planned if not gives_way(one, said))
    return tuple(sorted((*left, *said), key=lambda one: one.start))


def gives_way(planned: Break, said: Iterable[Break]) -> bool:
    """Whether a break of the schedule would overlap one of those that were said."""
    return any(planned.start < one.start + one.duration_s and planned.end > one.start for one in said)
