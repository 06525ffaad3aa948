"""What a rehearsal says: how it goes, a table and the verdict, or one JSON document."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tifo.rehearsal.curve import Match
from tifo.rehearsal.generator import Progress as Step
from tifo.rehearsal.generator import Tell
from tifo.rehearsal.verdict import Found, Judged, Verdict

LINE_EVERY_S = 10.0
"""How often a line is written where there is no terminal to draw a bar on."""

COLOURS = {"pass": "green", "met": "green", "fail": "red", "missed": "red", "not-measured": "yellow"}


class Told(msgspec.Struct, frozen=True):
    """The JSON document of `tifo rehearse`."""

    scenario: str
    verdict: str
    reasons: tuple[str, ...]
    hints: tuple[str, ...]
    target: str
    event: str
    scale: float
    minutes: float
    shape: str
    shrunk: str
    without: tuple[str, ...]
    objectives: tuple[Judged, ...]
    generator: dict[str, object]
    figures: dict[str, object]


def figures(found: Found, match: Match, seconds: float) -> dict[str, object]:
    """The figures of a rehearsal: what was counted, and what was planned."""
    arrival_s = len(match.arrivals_per_s)
    return {
        "planned_viewers": match.viewers,
        "planned_peak_per_s": match.peak_per_s,
        "arrivals_per_s": round(found.arrivals / arrival_s, 1),
        "starts_per_s": round(found.starts / arrival_s, 1),
        "requests_per_s": round(found.requests / seconds, 1),
        "seconds": round(seconds, 1),
        **msgspec.to_builtins(found),
    }


@contextmanager
def watching(err: Console, match: Match) -> Iterator[Tell]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not err.is_terminal:
        yield _Lines(err, match)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bars:
        over_s = match.whistle_at_s + match.whistle_s
        bar = bars.add_task("first arrivals", total=over_s, said="")

        def tell(step: Step) -> None:
            phase = "arrivals" if step.seconds < len(match.arrivals_per_s) else "final whistle"
            bars.update(bar, description=phase, completed=min(step.seconds, over_s), said=_said(step, match))

        yield tell


class _Lines:
    def __init__(self, err: Console, match: Match) -> None:
        self._err = err
        self._match = match
        self._next_s = LINE_EVERY_S

    def __call__(self, step: Step) -> None:
        if step.seconds >= self._next_s:
            self._next_s = step.seconds + LINE_EVERY_S
            self._err.print(f"{step.seconds:5.0f} s  {_said(step, self._match)}")


def _said(step: Step, match: Match) -> str:
    planned = sum(match.arrivals_per_s[: int(step.seconds)])
    if step.counted is None:
        return f"{planned:,} arrivals planned until now"
    counted = step.counted
    failed = f", {counted.starts_failed:,} starts failed" if counted.starts_failed else ""
    return f"{counted.arrivals:,} arrivals ({planned:,} planned), {counted.entered:,} in{failed}"


def show(out: Console, told: Told, verdict: Verdict) -> None:
    """The table, the generator's health, the hints and the verdict."""
    table = Table(title=f"Rehearsal of {told.scenario}: {told.event} at {told.target}", title_justify="left")
    for heading, where in (("objective", "left"), ("figure", "right"), ("at most", "right"), ("", "left")):
        table.add_column(heading, justify=where)  # type: ignore[arg-type]
    for one in verdict.objectives:
        colour = COLOURS[one.state]
        table.add_row(
            one.says, _amount(one.value, one.unit), _amount(one.limit, one.unit), f"[{colour}]{one.state}"
        )
    out.print(table)
    health, counted = verdict.generator, told.figures
    out.print(
        f"{counted['arrivals']:,} viewers came, {counted['entered']:,} got in, {counted['starts']:,} starts, "
        f"{counted['heartbeats']:,} heartbeats, {counted['requests']:,} requests "
        f"({counted['requests_per_s']:,}/s).",
        soft_wrap=True,
    )
    out.print(
        f"Generator {health.state}: {health.late_p99_ms:,.0f} ms late (p99), {health.cores_used:.2f} of "
        f"{health.cores} cores.",
        soft_wrap=True,
    )
    if told.without:
        out.print(f"Left out: {', '.join(told.without)}.")
    for hint in verdict.hints:
        out.print(f"[yellow]Note[/yellow] {hint}", soft_wrap=True)
    out.print(f"Verdict: [bold {COLOURS[verdict.verdict]}]{verdict.verdict}[/]")
    for reason in verdict.reasons:
        out.print(f"  {reason}", soft_wrap=True)


def _amount(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:,.6g} {unit}"
