"""`tifo up`: the whole on one machine, from settings that it makes to processes that it watches."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import httpx
import msgspec
import tomli_w

from tifo import app, stores
from tifo.api.catalogue import TEST_CHANNEL, CalendarEvent, EventOrigin
from tifo.api.reports import PartReport
from tifo.board.entries import PARTS, PartsReport
from tifo.board.ports import Board
from tifo.edge.settings import AccessLog
from tifo.kernel.background import rest
from tifo.kernel.clock import Clock, SystemClock
from tifo.kernel.errors import SettingsError, Unavailable
from tifo.kernel.ids import SystemIds
from tifo.settings import KeySet, KeysSettings, PathwaySettings, Settings
from tifo.supervisor.parts import Part, PartState
from tifo.supervisor.probes import HttpProbe
from tifo.supervisor.service import NotReady, Supervisor
from tifo.supervisor.tcp_ports import Wanted, check_ports
from tifo.telemetry.settings import WorkersSettings

PATHWAYS = ("cdn-a", "cdn-b", "cdn-c", "cdn-d")
CHANNEL_OFFSET = len(PATHWAYS) + 1
WORKERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "insight": ("insight", "anomalies"),
        "billing": ("billing",),
        "lake": ("lake",),
        "steering": ("steering",),
    }
)
"""The processes of workers, and what runs in each. Their ports follow the operators'."""
READY_S_MAX = 90.0
"""Seconds until everything must have been ready once."""
READY_POLL_S = 0.1
PARTS_TTL_S = 10.0
PARTS_EVERY_S = 2.0
MATCH_S = 24 * 3600
"""Seconds the demo match lasts: a laptop may stay on."""

FORMAT_BY_ENDING = {"m3u8": "hls", "mpd": "dash"}
ORIGIN_CHANNEL = "origin"
"""The channel of the demo match where its origin is elsewhere."""

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the command line chose."""

    port: int
    operator_port: int
    data: Path
    break_every_s: int
    break_duration_s: int
    origin: EventOrigin = TEST_CHANNEL


# --- settings -----------------------------------------------------------------------------------------


def machine_settings(base: Settings, choices: Choices, keys: "MachineKeys", now: float) -> Settings:
    """The settings of every process of this machine, on top of what the user set."""
    data = choices.data.absolute()
    edge = msgspec.structs.replace(
        base.edge,
        host=_LOOPBACK,
        port=choices.port,
        operator_host=_LOOPBACK,
        operator_port=choices.operator_port,
        access_log=AccessLog(path=str(data / "logs" / "access.log")),
    )
    channel = msgspec.structs.replace(
        base.channel,
        host=_LOOPBACK,
        port=choices.port + CHANNEL_OFFSET,
        break_every_s=choices.break_every_s,
        break_duration_s=choices.break_duration_s,
    )
    return msgspec.structs.replace(
        base,
        data=str(data),
        node="edge",
        keys=keys.keys,
        pathways=tuple(_pathway(n, name, choices, keys) for n, name in enumerate(PATHWAYS, 1)),
        edge=edge,
        channel=channel,
        workers=WorkersSettings(host=_LOOPBACK),
        accounts=msgspec.structs.replace(base.accounts, dev_issuer=True),
        catalogue=msgspec.structs.replace(
            base.catalogue, events=(*base.catalogue.events, _demo_match(base, choices.origin, now))
        ),
    )


def _pathway(n: int, name: str, choices: Choices, keys: "MachineKeys") -> PathwaySettings:
    port = choices.port + n
    return PathwaySettings(
        id=name, base_url=f"http://{_LOOPBACK}:{port}", keys=keys.pathways[name], port=port
    )


def origin_of(urls: Sequence[str]) -> EventOrigin:
    """An origin by the addresses of its playlist and its MPD; raises `SettingsError` for others."""
    found: dict[str, str] = {}
    for url in urls:
        form = FORMAT_BY_ENDING.get(url.partition("?")[0].rpartition(".")[2].lower())
        if form is None or form in found:
            raise SettingsError(
                (f"--origin: {url!r}; give one address that ends in .m3u8, one in .mpd, or one of each",)
            )
        found[form] = url
    return EventOrigin(**found)


def _demo_match(base: Settings, origin: EventOrigin, now: float) -> CalendarEvent:
    return CalendarEvent(
        id="demo",
        title="Tifo United against the Test Card",
        starts=float(int(now) - 60),
        ends=float(int(now) + MATCH_S),
        # The test channel keeps its own: what a CDN has of it is not what the origin has.
        channel=base.channel.name if origin == TEST_CHANNEL else ORIGIN_CHANNEL,
        criticality="exceptional",
        origin=origin,
    )


# --- keys ---------------------------------------------------------------------------------------------


class MachineKeys(msgspec.Struct, frozen=True):
    """The secrets of one data folder, made once."""

    keys: KeysSettings
    pathways: dict[str, KeySet]


def machine_keys(file: Path) -> MachineKeys:
    """Read the folder's secrets, or make them; the file is its owner's alone."""
    if file.exists():
        try:
            return msgspec.json.decode(file.read_bytes(), type=MachineKeys)
        except msgspec.DecodeError as error:
            raise SettingsError((f"{file}: {error}; remove it to have new keys made",)) from None
    made = MachineKeys(
        keys=KeysSettings(playback=_new_key(), access=_new_key(), beacon=_new_key(), pseudonyms=_new_key()),
        pathways={name: _new_key() for name in PATHWAYS},
    )
    write_private(file, msgspec.json.encode(made))
    return made


def _new_key() -> KeySet:
    kid = f"k{secrets.token_hex(3)}"
    return KeySet(current=kid, secrets={kid: secrets.token_hex(32)})


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    draft.replace(file)


def write_settings(settings: Settings) -> Path:
    """Write the settings where every process of the machine reads them."""
    file = settings.folder("run") / "settings.toml"
    write_private(file, tomli_w.dumps(msgspec.to_builtins(settings)).encode())
    return file


# --- processes ------------------------------------------------------------------------------------------


def wanted_ports(settings: Settings) -> list[Wanted]:
    """Every port of the machine, with the option that moves it."""
    edge, channel = settings.edge, settings.channel
    return [
        Wanted("the viewers' port", edge.host, edge.port),
        *(Wanted(f"the local CDN {one.id}", one.host, one.port) for one in settings.pathways),
        Wanted("the live channel", channel.host, channel.port),
        Wanted("the operators' port", edge.operator_host, edge.operator_port, "--operator-port"),
        *(
            Wanted(f"the workers' port of {name}", settings.workers.host, port, "--operator-port")
            for name, port in worker_ports(settings).items()
        ),
    ]


def worker_ports(settings: Settings) -> Mapping[str, int]:
    """Where each process of workers answers probes and scrapes."""
    return {name: settings.edge.operator_port + n for n, name in enumerate(WORKERS, 1)}


def machine_parts(settings: Settings, file: Path) -> tuple[Part, ...]:
    """The processes of the machine."""
    variables = MappingProxyType({app.CONFIG_VARIABLE: str(file)})
    channel, edge = settings.channel, settings.edge

    def part(name: str, host: str, port: int, *command: str, **own: str) -> Part:
        ready = HttpProbe(f"http://{host}:{port}/healthz")
        return Part(name, (sys.executable, "-m", "tifo", *command), ready, {**variables, **own})

    def workers(name: str, port: int) -> Part:
        own = {"TIFO_NODE": name, "TIFO_WORKERS__PORT": str(port)}
        return part(name, settings.workers.host, port, "worker", *WORKERS[name], **own)

    return (
        part("channel", channel.host, channel.port, "serve", "channel"),
        *(part(one.id, one.host, one.port, "serve", one.id) for one in settings.pathways),
        part("edge", edge.host, edge.port, "serve", *app.SERVICES),
        *(workers(name, port) for name, port in worker_ports(settings).items()),
    )


class PartsReporter:
    """Puts the state of the processes on the board, at each change and every few seconds."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._states: tuple[PartState, ...] = ()
        self._changed = asyncio.Event()

    def changed(self, states: tuple[PartState, ...]) -> None:
        """The supervisor's word."""
        self._states = states
        self._changed.set()

    async def run(self) -> None:
        """Report until cancelled; a board that fails is tried again."""
        while True:
            await rest(self._changed, PARTS_EVERY_S)
            self._changed.clear()
            report = PartsReport(tuple(map(_report, self._states)))
            with contextlib.suppress(Unavailable):
                await self._board.write(PARTS + "machine", msgspec.json.encode(report), PARTS_TTL_S)


