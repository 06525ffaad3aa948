"""`tifo simulate steering`: from what was asked to a table, a document and a picture."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError
from tifo.services.steering.settings import SteeringSettings
from tifo.simulate import match, picture, report, scenarios
from tifo.simulate.policies import POLICIES

VIEWERS_MIN, VIEWERS_MAX = 1_000, 20_000_000
"""Fewer are noise rather than a crowd; more do not fit into a laptop's memory."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for; no policy is all of them."""

    scenario: str
    viewers: int
    policy: str
    seed: int
    json: bool
    picture: Path | None


def simulate(wish: Wish, out: Console, err: Console, clock: Clock) -> None:
    """Play the match, and tell. Raises `SettingsError` for what cannot be played."""
    scenario = scenarios.scenario(wish.scenario)
    names = _policies(wish.policy)
    _refuse_absurd(wish)
    steering = SteeringSettings()
    size = match.Size(wish.viewers, steering.ttl_s, steering.ttl_jitter, wish.seed)
    began = clock.monotonic()
    with report.watching(err, names) as tell:
        rans = match.play(scenario, size, names, os.cpu_count() or 1, clock, tell)
    figures = [ran.figures for ran in rans]
    document = report.told(scenario, size, figures, clock.monotonic() - began)
    if wish.picture:
        picture.draw(wish.picture, scenario, rans, size.viewers)
    if wish.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
    else:
        report.show(out, scenario, document)


def _policies(wanted: str) -> tuple[str, ...]:
    if wanted and wanted not in POLICIES:
        raise SettingsError((f"--policy: there is no {wanted}; there is {', '.join(POLICIES)}",))
    return (wanted,) if wanted else tuple(POLICIES)


def _refuse_absurd(wish: Wish) -> None:
    if not VIEWERS_MIN <= wish.viewers <= VIEWERS_MAX:
        raise SettingsError(
            (f"--viewers: {wish.viewers:,} is not between {VIEWERS_MIN:,} and {VIEWERS_MAX:,}",)
        )
    if wish.seed < 0:
        raise SettingsError((f"--seed: {wish.seed} is below 0",))
    if wish.picture:
        picture.require()
        if not wish.picture.resolve().parent.is_dir():
            raise SettingsError((f"--picture: there is no folder {wish.picture.resolve().parent}",))
        if wish.picture.suffix not in picture.SUFFIXES:
            raise SettingsError((f"--picture: {wish.picture.name} is no {', '.join(picture.SUFFIXES)} file",))
