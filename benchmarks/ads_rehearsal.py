"""Two breaks by the core: everybody who watches asks for a pod within two seconds, and then reports its ads.

`tifo rehearse ads` without sessions: viewers bring their tokens, so that the core has nothing to do but pods
and beacons. The lighter generator shows what the core holds, k6 what it can send from one.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import ads, instance
from benchmarks.figures import Column, Finding, Row
from benchmarks.machine import Cores
from benchmarks.rehearsal import SENDERS, Ran, Rehearsals, Sender, rehearsed
from benchmarks.runner import Progress
from tifo.kernel.clock import SystemClock
from tifo.rehearsal.ads import BREAK_S, REFERENCE_PER_S, REFERENCE_VIEWERS, SPREAD_S
from tifo.settings import Settings

ARRIVE_MINUTES = 0.25
RUN_S = 75.0
"""About how long one rehearsal is: the arrivals, two breaks, the last beacons."""
FAILED = ("pods_failed", "beacons_failed", "broken")

COLUMNS = (
    Column("viewers"),
    Column("pods"),
    Column("pods/s in the spikes"),
    Column("pod p50, ms", digits=1),
    Column("pod p99, ms", digits=1),
    Column("inside 1 s"),
    Column("empty"),
    Column("beacons"),
    Column("beacon p99, ms", digits=1),
    Column("failed, all kinds"),
    Column("spike late p99, ms"),
    Column("service in the spike, % of a core"),
    Column("such cores for 2.4 million viewers, extrapolated"),
)


@dataclass(frozen=True, slots=True)
class _Run:
    sender: Sender
    scale: float
    """Of the reference's audience, on one core."""


LIGHTER, K6 = SENDERS
RUNS = (_Run(LIGHTER, 0.001), _Run(LIGHTER, 0.0025), _Run(K6, 0.0005))


class AdsRehearsal(Rehearsals[_Run]):
    """Two breaks are two breaks, whatever the effort."""

    name = "ads-rehearsal"
    scenario = "ads"
    run_s = RUN_S
    runs = RUNS

    def rehearse(self, run: _Run, scale: float, folder: Path, cores: Cores, progress: Progress) -> Row:
        """What the core held of a crowd, and what the reference would take by it."""
        viewers = REFERENCE_VIEWERS * run.scale * scale
        progress.doing(f"{self.name}: {run.sender.title}, {viewers:,.0f} viewers")
        settings = _settings(folder)
        asyncio.run(ads.stock(settings, ads.inventory(SystemClock().now())))
        edge = settings.edge
        words = (
            *("--scale", f"{run.scale * scale:g}", "--without", "sessions", "--without", "calendar"),
            *("--operators", f"http://{edge.operator_host}:{edge.operator_port}"),
            *("--cores", "1", *run.sender.words),
        )
        ran = rehearsed(self.scenario, words, settings, cores, progress, ARRIVE_MINUTES)
        return row(run.sender, ran)

    def finding(self, scale: float, rows: tuple[Row, ...]) -> Finding:
        """The crowds, one below the other."""
        return _finding(rows)


def _settings(folder: Path) -> Settings:
    base = instance.settings(folder, SystemClock())
    # No breaks but those that the rehearsal has the operators' port plan.
    return msgspec.structs.replace(base, channel=msgspec.structs.replace(base.channel, break_every_s=0))


def row(sender: Sender, ran: Ran) -> Row:
    """What the rehearsal told, as the table has it."""
    figures, carried = ran.told["figures"], ran.told["capacity"]
    values = (
        figures["arrivals"],
        figures["pods"],
        carried["per_s"],
        *(figures["pod_ms"][name] for name in ("p50", "p99")),
        *(figures[name] for name in ("pods_in_time", "pods_empty", "beacons")),
        figures["beacon_ms"]["p99"],
        sum(figures[name] for name in FAILED),
        figures["spike_late_ms"]["p99"],
        100 * ran.busy(SPREAD_S),
        carried["cores_for_reference"],
    )
    return Row(ran.by(sender), tuple(None if one is None else float(one) for one in values))


def _finding(rows: tuple[Row, ...]) -> Finding:
    return Finding(
        name=AdsRehearsal.name,
        title="Two breaks that everybody asks for within 2 s, then the beacons of what they play",
        parameters={
            "the reference's audience": f"{REFERENCE_VIEWERS:,} viewers, {REFERENCE_PER_S:,.0f} pods/s",
            "breaks": f"two of {BREAK_S:g} s",
            "line items": f"{ads.LINE_ITEMS:,}",
            "services": "all in one process, on one core",
            "generator": "on the other",
        },
        columns=COLUMNS,
        rows=rows,
    )
