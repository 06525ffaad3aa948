"""What operators see: the answers of the control service."""

from typing import Annotated, Literal

import msgspec

from tifo.api.ad_control import AdLeverAnswer
from tifo.api.anomalies import Anomaly, AnomalyPast
from tifo.api.fields import AccountName, Id, Reason, Timestamp
from tifo.api.reports import (
    AudienceReport,
    CacheReport,
    GroupLag,
    PartReport,
    QoeCell,
    ReachView,
    RouteReport,
    SpoolReport,
)
from tifo.api.steering import Decision

TRAFFIC_BPS_MAX = 1e15
TRAFFIC_REQUESTS_MAX = 10**12
"""More than any CDN has in a moment."""

Health = Literal["ok", "failing"]

Posture = Literal["normal", "guarded", "event-page", "lean", "fail-open", "waiting-room"]
"""The steps of the degradation ladder, mildest first."""


class PathwayView(msgspec.Struct, frozen=True):
    """One CDN: the operators' word on it, and who is on it now.

    `share` is its part of the viewers whose CDN is known, `weight` the part that the loop wants it to have,
    `fixed_share` the part that an operator has fixed. `bps` is what it delivers by the players' reports,
    `capacity_bps` what is committed and `learned_bps` what it was found to carry where that is less, all in
    bits/s; None where nobody has said.
    """

    id: str
    state: Literal["in", "draining", "out"]
    viewers: int
    share: float
    weight: float | None = None
    fixed_share: float | None = None
    bps: float | None = None
    capacity_bps: float | None = None
    learned_bps: float | None = None


class SteeringView(msgspec.Struct, frozen=True):
    """The steering loop: `off` where there is none, `frozen` while it is silent and its last word stands.

    `since` (epoch seconds) is when it last decided; `decisions` its last changes, newest first: that it is
    frozen is one. `bandwidth_max_bps` caps what playlists offer everybody, `bandwidth_max_by_isp` the viewers
    of one ISP further.
    """

    state: Literal["steering", "frozen", "off"] = "off"
    since: float = 0.0
    bandwidth_max_bps: int = 0
    bandwidth_max_by_isp: dict[str, int] = {}
    by_isp: dict[str, dict[str, float]] = {}
    decisions: tuple[Decision, ...] = ()


class QoeView(msgspec.Struct, frozen=True):
    """What viewers had, by CDN x ISP x kind of device, over the last `window_s` seconds."""

    at: float = 0.0
    window_s: float = 0.0
    cells: tuple[QoeCell, ...] = ()


class EventLogView(msgspec.Struct, frozen=True):
    """The event log: whether it keeps, how fast it fills, who is behind; and by node what waits for it.

    `lag` leaves out those that gather what they handle; `groups` has all. `topics` is what nodes append to
    each topic, per second.
    """

    state: Health
    events_per_s: float
    lag: int
    groups: tuple[GroupLag, ...]
    spools: dict[str, SpoolReport] = {}
    topics: dict[str, float] = {}


class BoardView(msgspec.Struct, frozen=True):
    """The board: `failing` means its last state stays in force."""

    state: Health


class RunningBreak(msgspec.Struct, frozen=True):
    """The break that is on; `ends_at` in epoch seconds."""

    id: str
    ends_at: float


class NextBreak(msgspec.Struct, frozen=True):
    """The break to come; `starts_at` in epoch seconds."""

    id: str
    starts_at: float


class BreakSpan(msgspec.Struct, frozen=True):
    """A break on the timeline; times in epoch seconds."""

    id: str
    starts_at: float
    ends_at: float


class BreaksView(msgspec.Struct, frozen=True):
    """The breaks around now; `timeline` has those of the last minutes and the next ones, oldest first."""

    running: RunningBreak | None
    next: NextBreak | None
    timeline: tuple[BreakSpan, ...] = ()


BREAK_S_MAX = 3600
"""Seconds of one break."""

BreakState = Literal["planned", "announced", "running", "over", "off"]
"""`announced` stands in playlists and begins when it says; `off` was called off."""

