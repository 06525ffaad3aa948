"""When a part may start, how long it waits after a failure, and what is said of it: no I/O."""

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from tifo.kernel.errors import TifoError
from tifo.supervisor.parts import Part, PartState, State

BACKOFF_S_MIN = 0.5
"""Seconds before the first restart; doubled for each failure in a row."""

BACKOFF_S_MAX = 10.0
"""Seconds that no back-off exceeds, jitter included."""

BACKOFF_JITTER = 0.2
"""The share by which a back-off is shortened or lengthened."""

SETTLED_S = 30.0
"""Seconds of running after which earlier failures are forgotten."""

RESTARTS_PER_WINDOW_MAX = 10
"""Restarts of one part within `RESTART_WINDOW_S`, whatever the back-off says."""

RESTART_WINDOW_S = 60.0
"""Seconds over which restarts are counted."""

PROBE_EVERY_S = 1.0
"""Seconds between the probes of a running part."""

PROBE_STARTING_EVERY_S = 0.1
"""Seconds between the probes of a part that is not ready yet."""

PROBE_S_MAX = 2.0
"""Seconds that one probe may take."""

START_S_MAX = 60.0
"""Seconds a new process has to become ready; then it is restarted."""

FAILING_S_MAX = 15.0
"""Seconds a running part's probe may fail without a break; then the part is restarted."""

GRACE_S = 10.0
"""Seconds from SIGTERM to SIGKILL."""

KILLED_S_MAX = 2.0
"""Seconds waited for a process group to be gone after SIGKILL."""

FAILED_STARTS_MAX = 3
"""Restarts of a part that was never ready, after which waiting for readiness ends at once."""

_NAME = re.compile(r"[a-z0-9-]{1,32}")


class PartsError(TifoError):
    """Parts that cannot be supervised: a bad name, an unknown need, a circle of needs."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Every wait of the supervisor, in seconds; the defaults are the named limits above."""

    backoff_s_min: float = BACKOFF_S_MIN
    backoff_s_max: float = BACKOFF_S_MAX
    settled_s: float = SETTLED_S
    probe_every_s: float = PROBE_EVERY_S
    probe_s_max: float = PROBE_S_MAX
    start_s_max: float = START_S_MAX
    failing_s_max: float = FAILING_S_MAX
    grace_s: float = GRACE_S


@dataclass(frozen=True, slots=True)
class Health:
    """What the probes of one process said: ready since, and failing since (monotonic seconds)."""

    started_at: float
    ready_at: float | None = None
    failing_since: float | None = None
    why: str = ""


def layers(parts: Sequence[Part]) -> tuple[tuple[str, ...], ...]:
    """The parts' names in starting order: each layer needs only earlier ones. Raises PartsError."""
    _check_names([part.name for part in parts], {need for part in parts for need in part.needs})
    sorter = TopologicalSorter({part.name: part.needs for part in parts})
    try:
        sorter.prepare()
    except CycleError as circle:
        raise PartsError(f"parts need each other in a circle: {' -> '.join(circle.args[1])}") from circle
    return tuple(_layers(sorter))


def may_start(part: Part, states: Mapping[str, State]) -> bool:
    """Whether everything the part needs is running."""
    return all(states[need] is State.RUNNING for need in part.needs)


def failures_in_a_row(before: int, ran_s: float, timing: Timing) -> int:
    """The failures to count now that a process ended which had been ready for `ran_s` seconds."""
    return 1 if ran_s >= timing.settled_s else before + 1


def backoff_s(failures: int, fraction: float, timing: Timing) -> float:
    """Seconds to wait after that many failures in a row (1 or more); `fraction` in [0, 1) is the jitter."""
    # The exponent is bounded because a part may fail for weeks and floats overflow at 1024.
    wait_s = timing.backoff_s_min * 2.0 ** min(failures - 1, 32)
    jitter = 1 + BACKOFF_JITTER * (2 * fraction - 1)
    return min(timing.backoff_s_max, min(timing.backoff_s_max, wait_s) * jitter)


def window_wait_s(restarts: Sequence[float], now: float) -> float:
    """Seconds until one more restart keeps within the bound, given the times of the earlier ones."""
    if len(restarts) < RESTARTS_PER_WINDOW_MAX:
        return 0.0
    return max(0.0, restarts[-RESTARTS_PER_WINDOW_MAX] + RESTART_WINDOW_S - now)


def observed(health: Health, why: str, now: float) -> Health:
    """The health after a probe that gave `why` not ready, or an empty text."""
    if not why:
        return replace(
            health, ready_at=now if health.ready_at is None else health.ready_at, failing_since=None, why=""
        )
    since = now if health.failing_since is None else health.failing_since
    return replace(health, failing_since=since, why=why)


def given_up(health: Health, now: float, timing: Timing) -> str:
    """Why a process that is alive must be restarted; empty when it need not be."""
    if health.failing_since is None:
        return ""
    if health.ready_at is None:
        late = now - health.started_at >= timing.start_s_max
        return f"not ready within {timing.start_s_max:g} s: {health.why}" if late else ""
    late = now - health.failing_since >= timing.failing_s_max
    return f"not answering for {timing.failing_s_max:g} s: {health.why}" if late else ""


def ending(status: int) -> str:
    """What is said of an exit, given the status as Python reports it (negative for a signal)."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def with_log(said: str, tail: str) -> str:
    """What is said, followed by the last lines of the log where there are any."""
    return f"{said}; its log ends:\n{tail}" if tail else said


def culprit(parts: Iterable[Part], states: Mapping[str, PartState]) -> PartState | None:
    """The part that keeps the others waiting: not running although all it needs is; None if all run.

    Of several, the one that was restarted most.
    """
    missing = [part for part in parts if states[part.name].state is not State.RUNNING]
    plain = {name: state.state for name, state in states.items()}
    free = [part for part in missing if may_start(part, plain)]
    return max((states[part.name] for part in free or missing), key=lambda s: s.restarts, default=None)


def _check_names(names: Sequence[str], needs: set[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise PartsError(f"a part's name is 1 to 32 of a-z, 0-9 and -, not {name!r}")
    if len(set(names)) < len(names):
        raise PartsError("two parts have the same name")
    if unknown := needs - set(names):
        raise PartsError(f"a part needs {', '.join(sorted(unknown))}, which is not there")


def _layers(sorter: "TopologicalSorter[str]") -> Iterable[tuple[str, ...]]:
    while sorter.is_active():
        layer = sorter.get_ready()
        sorter.done(*layer)
        yield layer
