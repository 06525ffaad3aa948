"""The contenders: Tifo as it ships, its peer, and the most that Envoy could give."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.machine import CannotMeasure
from benchmarks.servers import Process, free_port
from tifo import app, machine
from tifo.api.renditions import RENDITIONS
from tifo.edge.binary import arguments, validate, write_config
from tifo.edge.envoy import Json, header
from tifo.edge.front import Front, Service, front_config
from tifo.processes import UNLIMITED, on
from tifo.serving.routes import Listener
from tifo.settings import KeySet, PathwaySettings, Settings

HERE = Path(__file__).parent
PEER_SOURCE = HERE / "peers" / "heartbeat"
PEER_BINARY = HERE / ".build" / "heartbeat"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A contender: how its processes are made from the settings that all contenders share."""

    name: str
    title: str
    processes: Callable[[Settings], tuple[Process, ...]]


def build_peer() -> None:
    """Compile the Go service; raises `CannotMeasure` with the compiler's words."""
    PEER_BINARY.parent.mkdir(exist_ok=True)
    command = ["go", "build", "-o", str(PEER_BINARY), "."]
    done = subprocess.run(command, cwd=PEER_SOURCE, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasure(f"the Go peer does not build:\n{done.stderr}")


def tifo() -> Recipe:
    """All of Tifo's services in one process, as `tifo serve` runs them."""
    return Recipe("tifo", "Tifo in Envoy", _tifo)


def envoy_and_go() -> Recipe:
    """The same edge with a Go service behind it."""
    return Recipe("envoy-go", "Envoy + Go net/http", _envoy_and_go)


def envoy_direct(body: bytes) -> Recipe:
    """The same edge answering every route itself, with a fixed body: no service could be faster."""
    return Recipe(
        "envoy-direct",
        "Envoy alone, fixed answer",
        lambda settings: (_envoy(settings, _answered_by_envoy(_front(settings, free_port()), body)),),
    )


def _tifo(settings: Settings) -> tuple[Process, ...]:
    file = machine.write_settings(settings)
    command = (sys.executable, "-m", "tifo", "serve", *app.SERVICES)
    return (Process("tifo", command, _health(settings), {app.CONFIG_VARIABLE: str(file)}),)


def _envoy_and_go(settings: Settings) -> tuple[Process, ...]:
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
    return front_config(Front(settings.edge, (service,), app.admin_socket(settings), UNLIMITED))


def _answered_by_envoy(config: Json, body: bytes) -> Json:
    (listener,) = config["static_resources"]["listeners"]
    (manager,) = listener["filter_chains"][0]["filters"]
    (host,) = manager["typed_config"]["route_config"]["virtual_hosts"]
    for route in host["routes"]:
        if route.pop("route", None) is not None:
            route["direct_response"] = {"status": 200, "body": {"inline_string": body.decode()}}
            route["response_headers_to_add"] = [header("content-type", "application/json")]
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
    }


def _go_pathway(pathway: PathwaySettings) -> _Pathway:
    return _Pathway(pathway.id, pathway.base_url, pathway.weight, pathway.keys)
