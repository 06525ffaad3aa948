"""The event log: what it takes and gives on one core, each contender a process of its own there.

Contenders (`event_contenders.py`) take turns. Where there is a Kafka it has the other core.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from benchmarks import event_mix
from benchmarks.broker import kafka
from benchmarks.event_costs import SESSIONS
from benchmarks.event_done import Done
from benchmarks.event_producing import APPENDERS, BATCH_RECORDS, CALLERS, REPORT_RECORDS
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.runner import STARTING_S, Effort, Progress

HERE = Path(__file__).parent
RUN_S_MAX = 300.0
RECORDS = 200_000
"""Of each repetition, by `--scale`."""

TURNS_MAX = 5
KAFKA_S = 10.0
"""About how long a Kafka takes to start."""

MILLION = 1_000_000

PAIR_COLUMNS = (
    Column("records/s"),
    Column("CPU, us each", 1),
    Column("Tifo's share of its rate, %"),
    Column("by CPU, %"),
)
EMBEDDED_COLUMNS = (Column("records/s"), Column("CPU, us each", 1))
COST_COLUMNS = (
    Column("CPU, s for a million"),
    Column("events/s of CPU time"),
    Column("memory it grew by, MiB"),
    Column("MiB written for a million", 1),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Tifo's contender and those beside it, over one Kafka."""

    name: str
    title: str
    parameters: Mapping[str, str]
    contenders: Mapping[str, str]
    filled: bool = False

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes."""
        return KAFKA_S + len(self.contenders) * turns(effort) * turn_s(effort)

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Shares are those of medians."""
        with kafka(cores.generator) as broker:
            progress.advance(KAFKA_S)
            # Makes the topics too.
            run("fill", records(effort) if self.filled else 1, broker.seeds, cores.server)
            samples = interleaved(self, effort, cores, progress, broker.seeds)
        rows = pair_rows(self.contenders, samples)
        told = {**self.parameters, "Kafka": "one broker on the other core, acks=all, lz4"}
        return Found(findings=(Finding(self.name, self.title, told, PAIR_COLUMNS, rows),))


@dataclass(frozen=True, slots=True)
class Alone:
    """Contenders that need a folder and no peer: rates, or costs for a million."""

    name: str
    title: str
    parameters: Mapping[str, str]
    contenders: Mapping[str, str]
    costs: bool = False

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes."""
        return len(self.contenders) * turns(effort) * turn_s(effort)

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Medians."""
        samples = interleaved(self, effort, cores, progress)
        columns, values = (COST_COLUMNS, cost_values) if self.costs else (EMBEDDED_COLUMNS, rate_values)
        rows = tuple(Row(title, values(samples[name])) for name, title in self.contenders.items())
        return Found(findings=(Finding(self.name, self.title, dict(self.parameters), columns, rows),))


def producing() -> Pair:
    """Publisher and log beside confluent-kafka by itself."""
    return Pair(
        "events-produce",
        "Events from the application to a real broker, on one core",
        {"callers": str(CALLERS), "records of each": str(REPORT_RECORDS)},
        {
            "produce-tifo": "Tifo: typed events, Publisher.keep",
            "produce-bare": "confluent-kafka, the same events made into the same messages",
        },
    )


def appending() -> Pair:
    """The log alone beside messages that only have to be handed over."""
    return Pair(
        "events-append",
        "Records that are there already, to a real broker, on one core",
        {"appends": f"{BATCH_RECORDS} records, {APPENDERS} at once"},
        {
            "append-tifo": "Tifo: EventLog.append, headers made as it goes",
            "append-bare": "confluent-kafka, messages made before the clock ran",
        },
    )


def consuming() -> Pair:
    """The loop of our workers beside the shortest one."""
    return Pair(
        "events-consume",
        "Records read from a real broker and committed, on one core",
        {"partitions": "12", "commit": "after each poll"},
        {
            "consume-tifo": "Tifo: Follower, every poll handled and committed",
            "consume-bare": "confluent-kafka: consume, read every field, commit",
        },
        filled=True,
    )


