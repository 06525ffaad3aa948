"""The one runner: contenders take turns, each with fresh servers, and all must answer alike."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

from benchmarks import instance
from benchmarks.figures import Comparison, Contender, Sample
from benchmarks.load import Load, measure
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.recipes import Recipe
from benchmarks.servers import running
from benchmarks.shapes import Shape
from tifo.kernel.clock import SystemClock
from tifo.settings import Settings

WARM_UP_S = 2
STARTING_S = 2
"""About how long the servers of one contender take to start and stop, for the progress bar."""

FULL = 0.9
"""Share of its core from which on a server or the generator counts as fully busy."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is compared: ours first, then its peer, then marks to go by.

    `load` writes what the script reads into a folder; `probe` asks the running servers and says what the
    answers look like.
    """

    name: str
    title: str
    operation: str
    parameters: Mapping[str, str]
    recipes: tuple[Recipe, ...]
    load: Callable[[Settings, int, Path], Load]
    probe: Callable[[Settings], dict[str, Shape]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: repetitions of each contender, seconds of each."""

    repetitions: int
    seconds: int

    def seconds_of(self, benchmark: Benchmark) -> float:
        """About how long a benchmark takes."""
        each = STARTING_S + WARM_UP_S + self.seconds
        return float(self.repetitions * len(benchmark.recipes) * each)


class Progress(Protocol):
    """Who is told how far the run is."""

    def doing(self, what: str) -> None:
        """What is measured now."""

    def advance(self, seconds: float) -> None:
        """So much of the estimated time has passed."""


def compare(benchmark: Benchmark, effort: Effort, cores: Cores, progress: Progress) -> Comparison:
    """Measure A B C A B C ..., so that whatever disturbs the machine disturbs all of them."""
    samples: dict[str, list[Sample]] = {recipe.name: [] for recipe in benchmark.recipes}
    shapes: dict[str, Shape] = {}
    for repetition in range(1, effort.repetitions + 1):
        for recipe in benchmark.recipes:
            progress.doing(f"{benchmark.name}: {recipe.name}, {repetition} of {effort.repetitions}")
            samples[recipe.name].append(_once(benchmark, recipe, effort, cores, shapes, progress))
    contenders = tuple(Contender(one.name, one.title, tuple(samples[one.name])) for one in benchmark.recipes)
    return Comparison(
        name=benchmark.name,
        title=benchmark.title,
        operation=benchmark.operation,
        parameters=dict(benchmark.parameters),
        contenders=contenders,
        notes=tuple(note for one in contenders for note in _notes(one)),
    )


def _once(
    benchmark: Benchmark,
    recipe: Recipe,
    effort: Effort,
    cores: Cores,
    shapes: dict[str, Shape],
    progress: Progress,
) -> Sample:
    with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name:
        folder = Path(name)
        settings = instance.settings(folder, SystemClock())
        with running(recipe.processes(settings), cores.server, folder) as servers:
            progress.advance(STARTING_S)
            _must_answer_alike(recipe, benchmark.probe(settings), shapes)
            for seconds in (WARM_UP_S, effort.seconds):
                load = benchmark.load(settings, cores.generator, folder)
                sample = measure(load, servers, seconds, progress.advance)
    return sample


def _must_answer_alike(recipe: Recipe, found: dict[str, Shape], shapes: dict[str, Shape]) -> None:
    for name, shape in found.items():
        expected = shapes.setdefault(name, shape)
        if shape != expected:
            raise CannotMeasure(
                f"{recipe.title} does another thing: its answer ({name}) is {shape}, not {expected}"
            )


def _notes(contender: Contender) -> list[str]:
    """What a reader must know of a contender's figures."""
    server = median(sample.server_busy for sample in contender.samples)
    generator = median(sample.generator_busy for sample in contender.samples)
    if server >= FULL:
        return []
    if generator >= FULL:
        return [f"{contender.name}: the load generator was the bottleneck; the figure is a lower bound."]
    return [
        f"{contender.name}: the servers got {server:.0%} of their core; something else ran on this machine, "
        "and processor time per operation is the sturdier figure."
    ]
