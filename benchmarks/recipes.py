"""The contenders: Tifo as it ships, its peer, and the most that Envoy could give."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from benchmarks.load import Tick
from benchmarks.machine import CannotMeasure
from benchmarks.population import Population, fill_tifo
from benchmarks.servers import Process, free_port
from tifo import app, machine
from tifo.api.renditions import RENDITIONS
from tifo.edge.binary import arguments, validate, write_config
from tifo.edge.envoy import Json, header
from tifo.edge.front import Front, Service, front_config
from tifo.processes import UNLIMITED, on
from tifo.services.sessions.ports import Lease
from tifo.serving.routes import Listener
from tifo.settings import KeySet, PathwaySettings, Settings

HERE = Path(__file__).parent
PEER_BINARY = HERE / ".build" / "heartbeat"
PACER_BINARY = HERE / ".build" / "pacer"
CROWD_BINARY = HERE / ".build" / "crowd"
AS_OURS = ("chrt", "--batch", "0")
"""How Tifo's node has its threads scheduled. A peer would not ask, but gains by it too: it is given."""

DIRECT_BODY_BYTES_MIN = 4_096
"""What Envoy lets its own answers be without being told."""

_SOURCES = {
    PEER_BINARY: HERE / "peers" / "heartbeat",
    PACER_BINARY: HERE / "pacer",
    CROWD_BINARY: HERE.parent / "rehearsals" / "crowd",
}


Fill = Callable[[str, Population, Tick], None]
"""`fill(url, population, tick)`: put the sessions into the Redis at `url`, `tick` with so many more."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A contender: how its processes are made from the settings that all contenders share.

    `fill` puts sessions into a Redis as the contender itself would keep them.
    """

    name: str
    title: str
    processes: Callable[[Settings], tuple[Process, ...]]
    fill: Fill | None = None


def build_go() -> None:
    """Compile what is written in Go; raises `CannotMeasure` with the compiler's words."""
    for binary, source in _SOURCES.items():
        binary.parent.mkdir(exist_ok=True)
        command = ["go", "build", "-o", str(binary), "."]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotMeasure(f"{source.name} does not build:\n{done.stderr}")


def tifo() -> Recipe:
    """All of Tifo's services in one process, as `tifo serve` runs them."""
    return Recipe("tifo", "Tifo in Envoy", _tifo)


def envoy_and_go() -> Recipe:
    """The same edge with a Go service behind it."""
    return Recipe("envoy-go", "Envoy + Go net/http", _envoy_and_go)


def tifo_on_redis() -> Recipe:
    """Tifo with sessions and the board in Redis."""
    return Recipe("tifo", "Tifo in Envoy", _tifo, fill_tifo)


def tifo_sharing() -> Recipe:
    """The same, with what nodes share of slow reads in that Redis too."""
    return Recipe("tifo-sharing", "Tifo in Envoy, shared cache there too", _tifo_sharing, fill_tifo)


def envoy_and_go_on_redis() -> Recipe:
    """The same edge with a Go service behind it that asks Redis at every request."""
    return Recipe("envoy-go-redis", "Envoy + Go, go-redis", _envoy_and_go, _fill_go)


def envoy_and_go_on_redis_by_itself() -> Recipe:
    """The same, its threads scheduled as Linux does unless it is asked."""
    return Recipe("envoy-go-redis-plain", "the same, usual threads", _envoy_and_go_by_itself, _fill_go)


def envoy_direct(body: bytes, media: str = "application/json", status: int = 200) -> Recipe:
    """The same edge answering every route itself, with a fixed body: no service could be faster."""

    def processes(settings: Settings) -> tuple[Process, ...]:
        front = _front(settings, free_port())
        return (_envoy(settings, _answered_by_envoy(front, body, media, status)),)

    return Recipe("envoy-direct", "Envoy alone, fixed answer", processes)


def _tifo(settings: Settings) -> tuple[Process, ...]:
    file = machine.write_settings(settings)
    command = (sys.executable, "-m", "tifo", "serve", *app.SERVICES)
    return (Process("tifo", command, _health(settings), {app.CONFIG_VARIABLE: str(file)}),)


def _tifo_sharing(settings: Settings) -> tuple[Process, ...]:
    stores = msgspec.structs.replace(settings.stores, cache=settings.stores.sessions)
    return _tifo(msgspec.structs.replace(settings, stores=stores))