BreakSource = Literal["schedule", "operator", "cue"]

BreakSeconds = Annotated[float, msgspec.Meta(ge=1, le=BREAK_S_MAX)]


class BreakBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A break of `duration_s` seconds, from `starts_at` (epoch seconds) on or as soon as players can know.

    Or a SCTE-35 cue, in base64 or hexadecimal: `duration_s` is then for one that states none, and
    `starts_at` for one whose clock is not the channel's.
    """

    duration_s: BreakSeconds | None = None
    starts_at: Annotated[float, msgspec.Meta(ge=0)] | None = None
    scte35: Annotated[str, msgspec.Meta(max_length=8192)] = ""


class BreakDurationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a break shall last in all: longer, it goes on in another one; shorter, it returns early."""

    duration_s: BreakSeconds


class BreakView(msgspec.Struct, frozen=True):
    """One break as it stands; times in epoch seconds. `announced_s` is how long it was announced to last."""

    id: str
    state: BreakState
    source: BreakSource
    starts_at: float
    ends_at: float
    announced_s: float


class BreaksAnswer(msgspec.Struct, frozen=True):
    """The breaks that were asked for, or that a word concerned; none, when a cue changed nothing."""

    breaks: tuple[BreakView, ...]


class StoreView(msgspec.Struct, frozen=True):
    """A store as all nodes together see it: `failing` as soon as it fails for one of them.

    `since` (epoch seconds): when the first of those that fail began to, or, when none fails, when the last
    one was answered again. Rates add up.
    """

    name: str
    kind: str
    state: Health
    since: float
    nodes: int
    nodes_failing: int
    commands_per_s: float
    round_trips_per_s: float


class OriginView(msgspec.Struct, frozen=True):
    """An event's live origin in one format, as all nodes together see it: the worst of their states.

    `since` (epoch seconds): when the first of those that are worst began to be; `error` is one of theirs.
    """

    event: str
    format: Literal["hls", "dash"]
    address: str
    state: Literal["ok", "stale", "failing"]
    since: float
    error: str
    renditions: int
    nodes: int
    nodes_failing: int


PaceState = Literal["on-pace", "behind", "ahead", "done", "off", "waiting", "ended"]
"""`waiting`: its flight has not begun; `ended`: it is over, short of the goal; `off`: switched off."""


class LineItemView(msgspec.Struct, frozen=True):
    """A line item with a budget, as all nodes together see it; its flight in epoch seconds.

    Of `goal` impressions, `delivered` were shown, and an even delivery would have shown `due` by now.
    """

    id: str
    state: PaceState
    goal: int
    delivered: int
    due: int
    even: bool
    starts: float
    ends: float


class AdServerView(msgspec.Struct, frozen=True):
    """An outside ad server, as all nodes together asked it over the last minutes ahead of breaks.

    Of those `asked`, `answered` came back in time, an ad or not, and `fetched` with one that fits;
    `timed_out` and `failed` did not. `shaped` were refused by shaping, `unasked` because its circuit is
    open. That is so on `nodes_failing` of `nodes`, which only probe it.
    """

    id: str
    asked: int
    answered: int
    fetched: int
    timed_out: int
    failed: int
    shaped: int
    unasked: int
    nodes: int
    nodes_failing: int
    requests_per_s: float


class AdsView(msgspec.Struct, frozen=True):
    """What becomes of breaks; rates of all nodes together, latencies of the worst, in milliseconds.

    `fill`, `house`, `slate` and `nothing` are shares, from 0 to 1, of the seconds of the breaks that were
    asked for. The inventory has the `revision`, in force since `since` (epoch seconds); 0 is the empty one.
    `line_items` is how many it has; of those with budgets the largest are in `items`. `capacity_per_s` is
    the pods that all nodes can carry, None where one has not said.
    """

    nodes: int = 0
    revision: int = 0
    since: float = 0.0
    line_items: int = 0
    pods_per_s: float = 0.0
    refused_per_s: float = 0.0
    capacity_per_s: float | None = None
    fill: float = 0.0
    house: float = 0.0
    slate: float = 0.0
    nothing: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    items: tuple[LineItemView, ...] = ()
    servers: tuple[AdServerView, ...] = ()


