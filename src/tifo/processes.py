"""What `tifo serve NAME` becomes: an Envoy with our configuration, or one of our own loops.

A command that is an Envoy replaces itself by it, so that signals and exit statuses are Envoy's own.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import NoReturn

import msgspec
import uvloop

from tifo import app
from tifo.edge.application import Application, ApplicationEdge, application_config
from tifo.edge.binary import arguments, environment, validate, write_config
from tifo.edge.cdn import LocalCdn, cdn_config
from tifo.edge.envoy import Json
from tifo.edge.front import Front, Service, front_config
from tifo.edge.mounts import Mount
from tifo.edge.settings import EdgeSettings
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import SettingsError
from tifo.kernel.trust import ca_file
from tifo.kernel.web import web_address
from tifo.serving.routes import Listener, Route
from tifo.serving.workers import WorkersReadiness, worker_application
from tifo.settings import PathwaySettings, Settings
from tifo.supervisor.tcp_ports import Wanted, check_ports

UNLIMITED = frozenset({"steering.manifest", "health.alive", "health.ready"})
"""Routes that no rate limit may answer: players stop asking for steering after one 429."""

CHANNEL, FRONT = "channel", "front"


def kinds(settings: Settings) -> tuple[str, ...]:
    """Every name that `serve` takes."""
    local = tuple(one.id for one in settings.pathways if one.port)
    return (*app.SERVICES, CHANNEL, FRONT, *local)


def refuse_unknown(settings: Settings, names: Iterable[str]) -> None:
    """Raise `SettingsError` for a name that `serve` does not take."""
    unknown = [name for name in names if name not in kinds(settings)]
    if unknown:
        raise SettingsError(
            (f"there is no {', '.join(unknown)} to serve; there are {', '.join(kinds(settings))}",)
        )


def refuse_together(settings: Settings, names: tuple[str, ...]) -> None:
    """Raise `SettingsError` for names that are no process: none, unknown ones, or ones that run alone."""
    refuse_unknown(settings, names or ("nothing",))
    alone = [name for name in names if name not in app.SERVICES]
    if alone and len(names) > 1:
        raise SettingsError((f"serve: {alone[0]} runs in a process of its own",))


def serve(settings: Settings, names: tuple[str, ...], config: Path | None) -> None:
    """Run one process: some services together, or the channel, the front or one CDN alone.

    `config` is the file that the settings were read from: the application inside Envoy reads it again.
    """
    refuse_together(settings, names)
    settings.folder("run").mkdir(parents=True, exist_ok=True)
    match names[0]:
        case "channel":
            run(serve_channel(settings))
        case "front":
            become_envoy(settings, front_of(settings), "front")
        case name if name not in app.SERVICES:
            pathway = next(one for one in settings.pathways if one.id == name)
            become_envoy(settings, cdn_of(settings, pathway), name)
        case _:
            serve_services(settings, names, config)


def serve_services(settings: Settings, names: tuple[str, ...], config: Path | None) -> None:
    """Run services inside Envoy, or on Granian without an edge."""
    os.environ[app.SERVICES_VARIABLE] = ",".join(names)
    if config is not None:
        os.environ[app.CONFIG_VARIABLE] = str(config)
    if settings.server == "granian":
        run(on_granian(settings))
        return
    become_envoy(settings, edge_of(settings, names), settings.node, environment(os.environ))


async def on_granian(settings: Settings) -> None:
    """The application without an edge until SIGTERM or SIGINT."""
    from tifo.serving.granian import Door, serve_on_granian  # noqa: PLC0415 - only this form loads it

    stop, edge = stop_on_signals(), settings.edge
    viewers = Door(app.viewers, edge.host, edge.port)
    operators = Door(app.operators, edge.operator_host, edge.operator_port)
    await serve_on_granian(viewers, operators, stop=stop)


def run(main: Coroutine[None, None, None]) -> None:
    """Run a coroutine on uvloop."""
    uvloop.run(main)


async def serve_channel(settings: Settings) -> None:
    """The live test channel until SIGTERM or SIGINT."""
    from tifo.channel.service import run as run_channel  # noqa: PLC0415 - brings the encoder with it

    stop = stop_on_signals()
    async with app.break_book(settings) as book:
        await run_channel(
            settings.channel, book, creatives=settings.folder("creatives"), clock=SystemClock(), stop=stop
        )


async def work(settings: Settings, names: Iterable[str]) -> None:
    """Workers until SIGTERM or SIGINT; one that fails ends the others and raises.

    Raises `PortsTaken` when another process listens on their port.
    """
    stop, names, told = stop_on_signals(), tuple(names), settings.workers
    readiness = WorkersReadiness(names)
    check_ports([Wanted("the workers' port", told.host, told.port, "workers.port")])
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(app.WORKERS[name](settings, stop, readiness.began(name)), name=name)
        if told.port:
            group.create_task(answer_probes(settings, readiness, stop), name="workers' port")


async def answer_probes(settings: Settings, readiness: WorkersReadiness, stop: asyncio.Event) -> None:
    """The workers' port until `stop` is set."""
    from tifo.serving.granian import Door, serve_on_granian  # noqa: PLC0415 - not without a port

    answering = worker_application(readiness, settings.keys.operator_token)
    await serve_on_granian(Door(answering, settings.workers.host, settings.workers.port), stop=stop)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def edge_of(settings: Settings, names: Iterable[str]) -> Json:
    """Envoy's configuration for some services: the viewers' listener and the operators'."""
    names = tuple(names)
    routes = app.routes_of(settings, names)
    return application_config(
        ApplicationEdge(
            settings=behind_front(settings, names),
            admin_socket=settings.admin_socket,
            viewers=Application("tifo.app:viewers", on(Listener.VIEWERS, routes), unlimited=UNLIMITED),
            operators=Application("tifo.app:operators", on(Listener.OPERATORS, routes)),
        )
    )


