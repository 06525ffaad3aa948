"""A real Redis for those who keep sessions in one: Debian's, nothing on disk, pinned to a core."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis as client

from benchmarks.load import Tick
from benchmarks.machine import CannotMeasure
from benchmarks.population import Population
from benchmarks.recipes import Recipe
from benchmarks.servers import Process, Servers, free_port, running

SETTLE_S = 0.5
"""Seconds until a Redis that was filled has freed what it only needed for that."""


@dataclass(frozen=True, slots=True)
class Redis:
    """One that runs; `url` reaches it, `servers` is its process."""

    url: str
    servers: Servers

    def used_bytes(self) -> int:
        """Memory that its data takes, by its own account."""
        time.sleep(SETTLE_S)
        with contextlib.closing(client.Redis.from_url(self.url)) as connection:
            return int(connection.info("memory")["used_memory"])


@contextlib.contextmanager
def redis(core: int) -> Iterator[Redis]:
    """Start an empty one, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name:
        port = free_port()
        url = f"redis://127.0.0.1:{port}"
        listening = ("--bind", "127.0.0.1", "--port", str(port), "--dir", name)
        # Lets the peer's hash of an account's sessions stay small; ours has none that short.
        packed = ("--hash-max-listpack-value", "128")
        command = ("redis-server", *listening, "--save", "", "--appendonly", "no", *packed)
        with running((Process("redis", command, url),), core, Path(name)) as servers:
            yield Redis(url, servers)


def fill(one: Redis, recipe: Recipe, population: Population, tick: Tick) -> float:
    """Have a contender's code put the sessions there; the bytes that each of them takes."""
    if recipe.fill is None:
        raise CannotMeasure(f"{recipe.title} keeps nothing in Redis")
    before = one.used_bytes()
    recipe.fill(one.url, population, tick)
    return (one.used_bytes() - before) / population.sessions
