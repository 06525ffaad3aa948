"""`python -m benchmarks`: run them, or write their tables."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import (
    ad_break,
    ads,
    ads_rehearsal,
    arrival,
    asked,
    beacon_deaths,
    beacons,
    cmcd,
    deaths,
    delivery,
    event_delay,
    events,
    figures,
    filled,
    heartbeat,
    machine,
    mix,
    overspend,
    recipes,
    rehearsal,
    report,
    starts,
    tables,
    tokens,
    video_rehearsal,
)
from benchmarks.figures import Found, Run
from benchmarks.machine import CannotMeasure
from benchmarks.runner import Effort, Work
from tifo.kernel.clock import SystemClock

RESULTS = Path(__file__).parent / "results"

BENCHMARKS: Mapping[str, Callable[[], Work]] = MappingProxyType(
    {
        "heartbeat": heartbeat.as_players_do,
        "heartbeat-kept": heartbeat.not_due,
        "arrival": arrival.arrival,
        "steering": delivery.steering,
        "playlists": delivery.playlists,
        "ads-pods": ads.pods,
        "ads-cohort": ads.cohort_pods,
        "ads-break": ad_break.AdBreak,
        "ads-overspend": overspend.Overspend,
        "ads-beacons": beacons.beacons,
        "ads-deaths": beacon_deaths.BeaconDeaths,
        "ads-rehearsal": ads_rehearsal.AdsRehearsal,
        "events-cmcd": cmcd.batched,
        "events-cmcd-single": cmcd.single,
        "events-produce": events.producing,
        "events-append": events.appending,
        "events-consume": events.consuming,
        "events-embedded": events.embedded,
        "events-workers": events.workers,
        "events-delay": event_delay.Delay,
        **{f"tokens-{form}": partial(tokens.Tokens, form) for form in tokens.CONTENDERS},
        "report": report.Report,
        "sessions-mix": mix.mix,
        "sessions-commands": asked.Commands,
        "sessions-memory": filled.Filled,
        "sessions-starts": starts.Starts,
        "sessions-rehearsal": rehearsal.Rehearsal,
        "video-rehearsal": video_rehearsal.VideoRehearsal,
    }
)
GROUPS = {
    group: tuple(name for name in BENCHMARKS if name.startswith(f"{group}-"))
    for group in ("ads", "events", "sessions", "tokens")
}
"""Several benchmarks by one name."""

out = Console(highlight=False)
app = App(name="benchmarks", help="Tifo's figures, each beside its peer in one run.")


@app.default
def run(
    *names: str,
    json: Annotated[Path, Parameter(help="Where the figures are written.")] = RESULTS / "latest.json",
    repetitions: Annotated[int, Parameter(help="How often each contender is measured.")] = 5,
    seconds: Annotated[int, Parameter(help="Seconds of each measurement.")] = 10,
    scale: Annotated[float, Parameter(help="Share of the sessions that a filled store holds.")] = 1.0,
) -> None:
    """Run benchmarks by name, or all of them.

    `ads`, `events`, `sessions` and `tokens` are all whose names begin so.
    """
    known = [one for name in names or BENCHMARKS for one in GROUPS.get(name, (name,))]
    unknown = [name for name in known if name not in BENCHMARKS]
    if unknown:
        raise CannotMeasure(
            f"there is no {', '.join(unknown)}; there are {', '.join((*BENCHMARKS, *GROUPS))}"
        )
    machine.check_tools()
    recipes.build_go()
    facts, effort = machine.facts(), Effort(repetitions, seconds, scale)
    out.print(", ".join(f"{name} {value}" for name, value in facts.items()))
    found = _measured([BENCHMARKS[name]() for name in known], effort)
    at = datetime.fromtimestamp(SystemClock().now(), UTC).strftime("%Y-%m-%d")
    comparisons = tuple(one for each in found for one in each.comparisons)
    findings = tuple(one for each in found for one in each.findings)
    figures.write(Run(at, facts, repetitions, seconds, comparisons, findings), json)
    out.print(f"\nWritten to {json}")


@app.command
def table(file: Path = RESULTS / "latest.json") -> None:
    """Print the figures of a run as Markdown."""
    sys.stdout.write(tables.in_markdown(figures.read(file)))


@app.command(name="deaths")
def deaths_table(file: Path = RESULTS / "deaths.json") -> None:
    """Print the table of what dies, from the figures that `make deaths` leaves, as Markdown."""
    sys.stdout.write(deaths.in_markdown(file))


class _Bar:
    """The progress of one benchmark, in the terminal."""

    def __init__(self, bar: Progress, seconds: float) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=seconds)

    def doing(self, what: str) -> None:
        self._bar.update(self._task, description=what)

    def advance(self, seconds: float) -> None:
        self._bar.advance(self._task, seconds)


def _measured(works: Sequence[Work], effort: Effort) -> tuple[Found, ...]:
    found = []
    for work in works:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=out, transient=True) as bar:
            progress = _Bar(bar, work.takes_s(effort))
            one = work.measure(effort, machine.cores(), progress)
        for table in tables.all_of(one):
            out.print(tables.in_terminal(table))
        found.append(one)
    return tuple(found)


def main() -> None:
    """The command line; what cannot be measured is said in a sentence."""
    try:
        app()
    except CannotMeasure as error:
        Console(stderr=True, highlight=False).print(f"benchmarks: {error}", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
