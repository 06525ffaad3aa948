"""Reports of players (CMCD v2) over HTTP, each record kept by the event log before the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import msgspec

from benchmarks import event_mix, recipes
from benchmarks.broker import kafka
from benchmarks.events import KAFKA_S, run, turns
from benchmarks.figures import Found
from benchmarks.heartbeat import CONNECTIONS
from benchmarks.load import Load
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.recipes import Recipe
from benchmarks.runner import Benchmark, Effort, Progress, compare
from benchmarks.servers import Process
from benchmarks.shapes import Shape
from tifo.kernel.clock import SystemClock
from tifo.settings import Settings

PATH = "/v1/cmcd"
MEDIA = "application/cmcd"
RECORDS = 24_000
"""Different ones, which take turns."""

REPETITIONS_MAX = 3
NO_CONTENT = 204
SPOOLED = "spool.holding"
"""What a node says when Kafka kept nothing for a second and the disk does."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Requests of so many records each; an event is a record."""

    together: int

    @property
    def name(self) -> str:
        """What it is called by."""
        return "events-cmcd" if self.together > 1 else "events-cmcd-single"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes."""
        return KAFKA_S + self._benchmark("", []).takes_s(_fewer(effort))

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """With the log in a real Kafka, and in a file."""
        spooled: list[str] = []
        with kafka(cores.generator) as broker:
            progress.advance(KAFKA_S)
            # Makes the topics, which takes longer than a node waits for an answer.
            run("fill", 1, broker.seeds, cores.server)
            benchmark = self._benchmark(broker.url(), spooled)
            before_s = broker.servers.cpu_s()
            found = compare(benchmark, _fewer(effort), cores, progress)
            broker_s = broker.servers.cpu_s() - before_s
        rate = found.contenders[0].spread("per_s").median
        notes = (
            *found.notes,
            f"tifo: {rate / self.together:,.0f} requests/s; an event is one CMCD record.",
            f"The broker took {broker_s:.0f} s of CPU time beside the load generator in all.",
            *spooled,
        )
        return Found(comparisons=(msgspec.structs.replace(found, notes=notes),))

    def _benchmark(self, kafka_url: str, spooled: list[str]) -> Benchmark:
        def after(folder: Path) -> None:
            log = folder / "tifo.log"
            if log.exists() and SPOOLED in log.read_text(errors="replace"):
                spooled.append("Kafka was silent for a second, and some of a repetition went to the disk.")

        return Benchmark(
            name=self.name,
            title="Events of players, kept by the log before they are answered, on one core",
            operation="events",
            parameters=self._parameters(),
            recipes=(_in_kafka(kafka_url), _in_a_file(), recipes.envoy_direct(b"", status=NO_CONTENT)),
            load=self._load,
            probe=self._probe,
            after=after,
        )

    def _parameters(self) -> Mapping[str, str]:
        return {
            "records a request": str(self.together),
            "keys of a record": str(event_mix.line("s", 0, 0).count("=")),
            "connections": str(CONNECTIONS),
            "Kafka": "one broker on the other core, acks=all",
        }

    def _load(self, settings: Settings, core: int, folder: Path) -> Load:
        file = folder / "reports.txt"
        file.write_text("".join(f"{one}\n.\n" for one in bodies(RECORDS, self.together)))
        arguments = [str(file), PATH, MEDIA, str(self.together)]
        return Load("post.lua", arguments, settings.viewers_url, CONNECTIONS, core)

    def _probe(self, settings: Settings) -> dict[str, Shape]:
        (body,) = bodies(self.together, self.together)
        headers = {"content-type": MEDIA}
        answer = httpx.post(
            f"{settings.viewers_url}{PATH}",
            content=body,
            headers=headers,
            trust_env=False,
            timeout=PROBE_S_MAX,
        )
        if answer.status_code != NO_CONTENT:
            raise CannotMeasure(f"a report was answered {answer.status_code}: {answer.text}")
        return {"report": answer.status_code}


PROBE_S_MAX = 30.0
"""Seconds for the first of all: the topics are made for it."""


def batched() -> Reports:
    """As a player gathers them, or a collector that stands before many players."""
    return Reports(20)


def single() -> Reports:
    """A request for each."""
    return Reports(1)


def bodies(count: int, together: int) -> list[str]:
    """So many records in requests of so many lines, each of another session."""
    at_ms = round(SystemClock().now() * 1_000)
    lines = [event_mix.line(event_mix.session_of(n), n, at_ms) for n in range(count)]
    return ["\n".join(lines[n : n + together]) for n in range(0, count, together)]


def _fewer(effort: Effort) -> Effort:
    return replace(effort, repetitions=turns(effort, REPETITIONS_MAX))


def _in_kafka(url: str) -> Recipe:
    whole = recipes.tifo()

    def processes(settings: Settings) -> tuple[Process, ...]:
        stores = msgspec.structs.replace(settings.stores, eventlog=url)
        return whole.processes(msgspec.structs.replace(settings, stores=stores))

    return replace(
        whole, name="tifo-kafka", title="Tifo in Envoy, acknowledged by Kafka", processes=processes
    )


def _in_a_file() -> Recipe:
    return replace(recipes.tifo(), name="tifo-file", title="the same, synced to the embedded log")
