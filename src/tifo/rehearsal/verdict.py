"""What a rehearsal found, the objectives it is held against, and the verdict.

A figure is worth what its generator is worth: where the generator was late, nothing is measured and the
verdict is `fail` with that reason, never a pass.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

LATE_MS_MAX = 500.0
"""How late the generator may be with an arrival, at the 99th percentile."""
LATE_ARRIVALS_SHARE_MAX = 0.001
"""The part of the planned arrivals that it may miss."""
CPU_SHARE_MAX = 0.95
"""The part of the machine's cores it may use; past it nothing is left to be on time with."""


class Latency(msgspec.Struct, frozen=True):
    """How long answers took, in milliseconds, and how many there were."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    count: int = 0


class Found(msgspec.Struct, frozen=True):
    """What a generator counted; the document that `rehearsals/sessions` writes."""

    arrivals: int = 0
    """Viewers who came."""
    unmade: int = 0
    """Viewers who did not, for too many requests waited for an answer."""
    entered: int = 0
    """Viewers who got a session."""
    reloads: int = 0
    starts: int = 0
    """Tries to start, those after a refusal and those of a reload included."""
    starts_failed: int = 0
    """Tries that were refused or not answered; a stream limit that is taken over is neither."""
    takeovers: int = 0
    playlists: int = 0
    playlists_failed: int = 0
    steerings: int = 0
    steerings_failed: int = 0
    heartbeats: int = 0
    heartbeats_lost: int = 0
    """Heartbeats without a good answer."""
    renewals: int = 0
    wrongly_ended: int = 0
    """Viewers whom the platform threw out though nobody wanted them to leave."""
    ended: int = 0
    silent: int = 0
    """Viewers who left without a word."""
    broken: int = 0
    """Errors of the scenario itself: an answer it cannot read."""
    requests: int = 0
    answered: dict[str, int] = {}
    """Answers that were no success, by status; `none` is no answer at all."""
    start_ms: Latency = Latency()
    arrival_ms: Latency = Latency()
    """From the page's first request to the playlist."""
    playlist_ms: Latency = Latency()
    heartbeat_ms: Latency = Latency()
    steering_ms: Latency = Latency()
    late_ms: Latency = Latency()
    """How late arrivals were begun: the generator's own delay."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise: `measure` gives the figure in `unit`, at most `limit`; None where there was nothing."""

    name: str
    says: str
    limit: float
    unit: str
    measure: Callable[[Found, int], float | None]


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


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _p99(latency: Latency) -> float | None:
    return latency.p99 if latency.count else None


OBJECTIVES: Sequence[Objective] = (
    Objective(
        "not_let_in", "planned viewers who never got a session", 0.1, "%",
        lambda found, planned: _percent(max(0, planned - found.entered), planned),
    ),
    Objective(
        "starts_failed", "tries to start that were refused or not answered", 0.1, "%",
        lambda found, _: _percent(found.starts_failed, found.starts),
    ),
    Objective("start_p99", "a start, p99", 500, "ms", lambda found, _: _p99(found.start_ms)),
    Objective(
        "arrival_p99", "from the page's first request to the playlist, p99", 2_000, "ms",
        lambda found, _: _p99(found.arrival_ms),
    ),
    Objective(
        "playlists_failed", "playlists without a good answer", 0.1, "%",
        lambda found, _: _percent(found.playlists_failed, found.playlists),
    ),
    Objective("heartbeat_p99", "a heartbeat, p99", 250, "ms", lambda found, _: _p99(found.heartbeat_ms)),
    Objective(
        "heartbeats_lost", "heartbeats without a good answer", 0.1, "%",
        lambda found, _: _percent(found.heartbeats_lost, found.heartbeats),
    ),
    Objective(
        "wrongly_ended", "viewers thrown out while they watched", 0, "viewers",
        lambda found, _: float(found.wrongly_ended) if found.heartbeats else None,
    ),
    Objective(
        "steerings_failed", "steering manifests without a good answer", 0.1, "%",
        lambda found, _: _percent(found.steerings_failed, found.steerings),
    ),
)  # fmt: skip

OBJECTIVES_OF = {"playlist": ("playlists_failed", "steerings_failed"), "steering": ("steerings_failed",)}
"""Objectives that fall away with the calls that `--without` leaves out."""


def objectives(own: Mapping[str, float], without: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives of a rehearsal, with limits of one's own where they are given by name."""
    away = {name for call in without for name in OBJECTIVES_OF.get(call, ())}
    return tuple(
        Objective(one.name, one.says, own.get(one.name, one.limit), one.unit, one.measure)
        for one in OBJECTIVES
        if one.name not in away
    )


def health(found: Found, planned: int, cores_used: float, cores: int, machine_busy: float | None) -> Health:
    """Whether the generator did what the plan says when it says it."""
    missed = planned - found.arrivals - found.unmade
    reasons = []
    if found.late_ms.p99 > LATE_MS_MAX:
        reasons.append(
            f"it was {found.late_ms.p99:,.0f} ms late with arrivals (p99), and {LATE_MS_MAX:g} ms is on time"
        )
    if missed > planned * LATE_ARRIVALS_SHARE_MAX:
        reasons.append(f"it did not come to {missed:,} of {planned:,} arrivals")
    if cores_used > CPU_SHARE_MAX * cores:
        reasons.append(f"it used {cores_used:.1f} of this machine's {cores} cores")
    if reasons and machine_busy is not None and machine_busy > CPU_SHARE_MAX:
        reasons.append(f"all programs together kept {machine_busy:.0%} of this machine's {cores} cores busy")
    if found.broken:
        reasons.append(f"{found.broken:,} of its viewers met an answer that the scenario cannot read")
    state = "bottleneck" if reasons else "ok"
    late_ms = round(found.late_ms.p99, 1)
    return Health(
        state, tuple(reasons), late_ms, planned, found.arrivals, round(cores_used, 2), cores, machine_busy
    )


def judge(found: Found, held: Sequence[Objective], planned: int, generator: Health) -> Verdict:
    """The verdict: a pass is every objective met, measured by a generator that kept up."""
    judged = tuple(_judged(one, found, planned, generator) for one in held)
    reasons = tuple(_reasons(judged, generator))
    return Verdict("fail" if reasons else "pass", reasons, judged, generator, tuple(hints(found)))


def _judged(one: Objective, found: Found, planned: int, generator: Health) -> Judged:
    value = one.measure(found, planned)
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
    if answered.get("403"):
        yield f"{answered['403']:,} answers were 403: these accounts may not watch this event."
    if answered.get("none"):
        yield f"{answered['none']:,} requests got no answer: refused connections, resets, or too late."
    if found.entered and not found.heartbeats:
        yield "Nobody stayed until a heartbeat: take --minutes for longer than the platform's heartbeat_s."
    if found.unmade:
        yield f"{found.unmade:,} viewers were not sent, for too many requests already waited for an answer."
