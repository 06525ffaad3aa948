"""How long `tifo report` takes for a whole match, and what memory: the command as people run it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import lakes
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.runner import Effort, Progress
from tifo.kernel.clock import SystemClock

EVENTS = 10_000_000
FILL_PER_S = 150_000
REPORT_PER_S = 500_000
"""Events a second that are about made, and reported of, for the progress bar."""

REPETITIONS_MAX = 3
RSS_KIB = 1_024


class Taken(NamedTuple):
    """What one report took: seconds on the clock and of CPU, and MiB at the most."""

    wall_s: float
    cpu_s: float
    mib: float


class Report:
    """One lake, reported of several times, on every core there is."""

    name = "report"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes."""
        events = EVENTS * effort.scale
        return events / FILL_PER_S + _repetitions(effort) * events / REPORT_PER_S

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Seconds and memory."""
        with tempfile.TemporaryDirectory(prefix="tifo-report-") as folder:
            lake = Path(folder) / "lake"
            lake.mkdir()
            progress.doing("report: making the lake")
            events = lakes.fill(lake, round(EVENTS * effort.scale))
            progress.advance(events / FILL_PER_S)
            taken = []
            for _ in range(_repetitions(effort)):
                progress.doing("report: reporting")
                taken.append(_report(lake, Path(folder) / "final.html"))
                progress.advance(events / REPORT_PER_S)
        return Found(findings=(_finding(events, taken),))


def _repetitions(effort: Effort) -> int:
    return min(effort.repetitions, REPETITIONS_MAX)


def _report(lake: Path, page: Path) -> Taken:
    clock = SystemClock()
    began = clock.monotonic()
    command = [
        sys.executable,
        "-m",
        "tifo",
        "report",
        lakes.EVENT,
        "--lake",
        f"file://{lake}",
        "--out",
        str(page),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not page.is_file():
        raise CannotMeasure(f"tifo report ended with {process.returncode}")
    return Taken(clock.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / RSS_KIB)


def _finding(events: int, taken: list[Taken]) -> Finding:
    values = tuple(median(values) for values in zip(*taken, strict=True))
    return Finding(
        name="report",
        title="The report of a match",
        parameters={"events": f"{events:,}", "sessions": f"{events // lakes.EVENTS_A_SESSION:,}"},
        columns=(Column("seconds", digits=1), Column("seconds of CPU", digits=1), Column("MiB at the most")),
        rows=(Row("tifo report", values),),
    )
