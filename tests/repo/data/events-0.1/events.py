"""The events: what happens, as the log keeps it. Each type has one topic, and a key that orders it."""

from typing import Any, ClassVar

import msgspec

SESSIONS = "sessions"
PLAYBACK = "playback"
ADS = "ads"
CONTROL = "control"
TOPICS = (SESSIONS, PLAYBACK, ADS, CONTROL)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event carries: its type names its topic, and its field `KEY` orders it."""

    TOPIC: ClassVar[str] = SESSIONS
    KEY: ClassVar[str] = "session"


class OfSession(Event, frozen=True, kw_only=True):
    """An event of one session of one event (match)."""

    session: str
    event: str


class SessionStarted(OfSession, frozen=True, kw_only=True, tag="session.started"):
    """A viewer was let in.

    `isp`: AS number and name, such as "AS64500 Example Telecom"; empty where it is not known.
    `lease_s`: seconds that the session may be silent and still live; 0 where the sender did not say.
    """

    account: str
    device: str
    device_kind: str
    isp: str = ""
    lease_s: int = 0


class SessionsRenewed(Event, frozen=True, kw_only=True, tag="sessions.renewed"):
    """Leases that were renewed in the last second, gathered; `batch` tells the reports apart.

    The sessions of one batch are alike in event, device kind and ISP, so that who reads them knows what
    the start of each said; empty where that is not known. `lease_s` is as in `SessionStarted`.
    """

    KEY: ClassVar[str] = "batch"

    batch: str
    sessions: tuple[str, ...]
    event: str = ""
    device_kind: str = ""
    isp: str = ""
    lease_s: int = 0


class SessionEnded(OfSession, frozen=True, kw_only=True, tag="session.ended"):
    """`why`: left, expired, taken-over, ended (by an operator) or kicked."""

    why: str


class SessionRefused(Event, frozen=True, kw_only=True, tag="session.refused"):
    """A start that was not let in; `code` is the problem's."""

    TOPIC: ClassVar[str] = SESSIONS
    KEY: ClassVar[str] = "account"

    account: str
    event: str
    code: str


class PathwayUsed(OfSession, frozen=True, kw_only=True, tag="playback.pathway"):
    """A player asked for its steering: which pathway it is on, and its throughput in bits per second."""

    TOPIC: ClassVar[str] = PLAYBACK

    pathway: str
    throughput_bps: int | None = None


class PlaybackReported(Event, frozen=True, kw_only=True, tag="playback.reported"):
    """One CMCD v2 record (CTA-5004-B) as the player sent it, keys and values decoded."""

    TOPIC: ClassVar[str] = PLAYBACK
    KEY: ClassVar[str] = "session"

    session: str
    values: dict[str, Any]


class BreakDecided(OfSession, frozen=True, kw_only=True, tag="ads.decided"):
    """What a viewer's break was filled with: creatives in their order, and whose line item each is of.

    A line item is empty for house ads and slate.
    """

    TOPIC: ClassVar[str] = ADS

    break_id: str
    creatives: tuple[str, ...]
    line_items: tuple[str, ...] = ()


class AdTracked(OfSession, frozen=True, kw_only=True, tag="ads.tracked"):
    """A signed beacon of one slot of one break, `slot` 0 being the break itself.

    `what`: impression, firstQuartile, midpoint, thirdQuartile, complete, skip, click, error, or of a break
    breakStart, breakEnd, error. `code` is VAST's of an error, 0 where the player did not say. The id of the
    event comes from what the beacon says, so that one called again is the same event.
    """

    TOPIC: ClassVar[str] = ADS

    break_id: str
    slot: int
    creative: str
    what: str
    code: int = 0


class OperatorActed(Event, frozen=True, kw_only=True, tag="control.acted"):
    """The audit trail: who did what to what."""

    TOPIC: ClassVar[str] = CONTROL
    KEY: ClassVar[str] = "target"

    operator: str
    action: str
    target: str
    detail: str = ""


AnyEvent = (
    SessionStarted
    | SessionsRenewed
    | SessionEnded
    | SessionRefused
    | PathwayUsed
    | PlaybackReported
    | BreakDecided
    | AdTracked
    | OperatorActed
)
