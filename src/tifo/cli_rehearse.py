"""`tifo rehearse`: a match on a running platform before the night, and a verdict."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from tifo import machine
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.rehearsal import command
from tifo.rehearsal.ads import BREAK_S, SPREAD_S
from tifo.rehearsal.breaks import Wanted
from tifo.rehearsal.command import Wish
from tifo.rehearsal.target import base_of
from tifo.rehearsal.video import VIDEO

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

app = App(
    name="rehearse",
    help="Rehearse a match on a running platform with k6, and judge it: status 0 for a pass, 1 for a fail, 2 "
    "for what cannot be run.\n\n"
    "Viewers arrive as on the night, whatever the answers. Begin with `tifo rehearse sessions` on `tifo up`.",
)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What every rehearsal can be asked."""

    minutes: Annotated[float, Parameter(help="How long viewers arrive; the reference takes 15.")] = 2
    target: Annotated[str, Parameter(help="The platform's viewers' port.")] = "http://127.0.0.1:8080"
    shape: Annotated[
        Literal["match", "steady"],
        Parameter(help="The reference curve (kick-off at 3 times the mean, goals), or the mean all along."),
    ] = "match"
    event: Annotated[str, Parameter(help="What they watch; else the first event that is live.")] = ""
    objective: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="A limit of your own, NAME=NUMBER, as in start_p99=300."),
    ] = ()
    tokens: Annotated[
        Path | None, Parameter(help="Access tokens, one a line, where nobody can log in as anybody.")
    ] = None
    config: Annotated[
        Path | None, Parameter(help="The platform's settings: its own keys sign the viewers' tokens.")
    ] = None
    generator: Annotated[
        Path | None, Parameter(help="A program to send the load instead of k6: PROGRAM PLAN TOKENS FOUND.")
    ] = None
    cores: Annotated[
        float, Parameter(help="Cores the platform has for this: says how many the reference would take.")
    ] = 0
    this_platform_is_mine: Annotated[bool, Parameter(negative="", help="For a target elsewhere.")] = False
    json: Annotated[bool, Parameter(negative="", help="Print one JSON document.")] = False


USUAL = Night()


@app.command
def sessions(
    *,
    scale: Annotated[float, Parameter(help="1 is the reference: 1,667 starts a second on average.")] = 0.01,
    without: Annotated[
        tuple[Literal["calendar", "playlist", "steering"], ...],
        Parameter(negative="", help="Calls of the watch page to leave out; the report says so."),
    ] = (),
    night: Night = USUAL,
) -> None:
    """Everybody comes, gets in and stays: viewers behave as the watch page does.

    Log-in, start, playlist, steering, heartbeats, end; a reload after a goal.
    """
    _rehearse("sessions", scale, without, {}, night)


@app.command
def video(
    *,
    scale: Annotated[
        float,
        Parameter(help="1 is the reference: 20,440 playlists and steering manifests a second."),
    ] = 0.01,
    dash: Annotated[float, Parameter(help="The part of the players that play DASH; the others HLS.")] = (
        VIDEO.shares["dash"].usual
    ),
    segments: Annotated[
        float,
        Parameter(help="The part of the players that also ask their CDN at its signed address; 0 for none."),
    ] = VIDEO.shares["segments"].usual,
    without: Annotated[
        tuple[Literal["calendar", "sessions"], ...],
        Parameter(
            negative="",
            help="Calls to leave out; the report says so. Without sessions (starts, heartbeats, ends), "
            "players bring tokens that --config signs.",
        ),
    ] = (),
    night: Night = USUAL,
) -> None:
    """Players are answered while all watch: playlists, MPDs, and steering manifests at the TTL they are told.

    So many come that, by the platform's own TTL, they ask at the rate that --scale says.
    """
    _rehearse("video", scale, without, {"dash": dash, "segments": segments}, night)


@app.command
def ads(
    *,
    scale: Annotated[
        float, Parameter(help="1 is the reference: 2.4 million viewers, 1.2 million pods a second.")
    ] = 0.001,
    operators: Annotated[
        str,
        Parameter(
            help="The operators' port, which then plans both breaks, as http://127.0.0.1:8090; without, they "
            "are the next two of the schedule. Where it asks for a token: TIFO_KEYS__OPERATOR_TOKEN or "
            "--config.",
            show_default=False,
        ),
    ] = "",
    spread_s: Annotated[float, Parameter(help="Seconds within which everybody asks for the pod.")] = SPREAD_S,
    break_s: Annotated[
        float, Parameter(help="Seconds of each break: those to plan, or what the schedule's last.")
    ] = BREAK_S,
    without: Annotated[
        tuple[Literal["calendar", "sessions"], ...],
        Parameter(
            negative="",
            help="Calls to leave out; the report says so. Without sessions (starts, heartbeats, ends), "
            "viewers bring tokens that --config signs.",
        ),
    ] = (),
    night: Night = USUAL,
) -> None:
    """Two breaks: everybody asks for the pod within two seconds, and then reports what it plays.

    Viewers come in --minutes; then both breaks, each asked for whatever the answers, and beacons as the ads
    play: the impression at once, quartiles and completes over their lengths. Begin with
    `tifo rehearse ads --operators http://127.0.0.1:8090` on `tifo up`.
    """
    port = base_of(operators, mine=night.this_platform_is_mine, option="--operators") if operators else ""
    token = machine.load_base(os.environ, night.config).keys.operator_token if port else ""
    _rehearse("ads", scale, without, {}, night, Wanted(spread_s, break_s, port, token))


def _rehearse(
    scenario: str,
    scale: float,
    without: tuple[str, ...],
    shares: Mapping[str, float],
    night: Night,
    breaks: Wanted | None = None,
) -> None:
    settings = machine.load_base(os.environ, night.config) if night.config else None
    wish = Wish(
        scenario, scale, night.minutes, night.target, night.shape, night.event, without, shares,
        night.objective, night.tokens, settings, night.generator, night.cores, night.this_platform_is_mine,
        night.json, breaks,
    )  # fmt: skip
    sys.exit(command.rehearse(wish, out, err, SystemClock(), SystemIds()))
