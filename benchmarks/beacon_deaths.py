"""Beacons while each process on their way is killed: what was accepted against what the books have.

An edge, a service behind it and a billing worker, each a process. Everybody's pod is asked for and its
decision booked; then the beacons come, some of them twice, and whoever gets no answer calls again.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from benchmarks import ads, beacons, instance
from benchmarks.beacon_sender import AGAIN_EVERY, Met
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.reads import tokens
from benchmarks.runner import Effort, Progress
from benchmarks.servers import Process, free_port, start, stop, until_ready
from tifo import app, machine, stores
from tifo.api.billing import DECIDED, BilledAsked
from tifo.kernel.clock import SystemClock
from tifo.settings import FrontSettings, Settings

VIEWERS = 1_400
VIEWERS_MIN = 10
SPREAD_S = 24.0
"""Within which all beacons become due: long enough for three to die and come back."""
DIES_EVERY_S = 3.0
DOWN_S = 1.0
"""Seconds for which what was killed is gone."""
BOOKED_S_MAX = 60.0
"""Seconds without news of the books after which they are not waited for any longer."""
LOOK_S = 0.25
SEND_S_MAX = 240.0
RUN_S = 38.0
"""About how long one row is."""

EDGE, SERVICE, WORKER = "front", "ads", beacons.WORKER
ROWS: Mapping[str, tuple[str, ...]] = {
    "nobody dies": (),
    "the edge": (EDGE, EDGE),
    "the service": (SERVICE, SERVICE),
    "the billing worker": (WORKER, WORKER),
    "each, one after the other": (EDGE, SERVICE, WORKER),
}

COLUMNS = (
    Column("killed, times"),
    Column("beacons accepted"),
    Column("calls"),
    Column("calls without a 204"),
    Column("in the books"),
    Column("lost"),
    Column("counted twice"),
    Column("slots decided"),
    Column("decisions lost or twice"),
    Column("booked after the last call, s", digits=1),
)

Key = tuple[str, str]
"""A creative, and what happened to it."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What should be in the books and what is, by creative and event."""

    wanted: Mapping[Key, int]
    found: Mapping[Key, int]

    def lost(self, *, decisions: bool = False) -> int:
        """What is missing of beacons, or of decisions."""
        return sum(
            max(0, n - self.found.get(key, 0)) for key, n in self._of(self.wanted, decisions=decisions)
        )

    def twice(self, *, decisions: bool = False) -> int:
        """What is there beyond what was accepted, or decided."""
        return sum(
            max(0, n - self.wanted.get(key, 0)) for key, n in self._of(self.found, decisions=decisions)
        )

    def count(self, *, decisions: bool = False) -> int:
        """Entries of the books."""
        return sum(n for _, n in self._of(self.found, decisions=decisions))

    def _of(self, counts: Mapping[Key, int], *, decisions: bool) -> Iterator[tuple[Key, int]]:
        return ((key, n) for key, n in counts.items() if (key[1] == DECIDED) == decisions)