def behind_front(settings: Settings, names: Iterable[str]) -> EdgeSettings:
    """The edge's settings of services; behind a front of ours, viewers come through one proxy more.

    Otherwise all viewers of a front would share one address, and its rate limit.
    """
    edge, fronted = settings.edge, not settings.front.services.keys().isdisjoint(names)
    return msgspec.structs.replace(edge, proxies_trusted=edge.proxies_trusted + fronted)


def front_of(settings: Settings) -> Json:
    """Envoy's configuration in front of services in other processes."""
    return front_config(
        Front(
            settings=settings.edge,
            services=tuple(
                service_of(settings, name, addresses) for name, addresses in settings.front.services.items()
            ),
            admin_socket=settings.admin_socket,
            unlimited=UNLIMITED,
        )
    )


def service_of(settings: Settings, name: str, addresses: str) -> Service:
    """A service behind the front, with the viewers' routes it answers; video answers for readiness."""
    if name not in app.SERVICES:
        raise SettingsError((f"front.services.{name}: there is no such service",))
    found = tuple(_address(name, one.strip()) for one in addresses.split(","))
    routes = app.routes_of(settings, (name,))
    own = routes if name == "video" else routes[len(app.COMMON_ROUTES) :]
    return Service(name, found, on(Listener.VIEWERS, own))


def _address(name: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingsError((f"front.services.{name}: {text!r} is not host:port",))
    return host, int(port)


def cdn_of(settings: Settings, pathway: PathwaySettings) -> Json:
    """Envoy's configuration for one local CDN; its cache folder is made."""
    cache = settings.folder("cache") / pathway.id
    cache.mkdir(parents=True, exist_ok=True)
    return cdn_config(
        LocalCdn(
            id=pathway.id,
            host=pathway.host,
            port=pathway.port,
            origin_host=settings.channel.host,
            origin_port=settings.channel.port,
            keys=pathway.keys.keyring(f"pathways.{pathway.id}").secrets,
            cache_folder=cache,
            cache_bytes_max=pathway.cache_mib_max * 1024 * 1024,
            admin_socket=settings.admin_socket.with_name(f"{pathway.id}.sock"),
            mounts=mounts(settings),
            ca_file=ca_file(),
        )
    )


def mounts(settings: Settings) -> tuple[Mount, ...]:
    """The channels whose origins are elsewhere, as far as the settings' own events say."""
    found = {
        event.channel: event.origin.hls or event.origin.dash
        for event in settings.catalogue.events
        if event.origin.hls or event.origin.dash
    }
    made = tuple(Mount(channel, web_address(url)) for channel, url in found.items())
    if not ca_file() and any(one.origin.scheme == "https" for one in made):
        raise SettingsError(("no file of trusted CAs is found for an origin with https; set SSL_CERT_FILE",))
    return made


def on(listener: Listener, routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """The routes of one listener."""
    return tuple(route for route in routes if route.listener is listener)


def become_envoy(
    settings: Settings, config: Json, name: str, variables: Mapping[str, str] | None = None
) -> NoReturn:
    """Write the configuration, let Envoy check it, and replace this process by Envoy."""
    path = settings.folder("run") / f"{name}.envoy.json"
    write_config(config, path)
    validate(path)
    command = arguments(path, concurrency=settings.edge.concurrency)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, dict(variables or os.environ))  # noqa: S606
