"""Tracking beacons: what players call five times an ad, each durable before it is answered."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx

from benchmarks import recipes
from benchmarks.heartbeat import CONNECTIONS, FAR_S, claims
from benchmarks.load import Load
from benchmarks.machine import CannotMeasure
from benchmarks.runner import Benchmark
from benchmarks.servers import Process
from benchmarks.shapes import Shape
from tifo import app
from tifo.api.breaks import Break
from tifo.api.creatives import HOUSE_CREATIVES
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.services.ads.rules import QUARTILES
from tifo.services.ads.tracking import Beacons, address
from tifo.settings import Settings
from tifo.tokens.beacon import beacon_tokens

PODS = 12_000
"""Pods whose beacons are called once each, in one measurement."""
ADS_A_POD = 2
WORKER = "billing"
NO_CONTENT = 204


def beacons() -> Benchmark:
    """Through the edge, with the billing worker on the same core or without."""
    return Benchmark(
        name="ads-beacons",
        title="Signed tracking beacons through the whole edge, on one core",
        operation="beacons",
        parameters={
            "connections": str(CONNECTIONS),
            "ads in a pod": str(ADS_A_POD),
            "answered": "when they are on disk",
        },
        recipes=(
            replace(recipes.tifo(), title="Tifo in Envoy, accepted"),
            replace(recipes.tifo(), name="tifo-billing", title="the same, and counted", processes=_counted),
            recipes.envoy_direct(b"", status=NO_CONTENT),
        ),
        load=_load,
        probe=_probe,
    )


def worker(settings: Settings) -> Process:
    """`tifo worker billing` beside a platform with these settings, whose file is there."""
    file = settings.folder("run") / "settings.toml"
    command = (sys.executable, "-m", "tifo", "worker", WORKER)
    return Process(WORKER, command, "", {app.CONFIG_VARIABLE: str(file), "TIFO_NODE": WORKER})


def _counted(settings: Settings) -> tuple[Process, ...]:
    return (*recipes.tifo().processes(settings), worker(settings))


def paths(settings: Settings, pods: int) -> Iterator[str]:
    """The beacons of so many pods, each of a session that never was before."""
    signs = Beacons(beacon_tokens(settings.keys.beacon.keyring("beacon")), SystemClock(), settings.ads, "")
    now, ids = int(SystemClock().now()), SystemIds()
    brk = Break("brk-1", float(now), float(sum(one.duration_s for one in HOUSE_CREATIVES[:ADS_A_POD])))
    for n in range(pods):
        viewer = claims(ids.new("ses"), n, now, FAR_S, settings)
        for slot in signs.of_pod(viewer, brk, HOUSE_CREATIVES[:ADS_A_POD]):
            yield from (address(slot, what) for what, _ in QUARTILES)


def _load(settings: Settings, core: int, folder: Path) -> Load:
    file = folder / "beacons.txt"
    file.write_text("".join(f"{path}\n" for path in paths(settings, PODS)))
    return Load("get.lua", [str(file)], settings.viewers_url, CONNECTIONS, core)


def _probe(settings: Settings) -> dict[str, Shape]:
    """The status: there is nothing else in such an answer."""
    path = next(paths(settings, 1))
    answer = httpx.get(f"{settings.viewers_url}{path}", trust_env=False)
    if answer.status_code != NO_CONTENT:
        raise CannotMeasure(f"a beacon was answered {answer.status_code}: {answer.text}")
    return {"beacon": answer.status_code}
