"""Starts at the rate of a kick-off, as they come: an open model, with the store full of others."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import instance, mix, recipes, store
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.instance import EVENT
from benchmarks.load import Tick
from benchmarks.machine import Cores
from benchmarks.open_model import paced, steady
from benchmarks.population import Population, device
from benchmarks.recipes import Recipe
from benchmarks.runner import STARTING_S, Effort, Progress, must_answer_alike
from benchmarks.servers import Servers, running
from benchmarks.shapes import Shape
from benchmarks.store import Redis
from tifo.kernel.clock import SystemClock
from tifo.settings import Settings

SESSIONS = 2_400_000
RATE_PER_S = 1_667
SECONDS_MIN = 30
WARM_UP_S = 3
FILL_PER_S = 30_000

COLUMNS = (
    Column("starts/s"),
    Column("p50, ms", digits=1, compared=True),
    Column("p99, ms", digits=1, compared=True),
    Column("slowest, ms", digits=0),
    Column("refused or broken"),
    Column("service, % of a core"),
    Column("Redis, % of a core"),
    Column("generator, % of a core"),
)


class Starts:
    """Both stores are filled once and stay; contenders take turns in front of them."""

    name = "sessions-starts"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes: two stores to fill, then the starts."""
        each = STARTING_S + WARM_UP_S + max(SECONDS_MIN, effort.seconds)
        return 2 * (_population(effort).sessions / FILL_PER_S + effort.repetitions * each)

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Latencies of starts, by medians of the repetitions."""
        population = _population(effort)
        contenders = (recipes.tifo_on_redis(), recipes.envoy_and_go_on_redis())
        samples: dict[str, list[tuple[float, ...]]] = {recipe.name: [] for recipe in contenders}
        shapes: dict[str, Shape] = {}
        notes: list[str] = []
        with contextlib.ExitStack() as stack:
            stores: dict[str, Redis] = {}
            for recipe in contenders:
                progress.doing(f"{self.name}: {recipe.name}, filling")
                stores[recipe.name] = stack.enter_context(store.redis(cores.generator))
                store.fill(stores[recipe.name], recipe, population, _ticks(progress))
            for repetition in range(effort.repetitions):
                for recipe in contenders:
                    progress.doing(f"{self.name}: {recipe.name}, {repetition + 1} of {effort.repetitions}")
                    redis = stores[recipe.name]
                    turn = _Turn(recipe, redis, population, repetition, cores, progress, notes)
                    samples[recipe.name].append(turn.measure(max(SECONDS_MIN, effort.seconds), shapes))
        rows = (
            Row(one.title, tuple(map(median, zip(*samples[one.name], strict=True)))) for one in contenders
        )
        return Found(findings=(_finding(population, tuple(rows), tuple(notes)),))


def _population(effort: Effort) -> Population:
    return Population(round(SESSIONS * effort.scale))


def _ticks(progress: Progress) -> Tick:
    return lambda sessions: progress.advance(sessions / FILL_PER_S)


def _finding(population: Population, rows: tuple[Row, ...], notes: tuple[str, ...]) -> Finding:
    return Finding(
        name="sessions-starts",
        title=f"Starts at {RATE_PER_S:,}/s, whatever the answers do, on one core",
        parameters={
            "sessions in store": f"{population.sessions:,}",
            "accounts": "3 in 4 new, 1 in 4 already watching on another device",
        },
        columns=COLUMNS,
        rows=rows,
        notes=notes,
    )


@dataclass(frozen=True, slots=True)
class _Turn:
    """One repetition of one contender: fresh servers, viewers who did not start before."""

    recipe: Recipe
    redis: Redis
    population: Population
    repetition: int
    cores: Cores
    progress: Progress
    notes: list[str]

    def measure(self, seconds: int, shapes: dict[str, Shape]) -> tuple[float, ...]:
        with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name:
            folder = Path(name)
            settings = instance.settings(folder, SystemClock(), self.redis.url)
            with running(self.recipe.processes(settings), self.cores.server, folder) as servers:
                self.progress.advance(STARTING_S)
                must_answer_alike(self.recipe, mix.probe(settings), shapes)
                viewers = self._viewers(settings, RATE_PER_S * (WARM_UP_S + seconds))
                self._starts(settings, servers, viewers, WARM_UP_S)
                return self._starts(settings, servers, viewers, seconds)

    def _viewers(self, settings: Settings, count: int) -> Iterator[str]:
        """`access-token event device`: every fourth of an account that watches already."""
        before = self.repetition * count
        newcomers = mix.newcomers(settings, self.population, range(before, before + count))
        # Steps that share no factor with the accounts: each is met once before any is met again.
        for n in range(before, before + count):
            if n % 4:
                yield next(newcomers)
                continue
            account = self.population.account(n * 7_919 % self.population.accounts)
            other = device(2 * self.population.sessions + n)
            yield f"{mix.access_token(settings, account)} {EVENT} {other}"

    def _starts(
        self, settings: Settings, servers: Servers, viewers: Iterator[str], seconds: int
    ) -> tuple[float, ...]:
        file = settings.folder("viewers.txt")
        lines = (next(viewers) for _ in range(RATE_PER_S * seconds))
        file.write_text("".join(f"{line}\n" for line in lines))
        began, server_s, store_s = time.monotonic(), servers.cpu_s(), self.redis.servers.cpu_s()
        words = ("-viewers", str(file), *steady(RATE_PER_S))
        found = paced(settings.viewers_url, words, self.cores.generator, seconds, self.progress.advance)
        wall_s = time.monotonic() - began
        if found.first_error:
            self.notes.append(
                f"{self.recipe.name}: {found.dropped} starts were not sent; {found.first_error}"
            )
        return (
            (found.requests - found.refused - found.broken) / found.duration_us * 1e6,
            *(us / 1_000 for us in (found.p50_us, found.p99_us, found.max_us)),
            float(found.refused + found.broken),
            *(
                100 * used_s / wall_s
                for used_s in (servers.cpu_s() - server_s, self.redis.servers.cpu_s() - store_s, found.cpu_s)
            ),
        )
