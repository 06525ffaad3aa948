"""Requests at times that were set before, whatever the answers do: a run of `pacer` on its own core."""

import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from benchmarks.load import Tick
from benchmarks.machine import CannotMeasure
from benchmarks.recipes import PACER_BINARY

GRACE_S_MAX = 30.0
TICK_S = 0.1


class Pods(msgspec.Struct, frozen=True):
    """Asset lists that filled their break exactly, those that came in time, and seconds by creative."""

    legal: int
    in_time: int
    seconds: dict[str, float]


class Paced(msgspec.Struct, frozen=True):
    """What `pacer` prints; latencies count from when a request was due. `pods` where it judges them."""

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    max_us: int
    late_p99_us: int
    refused: int
    broken: int
    dropped: int
    cpu_s: float
    first_error: str
    pods: Pods | None = None


def steady(per_s: float) -> tuple[str, ...]:
    """So many requests each second."""
    return ("-rate", f"{per_s:g}")


def write(file: Path, asks: Iterable[str]) -> tuple[str, ...]:
    """Have these asked for, each a method and a path."""
    file.write_text("".join(f"{ask}\n" for ask in asks))
    return ("-asks", str(file))


def paced(url: str, words: Sequence[str], core: int, seconds: float, tick: Tick) -> Paced:
    """Send for about so many seconds; raises `CannotMeasure` when `pacer` does not end, or fails."""
    command = ("taskset", "--cpu-list", str(core), str(PACER_BINARY), "-url", url, *words)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pacer:
        deadline = time.monotonic() + seconds + GRACE_S_MAX
        while pacer.poll() is None:
            if time.monotonic() > deadline:
                pacer.kill()
                raise CannotMeasure("the generator did not end in time")
            time.sleep(TICK_S)
            tick(TICK_S)
        output = pacer.stdout.read() if pacer.stdout else ""
    try:
        return msgspec.json.decode(output, type=Paced)
    except msgspec.DecodeError:
        raise CannotMeasure(f"the generator failed: {output}") from None
