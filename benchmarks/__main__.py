"""`python -m benchmarks`: run them, or write their tables."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import arrival, figures, heartbeat, machine, recipes, runner, tables
from benchmarks.figures import Comparison, Run
from benchmarks.machine import CannotMeasure
from benchmarks.runner import Benchmark, Effort
from tifo.kernel.clock import SystemClock

RESULTS = Path(__file__).parent / "results"

BENCHMARKS: Mapping[str, Callable[[], Benchmark]] = MappingProxyType(
    {"heartbeat": heartbeat.as_players_do, "heartbeat-kept": heartbeat.not_due, "arrival": arrival.arrival}
)

out = Console(highlight=False)
app = App(name="benchmarks", help="Tifo's figures, each beside its peer in one run.")


@app.default
def run(
    *names: str,
    json: Annotated[Path, Parameter(help="Where the figures are written.")] = RESULTS / "latest.json",
    repetitions: Annotated[int, Parameter(help="How often each contender is measured.")] = 5,
    seconds: Annotated[int, Parameter(help="Seconds of each measurement.")] = 10,
) -> None:
    """Run benchmarks by name (heartbeat, heartbeat-kept, arrival), or all of them."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise CannotMeasure(f"there is no {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    machine.check_tools()
    recipes.build_peer()
    facts, effort = machine.facts(), Effort(repetitions, seconds)
    out.print(", ".join(f"{name} {value}" for name, value in facts.items()))
    comparisons = _measured([BENCHMARKS[name]() for name in names or BENCHMARKS], effort)
    at = datetime.fromtimestamp(SystemClock().now(), UTC).strftime("%Y-%m-%d")
    figures.write(Run(at, facts, repetitions, seconds, comparisons), json)
    out.print(f"\nWritten to {json}")


@app.command
def table(file: Path = RESULTS / "latest.json") -> None:
    """Print the figures of a run as Markdown."""
    sys.stdout.write(tables.in_markdown(figures.read(file)))


class _Bar:
    """The progress of one benchmark, in the terminal."""

    def __init__(self, bar: Progress, seconds: float) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=seconds)

    def doing(self, what: str) -> None:
        self._bar.update(self._task, description=what)

    def advance(self, seconds: float) -> None:
        self._bar.advance(self._task, seconds)


def _measured(benchmarks: Sequence[Benchmark], effort: Effort) -> tuple[Comparison, ...]:
    comparisons = []
    for benchmark in benchmarks:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=out, transient=True) as bar:
            progress = _Bar(bar, effort.seconds_of(benchmark))
            comparison = runner.compare(benchmark, effort, machine.cores(), progress)
        out.print(tables.in_terminal(comparison))
        comparisons.append(comparison)
    return tuple(comparisons)


def main() -> None:
    """The command line; what cannot be measured is said in a sentence."""
    try:
        app()
    except CannotMeasure as error:
        Console(stderr=True, highlight=False).print(f"benchmarks: {error}", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
