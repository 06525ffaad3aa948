"""The reference's rate of starts, held for a minute by viewers who behave as the watch page does.

`tifo rehearse sessions` at scale 1 on one core, its generator on the other: by the lighter generator, which
shows what the service has left, and by k6, which is what a broadcaster would run and here is what limits.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from benchmarks import instance, recipes
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.recipes import CROWD_BINARY
from benchmarks.runner import STARTING_S, Effort, Progress
from benchmarks.servers import running
from tifo.kernel.clock import SystemClock
from tifo.machine import write_settings
from tifo.rehearsal import generator
from tifo.settings import Settings

MINUTES = 1.0
RUN_S = 135.0
"""About how long one rehearsal is: the arrivals, the final whistle, the last answers."""
RUN_S_MAX = 300.0
TICK_S = 0.5
WHOLE_SHARE = 0.9
"""A stretch that is cut short by the run's end still counts as one from here on."""
HEARTBEAT_S, LEASE_S, STEERING_TTL_S = 30, 90, 60
"""What a platform sets for a crowd; those that ship are a laptop's, on which things are to be seen soon."""

COLUMNS = (
    Column("viewers"),
    Column("not let in"),
    Column("starts p50, ms", digits=1),
    Column("starts p99, ms"),
    Column("playlists p99, ms"),
    Column("heartbeats p99, ms"),
    Column("failed, all kinds"),
    Column("generator late p99, ms"),
    Column("service, % of a core"),
)
FAILED = (
    "starts_failed",
    "playlists_failed",
    "steerings_failed",
    "heartbeats_lost",
    "wrongly_ended",
    "broken",
)


R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Sender:
    """A generator by its words on the command line."""

    title: str
    words: tuple[str, ...]


SENDERS = (Sender("lighter generator", ("--generator", str(CROWD_BINARY))), Sender("k6", ()))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a rehearsal told, and the service's processor time (moment, seconds used) while it ran."""

    told: dict[str, Any]
    seen: tuple[tuple[float, float], ...]

    def by(self, sender: Sender) -> str:
        """Who sent, and what came of it."""
        well = self.told["generator"]["state"] == "ok"
        verdict = self.told["verdict"] if well else "the generator was the bottleneck"
        return f"{sender.title}: {verdict}"

    def busy(self, seconds: float) -> float:
        """The share of its core that the service took in its busiest stretch of so many seconds."""
        shares = [0.0]
        for n, (began, before_s) in enumerate(self.seen):
            ended, after_s = next((one for one in self.seen[n:] if one[0] - began >= seconds), self.seen[-1])
            if ended - began >= seconds * WHOLE_SHARE:
                shares.append((after_s - before_s) / (ended - began))
        return max(shares)


class Rehearsals(ABC, Generic[R]):
    """Rehearsals of one scenario: a fresh platform for each of the runs, and a row for each."""

    name: ClassVar[str]
    scenario: ClassVar[str]
    run_s: ClassVar[float]
    """About how long one run is."""
    runs: Sequence[R]

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes, whatever the effort: a minute is a minute."""
        return len(self.runs) * (STARTING_S + self.run_s)

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """What each run found, and its verdict."""
        generator.program(None, self.scenario)  # says how to get k6 before anything runs
        rows = tuple(self._fresh(run, effort.scale, cores, progress) for run in self.runs)
        return Found(findings=(self.finding(effort.scale, rows),))

    @abstractmethod
    def rehearse(self, run: R, scale: float, folder: Path, cores: Cores, progress: Progress) -> Row:
        """One run at a share of its crowd, on a platform in the folder."""

    @abstractmethod
    def finding(self, scale: float, rows: tuple[Row, ...]) -> Finding:
        """The table of the rows."""

    def _fresh(self, run: R, scale: float, cores: Cores, progress: Progress) -> Row:
        with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name:
            return self.rehearse(run, scale, Path(name), cores, progress)


class Rehearsal(Rehearsals[Sender]):
    """One run a generator."""

    name = "sessions-rehearsal"
    scenario = "sessions"
    run_s = RUN_S
    runs = SENDERS

    def rehearse(self, run: Sender, scale: float, folder: Path, cores: Cores, progress: Progress) -> Row:
        """The reference's arrivals."""
        progress.doing(f"{self.name}: {run.title}")
        words = ("--scale", str(scale), *run.words)
        return _row(run, rehearsed(self.scenario, words, _settings(folder), cores, progress))

    def finding(self, scale: float, rows: tuple[Row, ...]) -> Finding:
        """Beside each other."""
        return _finding(scale, rows)


def _settings(folder: Path) -> Settings:
    base = instance.settings(folder, SystemClock())
    return msgspec.structs.replace(
        base,
        sessions=msgspec.structs.replace(base.sessions, heartbeat_s=HEARTBEAT_S, lease_s=LEASE_S),
        steering=msgspec.structs.replace(base.steering, ttl_s=STEERING_TTL_S),
    )


def rehearsed(
    scenario: str,
    words: Sequence[str],
    settings: Settings,
    cores: Cores,
    progress: Progress,
    minutes: float = MINUTES,
) -> Ran:
    """A fresh platform with all services on one core, rehearsed from the other: `minutes` of arrivals."""
    command = [
        *("taskset", "--cpu-list", str(cores.generator), sys.executable, "-m", "tifo", "rehearse", scenario),
        # The platform's settings, whose keys sign tokens: log-ins are a provider's work.
        *("--target", settings.viewers_url, "--config", str(write_settings(settings)), "--json"),
        *("--shape", "steady", "--minutes", str(minutes), *words),
    ]
    with running(recipes.tifo().processes(settings), cores.server, Path(settings.data)) as servers:
        progress.advance(STARTING_S)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            seen = [(time.monotonic(), servers.cpu_s())]
            for _ in _until_over(run):
                progress.advance(TICK_S)
                seen.append((time.monotonic(), servers.cpu_s()))
            out, err = run.communicate()
    try:
        return Ran(msgspec.json.decode(out), tuple(seen))
    except msgspec.DecodeError:
        raise CannotMeasure(f"the rehearsal failed: {err}") from None


def _until_over(run: "subprocess.Popen[str]") -> Iterator[None]:
    deadline = time.monotonic() + RUN_S_MAX
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(TICK_S)
            return
        if time.monotonic() > deadline:
            run.kill()
            raise CannotMeasure("the rehearsal did not end in time")
        yield


def _row(sender: Sender, ran: Ran) -> Row:
    figures, health = ran.told["figures"], ran.told["generator"]
    values = (
        figures["arrivals"],
        figures["planned_viewers"] - figures["entered"],
        figures["start_ms"]["p50"],
        figures["start_ms"]["p99"],
        figures["playlist_ms"]["p99"],
        figures["heartbeat_ms"]["p99"],
        sum(figures[name] for name in FAILED),
        health["late_p99_ms"],
        100 * ran.busy(float(figures["seconds"])),
    )
    return Row(ran.by(sender), tuple(map(float, values)))


def _finding(scale: float, rows: tuple[Row, ...]) -> Finding:
    return Finding(
        name="sessions-rehearsal",
        title="The reference's starts for a minute, by viewers who do what the watch page does",
        parameters={
            "starts": f"{1_667 * scale:,.0f}/s",
            "heartbeats": f"every {HEARTBEAT_S} s",
            "leases": f"{LEASE_S} s",
            "steering": f"every {STEERING_TTL_S} s",
            "services": "all in one process, on one core",
            "generator": "on the other",
        },
        columns=COLUMNS,
        rows=rows,
    )
