"""When the breaks of a channel are: one rule that the channel and the ad service both read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """One ad break: `start` in seconds since the epoch, `duration_s` in seconds."""

    id: str
    start: float
    duration_s: float

    @property
    def end(self) -> float:
        """When the break is over, in seconds since the epoch."""
        return self.start + self.duration_s


@dataclass(frozen=True, slots=True)
class BreakSchedule:
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
        return tuple(b for b in candidates if b.end > begin and b.start < end)

    def find(self, break_id: str) -> Break | None:
        """The break with this id, or None when the schedule has no such break."""
        head, _, number = break_id.partition("-")
        if self.every_s <= 0 or head != "brk" or not number.isdecimal() or len(number) > 12:
            return None
        return self._nth(int(number))

    def _nth(self, n: int) -> Break:
        return Break(id=f"brk-{n}", start=float(n * self.every_s), duration_s=float(self.duration_s))
