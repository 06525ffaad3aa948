"""From the sketches of all insight workers to how many different viewers there were."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import inf

from tifo.api.reports import AudienceCount, ReachView
from tifo.api.sketches import Sketch, Sketches
from tifo.board.entries import SketchReport, decode_all
from tifo.board.ports import Entry

HEARD_S_MAX = 30.0
"""Age of a worker's word past which it says nothing of who watches now."""


class ReachDesk:
    """What the board says of it, joined again when that changes and not at each look."""

    def __init__(self, sketches: Sketches) -> None:
        self._sketches = sketches
        self._versions: dict[str, int] = {}
        self._view = reach_view((), sketches, 0.0)
        self._until = inf

    def view(self, entries: Mapping[str, Entry], now: float) -> ReachView:
        """What all workers' words come to now."""
        versions = {key: entry.version for key, entry in entries.items()}
        if versions != self._versions or now > self._until:
            reports = decode_all(entries, SketchReport).values()
            ends = [one.at + HEARD_S_MAX for one in reports]
            self._versions, self._until = versions, min((end for end in ends if end >= now), default=inf)
            self._view = reach_view(reports, self._sketches, now)
        return self._view


def reach_view(reports: Iterable[SketchReport], sketches: Sketches, now: float) -> ReachView:
    """All workers' words joined: whom two have heard of counts once. What does not read is left out."""
    heard = sketches.new()
    accounts: dict[str, Sketch] = {}
    for one in reports:
        if now - one.at <= HEARD_S_MAX:
            with suppress(ValueError):
                heard.join(one.heard)
        for event, dump in one.accounts.items():
            with suppress(ValueError):
                accounts.setdefault(event, sketches.new()).join(dump)
    counts = sorted((-sketch.count(), event) for event, sketch in accounts.items())
    return ReachView(
        heard=heard.count(),
        accounts=tuple(AudienceCount(event, -count) for count, event in counts),
        error=sketches.error,
    )
