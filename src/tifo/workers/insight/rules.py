"""Counting who watches from what is said of sessions; each event counts once, in any order and late."""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable

from tifo.api.events import AnyEvent, PathwayUsed, SessionEnded, SessionsRenewed, SessionStarted

SESSIONS_MAX = 4_000_000
"""Sessions that are told apart; past it the one heard of longest ago is forgotten."""


class Rate:
    """How often something happened per second, over the last `window_s` seconds."""

    def __init__(self, window_s: int) -> None:
        self._window_s = window_s
        self._times: deque[tuple[float, int]] = deque()
        self._sum = 0

    def add(self, at: float, count: int = 1) -> None:
        """Note that it happened `count` times at `at`."""
        self._times.append((at, count))
        self._sum += count

    def per_s(self, now: float) -> float:
        """The mean rate over the window that ends at `now`."""
        while self._times and self._times[0][0] <= now - self._window_s:
            self._sum -= self._times.popleft()[1]
        return round(self._sum / self._window_s, 2)


class Audience:
    """The sessions that live, by the events seen so far: when each was last heard of, and on which CDN."""

    def __init__(self, silent_s: int) -> None:
        self._silent_s = silent_s
        self._heard: OrderedDict[str, float] = OrderedDict()
        self._pathway: dict[str, str] = {}
        self._ended: OrderedDict[str, float] = OrderedDict()

    def see(self, event: AnyEvent, at: float) -> None:
        """Take one event into account; one that comes late or twice changes nothing it should not."""
        match event:
            case SessionStarted():
                self._hear(event.session, at)
            case SessionsRenewed():
                for session in event.sessions:
                    self._hear(session, at)
            case SessionEnded():
                self._end(event.session, at, event.why)
            case PathwayUsed():
                self._hear(event.session, at)
                if event.session in self._heard:
                    self._pathway[event.session] = event.pathway
            case _:
                pass

    def forget_silent(self, now: float) -> None:
        """Leave out sessions that were not heard of for long: their process died without a word."""
        for session in list(_older(self._heard, now - self._silent_s)):
            self._drop(session)
        for session in list(_older(self._ended, now - self._silent_s)):
            del self._ended[session]

    def viewers(self) -> int:
        """Sessions that live."""
        return len(self._heard)

    def by_pathway(self) -> dict[str, int]:
        """Sessions that live and have said which CDN they are on."""
        return dict(Counter(self._pathway.values()))

    def _hear(self, session: str, at: float) -> None:
        if session in self._ended:
            return
        self._heard[session] = max(at, self._heard.get(session, 0.0))
        self._heard.move_to_end(session)
        if len(self._heard) > SESSIONS_MAX:
            self._drop(next(iter(self._heard)))

    def _end(self, session: str, at: float, why: str) -> None:
        self._drop(session)
        # A session that expired may wake up and go on; the others never do, whatever is heard late.
        if why == "expired":
            return
        self._ended[session] = at
        if len(self._ended) > SESSIONS_MAX:
            self._ended.popitem(last=False)

    def _drop(self, session: str) -> None:
        self._heard.pop(session, None)
        self._pathway.pop(session, None)


def _older(heard: "OrderedDict[str, float]", limit: float) -> Iterable[str]:
    """Keys in the order they were heard of, as long as they are older than the limit."""
    for session, at in heard.items():
        if at > limit:
            return
        yield session
