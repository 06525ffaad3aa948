"""The verdict: whether the generator kept up, and then whether every objective was met.

A figure is worth what its generator is worth: where the generator was late, nothing is measured and the
verdict is `fail` with that reason, never a pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tifo.rehearsal.curve import Match
from tifo.rehearsal.found import Found
from tifo.rehearsal.scenario import Objective

LATE_MS_MAX = 500.0
"""How late the generator may be with what is due, at the 99th percentile."""
LATE_ARRIVALS_SHARE_MAX = 0.001
"""The part of the planned arrivals that it may miss."""
LATE_SPIKE_SHARE_MAX = 0.05
"""The part of a spike's seconds that it may be late with pods, at the same percentile: more flattens it."""
CPU_SHARE_MAX = 0.95
"""The part of the cores it was given that it may use; past it nothing is left to be on time with."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An objective with its figure: `met`, `missed` or `not-measured`."""

    name: str
    says: str
    limit: float
    unit: str
    value: float | None
    state: str


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the generator kept up: `ok` or `bottleneck`, why, and what that is read from."""

    state: str
    reasons: tuple[str, ...]
    late_p99_ms: float
    pods_late_p99_ms: float | None
    """The same of pods alone; None where there are no breaks."""
    arrivals_planned: int
    arrivals_made: int
    cores_used: float
    cores: int
    machine_busy: float | None
    """The busy part of all cores of this machine, other programs included; None where it cannot be told."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`pass` or `fail`; `reasons` has a sentence for each thing that stands against a pass."""

    verdict: str
    reasons: tuple[str, ...]
    objectives: tuple[Judged, ...]
    generator: Health
    hints: tuple[str, ...]


def health(found: Found, match: Match, cores_used: float, cores: int, machine_busy: float | None) -> Health:
    """Whether the generator did what the plan says when it says it."""
    planned = match.viewers
    missed = planned - found.arrivals - found.unmade
    reasons = []
    if found.late_ms.p99 > LATE_MS_MAX:
        reasons.append(f"it was {found.late_ms.p99:,.0f} ms late (p99), and {LATE_MS_MAX:g} ms is on time")
    reasons += _flattened(found, match)
    if missed > planned * LATE_ARRIVALS_SHARE_MAX:
        reasons.append(f"it did not come to {missed:,} of {planned:,} arrivals")
    if cores_used > CPU_SHARE_MAX * cores:
        reasons.append(f"it used {cores_used:.1f} of its {cores} cores")
    if reasons and machine_busy is not None and machine_busy > CPU_SHARE_MAX:
        reasons.append(_all_busy(machine_busy))
    if found.broken:
        reasons.append(f"{found.broken:,} of its viewers met an answer that the scenario cannot read")
    state = "bottleneck" if reasons else "ok"
    late_ms = round(found.late_ms.p99, 1)
    pods_ms = round(found.spike_late_ms.p99, 1) if match.spikes else None
    return Health(
        state, tuple(reasons), late_ms, pods_ms, planned, found.arrivals, round(cores_used, 2), cores,
        machine_busy,
    )  # fmt: skip


def _flattened(found: Found, match: Match) -> Iterator[str]:
    for spread_s in {spike.spread_s for spike in match.spikes}:
        allowed_ms = 1_000 * LATE_SPIKE_SHARE_MAX * spread_s
        if found.spike_late_ms.p99 > allowed_ms:
            yield (
                f"it was {found.spike_late_ms.p99:,.0f} ms late with pods (p99), and {allowed_ms:g} ms is on "
                f"time in a spike of {spread_s:g} s"
            )


def judge(found: Found, held: Sequence[Objective], match: Match, generator: Health) -> Verdict:
    """The verdict: a pass is every objective met, measured by a generator that kept up."""
    judged = tuple(_judged(one, found, match, generator) for one in held)
    reasons = tuple(_reasons(judged, generator))
    said = (*hints(found), *_slowed(judged, generator))
    return Verdict("fail" if reasons else "pass", reasons, judged, generator, said)


def _judged(one: Objective, found: Found, match: Match, generator: Health) -> Judged:
    value = one.measure(found, match)
    if value is None or generator.state != "ok":
        state = "not-measured"
    else:
        state = "met" if value <= one.limit else "missed"
    return Judged(one.name, one.says, one.limit, one.unit, None if value is None else round(value, 3), state)


def _reasons(judged: Sequence[Judged], generator: Health) -> Iterator[str]:
    if generator.state != "ok":
        yield f"The generator was the bottleneck, so nothing was measured: {'; '.join(generator.reasons)}."
        return
    for one in judged:
        if one.state == "missed":
            yield f"{one.name}: {one.value:,.6g} {one.unit}, at most {one.limit:g} {one.unit}."
        elif one.state == "not-measured":
            yield f"{one.name}: there was nothing to measure."


def _slowed(judged: Sequence[Judged], generator: Health) -> Iterator[str]:
    """What else may have cost the time, where a time was missed."""
    busy = generator.machine_busy or 0.0
    if busy > CPU_SHARE_MAX and any(one.state == "missed" and one.unit == "ms" for one in judged):
        yield f"{_all_busy(busy).capitalize()}, and what waits for a core takes its time."


def _all_busy(busy: float) -> str:
    return f"all programs together kept {busy:.0%} of this machine's cores busy"


def hints(found: Found) -> Iterator[str]:
    """What the answers say about how the platform is set for a rehearsal."""
    answered = found.answered
    if answered.get("429"):
        yield (
            f"{answered['429']:,} answers were 429: the edge takes this one machine for one client. "
            "Set edge.rate.requests_per_s = 0 (TIFO_EDGE__RATE__REQUESTS_PER_S=0) for the rehearsal."
        )
    if answered.get("409") and not found.takeovers:
        yield f"{answered['409']:,} answers were 409: accounts are at their stream limit. Use more accounts."
    if answered.get("403") and (found.media_playlists_failed or found.segments_failed):
        yield (
            f"{answered['403']:,} answers were 403, some of them a CDN's to an address that the platform had "
            "signed: compare the keys and the clocks of both."
        )
    elif answered.get("403"):
        yield f"{answered['403']:,} answers were 403: these accounts may not watch this event."
    if found.pods_illegal:
        yield (
            f"{found.pods_illegal:,} answers were no asset list, or their ads lasted longer than the break. "
            "Of the schedule's breaks, --break-s must say how long they are."
        )
    if found.pods_failed and answered.get("404"):
        yield f"{answered['404']:,} answers were 404: the platform has no such break, or not at that time."
    if answered.get("none"):
        yield f"{answered['none']:,} requests got no answer: refused connections, resets, or too late."
    if found.starts and found.entered and not found.heartbeats:
        yield "Nobody stayed until a heartbeat: take --minutes for longer than the platform's heartbeat_s."
    if found.unmade:
        yield f"{found.unmade:,} viewers were not sent, for too many requests already waited for an answer."
    if found.unsent:
        yield f"{found.unsent:,} pods and beacons were not sent, for too many requests waited for an answer."