def _envoy_and_go(settings: Settings) -> tuple[Process, ...]:
    return tuple(replace(one, command=(*AS_OURS, *one.command)) for one in _envoy_and_go_by_itself(settings))


def _envoy_and_go_by_itself(settings: Settings) -> tuple[Process, ...]:
    port = free_port()
    return (_go(settings, port), _envoy(settings, _front(settings, port)))


def _envoy(settings: Settings, config: Json) -> Process:
    file = settings.folder("run") / "envoy.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_config(config, file)
    validate(file)
    return Process("envoy", arguments(file, concurrency=settings.edge.concurrency), _health(settings))


def _front(settings: Settings, port: int) -> Json:
    """The edge in front of one service that answers every viewers' route, so that the tables are equal."""
    routes = on(Listener.VIEWERS, app.routes_of(settings, app.SERVICES))
    service = Service("peer", (("127.0.0.1", port),), routes)
    return front_config(Front(settings.edge, (service,), settings.admin_socket, UNLIMITED))


def _answered_by_envoy(config: Json, body: bytes, media: str, status: int) -> Json:
    (listener,) = config["static_resources"]["listeners"]
    (manager,) = listener["filter_chains"][0]["filters"]
    routes = manager["typed_config"]["route_config"]
    routes["max_direct_response_body_size_bytes"] = max(DIRECT_BODY_BYTES_MIN, len(body))
    (host,) = routes["virtual_hosts"]
    for route in host["routes"]:
        if route.pop("route", None) is not None:
            route["direct_response"] = {"status": status, "body": {"inline_string": body.decode()}}
            route["response_headers_to_add"] = [header("content-type", media)]
    return config


def _health(settings: Settings) -> str:
    return f"{settings.viewers_url}/healthz"


# --- the Go service -----------------------------------------------------------------------------------


class _Pathway(msgspec.Struct):
    id: str
    base_url: str
    weight: float
    keys: KeySet


def _go(settings: Settings, port: int) -> Process:
    file = settings.folder("run") / "peer.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(_go_config(settings, port)))
    command = (str(PEER_BINARY), "-config", str(file))
    return Process("go", command, f"http://127.0.0.1:{port}/healthz")


def _go_config(settings: Settings, port: int) -> dict[str, object]:
    return {
        "listen": f"127.0.0.1:{port}",
        "public_url": settings.viewers_url,
        "event_log": str(settings.folder("run") / "events.jsonl"),
        "event": settings.catalogue.events[0],
        "playback_keys": settings.keys.playback,
        "access_keys": settings.keys.access,
        "pathways": [_go_pathway(one) for one in settings.pathways],
        "renditions": RENDITIONS,
        "heartbeat_s": settings.sessions.heartbeat_s,
        "lease_s": settings.sessions.lease_s,
        "token_ttl_s": settings.sessions.token_ttl_s,
        "access_token_ttl_s": settings.accounts.access_token_ttl_s,
        "address_ttl_s": settings.video.address_ttl_s,
        "stream_limit": settings.sessions.stream_limit,
        "heartbeat_early_percent": settings.sessions.heartbeat_early_percent,
        "redis": "" if settings.stores.sessions.startswith("memory:") else settings.stores.sessions,
    }


def _go_pathway(pathway: PathwaySettings) -> _Pathway:
    return _Pathway(pathway.id, pathway.base_url, pathway.weight, pathway.keys)


def _fill_go(url: str, population: Population, tick: Tick) -> None:
    fill_go(url, population, tick)


def fill_go(where: str, population: Population, tick: Tick) -> str:
    """Have the Go service's own code keep the sessions, in a Redis or in `memory`; what it prints."""
    command = [str(PEER_BINARY), "-fill", where]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as go:
        assert go.stdin and go.stdout
        for leases in population.batches():
            go.stdin.writelines(_line(lease) for lease in leases)
            tick(len(leases))
        go.stdin.close()
        printed = go.stdout.read()
    if go.returncode:
        raise CannotMeasure("the Go service did not keep the sessions")
    return printed


def _line(lease: Lease) -> str:
    times = f"{lease.until:.0f} {lease.since:.0f}"
    return f"{lease.account} {lease.session} {times} {lease.device_kind} {lease.event} {lease.device}\n"
