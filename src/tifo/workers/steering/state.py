"""What the steering loop remembers from step to step, and what is in force after one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from tifo.api.steering import Decision
from tifo.workers.steering.demand import Cap
from tifo.workers.steering.health import EVERYWHERE, Bads
from tifo.workers.steering.learning import Learned, Lesson
from tifo.workers.steering.model import OTHERS, Cdn, Shares, Words, normal
from tifo.workers.steering.routing import WEIGHT_MIN


@dataclass(frozen=True, slots=True)
class Loop:
    """What the loop remembers from step to step.

    `caps` are by ISP, `OTHERS` for everybody. `measured_shares` are those of the last step that measured
    something, or of the beginning.
    """

    shares: Shares
    measured_shares: Shares
    at: float
    demand_bps: Mapping[str, float] = field(default_factory=dict)
    bads: Bads = field(default_factory=dict)
    lesson: Lesson = field(default_factory=dict)
    warm_from: Mapping[str, float] = field(default_factory=dict)
    spare: Mapping[str, float] = field(default_factory=dict)
    words: Words = field(default_factory=dict)
    caps: Mapping[str, Cap] = field(default_factory=dict)
    moving: bool = False
    rests_since: float = -inf


@dataclass(frozen=True, slots=True)
class Decided:
    """What is in force after a step. `weights` are for everybody but the viewers of an ISP in `by_isp`.

    `spare` is the room that each CDN has left, as shares of it all: players who lose their CDN go on by it
    long before the loop has heard. `bandwidth_max_by_isp` caps the viewers of one ISP further; `learned_bps`
    is what a CDN carries where that was found to be less than is stated.
    """

    weights: Mapping[str, float]
    by_isp: Shares
    bandwidth_max_bps: int
    decisions: tuple[Decision, ...]
    spare: Mapping[str, float] = field(default_factory=dict)
    bandwidth_max_by_isp: Mapping[str, int] = field(default_factory=dict)
    learned_bps: Mapping[str, float] = field(default_factory=dict)


def begin(
    cdns: Sequence[Cdn],
    shares: Shares,
    caps_bps: Mapping[str, int],
    now: float,
    learned_bps: Mapping[str, float] | None = None,
) -> Loop:
    """The loop as it starts, from what is in force; without shares, by weight. What carries is warm."""
    known = {
        isp: normal({cdn.id: some.get(cdn.id, 0.0) for cdn in cdns})
        for isp, some in {OTHERS: {}, **shares}.items()
    }
    if not sum(known[OTHERS].values()):
        known[OTHERS] = normal({cdn.id: max(cdn.weight, WEIGHT_MIN) for cdn in cdns})
    known = {isp: some for isp, some in known.items() if sum(some.values())}
    warm = {cdn.id: -inf for cdn in cdns if known[OTHERS][cdn.id] > 0}
    return Loop(
        shares=known,
        measured_shares=known,
        at=now,
        warm_from=warm,
        caps={isp: Cap(bps, now) for isp, bps in caps_bps.items() if bps},
        lesson={(cdn, EVERYWHERE): Learned(bps, held_until=now) for cdn, bps in (learned_bps or {}).items()},
    )
