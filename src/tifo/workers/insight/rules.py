"""Counting who watches from what is said of sessions; each event counts once, in any order and late."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from sys import intern
from typing import Generic, NamedTuple, TypeVar

from tifo.api.events import AnyEvent, PathwayUsed, SessionEnded, SessionsRenewed, SessionStarted
from tifo.api.reports import AudienceReport
from tifo.board.audience import split

SESSIONS_MAX = 1_000_000
"""Sessions of one share that are told apart; past it the one whose time is over first is forgotten."""

ENDED_S = 600.0
"""Seconds for which a session that ended is not taken for a viewer, whatever is said of it."""

PLAYLESS_S = 60.0
"""Seconds after which a session that never asked for its steering, nor reported, plays nothing."""

TRAITS_MAX = 100_000
"""Combinations of event, device kind and ISP that are kept once for all sessions alike."""


T = TypeVar("T")


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


class Traits(NamedTuple):
    """What many sessions have in common; empty or 0 where it is not known. `lease_s` as in the events."""

    event: str = ""
    device_kind: str = ""
    isp: str = ""
    lease_s: int = 0


class Cell(NamedTuple):
    """Who has the same picture to expect: on one CDN, at one ISP, on one kind of device."""

    pathway: str
    isp: str
    device_kind: str


class _Session:
    """One session that lives. There are millions: it holds what is its own, and shares the rest."""

    __slots__ = ("id", "pathway", "played", "traits", "until")

    def __init__(self, session: str, traits: Traits, until: float) -> None:
        self.id = session
        self.traits = traits
        self.until = until
        self.pathway = ""
        self.played: bool | None = None
        """None while it is too new to say; False is counted."""


@dataclass(slots=True)
class Crowd:
    """How many live sessions are alike: on each CDN that they have named, in each event, and so on."""

    on_pathway: Counter[str] = field(default_factory=Counter)
    in_event: Counter[str] = field(default_factory=Counter)
    of_kind: Counter[str] = field(default_factory=Counter)
    of_isp: Counter[str] = field(default_factory=Counter)
    in_cell: Counter[Cell] = field(default_factory=Counter)

    def join(self, other: "Crowd") -> None:
        """Count those of another as well, who are others."""
        self.on_pathway.update(other.on_pathway)
        self.in_event.update(other.in_event)
        self.of_kind.update(other.of_kind)
        self.of_isp.update(other.of_isp)
        self.in_cell.update(other.in_cell)

    def viewers(self) -> int:
        """All of them."""
        return self.in_event.total()

    def report(self) -> AudienceReport:
        """By event, kind of device and ISP."""
        return AudienceReport(split(self.in_event), split(self.of_kind), split(self.of_isp))


class Audience:
    """The sessions that live, by the events seen so far: until when each is believed, what it is, and where.

    `crowd` counts them, and is not to be changed by others. `playless` of them play nothing.

    A session is believed for its lease after its last sign of life, and for `silent_s` at the least.
    """

    def __init__(self, silent_s: int) -> None:
        self._silent_s = silent_s
        self._live: dict[str, _Session] = {}
        self._live_due: Wheel[_Session] = Wheel()
        self.playless = 0
        self._new_due: Wheel[_Session] = Wheel()
        self._ended: set[str] = set()
        self._ended_due: Wheel[str] = Wheel()
        self._traits: dict[Traits, Traits] = {}
        self.crowd = Crowd()

    def see(self, event: AnyEvent, at: float, now: float) -> None:
        """Take one event into account; one that comes late or twice changes nothing it should not.

        What is said to happen after `now` was written by a clock that is ahead: it happens now.
        """
        at = min(at, now)
        match event:
            case SessionStarted() | SessionsRenewed():
                traits = self._shared(Traits(event.event, event.device_kind, event.isp, event.lease_s))
                for session in _sessions_of(event):
                    self._hear(session, at, traits)
            case SessionEnded():
                self._end(event.session, at, event.why)
            case PathwayUsed():
                self._hear(event.session, at, self._shared(Traits(event.event)))
                self._move(event.session, event.pathway)
            case _:
                pass

    def forget_silent(self, now: float) -> None:
        """Leave out sessions that were not heard of for long: their process died without a word."""
        for session in self._live_due.take(now):
            if self._live.get(session.id) is not session:
                continue
            if session.until > now:
                self._live_due.put(session, session.until)
            else:
                self._drop(session.id)
        for session in self._new_due.take(now):
            if self._live.get(session.id) is session and session.played is None:
                session.played = False
                self.playless += 1
        self._ended.difference_update(self._ended_due.take(now))

    def event_of(self, name: str) -> str | None:
        """The event that a living session watches, empty where it is not known; None for no such session."""
        session = self._live.get(name)
        return session.traits.event if session else None

    def cell_of(self, name: str) -> Cell:
        """Where a living session is counted."""
        return _cell(self._live[name])

    def played(self, name: str) -> None:
        """A living session plays."""
        session = self._live[name]
        if session.played is False:
            self.playless -= 1
        session.played = True

    def carried(self, name: str, pathway: str) -> None:
        """A living session said by itself which CDN carries it."""
        self._move(name, pathway)

    def _hear(self, name: str, at: float, traits: Traits) -> None:
        if name in self._ended:
            return
        session = self._live.get(name)
        if session is None:
            session = _Session(name, traits, at + self._patience(traits))
            self._add(session)
            self._new_due.put(session, at + PLAYLESS_S)
            return
        if session.traits is not traits:
            self._learn(session, traits)
        session.until = max(session.until, at + self._patience(session.traits))

    def _patience(self, traits: Traits) -> int:
        return max(traits.lease_s, self._silent_s)

    def _add(self, session: _Session) -> None:
        if len(self._live) >= SESSIONS_MAX:
            self._make_room()
        self._live[session.id] = session
        self._live_due.put(session, session.until)
        self._count(session.traits, 1)
        _add(self.crowd.in_cell, _cell(session), 1)

    def _make_room(self) -> None:
        while len(self._live) >= SESSIONS_MAX:
            due, session = self._live_due.take_first()
            if self._live.get(session.id) is not session:
                continue
            if session.until > due:
                self._live_due.put(session, session.until)
            else:
                self._drop(session.id)

    def _learn(self, session: _Session, heard: Traits) -> None:
        """What is heard goes before what was known, but not knowing does not."""
        known = session.traits
        merged = self._shared(
            Traits(
                heard.event or known.event,
                heard.device_kind or known.device_kind,
                heard.isp or known.isp,
                heard.lease_s or known.lease_s,
            )
        )
        if merged != known:
            _add(self.crowd.in_cell, _cell(session), -1)
            session.traits = merged
            _add(self.crowd.in_cell, _cell(session), 1)
            self._count(known, -1)
            self._count(merged, 1)

    def _shared(self, traits: Traits) -> Traits:
        """The one copy of these traits, so that a million sessions that are alike hold it together."""
        if len(self._traits) >= TRAITS_MAX:
            self._traits.clear()
        return self._traits.setdefault(traits, traits)

    def _move(self, name: str, pathway: str) -> None:
        session = self._live.get(name)
        if session is None:
            return
        if not session.played:
            self.played(name)
        if session.pathway == pathway:
            return
        self._count_on(session.pathway, -1)
        _add(self.crowd.in_cell, _cell(session), -1)
        session.pathway = intern(pathway)
        self._count_on(pathway, 1)
        _add(self.crowd.in_cell, _cell(session), 1)

    def _end(self, name: str, at: float, why: str) -> None:
        self._drop(name)
        # A session that expired may wake up and go on; the others never do, whatever is heard late.
        if why == "expired" or name in self._ended:
            return
        if len(self._ended) >= SESSIONS_MAX:
            self._ended.discard(self._ended_due.take_first()[1])
        self._ended.add(name)
        self._ended_due.put(name, at + max(self._silent_s, ENDED_S))

    def _drop(self, name: str) -> None:
        session = self._live.pop(name, None)
        if session is not None:
            self.playless -= session.played is False
            self._count(session.traits, -1)
            self._count_on(session.pathway, -1)
            _add(self.crowd.in_cell, _cell(session), -1)

    def _count_on(self, pathway: str, change: int) -> None:
        if pathway:
            _add(self.crowd.on_pathway, pathway, change)

    def _count(self, traits: Traits, change: int) -> None:
        _add(self.crowd.in_event, traits.event, change)
        _add(self.crowd.of_kind, traits.device_kind, change)
        _add(self.crowd.of_isp, traits.isp, change)


class Wheel(Generic[T]):
    """Things by the second in which each is due: as quick with millions as with one."""

    def __init__(self) -> None:
        self._due: dict[int, list[T]] = {}

    def put(self, thing: T, at: float) -> None:
        """It is due at `at`."""
        self._due.setdefault(ceil(at), []).append(thing)

    def take(self, now: float) -> Iterator[T]:
        """Take out everything that is due by `now`; what is put in meanwhile is for the next time."""
        for second in [one for one in self._due if one <= now]:
            yield from self._due.pop(second)

    def take_first(self) -> tuple[int, T]:
        """Take out one thing of those that are due first, with the second it was due in; there is one."""
        second = min(self._due)
        things = self._due[second]
        thing = things.pop()
        if not things:
            del self._due[second]
        return second, thing


def _sessions_of(event: SessionStarted | SessionsRenewed) -> tuple[str, ...]:
    return (event.session,) if isinstance(event, SessionStarted) else event.sessions


def _cell(session: _Session) -> Cell:
    return Cell(session.pathway, session.traits.isp, session.traits.device_kind)


def _add(counts: Counter[T], name: T, change: int) -> None:
    """A count that comes to nothing is not kept, so that names come and go for ever."""
    counts[name] += change
    if not counts[name]:
        del counts[name]