def embedded() -> Alone:
    """The log that is a file."""
    return Alone(
        "events-embedded",
        "The embedded log, on one core",
        {"kept": "synced to the disk when the append returns"},
        {
            "embedded-batches": f"appended, {BATCH_RECORDS} at a time by {APPENDERS} callers",
            "embedded-calls": f"appended, 1 at a time by {CALLERS} callers",
            "embedded-consumed": "consumed by a worker's loop, committed after each poll",
        },
    )


def workers() -> Alone:
    """What it costs to count, and to keep."""
    return Alone(
        "events-workers",
        "What workers cost for a million events of the mix",
        {"mix": event_mix.MIX, "sessions": f"{SESSIONS:,}"},
        {
            "insight": f"insight; memory: of {SESSIONS:,} sessions",
            "lake": "lake; memory: at the most",
        },
        costs=True,
    )


def turns(effort: Effort, most: int = TURNS_MAX) -> int:
    """Repetitions of each contender."""
    return min(effort.repetitions, most)


def turn_s(effort: Effort) -> float:
    """About how long one of them takes, most of which is to make the records."""
    return STARTING_S + records(effort) / 50_000


def records(effort: Effort) -> int:
    """Records of each repetition."""
    return max(1, round(RECORDS * effort.scale))


def interleaved(
    work: Pair | Alone, effort: Effort, cores: Cores, progress: Progress, seeds: str = ""
) -> dict[str, list[Done]]:
    """What each contender did, in turns; without `seeds` each time with an empty folder."""
    samples: dict[str, list[Done]] = {name: [] for name in work.contenders}
    for turn in range(1, turns(effort) + 1):
        for name in work.contenders:
            progress.doing(f"{work.name}: {name}, {turn} of {turns(effort)}")
            with _where(seeds) as where:
                samples[name].append(run(name, records(effort), where, cores.server))
            progress.advance(turn_s(effort))
    return samples


@contextlib.contextmanager
def _where(seeds: str) -> Iterator[str]:
    if seeds:
        yield seeds
        return
    with tempfile.TemporaryDirectory(prefix="tifo-bench-") as folder:
        yield folder


def run(name: str, count: int, where: str, core: int) -> Done:
    """One contender on that core; raises `CannotMeasure` with what it said last."""
    command = [
        *("taskset", "--cpu-list", str(core), sys.executable, "-W", "ignore"),
        *("-m", "benchmarks.event_contenders", name, str(count), where),
    ]
    done = subprocess.run(
        command, cwd=HERE.parent, capture_output=True, text=True, timeout=RUN_S_MAX, check=False
    )
    if done.returncode:
        raise CannotMeasure(f"{name} failed: {done.stderr}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Done)


def pair_rows(contenders: Mapping[str, str], samples: Mapping[str, list[Done]]) -> tuple[Row, ...]:
    """The first is ours: the others say how much of theirs it reaches."""
    (our_rate, our_cpu), *others = (rate_values(samples[name]) for name in contenders)
    ours, *titles = contenders.values()
    shares = ((rate, cpu, 100 * our_rate / rate, 100 * cpu / our_cpu) for rate, cpu in others)
    return (
        Row(ours, (our_rate, our_cpu, None, None)),
        *(Row(title, values) for title, values in zip(titles, shares, strict=True)),
    )


def rate_values(samples: list[Done]) -> tuple[float, float]:
    """Medians of records a second and of CPU for one."""
    return median(one.per_s for one in samples), median(one.cpu_us for one in samples)


def cost_values(samples: list[Done]) -> tuple[float | None, ...]:
    """Medians of what a million costs; None for what is not written."""
    cpu_us = median(one.cpu_us for one in samples)
    mib = median(one.bytes / one.records for one in samples) * MILLION / 2**20
    return cpu_us, MILLION / cpu_us, median(one.memory_mib for one in samples), mib or None
