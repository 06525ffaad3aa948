"""The events: what happens, as the log keeps it. Each type has one topic, and a key that orders it.

Every field says whether it is about a person (`tifo.api.personal`). What may change in a type, and how one
is added, is in `docs/events.md`.
"""

from typing import Annotated, Any, ClassVar

import msgspec

from tifo.api.personal import (
    ACTED_ON,
    OF_SESSION,
    PLAIN,
    AccountId,
    DeviceId,
    Group,
    Network,
    Operator,
    Remark,
    SessionId,
    Text,
)

SESSIONS = "sessions"
PLAYBACK = "playback"
ADS = "ads"
CONTROL = "control"
TOPICS = (SESSIONS, PLAYBACK, ADS, CONTROL)

KICK_ACCOUNT = "kick-account"
"""The one act of operators whose target is an account."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event carries: its type names its topic, and its field `KEY` orders it."""

    TOPIC: ClassVar[str] = SESSIONS
    KEY: ClassVar[str] = "session"


class OfSession(Event, frozen=True, kw_only=True):
    """An event of one session of one event (match)."""

    session: SessionId
    event: Text


class SessionStarted(OfSession, frozen=True, kw_only=True, tag="session.started"):
    """A viewer was let in.

    `isp`: AS number and name, such as "AS64500 Example Telecom"; empty where it is not known. `network`: the
    first 24 bits of its IPv4 address or 48 of its IPv6 address, such as "192.0.2.0/24"; empty likewise.
    `lease_s`: seconds that the session may be silent and still live; 0 where the sender did not say.
    """

    account: AccountId
    device: DeviceId
    device_kind: Text
    isp: Network = ""
    lease_s: Annotated[int, PLAIN] = 0
    network: Network = ""


class SessionsRenewed(Event, frozen=True, kw_only=True, tag="sessions.renewed"):
    """Leases that were renewed in the last second, gathered.

    The sessions of one batch are of one lane of the log, so that the report stands among all else that is
    said of them; `batch` is the first of them. They are alike in event, device kind and ISP, so that who
    reads it knows what the start of each said; empty where that is not known. `lease_s` is as in
    `SessionStarted`.
    """

    KEY: ClassVar[str] = "batch"

    batch: Annotated[str, OF_SESSION]
    sessions: Annotated[tuple[str, ...], OF_SESSION]
    event: Text = ""
    device_kind: Text = ""
    isp: Network = ""
    lease_s: Annotated[int, PLAIN] = 0


class SessionEnded(OfSession, frozen=True, kw_only=True, tag="session.ended"):
    """`why`: left, expired, taken-over, ended (by an operator) or kicked."""

    why: Text


class SessionRefused(Event, frozen=True, kw_only=True, tag="session.refused"):
    """A start that was not let in; `code` is the problem's."""

    TOPIC: ClassVar[str] = SESSIONS
    KEY: ClassVar[str] = "account"

    account: AccountId
    event: Text
    code: Text


class PathwayUsed(OfSession, frozen=True, kw_only=True, tag="playback.pathway"):
    """A player asked for its steering: which pathway it is on, and its throughput in bits per second."""

    TOPIC: ClassVar[str] = PLAYBACK

    pathway: Text
    throughput_bps: Annotated[int | None, PLAIN] = None


class PlaybackReported(Event, frozen=True, kw_only=True, tag="playback.reported"):
    """One CMCD v2 record (CTA-5004-B) as the player sent it, keys and values decoded."""

    TOPIC: ClassVar[str] = PLAYBACK
    KEY: ClassVar[str] = "session"

    session: SessionId
    values: Annotated[dict[str, Any], OF_SESSION]


class BreakDecided(OfSession, frozen=True, kw_only=True, tag="ads.decided"):
    """What a viewer's break was filled with: creatives in their order, and whose line item each is of.

    A line item is empty for house ads and slate.
    """

    TOPIC: ClassVar[str] = ADS

    break_id: Text
    creatives: Annotated[tuple[str, ...], PLAIN]
    line_items: Annotated[tuple[str, ...], PLAIN] = ()


class AdTracked(OfSession, frozen=True, kw_only=True, tag="ads.tracked"):
    """A signed beacon of one slot of one break, `slot` 0 being the break itself.

    `what`: impression, firstQuartile, midpoint, thirdQuartile, complete, skip, click, error, or of a break
    breakStart, breakEnd, error. `code` is VAST's of an error, 0 where the player did not say. The id of the
    event comes from what the beacon says, so that one called again is the same event.
    """

    TOPIC: ClassVar[str] = ADS

    break_id: Text
    slot: Annotated[int, PLAIN]
    creative: Text
    what: Text
    code: Annotated[int, PLAIN] = 0


class OperatorActed(Event, frozen=True, kw_only=True, tag="control.acted"):
    """The audit trail: who did what to what. Of `kick-account` the target is an account."""

    TOPIC: ClassVar[str] = CONTROL
    KEY: ClassVar[str] = "target"

    operator: Operator
    action: Text
    target: Annotated[str, ACTED_ON]
    detail: Remark = ""


class AnomalyBegan(Event, frozen=True, kw_only=True, tag="anomaly.began"):
    """Something looks wrong with those who watch: `what` with whom, in a sentence and in figures.

    `anomaly` is its id; the others are as in `tifo.api.anomalies.Anomaly`.
    """

    TOPIC: ClassVar[str] = CONTROL
    KEY: ClassVar[str] = "anomaly"

    anomaly: Group
    what: Text
    subject: Group
    evidence: Group
    figures: Annotated[dict[str, float], PLAIN]


class AnomalyEnded(Event, frozen=True, kw_only=True, tag="anomaly.ended"):
    """It has looked right again for a while, after `lasted_s` seconds."""

    TOPIC: ClassVar[str] = CONTROL
    KEY: ClassVar[str] = "anomaly"

    anomaly: Group
    what: Text
    subject: Group
    lasted_s: Annotated[float, PLAIN]


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
    | AnomalyBegan
    | AnomalyEnded
)
