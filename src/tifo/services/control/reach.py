"""From the sketches of all insight workers to how many different viewers there were."""

from base64 import b64decode
from collections.abc import Iterable

from tifo.api.reports import AudienceCount, ReachView
from tifo.api.sketches import Sketch, Sketches
from tifo.board.entries import SketchReport

HEARD_S_MAX = 30.0
"""Age of a worker's word past which it says nothing of who watches now."""


def reach_view(reports: Iterable[SketchReport], sketches: Sketches, now: float) -> ReachView:
    """All workers' words joined: whom two have heard of counts once. What does not read is left out."""
    heard = sketches.new()
    accounts: dict[str, Sketch] = {}
    for one in reports:
        if now - one.at <= HEARD_S_MAX:
            _join(heard, one.heard)
        for event, dump in one.accounts.items():
            _join(accounts.setdefault(event, sketches.new()), dump)
    counts = sorted((-sketch.count(), event) for event, sketch in accounts.items())
    return ReachView(
        heard=heard.count(),
        accounts=tuple(AudienceCount(event, -count) for count, event in counts),
        error=sketches.error,
    )


def _join(sketch: Sketch, dump: str) -> None:
    try:
        sketch.join(b64decode(dump, validate=True))
    except ValueError:
        return
