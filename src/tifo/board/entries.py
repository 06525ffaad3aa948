"""What stands on the board: one typed value for each kind of key."""

from collections.abc import Mapping
from typing import Literal, TypeVar

import msgspec

from tifo.api.ad_control import AdLever
from tifo.api.anomalies import Anomaly, AnomalyPast
from tifo.api.control import Posture, TrafficSample
from tifo.api.reports import (
    AdsReport,
    AudienceReport,
    CacheReport,
    GroupLag,
    OriginReport,
    PartReport,
    PatternsReport,
    QoeCell,
    RouteReport,
    SpoolReport,
    StoreReport,
)
from tifo.api.steering import Decision
from tifo.board.ports import Entry

BREAK = "break/"
PATHWAY = "pathway/"
POSTURE = "posture"
AD_LEVER = "ad-lever"
REVOKED = "revoked/"
REVOKED_ACCOUNT = "revoked-account/"
REVOKED_EVENT = "revoked-event/"
NODE = "node/"
PARTS = "parts/"
INSIGHT = "insight/"
QOE = "qoe/"
WEIGHTS = "weights/"
STALE = "stale/"
ADS = "ads/"
TRAFFIC = "traffic/"
ANOMALIES = "anomalies/"
SKETCHES = "sketches/"
USUAL = "usual/"

LASTING = frozenset(
    {BREAK, PATHWAY, WEIGHTS, POSTURE, AD_LEVER, REVOKED, REVOKED_ACCOUNT, REVOKED_EVENT, USUAL}
)
"""Folders of words that nobody says again: nodes put them back on a board that lost its memory."""


class BreakWord(msgspec.Struct, frozen=True):
    """What operators and cues have said of one break; times in epoch seconds, durations as announced.

    `returned_at` is its early return. With `off` it was called off before anybody knew of it, and is no
    break. `cue` is the event id of the SCTE-35 cue that it came with.
    """

    start: float
    duration_s: float
    returned_at: float | None = None
    off: bool = False
    cue: int | None = None


class PathwayState(msgspec.Struct, frozen=True):
    """An operator's word on one CDN.

    `out` takes it off every viewer at once, running ones too; `draining` takes it off them little by
    little. `share`, from 0 to 1, is the part of the traffic that it shall have whatever the loop would
    give it; None leaves that to the loop.
    """

    state: Literal["in", "draining", "out"] = "in"
    share: float | None = None


class PostureState(msgspec.Struct, frozen=True):
    """The step of the degradation ladder in force; without an entry it is `normal`."""

    step: Posture


class AdLeverState(msgspec.Struct, frozen=True):
    """What operators have said of whom ads are decided for; who of them, and when (epoch s; 0 not known).

    Without an entry it is `personal`.
    """

    ads: AdLever
    operator: str = ""
    at: float = 0.0


class Revoked(msgspec.Struct, frozen=True):
    """Sessions that were ended from outside: `code` is `ended` or `kicked`, `reason` is for their viewers.

    Of an account or an event, those that began at or before the epoch second `before`.
    """

    code: Literal["ended", "kicked"]
    reason: str = ""
    before: int = 0


class NodeReport(msgspec.Struct, frozen=True):
    """What one node says of itself each second; `appended_per_s` by topic."""

    services: tuple[str, ...]
    routes: tuple[RouteReport, ...]
    eventlog: Literal["ok", "failing"] = "ok"
    stores: tuple[StoreReport, ...] = ()
    caches: tuple[CacheReport, ...] = ()
    origins: tuple[OriginReport, ...] = ()
    ads: AdsReport | None = None
    spool: SpoolReport | None = None
    appended_per_s: dict[str, float] = {}


class StaleKeys(msgspec.Struct, frozen=True):
    """What one node wrote last, for the caches of the others: (cache, key), the newest last.

    `count` is how many there were in the life `life` of its process, with those that are no longer here.
    """

    life: str
    count: int
    keys: tuple[tuple[str, str], ...]


class InventoryWord(msgspec.Struct, frozen=True):
    """The revision of the ad inventory that an operator put in force last, and when (epoch seconds)."""

    revision: int
    at: float = 0.0


class PartsReport(msgspec.Struct, frozen=True):
    """All processes of one machine."""

    parts: tuple[PartReport, ...]


