"""The events: what happens, as the log keeps it. Each type belongs to one topic and is keyed by its session."""

from typing import Any

import msgspec

from tifo.eventlog.ports import Record

SESSIONS = "sessions"
PLAYBACK = "playback"
ADS = "ads"
CONTROL = "control"
TOPICS = (SESSIONS, PLAYBACK, ADS, CONTROL)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event carries; subclasses name their topic and their key."""

    def topic(self) -> str:
        """The topic this type of event belongs to."""
        raise NotImplementedError

    def key(self) -> str:
        """What the event is ordered by."""
        raise NotImplementedError


class OfSession(Event, frozen=True, kw_only=True):
    """An event of one session of one event (match)."""

    session: str
    event: str

    def topic(self) -> str:
        """Sessions, unless a subclass says otherwise."""
        return SESSIONS

    def key(self) -> str:
        """Ordered by session."""
        return self.session


class SessionStarted(OfSession, frozen=True, kw_only=True, tag="session.started"):
    """A viewer was let in."""

    account: str
    device: str
    device_kind: str


class SessionRenewed(OfSession, frozen=True, kw_only=True, tag="session.renewed"):
    """A lease was renewed: the session lives until `until` (epoch seconds) as far as is known."""

    until: float


class SessionEnded(OfSession, frozen=True, kw_only=True, tag="session.ended"):
    """`why`: left, expired, taken-over, ended (by an operator) or kicked."""

    why: str


class SessionRefused(Event, frozen=True, kw_only=True, tag="session.refused"):
    """A start that was not let in; `code` is the problem's."""

    account: str
    event: str
    code: str

    def topic(self) -> str:
        """Sessions."""
        return SESSIONS

    def key(self) -> str:
        """Ordered by account: there is no session."""
        return self.account


class PathwayUsed(OfSession, frozen=True, kw_only=True, tag="playback.pathway"):
    """A player asked for its steering: which pathway it is on, and its throughput in bits per second."""

    pathway: str
    throughput_bps: int | None = None

    def topic(self) -> str:
        """Playback."""
        return PLAYBACK


class PlaybackReported(Event, frozen=True, kw_only=True, tag="playback.reported"):
    """One CMCD v2 record (CTA-5004-B) as the player sent it, keys and values decoded."""

    session: str
    values: dict[str, Any]

    def topic(self) -> str:
        """Playback."""
        return PLAYBACK

    def key(self) -> str:
        """Ordered by session."""
        return self.session


class BreakDecided(OfSession, frozen=True, kw_only=True, tag="ads.decided"):
    """What a viewer's break was filled with."""

    break_id: str
    creatives: tuple[str, ...]

    def topic(self) -> str:
        """Ads."""
        return ADS


class AdTracked(OfSession, frozen=True, kw_only=True, tag="ads.tracked"):
    """A signed beacon of one slot of one break: impression, quartiles, complete."""

    break_id: str
    slot: int
    creative: str
    what: str

    def topic(self) -> str:
        """Ads."""
        return ADS


class OperatorActed(Event, frozen=True, kw_only=True, tag="control.acted"):
    """The audit trail: who did what to what."""

    operator: str
    action: str
    target: str
    detail: str = ""

    def topic(self) -> str:
        """Control."""
        return CONTROL

    def key(self) -> str:
        """Ordered by target."""
        return self.target


AnyEvent = (
    SessionStarted
    | SessionRenewed
    | SessionEnded
    | SessionRefused
    | PathwayUsed
    | PlaybackReported
    | BreakDecided
    | AdTracked
    | OperatorActed
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyEvent).decode


def to_record(event: Event, event_id: str, at: float) -> Record:
    """The event as a record of the log."""
    tag = type(event).__struct_config__.tag
    return Record(event.topic(), event.key(), event_id, str(tag), at, _encode(event))


def from_record(record: Record) -> AnyEvent | None:
    """The typed event, or None when this version does not know its type."""
    try:
        return _decode(record.value)
    except msgspec.ValidationError:
        return None
