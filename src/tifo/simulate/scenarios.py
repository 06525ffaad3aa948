"""What goes wrong in a simulation, and what it goes wrong with: CDNs, ISPs, the match, one incident."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from tifo.kernel.errors import SettingsError

REFERENCE_VIEWERS = 3_200_000
"""All who come; together they take 3.6 Tb/s. Of another crowd's CDNs, capacities are in proportion."""

PEERING_ROOM = 1.5
"""An ISP's link to a CDN over the part of the CDN's capacity that the ISP's size would ask of it."""


@dataclass(frozen=True, slots=True)
class Cdn:
    """One CDN at the reference's size: what is committed, what it really carries, what it costs."""

    id: str
    committed_bps: float
    cost_per_tb: float
    real: float = 1.0
    """What it really carries, as a share of what is committed."""


@dataclass(frozen=True, slots=True)
class Isp:
    """One ISP and its share of the viewers."""

    id: str
    share: float


Kind = Literal["dead", "slow", "peering", "flapping", "none"]


@dataclass(frozen=True, slots=True)
class Incident:
    """What happens to one CDN between two seconds of the match.

    `left` is the share of its capacity (or of its link to `isp`) that is left at the worst. A slow one
    takes `ramp_s` to get there; a flapping one is dead for `down_s` of every `period_s`.
    """

    kind: Kind
    cdn: str
    begins_s: int
    ends_s: int
    left: float = 0.0
    isp: str = ""
    ramp_s: int = 1
    down_s: int = 0
    period_s: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name, a sentence, and what it sets up."""

    name: str
    says: str
    cdns: tuple[Cdn, ...]
    isps: tuple[Isp, ...]
    incident: Incident


CDNS = (
    Cdn("cdn-a", 1.8e12, 3.1),
    Cdn("cdn-b", 1.6e12, 3.6),
    Cdn("cdn-c", 1.4e12, 4.0),
    Cdn("cdn-d", 1.0e12, 5.2),
)
"""Any three carry the whole match; where the largest is the one that is gone, with a tenth to spare."""

ISPS = (Isp("isp-1", 0.34), Isp("isp-2", 0.27), Isp("isp-3", 0.2), Isp("isp-4", 0.12), Isp("isp-5", 0.07))

KICK_OFF_S, HALF_TIME_S, SECOND_HALF_S, WHISTLE_S, END_S = 480, 1080, 1260, 1860, 1980
"""A match at three to five times its speed: arrivals and half-time are as much harder than in life."""
GOALS_S = (840, 1500)
INCIDENT_S, INCIDENT_ENDS_S = 720, 1020
"""Five minutes of the first half, when nearly everybody is there."""

ARRIVED: tuple[tuple[float, float], ...] = (
    (0, 0.0), (240, 0.2), (420, 0.6), (540, 0.94), (700, 0.985), (840, 0.986), (870, 0.99), (1260, 0.992),
    (1500, 0.997), (1530, 1.0),
)  # fmt: skip
"""(second, share of all viewers who have arrived by then), with straight lines between."""


def _scenario(name: str, says: str, incident: Incident, real: Mapping[str, float] | None = None) -> Scenario:
    cdns = tuple(Cdn(c.id, c.committed_bps, c.cost_per_tb, (real or {}).get(c.id, 1.0)) for c in CDNS)
    return Scenario(name, says, cdns, ISPS, incident)


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        one.name: one
        for one in (
            _scenario(
                "cdn-lost-at-peak",
                "The largest CDN is gone within a second, at the peak, and comes back five minutes later.",
                Incident("dead", "cdn-a", INCIDENT_S, INCIDENT_ENDS_S),
            ),
            _scenario(
                "brown-out",
                "A CDN loses six tenths of its capacity within two minutes, and says nothing.",
                Incident("slow", "cdn-b", INCIDENT_S, INCIDENT_ENDS_S, left=0.4, ramp_s=120),
            ),
            _scenario(
                "wrong-capacity",
                "A CDN carries half of what its contract says, from the first viewer on.",
                Incident("none", "cdn-b", KICK_OFF_S, END_S),
                {"cdn-b": 0.5},
            ),
            _scenario(
                "isp-peering",
                "The link between the largest ISP and the largest CDN loses seven tenths of its width.",
                Incident("peering", "cdn-a", INCIDENT_S, INCIDENT_ENDS_S, left=0.3, isp="isp-1"),
            ),
            _scenario(
                "flapping",
                "A CDN is dead for twenty seconds of every minute, for five minutes.",
                Incident("flapping", "cdn-a", INCIDENT_S, INCIDENT_ENDS_S, down_s=20, period_s=60),
            ),
        )
    }
)


def scenario(name: str) -> Scenario:
    """The scenario of that name; an unknown one is refused with the list."""
    if name not in SCENARIOS:
        raise SettingsError((f"simulate: there is no scenario {name}; there is {', '.join(SCENARIOS)}",))
    return SCENARIOS[name]


def is_dead(incident: Incident, second: int) -> bool:
    """Whether the incident's CDN answers nobody in that second."""
    if not incident.begins_s <= second < incident.ends_s:
        return False
    if incident.kind == "flapping":
        return (second - incident.begins_s) % incident.period_s < incident.down_s
    return incident.kind == "dead"


def left_of(incident: Incident, second: int) -> float:
    """The share of the CDN's capacity, or of its link, that is left: 1 before and well after it."""
    if incident.kind not in ("slow", "peering"):
        return 1.0
    into = min(1.0, max(0.0, (second - incident.begins_s) / incident.ramp_s))
    out_of = min(1.0, max(0.0, (second - incident.ends_s) / incident.ramp_s))
    return 1.0 - (1.0 - incident.left) * (into - out_of)


def arrived(second: float) -> float:
    """The share of all viewers who have come by that second."""
    for (left, low), (right, high) in pairwise(ARRIVED):
        if second < right:
            return low + (high - low) * (second - left) / (right - left)
    return 1.0
