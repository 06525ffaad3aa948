"""The command line: what each command does is what its help says."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.panel import Panel

from tifo import app as wiring
from tifo import check as checks
from tifo import (
    cli_ads,
    cli_letters,
    cli_query,
    cli_rehearse,
    cli_report,
    cli_scte35,
    cli_sessions,
    cli_simulate,
    cli_token,
    machine,
    processes,
    settings_lines,
)
from tifo import export as exports
from tifo.edgecode import command as edge_codes
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import SettingsError, TifoError
from tifo.kernel.hosts import is_loopback
from tifo.settings import Settings
from tifo.supervisor.instance import Instance
from tifo.supervisor.parts import PartState
from tifo.telemetry import logs

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

app = App(
    name="tifo",
    help="The back end that carries a live match to millions: it lets people in, holds their sessions, "
    "signs each video address for the CDN that has room, fills the ad break, and stays up.\n\n"
    "Begin with `tifo up`, and open the address it prints.",
)

app.command(cli_ads.app)
app.command(cli_letters.letters)
app.command(cli_query.query)
app.command(cli_rehearse.app)
app.command(cli_report.report)
app.command(cli_scte35.app)
app.command(cli_sessions.app)
app.command(cli_simulate.app)
app.command(cli_token.app)

Config = Annotated[Path | None, Parameter(help="A TOML file of settings; TIFO_* variables go before it.")]


@app.command
def up(
    *,
    port: Annotated[
        int, Parameter(help="The viewers' port; the CDNs and the channel take the next five.")
    ] = 8080,
    operator_port: Annotated[
        int, Parameter(help="The operators' port: the cockpit; the workers take the next four.")
    ] = 8090,
    data: Annotated[Path, Parameter(help="The one folder where everything is kept.")] = Path("data"),
    break_every: Annotated[int, Parameter(help="Seconds from one ad break to the next; 0 for none.")] = 180,
    break_duration: Annotated[int, Parameter(help="Seconds that a break lasts.")] = 20,
    origin: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            show_default=False,
            help="A live origin to show instead of the test channel: the address of its HLS multivariant "
            "playlist (.m3u8) or of its MPD (.mpd), or both.",
        ),
    ] = (),
    config: Config = None,
) -> None:
    """Run everything on this machine: a live channel, four CDNs, the edge with the services, the workers.

    No cloud, no container, nothing to configure. Ctrl-C stops it all.
    """
    choices = machine.Choices(
        port, operator_port, data, break_every, break_duration, machine.origin_of(origin)
    )
    with Instance(data):
        logs.configure("up", "warning")
        base = machine.load_base(os.environ, config)
        keys = machine.machine_keys(data / "keys.json")
        settings = machine.machine_settings(base, choices, keys, SystemClock().now())
        checks.refuse_unfit_origins(settings)
        asyncio.run(machine.Machine(settings).run(Announcer()))


@app.command
def serve(*names: str, config: Config = None) -> None:
    """Run services as one process, by name, as on many machines.

    Services: accounts catalogue sessions video steering ads beacons control pages. Alone: channel,
    front (the edge in front of services elsewhere), or a local CDN by its pathway.
    """
    settings = _settings(config)
    logs.configure(settings.node, settings.telemetry.log_level)
    processes.refuse_together(settings, names)
    _refuse_unfit(settings, names, config)
    processes.serve(settings, names, config)


@app.command
def worker(*names: str, config: Config = None) -> None:
    """Run consumers of the event log, by name: anomalies, billing, insight, lake, steering.

    With `workers.port` the process answers /healthz, /readyz and /metrics there.
    """
    unknown = [name for name in names if name not in wiring.WORKERS]
    if unknown or not names:
        raise SettingsError(
            (f"worker: there is no {', '.join(unknown)}; there is {', '.join(wiring.WORKERS)}",)
        )
    settings = _settings(config)
    logs.configure(settings.node, settings.telemetry.log_level)
    _refuse_unfit(settings, (), config)
    processes.run(processes.work(settings, names))


@app.command
def check(*names: str, config: Config = None) -> None:
    """Check settings without starting anything, and say what to mend.

    With names of services, also what those services need; without, everything.
    """
    settings = _settings(config)
    processes.refuse_unknown(settings, names)
    _refuse_unfit(settings, names or tuple(wiring.SERVICES), config)
    out.print("The settings are fit to start with.")
    if not is_loopback(settings.edge.host):
        out.print(settings.eventlog.who_is_told(settings.keys.pseudonyms.current))


@app.command
def export(
    what: Literal["openapi", "asyncapi", "settings", "metrics", "envoy", "contracts", "edge-code"],
    pathway: Annotated[
        str, Parameter(help="For edge-code: one CDN, by its pathway's id.", show_default=False)
    ] = "",
    /,
    *,
    to: Annotated[Path, Parameter(help="For contracts: the folder to write to.")] = Path("contracts"),
    out_folder: Annotated[
        Path | None, Parameter(name="--out", help="For edge-code: write here, a folder for each CDN.")
    ] = None,
    config: Config = None,
) -> None:
    """Print a contract (HTTP API, events, settings, metrics, the edge's configuration), or a CDN's code.

    `contracts` writes all of them to a folder, by default settings and without this machine's paths.

    `edge-code` makes what a CDN has to run to check the tokens that its pathway is signed with: a CloudFront
    Function or an Akamai EdgeWorker for `cat`, VCL for `fastly`, a block for `nginx`, settings for the other
    CDNs. No secret is in it: its INSTALL.md says which goes where.
    """
    if what == "contracts":
        exports.write_contracts(to)
        return
    if what == "edge-code":
        edge_codes.export(_settings(config), pathway, out_folder, sys.stdout)
        return
    sys.stdout.write(exports.EXPORTS[what](_settings(config)))


class Announcer(machine.Say):
    """Tells on a terminal how the start goes, and later which process died and came back."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._said: dict[str, str] = {}
        self._ready = False

    def states(self, states: tuple[PartState, ...]) -> None:
        """A line for each process whose state is new; that none has started yet needs no words."""
        for state in states:
            if self._said.get(state.name, "stopped") != state.state.value:
                self._said[state.name] = state.state.value
                self._line(state)

    def ready(self, settings: Settings) -> None:
        """The two addresses."""
        self._ready = True
        edge = settings.edge
        out.print(
            Panel(
                f"Watch    [bold]http://{edge.host}:{edge.port}/watch/demo[/bold]\n"
                f"Cockpit  [bold]http://{edge.operator_host}:{edge.operator_port}/[/bold]\n"
                f"Logs     {settings.folder('logs')}\n\nCtrl-C stops everything.",
                title=f"Ready after {time.monotonic() - self._began:.1f} s",
                expand=False,
            )
        )

    def _line(self, state: PartState) -> None:
        colour = {"running": "green", "backing-off": "red"}.get(state.state.value, "dim")
        why = f"  {state.error.splitlines()[0]}" if state.error else ""
        out.print(f"  [{colour}]{state.state.value:<12}[/{colour}] {state.name}{why}")


def _settings(config: Path | None) -> Settings:
    try:
        return machine.load_base(os.environ, config)
    except SettingsError as error:
        raise settings_lines.located(error, config) from None


def _refuse_unfit(settings: Settings, names: tuple[str, ...], config: Path | None) -> None:
    """Of a worker, what does not depend on the services."""
    try:
        checks.refuse_unfit(settings, names)
    except SettingsError as error:
        raise settings_lines.located(error, config) from None


def main() -> None:
    """The command `tifo`; an error of ours is a sentence, and status 2."""
    try:
        app()
    except SettingsError as error:
        for problem in error.problems:
            err.print(f"[red]error[/red] {problem}", soft_wrap=True)
        sys.exit(2)
    except (TifoError, OSError) as error:
        err.print(f"[red]error[/red] {error}", soft_wrap=True)
        sys.exit(2)
