"""When an outside ad server is asked for a break that is known, and by how many: no more than it declared."""

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

AHEAD_S = 0.1
"""Seconds ahead for which requests are given their times, so that a node that looks late loses none of the
rate. After it stood still, so much of the rate may come at once."""

OVERHEAD_S = 0.05
"""Seconds of a deadline that are ours: to send, to read the answer and to keep it."""


@dataclass(frozen=True, slots=True)
class Window:
    """Epoch seconds in which ads for a break are fetched."""

    begin: float
    end: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Share:
    """What one node may ask of a server: its part of what the server declared for all."""

    requests_per_s: float
    viewers_max: int

    def room(self, length_s: float) -> int:
        """Ads that it is asked for in one break: as many as it can answer in the window, and no more than it
        serves viewers at once."""
        return min(self.viewers_max, int(self.requests_per_s * length_s))


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests one by one, never closer than `1 / per_s` seconds, with no burst for what was not used."""

    per_s: float
    next_at: float = 0.0

    def reserve(self, now: float) -> tuple[float, "Pace"]:
        """When the next request may go out, and the pace after it."""
        at = max(now, self.next_at)
        return at, Pace(self.per_s, at + 1 / self.per_s)


def share(requests_per_s: float, viewers_max: int, nodes: int) -> Share:
    """An equal part for each node; together they never ask for more than was declared.

    Not in any second either: what may come at once after a node stood still is taken off.
    """
    return Share(requests_per_s / (1 + AHEAD_S) / nodes, viewers_max // nodes)


def window(start: float, now: float, from_s: float, until_s: float) -> Window:
    """From `from_s` until `until_s` seconds before the break starts, when players come to know of it.

    Of a break that is known later, what is left; of one that players know already, until its start.
    """
    end = start - until_s
    return Window(max(now, start - from_s), end if end > now else max(now, start))


def turns(sessions: Iterable[str], break_id: str, within: Window) -> list[tuple[float, str]]:
    """When each session's pod is decided and fetched: evenly over the window, in an order drawn by lot.

    The same sessions and break give the same; each break draws anew who comes first.
    """
    seed = crc32(break_id.encode())
    ordered = sorted(sessions, key=lambda one: (crc32(one.encode(), seed), one))
    step = within.length_s / max(1, len(ordered))
    return [(within.begin + n * step, one) for n, one in enumerate(ordered)]


def may_begin(now: float, wanted_by: float, deadline_s: float) -> bool:
    """Whether a server that takes all of its deadline answers in time."""
    return now + deadline_s <= wanted_by


def call_s(deadline_s: float) -> float:
    """Seconds of a deadline that are the server's, with all its wrappers."""
    return deadline_s - OVERHEAD_S
