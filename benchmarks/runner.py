"""The one runner: contenders take turns, each with fresh servers, and all must answer alike."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Protocol

from benchmarks import instance, store
from benchmarks.figures import Comparison, Contender, Found, Sample
from benchmarks.load import Load, Tick, measure
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.population import Population
from benchmarks.recipes import Recipe
from benchmarks.servers import Servers, running
from benchmarks.shapes import Shape
from benchmarks.store import Redis
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
    answers look like. With a `population` each contender has a Redis of its own, on the generator's core,
    that holds these sessions before anything is asked. `after` looks at the folder of each repetition, with
    what its processes said.
    """

    name: str
    title: str
    operation: str
    parameters: Mapping[str, str]
    recipes: tuple[Recipe, ...]
    load: Callable[[Settings, int, Path], Load]
    probe: Callable[[Settings], dict[str, Shape]]
    population: Population | None = None
    after: Callable[[Path], None] = lambda _: None

    def takes_s(self, effort: "Effort") -> float:
        """About how long it takes."""
        each = STARTING_S + WARM_UP_S + effort.seconds
        return float(effort.repetitions * len(self.recipes) * each)

    def measure(self, effort: "Effort", cores: Cores, progress: "Progress") -> Found:
        """Compare the contenders."""
        return Found(comparisons=(compare(self, effort, cores, progress),))


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: repetitions of each contender, seconds of each, and which share of the sessions
    that a filled store is meant to hold."""

    repetitions: int
    seconds: int
    scale: float = 1.0


class Progress(Protocol):
    """Who is told how far the run is."""

    def doing(self, what: str) -> None:
        """What is measured now."""

    def advance(self, seconds: float) -> None:
        """So much of the estimated time has passed."""


class Work(Protocol):
    """A benchmark of any sort, as the command line sees it."""

    @property
    def name(self) -> str:
        """What it is called by."""

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes."""

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Measure it; raises `CannotMeasure`."""


NO_STORES: Mapping[str, Redis] = MappingProxyType({})


def compare(
    benchmark: Benchmark,
    effort: Effort,
    cores: Cores,
    progress: Progress,
    stores: Mapping[str, Redis] = NO_STORES,
) -> Comparison:
    """Measure A B C A B C ..., so that whatever disturbs the machine disturbs all of them.

    `stores` are filled already, by the contender's name; the others begin anew in each repetition.
    """
    samples: dict[str, list[Sample]] = {recipe.name: [] for recipe in benchmark.recipes}
    shapes: dict[str, Shape] = {}
    for repetition in range(1, effort.repetitions + 1):
        for recipe in benchmark.recipes:
            progress.doing(f"{benchmark.name}: {recipe.name}, {repetition} of {effort.repetitions}")
            with _store(benchmark, recipe, cores, stores) as redis:
                turn = _Turn(benchmark, recipe, redis, cores, progress.advance)
                samples[recipe.name].append(turn.measure(effort.seconds, shapes))
    contenders = tuple(Contender(one.name, one.title, tuple(samples[one.name])) for one in benchmark.recipes)
    return Comparison(
        name=benchmark.name,
        title=benchmark.title,
        operation=benchmark.operation,
        parameters=dict(benchmark.parameters),
        contenders=contenders,
        notes=tuple(note for one in contenders for note in _notes(one)),
    )


@contextlib.contextmanager
def _store(
    benchmark: Benchmark, recipe: Recipe, cores: Cores, stores: Mapping[str, Redis]
) -> Iterator[Redis | None]:
    """The contender's Redis; None where it needs none."""
    if recipe.name in stores or not benchmark.population:
        yield stores.get(recipe.name)
        return
    with store.redis(cores.generator) as redis:
        store.fill(redis, recipe, benchmark.population, lambda _: None)
        yield redis


@dataclass(frozen=True, slots=True)
class _Turn:
    """One repetition of one contender: fresh servers, an empty folder."""

    benchmark: Benchmark
    recipe: Recipe
    redis: Redis | None
    cores: Cores
    tick: Tick

    def measure(self, seconds: int, shapes: dict[str, Shape]) -> Sample:
        url = self.redis.url if self.redis else ""
        with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name:
            folder = Path(name)
            settings = instance.settings(folder, SystemClock(), url)
            with running(self.recipe.processes(settings), self.cores.server, folder) as servers:
                self.tick(STARTING_S)
                must_answer_alike(self.recipe, self.benchmark.probe(settings), shapes)
                kept = self.redis.servers if self.redis else Servers(())
                for part in (WARM_UP_S, seconds):
                    load = self.benchmark.load(settings, self.cores.generator, folder)
                    sample = measure(load, servers, kept, part, self.tick)
            self.benchmark.after(folder)
        return sample


def must_answer_alike(recipe: Recipe, found: dict[str, Shape], shapes: dict[str, Shape]) -> None:
    """Compare with the first contender's answers, which `shapes` keeps; raises `CannotMeasure`."""
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
