"""Stores as full as on the night of a final: what a session takes, and heartbeats at that size."""

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks import mix, recipes, runner, store
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.load import Load, Tick
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.population import Population
from benchmarks.recipes import Recipe
from benchmarks.runner import Benchmark, Effort, Progress
from benchmarks.shapes import Shape, of_answer
from benchmarks.store import Redis
from tifo.services.sessions.settings import SessionsSettings
from tifo.settings import Settings

SESSIONS = 3_200_000
SAMPLE = 200_000
"""Sessions that heartbeats come from, drawn evenly from all: at 20,000 heartbeats/s one each every 10 s."""

CONNECTIONS = 64
FILL_PER_S = 30_000
"""Sessions/s that are about put into a store, for the progress bar."""


class Filled:
    """Both stores are filled once and stay; contenders take turns in front of them."""

    name = "sessions-memory"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes: four stores to fill, then the heartbeats."""
        population = _population(effort)
        return 4 * population.sessions / FILL_PER_S + _heartbeats(population).takes_s(effort)

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Bytes a session, and heartbeats/s with p99."""
        population = _population(effort)
        benchmark = _heartbeats(population)
        rows: list[Row] = []
        stores: dict[str, Redis] = {}
        with contextlib.ExitStack() as stack:
            for recipe in benchmark.recipes:
                progress.doing(f"{self.name}: {recipe.name}, filling")
                stores[recipe.name] = stack.enter_context(store.redis(cores.generator))
                tick = _ticks(progress)
                size = store.fill(stores[recipe.name], recipe, population, tick)
                rows.append(Row(f"{recipe.title}: Redis", (size, size * population.sessions / 2**20)))
            comparison = runner.compare(benchmark, effort, cores, progress, stores)
        rows += _in_process(population, progress)
        return Found((comparison,), (_memory(population, rows),))


def _population(effort: Effort) -> Population:
    return Population(max(SAMPLE, round(SESSIONS * effort.scale)))


def _ticks(progress: Progress) -> Tick:
    return lambda sessions: progress.advance(sessions / FILL_PER_S)


def _memory(population: Population, rows: list[Row]) -> Finding:
    return Finding(
        name="sessions-memory",
        title="Memory of live sessions",
        parameters={"sessions": f"{population.sessions:,}", "accounts": f"{population.accounts:,}"},
        columns=(Column("bytes a session", digits=0, compared=True), Column("MiB in all")),
        rows=tuple(rows),
    )


def _in_process(population: Population, progress: Progress) -> list[Row]:
    """What the same sessions take in a process's own memory."""
    progress.doing("sessions-memory: in the process")
    command = [sys.executable, "-m", "benchmarks.population", str(population.sessions)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasure(f"the memory store was not filled:\n{done.stderr}")
    progress.advance(population.sessions / FILL_PER_S)
    in_go = recipes.fill_go("memory", population, _ticks(progress))
    ours, peers = float(done.stdout), float(in_go) / population.sessions
    return [
        Row("Tifo: memory://, in its process", (ours, ours * population.sessions / 2**20)),
        Row("Go: maps, in its process", (peers, peers * population.sessions / 2**20)),
    ]


@dataclass(frozen=True, slots=True)
class _Beats:
    """Heartbeats of a sample of the population, one in `due_every` renewing."""

    population: Population
    due_every: int

    def load(self, settings: Settings, core: int, folder: Path) -> Load:
        file = folder / "tokens.txt"
        tokens = self.population.tokens(settings, self.population.sample(SAMPLE), self.due_every, mix.NEAR_S)
        file.write_text("".join(f"{session} {token}\n" for session, token in tokens))
        return Load("heartbeat.lua", [str(file)], settings.viewers_url, CONNECTIONS, core)

    def probe(self, settings: Settings) -> dict[str, Shape]:
        """How a heartbeat is answered that is not due, and how one that is."""
        kept, *others = self.population.tokens(settings, range(self.due_every), self.due_every, mix.NEAR_S)
        return {name: _beat(settings, *pair) for name, pair in (("kept", kept), ("renewed", others[-1]))}


def _beat(settings: Settings, session: str, token: str) -> Shape:
    url = f"{settings.viewers_url}/v1/sessions/{session}/heartbeat"
    answer = httpx.post(url, headers={"authorization": f"Bearer {token}"}, trust_env=False)
    if not answer.is_success:
        raise CannotMeasure(f"a heartbeat was answered {answer.status_code}: {answer.text}")
    return of_answer(answer)


def _heartbeats(population: Population) -> Benchmark:
    shipped = SessionsSettings()
    due_every = shipped.lease_s // 2 // shipped.heartbeat_s
    beats = _Beats(population, due_every)
    contenders: tuple[Recipe, ...] = (recipes.tifo_on_redis(), recipes.envoy_and_go_on_redis())
    return Benchmark(
        name="sessions-full",
        title="Heartbeats with a full store in Redis, on one core",
        operation="heartbeats",
        parameters={
            "sessions in store": f"{population.sessions:,}",
            "heartbeats of": f"{SAMPLE:,}, drawn evenly",
            "connections": str(CONNECTIONS),
            "renewing": f"1 in {due_every}",
        },
        recipes=contenders,
        load=beats.load,
        probe=beats.probe,
        population=population,
    )
