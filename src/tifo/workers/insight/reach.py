"""How many different viewers there were, by sketch: a second opinion on who watches, and who has watched."""

from collections import Counter
from contextlib import suppress

from tifo.api.events import AnyEvent, PathwayUsed, PlaybackReported, SessionsRenewed, SessionStarted
from tifo.api.sketches import Sketch, Sketches
from tifo.board.entries import SketchReport

SLICE_S = 15
SLICES = 8
"""Sessions are heard of within two minutes, a slice of 15 seconds at a time."""

EVENTS_MAX = 8
"""Events whose accounts are counted; past it the one of the fewest makes room."""


class Reach:
    """What one worker has heard. To hear a thing twice changes nothing, so workers' words can be joined."""

    def __init__(self, sketches: Sketches) -> None:
        self._sketches = sketches
        self._heard: dict[int, Sketch] = {}
        self._accounts: dict[str, Sketch] = {}

    def resume(self, said: SketchReport) -> None:
        """Go on from what a worker of this name said last; a word that does not read is nothing."""
        for event, dump in said.accounts.items():
            with suppress(ValueError):
                self._accounts_of(event).join(dump)

    def see(self, event: AnyEvent, at: float) -> None:
        """Take one event into account."""
        match event:
            case SessionStarted():
                self._accounts_of(event.event).add(event.account)
                self._slice(at).add(event.session)
            case PathwayUsed() | PlaybackReported():
                self._slice(at).add(event.session)
            case SessionsRenewed():
                heard = self._slice(at)
                for session in event.sessions:
                    heard.add(session)
            case _:
                pass

    def report(self, now: float) -> SketchReport:
        """What it has heard by `now`, to be joined with what others have."""
        newest = int(now // SLICE_S)
        self._heard = {tick: one for tick, one in self._heard.items() if tick > newest - SLICES}
        heard = self._sketches.new()
        for one in self._heard.values():
            heard.join(one.dump())
        accounts = {event: one.dump() for event, one in self._accounts.items()}
        return SketchReport(at=now, heard=heard.dump(), accounts=accounts)

    def _slice(self, at: float) -> Sketch:
        tick = int(at // SLICE_S)
        found = self._heard.get(tick)
        if found is None:
            found = self._heard[tick] = self._sketches.new()
        return found

    def _accounts_of(self, event: str) -> Sketch:
        found = self._accounts.get(event)
        if found is None:
            if len(self._accounts) >= EVENTS_MAX:
                least = Counter({name: -one.count() for name, one in self._accounts.items()})
                del self._accounts[least.most_common(1)[0][0]]
            found = self._accounts[event] = self._sketches.new()
        return found