class Overview(msgspec.Struct, frozen=True):
    """One look at the whole; `at` and other times in epoch seconds, rates per second."""

    at: float
    viewers: int
    starts_per_s: float
    requests_per_s: float
    errors_per_s: float
    pathways: tuple[PathwayView, ...]
    routes: tuple[RouteReport, ...]
    eventlog: EventLogView
    parts: tuple[PartReport, ...]
    breaks: BreaksView
    board: BoardView
    posture: Posture
    audience: AudienceReport
    stores: tuple[StoreView, ...]
    caches: Annotated[tuple[CacheReport, ...], msgspec.Meta(description="of all nodes together")]
    steering: SteeringView = SteeringView()
    qoe: QoeView = QoeView()
    origins: tuple[OriginView, ...] = ()
    ads: AdsView = AdsView()
    ad_lever: AdLeverAnswer = AdLeverAnswer()
    anomalies: tuple[Anomaly, ...] = ()
    anomalies_past: tuple[AnomalyPast, ...] = ()
    anomalies_at: Annotated[float, msgspec.Meta(description="when they were last looked for; 0: never")] = 0.0
    reach: ReachView = ReachView()


class PacePoint(msgspec.Struct, frozen=True):
    """Impressions of a line item that were shown, and those due by its pace; None where it has none."""

    delivered: int
    due: int | None


class Sample(msgspec.Struct, frozen=True):
    """One point of the curves; `pods_per_s` by what fills them: ad, house, slate and nothing.

    `pacing` has the largest budgets of line items, by id.
    """

    at: float
    viewers: int
    starts_per_s: float
    requests_per_s: float
    errors_per_s: float
    lag: int
    pathways: dict[str, int]
    pods_per_s: dict[str, float] = {}
    pacing: dict[str, PacePoint] = {}


class History(msgspec.Struct, frozen=True):
    """The curves so far, oldest first."""

    samples: tuple[Sample, ...]


class PathwayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take a CDN out, drain it or bring it back; fix its share of the traffic, or leave that to the loop."""

    state: Literal["in", "draining", "out"]
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class PathwayAnswer(msgspec.Struct, frozen=True):
    """A CDN's state after the operator's word."""

    id: str
    state: Literal["in", "draining", "out"]
    share: float | None = None


class TrafficSample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one CDN's logs say of one moment, all its ISPs together.

    `at` is epoch seconds, `bps` what it delivered in bits/s, `requests` and `errors` (its own, 5xx and
    timeouts) those of the interval that ended then.
    """

    pathway: Id
    at: Annotated[float, msgspec.Meta(ge=0)]
    bps: Annotated[float, msgspec.Meta(ge=0, le=TRAFFIC_BPS_MAX)]
    requests: Annotated[int, msgspec.Meta(ge=0, le=TRAFFIC_REQUESTS_MAX)] = 0
    errors: Annotated[int, msgspec.Meta(ge=0, le=TRAFFIC_REQUESTS_MAX)] = 0


class TrafficBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What CDNs' logs say, in any order; the newest of each CDN counts."""

    samples: Annotated[tuple[TrafficSample, ...], msgspec.Meta(max_length=64)]


class KickBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; the viewer reads it. With its `account` the session's slot is free at once."""

    reason: Reason = ""
    account: AccountName = ""


class PostureBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The step of the degradation ladder to be in force."""

    step: Posture


class PostureAnswer(msgspec.Struct, frozen=True):
    """The step of the degradation ladder in force."""

    step: Posture


class AuditEntry(msgspec.Struct, frozen=True):
    """Who did what to what."""

    at: Timestamp
    operator: str
    action: str
    target: str
    detail: str = ""


class AuditAnswer(msgspec.Struct, frozen=True):
    """The audit trail, newest first."""

    entries: Annotated[tuple[AuditEntry, ...], msgspec.Meta(description="newest first")]
