"""How often a store is asked: commands and round trips for a thousand requests of the reference mix."""

import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks import instance, mix, recipes, store
from benchmarks.counting import CountingProxy, Counts, counting
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.load import Load, answers
from benchmarks.machine import Cores
from benchmarks.recipes import Recipe
from benchmarks.runner import STARTING_S, WARM_UP_S, Effort, Progress, must_answer_alike
from benchmarks.servers import running
from benchmarks.shapes import Shape
from tifo.kernel.clock import SystemClock

WAITS_MS = (4, 12)
"""Waits between two requests of a connection, one measurement for each: about 10,000 and 5,000 requests/s."""

FLUSH_S = 1.5
"""Seconds after the last request in which what was gathered still goes to the store; counted too."""

COLUMNS = (
    Column("requests/s"),
    Column("commands per 1,000", digits=0, compared=True),
    Column("round trips per 1,000", digits=1, compared=True),
)


class Commands:
    """Counted between each contender and its Redis, by a proxy that both go through."""

    name = "sessions-commands"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes: once for each contender and rate."""
        return len(_contenders()) * (STARTING_S + len(WAITS_MS) * (WARM_UP_S + effort.seconds + FLUSH_S))

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Ours, then the peer, then ours with the shared cache to go by."""
        shapes: dict[str, Shape] = {}
        rows = [_rows(recipe, effort, cores, progress, shapes) for recipe in _contenders()]
        return Found(
            findings=tuple(
                Finding(
                    name=f"{self.name}-{wait_ms}",
                    title="What a store is asked for 1,000 requests of the reference mix",
                    parameters={**mix.PARAMETERS, "Tifo has in Redis": "sessions, board"},
                    columns=COLUMNS,
                    rows=rows_at,
                )
                for wait_ms, rows_at in zip(WAITS_MS, zip(*rows, strict=True), strict=True)
            )
        )


def _contenders() -> tuple[Recipe, ...]:
    return (recipes.tifo_on_redis(), recipes.envoy_and_go_on_redis(), recipes.tifo_sharing())


def _rows(
    recipe: Recipe, effort: Effort, cores: Cores, progress: Progress, shapes: dict[str, Shape]
) -> list[Row]:
    """One row for each of the rates."""
    viewers = mix.Viewers()
    with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name, store.redis(cores.generator) as redis:
        store.fill(redis, recipe, mix.POPULATION, lambda _: None)
        with counting(redis.url) as proxy:
            settings = instance.settings(Path(name), SystemClock(), proxy.url)
            with running(recipe.processes(settings), cores.server, Path(name)):
                progress.advance(STARTING_S)
                must_answer_alike(recipe, mix.probe(settings), shapes)
                rows = []
                for wait_ms in WAITS_MS:
                    progress.doing(f"sessions-commands: {recipe.name}, {wait_ms} ms between requests")
                    paced = partial(viewers.paced, settings, cores.generator, Path(name), wait_ms=wait_ms)
                    answers(paced(), WARM_UP_S, progress.advance)
                    rate, asked = _asked(proxy, paced(), effort.seconds, progress)
                    rows.append(Row(recipe.title, (rate, *asked)))
    return rows


def _asked(
    proxy: CountingProxy, load: Load, seconds: float, progress: Progress
) -> tuple[float, tuple[float, float]]:
    """Requests/s; commands and round trips for a thousand of them."""
    before: Counts = proxy.counts()
    found = answers(load, seconds, progress.advance)
    time.sleep(FLUSH_S)
    asked = proxy.counts().since(before)
    thousands = found.requests / 1_000
    rate = found.requests / found.duration_us * 1e6
    return rate, (asked.commands / thousands, asked.round_trips / thousands)