class InsightReport(msgspec.Struct, frozen=True):
    """What the stream of events says of now: `viewers` in all, on each pathway, and by what they are.

    `partitions` are those of which it speaks, by number: a worker knows the viewers of its own.
    """

    at: float
    viewers: int
    starts_per_s: float
    events_per_s: float
    pathways: dict[str, int]
    groups: tuple[GroupLag, ...]
    audience: AudienceReport = AudienceReport()
    partitions: tuple[int, ...] = ()
    patterns: PatternsReport = PatternsReport()


class AnomaliesReport(msgspec.Struct, frozen=True):
    """What looks wrong at `at`, the newest first; `past` is what was over lately, the last first."""

    at: float
    anomalies: tuple[Anomaly, ...]
    past: tuple[AnomalyPast, ...] = ()


class UsualWeek(msgspec.Struct, frozen=True):
    """The most viewers at once in each quarter of an hour of one week (UTC, from Monday); 0 where unknown."""

    viewers: tuple[int, ...]


class SketchReport(msgspec.Struct, frozen=True):
    """Whom one insight worker has heard of, as sketches (`tifo.api.sketches`) that can be joined.

    `heard` are sessions of the last two minutes before `at`, `accounts` those that ever began to watch, by
    event.
    """

    at: float
    heard: bytes
    accounts: dict[str, bytes]


class QoeReport(msgspec.Struct, frozen=True):
    """What viewers had, by CDN x ISP x kind of device, over the `window_s` seconds before `at`."""

    at: float
    window_s: float
    cells: tuple[QoeCell, ...]


class SteeringWeights(msgspec.Struct, frozen=True):
    """What the steering loop has decided; it stays in force until the loop says something else.

    `weights` are shares by pathway, `by_isp` those that hold for the viewers of one ISP instead. `spare` is
    the room that each has left, as shares of all such room: who would take the viewers of one that fails.
    `bandwidth_max_bps` caps the renditions that playlists offer; 0 caps nothing. `bandwidth_max_by_isp` caps
    those of one ISP's viewers further. `learned_bps` is what a CDN carries where that was found to be less
    than is stated. `viewers_per_node` is how many ask each node for their steering. `decisions` are the last
    changes with their reasons, newest first.
    """

    at: float
    weights: dict[str, float]
    by_isp: dict[str, dict[str, float]] = {}
    spare: dict[str, float] = {}
    bandwidth_max_bps: int = 0
    bandwidth_max_by_isp: dict[str, int] = {}
    learned_bps: dict[str, float] = {}
    viewers_per_node: float = 0.0
    decisions: tuple[Decision, ...] = ()


T = TypeVar("T")


def decode_all(entries: Mapping[str, Entry], kind: type[T]) -> dict[str, T]:
    """The typed values of entries by key; a value of another shape is left out.

    A node of another version may write what this one cannot read, and that must not stop it.
    """
    found: dict[str, T] = {}
    for key, entry in entries.items():
        try:
            found[key] = msgspec.json.decode(entry.value, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


QOE_STALE_S = 5.0
"""Seconds behind the newest report past which a node is no longer speaking: another has its viewers now."""


def current_qoe(entries: Mapping[str, Entry]) -> tuple[QoeReport, ...]:
    """The reports of the nodes that still speak, so that viewers who were taken over count once."""
    reports = decode_all(entries, QoeReport).values()
    newest = max((report.at for report in reports), default=0.0)
    return tuple(report for report in reports if report.at >= newest - QOE_STALE_S)


TRAFFIC_S_MAX = 30.0
"""Seconds for which a CDN's own word on its traffic is believed; then what players report counts again."""


def fresh_traffic(entries: Mapping[str, Entry], now: float) -> dict[str, TrafficSample]:
    """What CDNs' logs say of now, by pathway."""
    samples = decode_all(entries, TrafficSample)
    return {pathway: one for pathway, one in samples.items() if now - one.at <= TRAFFIC_S_MAX}


def latest_anomalies(entries: Mapping[str, Entry]) -> AnomaliesReport:
    """The newest word on what looks wrong; nothing does where nobody has said."""
    said = decode_all(entries, AnomaliesReport).values()
    return max(said, key=lambda one: one.at, default=AnomaliesReport(0.0, ()))


def latest_weights(entries: Mapping[str, Entry]) -> SteeringWeights | None:
    """The newest word of a steering loop: there may be that of one that was replaced."""
    return max(decode_all(entries, SteeringWeights).values(), key=lambda word: word.at, default=None)
