"""One run of wrk with a script of ours, on a core of its own."""

import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.figures import Sample
from benchmarks.machine import CannotMeasure
from benchmarks.servers import Servers

SCRIPTS = Path(__file__).parent / "wrk"
TICK_S = 0.1
GRACE_S_MAX = 20.0
ANSWER_S_MAX = 10
"""Seconds without an answer after which a request counts as broken."""


Tick = Callable[[float], None]
"""`tick(seconds)`: so many more have passed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk does: a script of `benchmarks/wrk` with its arguments, over `connections` kept open."""

    script: str
    arguments: Sequence[str]
    url: str
    connections: int
    core: int


class Answers(msgspec.Struct, frozen=True):
    """What `wrk/report.lua` prints."""

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    refused: int
    broken: int
    operations: int


def measure(load: Load, servers: Servers, store: Servers, seconds: float, tick: Tick) -> Sample:
    """Put the servers under full load; raises `CannotMeasure` when any answer was a refusal or broken.

    `store` is what they keep their state in, on the generator's core; it may be no process at all.
    """
    began, server_cpu_s = time.monotonic(), servers.cpu_s()
    store_cpu_s, generator_cpu_s = store.cpu_s(), _children_cpu_s()
    found = answers(load, seconds, tick)
    wall_s = time.monotonic() - began
    server_s, store_s = servers.cpu_s() - server_cpu_s, store.cpu_s() - store_cpu_s
    generator_s = _children_cpu_s() - generator_cpu_s + store_s
    return Sample(
        per_s=found.operations / found.duration_us * 1e6,
        p50_ms=found.p50_us / 1000,
        p99_ms=found.p99_us / 1000,
        cpu_us=server_s / found.operations * 1e6,
        # The generator reads its script before it asks anything.
        server_busy=min(1.0, server_s / (found.duration_us / 1e6)),
        generator_busy=min(1.0, generator_s / wall_s),
        store_us=store_s / found.operations * 1e6,
    )


def answers(load: Load, seconds: float, tick: Tick) -> Answers:
    """Run wrk; raises `CannotMeasure` when any answer was a refusal or broken."""
    found = _run(load, seconds, tick)
    if found.refused or found.broken or not found.operations:
        raise CannotMeasure(
            f"{found.refused} refused and {found.broken} broken answers of {found.requests}, "
            f"{found.operations} operations: this run measures nothing"
        )
    return found


def _run(load: Load, seconds: float, tick: Tick) -> Answers:
    command = [
        *("taskset", "--cpu-list", str(load.core), "wrk", "--latency"),
        *("--threads", "1", "--connections", str(load.connections), "--duration", f"{seconds:g}s"),
        *("--timeout", f"{ANSWER_S_MAX}s"),
        *("--script", load.script, load.url, "--", *load.arguments),
    ]
    with subprocess.Popen(
        command, cwd=SCRIPTS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as wrk:
        _wait(wrk, seconds, tick)
        output = wrk.stdout.read() if wrk.stdout else ""
    line = next((line for line in output.splitlines() if line.startswith("{")), "")
    try:
        return msgspec.json.decode(line, type=Answers)
    except msgspec.DecodeError:
        raise CannotMeasure(f"wrk failed: {output}") from None


def _wait(wrk: "subprocess.Popen[str]", seconds: float, tick: Tick) -> None:
    deadline = time.monotonic() + seconds + GRACE_S_MAX
    while wrk.poll() is None:
        if time.monotonic() > deadline:
            wrk.kill()
            raise CannotMeasure("wrk did not end in time")
        time.sleep(TICK_S)
        tick(TICK_S)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
