"""What a rehearsal says: how it goes, a table and the verdict, or one JSON document."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tifo.rehearsal.curve import Match, Size
from tifo.rehearsal.found import Found
from tifo.rehearsal.generator import Plan, Ran, Tell
from tifo.rehearsal.generator import Progress as Step
from tifo.rehearsal.scenario import Kind, Scenario
from tifo.rehearsal.verdict import Judged, Verdict

LINE_EVERY_S = 10.0
"""How often a line is written where there is no terminal to draw a bar on."""

COLOURS = {"pass": "green", "met": "green", "fail": "red", "missed": "red", "not-measured": "yellow"}


class Asked(msgspec.Struct, frozen=True):
    """One kind of request: how many there were, and how long their answers took, in milliseconds."""

    kind: str
    asked: int
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Capacity(msgspec.Struct, frozen=True):
    """What the platform carried, and how many cores the reference would take by it.

    `reference_share` is the part of the reference's rate. Per core there is only what was held (a pass) on
    cores that somebody counted; `cores_for_reference` is extrapolated from it in a straight line.
    """

    what: str
    per_s: float
    reference_per_s: float
    reference_share: float
    cores: float | None
    per_core_per_s: float | None
    cores_for_reference: float | None


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
    shares: Mapping[str, float]
    breaks: tuple[str, ...]
    objectives: tuple[Judged, ...]
    asked: tuple[Asked, ...]
    capacity: Capacity
    generator: dict[str, object]
    figures: dict[str, object]


def told(
    scenario: Scenario,
    plan: Plan,
    size: Size,
    match: Match,
    ran: Ran,
    verdict: Verdict,
    *,
    shrunk: str,
    capacity: Capacity,
) -> Told:
    """Everything there is to say of a rehearsal."""
    return Told(
        scenario=scenario.name,
        verdict=verdict.verdict,
        reasons=verdict.reasons,
        hints=verdict.hints,
        target=plan.target,
        event=plan.event,
        scale=size.scale,
        minutes=size.minutes,
        shape=size.shape.value,
        shrunk=shrunk,
        without=plan.without,
        shares=plan.shares,
        breaks=tuple(spike.brk for spike in match.spikes),
        objectives=verdict.objectives,
        asked=tuple(_asked(kind, ran.found) for kind in scenario.kinds if kind.read(ran.found)[0]),
        capacity=capacity,
        generator=msgspec.to_builtins(verdict.generator),
        figures=figures(ran.found, match, ran.seconds),
    )


def in_json(told: Told) -> str:
    """The document, indented."""
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _asked(kind: Kind, found: Found) -> Asked:
    asked, failed, took = kind.read(found)
    return Asked(kind.says, asked, failed, *(round(one, 2) for one in (took.p50, took.p95, took.p99)))


def capacity(scenario: Scenario, found: Found, match: Match, verdict: Verdict, cores: float) -> Capacity:
    """The rate beside the reference's; by the core where `cores` of them held it, 0 for nobody counted."""
    rate = scenario.rate
    per_s = rate.measure(found, match)
    per_core = per_s / cores if cores and per_s and verdict.verdict == "pass" else None
    return Capacity(
        what=rate.says,
        per_s=round(per_s, 1),
        reference_per_s=round(rate.reference_per_s, 1),
        reference_share=round(per_s / rate.reference_per_s, 6),
        cores=cores or None,
        per_core_per_s=None if per_core is None else round(per_core, 1),
        cores_for_reference=None if per_core is None else round(rate.reference_per_s / per_core, 1),
    )


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
            bars.update(
                bar,
                description=_phase(step.seconds, match),
                completed=min(step.seconds, over_s),
                said=_said(step, match),
            )

        yield tell


def _phase(seconds: float, match: Match) -> str:
    if seconds < len(match.arrivals_per_s):
        return "arrivals"
    if not match.plateau_s or seconds >= match.whistle_at_s:
        return "final whistle"
    return "breaks" if match.spikes else "plateau"


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
    out.print(_requests(told))
    health, counted = verdict.generator, told.figures
    out.print(
        f"{counted['arrivals']:,} viewers came, {counted['entered']:,} got in, {counted['unmade']:,} were "
        f"not sent; {counted['requests']:,} requests ({counted['requests_per_s']:,}/s), not well answered: "
        f"{_refused(told)}.",
        soft_wrap=True,
    )
    out.print(in_cores(told.capacity), soft_wrap=True)
    pods = "" if health.pods_late_p99_ms is None else f" and {health.pods_late_p99_ms:,.0f} ms with pods"
    out.print(
        f"Generator {health.state}: {health.late_p99_ms:,.0f} ms late{pods} (p99), {health.cores_used:.2f} "
        f"of {health.cores} cores.",
        soft_wrap=True,
    )
    if told.without:
        out.print(f"Left out: {', '.join(told.without)}.")
    for hint in verdict.hints:
        out.print(f"[yellow]Note[/yellow] {hint}", soft_wrap=True)
    out.print(f"Verdict: [bold {COLOURS[verdict.verdict]}]{verdict.verdict}[/]")
    for reason in verdict.reasons:
        out.print(f"  {reason}", soft_wrap=True)


def _requests(told: Told) -> Table:
    table = Table()
    table.add_column("request")
    for heading in ("asked", "failed", "p50, ms", "p95, ms", "p99, ms"):
        table.add_column(heading, justify="right")
    for one in told.asked:
        times = (f"{value:,.1f}" for value in (one.p50_ms, one.p95_ms, one.p99_ms))
        table.add_row(one.kind, f"{one.asked:,}", f"{one.failed:,}", *times)
    return table


def _refused(told: Told) -> str:
    answered = told.figures["answered"]
    assert isinstance(answered, dict)
    return ", ".join(f"{count:,} x {status}" for status, count in sorted(answered.items())) or "none"


def in_cores(one: Capacity) -> str:
    """One sentence or two: what was carried, and what the reference would take by it."""
    carried = (
        f"{one.per_s:,.6g} {one.what}/s, {100 * one.reference_share:.3g} % of the reference's "
        f"{one.reference_per_s:,.0f}/s"
    )
    if one.cores is None:
        return f"{carried}; --cores N, the platform's, says how many the reference would take."
    if one.per_core_per_s is None:
        return f"{carried}; not held, so nothing is said of a core."
    return (
        f"{carried}: {one.per_core_per_s:,.6g}/s a core, {one.cores:g} of them. Extrapolated in a straight "
        f"line, not measured: the reference takes {one.cores_for_reference:,.6g} such cores."
    )


def _amount(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:,.6g} {unit}"