def _report(state: PartState) -> PartReport:
    return PartReport(
        name=state.name,
        state=state.state.value,
        pid=state.pid,
        restarts=state.restarts,
        since=state.since,
        error=state.error,
    )


class Machine:
    """One instance: its settings, its processes and what is said while they start."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()

    async def run(self, say: "Say") -> None:
        """Start everything, say when it is ready, and stop everything on SIGINT or SIGTERM.

        Raises `NotReady` with the end of a part's log when one does not come up.
        """
        check_ports(wanted_ports(self.settings))
        file = write_settings(self.settings)
        board = stores.board(self.settings)
        reporter = PartsReporter(board)

        def changed(states: Sequence[PartState]) -> None:
            reporter.changed(tuple(states))
            say.states(tuple(states))

        supervisor = Supervisor(
            machine_parts(self.settings, file),
            logs=self.settings.folder("logs"),
            clock=self._clock,
            ids=SystemIds(),
            on_change=changed,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, supervisor.request_stop)
        reporting = asyncio.create_task(reporter.run(), name="parts")
        await supervisor.start()
        try:
            if await self._ready(supervisor):
                say.ready(self.settings)
            await supervisor.run()
        finally:
            await supervisor.stop()
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)
            await board.close()

    async def _ready(self, supervisor: Supervisor) -> bool:
        """True once a viewer could watch; False when it was told to stop before that."""
        try:
            await supervisor.wait_ready(READY_S_MAX)
        except NotReady:
            if supervisor.stopping:
                return False
            raise
        edge = self.settings.edge
        async with asyncio.timeout(READY_S_MAX), httpx.AsyncClient(trust_env=False) as client:
            while not supervisor.stopping:
                if await _answers(client, f"http://{edge.host}:{edge.port}/readyz"):
                    return True
                await asyncio.sleep(READY_POLL_S)
        return False


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


class Say(Protocol):
    """What `tifo up` tells the person who started it."""

    @abstractmethod
    def states(self, states: tuple[PartState, ...]) -> None:
        """Each change of any process."""

    @abstractmethod
    def ready(self, settings: Settings) -> None:
        """Everything runs and a viewer could watch."""


def load_base(environment: Mapping[str, str], config: Path | None) -> Settings:
    """What the user set, before the machine's own settings."""
    chosen = {**environment, app.CONFIG_VARIABLE: str(config)} if config else environment
    return app.read_settings(chosen)
