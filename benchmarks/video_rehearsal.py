"""The reference's playlists and metadata by the core, asked for by players who are steered as they are told.

`tifo rehearse video` without sessions: players bring their tokens, so that the core has nothing to do but
what is measured. The lighter generator shows what the core holds, k6 what it can send from one.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import instance
from benchmarks.figures import Column, Finding, Row
from benchmarks.instance import GENEROUS_PER_S
from benchmarks.machine import Cores
from benchmarks.rehearsal import SENDERS, Ran, Rehearsals, Sender, rehearsed
from benchmarks.runner import Progress
from tifo.kernel.clock import SystemClock
from tifo.rehearsal.video import PLATEAU_S_MIN, REFERENCE_PER_S
from tifo.settings import Settings

RUN_S = 155.0
"""About how long one rehearsal is: the arrivals, the plateau, the final whistle, the last answers."""
STEERING_TTL_S = 10
"""What ships: the same rate by fewer players than a platform's longer interval would take."""
FAILED = ("playlists_failed", "mpds_failed", "steerings_failed", "broken")

COLUMNS = (
    Column("players"),
    Column("requests/s while all watch"),
    Column("p50, ms", digits=1),
    Column("p95, ms", digits=1),
    Column("p99, ms", digits=1),
    Column("failed"),
    Column("generator late p99, ms"),
    Column("service, % of a core"),
    Column("CPU, us each"),
    Column("such cores for 20,440/s, extrapolated", digits=1),
)


@dataclass(frozen=True, slots=True)
class _Run:
    sender: Sender
    share: float
    """Of the reference's rate, on one core."""


LIGHTER, K6 = SENDERS
RUNS = (_Run(LIGHTER, 0.25), _Run(LIGHTER, 0.5), _Run(LIGHTER, 0.75), _Run(K6, 0.1))


class VideoRehearsal(Rehearsals[_Run]):
    """A run for each share of the reference's rate."""

    name = "video-rehearsal"
    scenario = "video"
    run_s = RUN_S
    runs = RUNS

    def rehearse(self, run: _Run, scale: float, folder: Path, cores: Cores, progress: Progress) -> Row:
        """What the core held at a rate, and what the reference would take by it."""
        progress.doing(f"{self.name}: {run.sender.title}, {run.share:.0%} of the reference")
        words = (
            *("--scale", str(run.share * scale), "--without", "sessions", "--without", "calendar"),
            *("--segments", "0", "--cores", "1", *run.sender.words),
        )
        return _row(run.sender, rehearsed(self.scenario, words, _settings(folder), cores, progress))

    def finding(self, scale: float, rows: tuple[Row, ...]) -> Finding:
        """The rates, one below the other."""
        return _finding(rows)


def _settings(folder: Path) -> Settings:
    base = instance.settings(folder, SystemClock())
    # One node has to carry what is measured: none of it may be spared by a longer TTL.
    steering = msgspec.structs.replace(base.steering, ttl_s=STEERING_TTL_S, asks_per_s_max=GENEROUS_PER_S)
    return msgspec.structs.replace(base, steering=steering)


def _row(sender: Sender, ran: Ran) -> Row:
    figures, health, carried = ran.told["figures"], ran.told["generator"], ran.told["capacity"]
    times, busy = figures["plateau_ms"], ran.busy(PLATEAU_S_MIN)
    values = (
        figures["arrivals"],
        carried["per_s"],
        *(times[name] for name in ("p50", "p95", "p99")),
        sum(figures[name] for name in FAILED),
        health["late_p99_ms"],
        100 * busy,
        1e6 * busy / carried["per_s"] if carried["per_s"] else None,
        carried["cores_for_reference"],
    )
    return Row(ran.by(sender), tuple(None if one is None else float(one) for one in values))


def _finding(rows: tuple[Row, ...]) -> Finding:
    return Finding(
        name="video-rehearsal",
        title="Playlists, MPDs and steering manifests, by players who ask when they are told to",
        parameters={
            "the reference's whole fleet": f"{REFERENCE_PER_S:,.0f}/s at p99 10 ms",
            "players": "4 in 5 of HLS, 1 in 5 of DASH, arriving within a minute",
            "steering": f"every {STEERING_TTL_S} s",
            "pathways": str(len(instance.PATHWAYS)),
            "services": "all in one process, on one core",
            "generator": "on the other",
        },
        columns=COLUMNS,
        rows=rows,
    )