class BeaconDeaths:
    """Fresh processes for each row."""

    name = "ads-deaths"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes, whatever the effort."""
        return len(ROWS) * RUN_S

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """One row for each that dies."""
        viewers = max(VIEWERS_MIN, round(VIEWERS * effort.scale))
        rows = []
        for title, victims in ROWS.items():
            progress.doing(f"{self.name}: {title}")
            rows.append(_row(title, victims, viewers, cores, progress))
        return Found(findings=(_finding(viewers, tuple(rows)),))


def _finding(viewers: int, rows: tuple[Row, ...]) -> Finding:
    return Finding(
        name=BeaconDeaths.name,
        title="Beacons while processes are killed by SIGKILL",
        parameters={
            "viewers": f"{viewers:,}",
            "their beacons": f"within {SPREAD_S:g} s",
            "called twice": f"1 in {AGAIN_EVERY}",
            "gone for": f"{DOWN_S:g} s each",
            "event log and books": "SQLite",
        },
        columns=COLUMNS,
        rows=rows,
    )


def _row(title: str, victims: tuple[str, ...], viewers: int, cores: Cores, progress: Progress) -> Row:
    with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name:
        settings = _settings(Path(name))
        asyncio.run(ads.stock(settings, ads.inventory(SystemClock().now())))
        with _running(_parts(settings), cores.server, Path(name)) as chain:
            pods = _pods(settings, viewers)
            wanted = Counter(key for pod in pods for key, _ in pod)
            asyncio.run(_books(settings, decided := _decided(wanted)))
            paths = [path for pod in pods for (_, what), path in pod if what != DECIDED]
            met = _sent(settings, paths, victims, chain, cores.generator, progress)
            ended = time.monotonic()
            booked = Booked(wanted, asyncio.run(_books(settings, wanted)))
            lag_s = time.monotonic() - ended
    if met.accepted != len(paths) or not decided:
        raise CannotMeasure(f"{met.accepted} of {len(paths)} beacons were accepted")
    values = (
        *(len(victims), met.accepted, met.calls, met.failed, booked.count()),
        *(booked.lost(), booked.twice(), booked.count(decisions=True)),
        *(booked.lost(decisions=True) + booked.twice(decisions=True), lag_s),
    )
    return Row(title, tuple(map(float, values)))


# --- the chain --------------------------------------------------------------------------------------------


class Chain:
    """The processes, which can be killed one by one and come back."""

    def __init__(self, core: int, logs: Path) -> None:
        self._core = core
        self._logs = logs
        self._running: dict[str, tuple[Process, subprocess.Popen[bytes]]] = {}

    def start(self, process: Process) -> None:
        """Start one and wait until it answers."""
        child = start(process, self._core, self._logs)
        self._running[process.name] = process, child
        until_ready(process, child, self._logs)

    def kill(self, name: str) -> None:
        """By SIGKILL; it is back after `DOWN_S`."""
        process, child = self._running[name]
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        time.sleep(DOWN_S)
        self.start(process)

    def stop(self) -> None:
        """End all of them."""
        for _, child in self._running.values():
            stop(child)


@contextmanager
def _running(parts: tuple[Process, ...], core: int, logs: Path) -> Iterator[Chain]:
    chain = Chain(core, logs)
    try:
        for one in parts:
            chain.start(one)
        yield chain
    finally:
        chain.stop()


def _settings(folder: Path) -> Settings:
    base = instance.settings(folder, SystemClock())
    channel = msgspec.structs.replace(
        base.channel, break_every_s=ads.BREAK_EVERY_S, break_duration_s=ads.BREAK_S
    )
    return msgspec.structs.replace(base, node=EDGE, channel=channel)


def _parts(settings: Settings) -> tuple[Process, ...]:
    """The edge, the service behind it, and the worker, all from one file of settings."""
    port, operator_port = free_port(), free_port()
    front = FrontSettings(services={SERVICE: f"127.0.0.1:{port}"})
    file = machine.write_settings(msgspec.structs.replace(settings, front=front))
    told = {app.CONFIG_VARIABLE: str(file)}
    own = {
        "TIFO_NODE": SERVICE, "TIFO_EDGE__PORT": str(port), "TIFO_EDGE__OPERATOR_PORT": str(operator_port),
        "TIFO_PUBLIC_URL": settings.viewers_url,
    }  # fmt: skip
    serve = (sys.executable, "-m", "tifo", "serve")
    return (
        Process(SERVICE, (*serve, SERVICE), f"http://127.0.0.1:{port}/healthz", {**told, **own}),
        # A beacon that nobody signed: the edge has nothing of its own to be asked for.
        Process(EDGE, (*serve, "front"), f"{settings.viewers_url}/v1/ads/t/none", told),
        replace(beacons.worker(settings), environment={**told, "TIFO_NODE": WORKER}),
    )


# --- what is called ---------------------------------------------------------------------------------------

Pod = list[tuple[Key, str]]
"""What a pod may tell, and where; the decision of each slot tells itself, and has no path."""


def _pods(settings: Settings, viewers: int) -> list[Pod]:
    brk = ads.open_break(SystemClock().now())
    with httpx.Client(base_url=settings.viewers_url, trust_env=False) as client:
        return [_pod(client, f"/v1/ads/{token}/breaks/{brk}") for token in tokens(settings, viewers)]


def _pod(client: httpx.Client, path: str) -> Pod:
    answer = client.get(path)
    if answer.status_code != 200:
        raise CannotMeasure(f"{answer.request.url} was answered {answer.status_code}: {answer.text}")
    return [one for asset in answer.json()["ASSETS"] for one in told(asset)]


def told(asset: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    """What an ad of an asset list tells: that it was decided, and its impression, quartiles and complete."""
    (payload,) = asset["X-AD-CREATIVE-SIGNALING"]["payload"]
    creative = payload["identifiers"][0]["value"]
    yield (creative, DECIDED), ""
    for one in payload["tracking"]:
        if "offset" in one:
            yield (creative, one["type"]), urlsplit(one["urls"][0]).path


def _decided(wanted: Mapping[Key, int]) -> dict[Key, int]:
    return {key: count for key, count in wanted.items() if key[1] == DECIDED}


def _sent(
    settings: Settings,
    paths: list[str],
    victims: tuple[str, ...],
    chain: Chain,
    core: int,
    progress: Progress,
) -> Met:
    """Call all of them, and kill meanwhile."""
    file = settings.folder("beacons.txt")
    file.write_text("\n".join(paths))
    place = urlsplit(settings.viewers_url).netloc
    command = ("taskset", "--cpu-list", str(core), sys.executable, "-m", "benchmarks.beacon_sender")
    words = (place, str(file), str(len(paths) / SPREAD_S))
    with subprocess.Popen((*command, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as sender:
        for victim in victims:
            time.sleep(DIES_EVERY_S)
            if sender.poll() is not None:
                raise CannotMeasure(f"all beacons were called before {victim} could be killed")
            chain.kill(victim)
            progress.advance(DIES_EVERY_S + DOWN_S)
        out, err = sender.communicate(timeout=SEND_S_MAX)
    try:
        return msgspec.json.decode(out, type=Met)
    except msgspec.DecodeError:
        raise CannotMeasure(f"the sender failed: {err.decode()}") from None


async def _books(settings: Settings, wanted: Mapping[Key, int]) -> dict[Key, int]:
    """The books, once they have all that is wanted, or have told nothing new for long."""
    ledger = stores.billing_ledger(settings)
    found: Counter[Key] = Counter()
    until = time.monotonic() + BOOKED_S_MAX
    while time.monotonic() < until and not found >= Counter(wanted):
        await asyncio.sleep(LOOK_S)
        before, found = found, Counter()
        for line in await ledger.lines(BilledAsked()):
            found[line.creative, line.what] += line.count
        if found != before:
            until = time.monotonic() + BOOKED_S_MAX
    await ledger.close()
    return dict(found)
