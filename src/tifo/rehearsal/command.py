"""`tifo rehearse`: from what was asked to a verdict."""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError
from tifo.kernel.ids import Ids
from tifo.rehearsal import curve, generator, report
from tifo.rehearsal.curve import Shape
from tifo.rehearsal.target import Target, base_of, made_tokens, read_tokens
from tifo.rehearsal.verdict import OBJECTIVES, health, judge, objectives
from tifo.settings import Settings

SCALE_MAX = 20.0
"""More than the largest arrival that anybody has published: 11 times the reference's rate."""
MINUTES_MIN, MINUTES_MAX = 0.05, 240.0
VIEWERS_MAX = 5_000_000
"""Viewers of one run: what a generator's memory holds."""
SHARDS_PER_CORE, SHARDS_MAX = 4, 64


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for; `settings` is there where tokens are to be signed by their key."""

    scenario: str
    scale: float
    minutes: float
    target: str
    shape: str
    event: str
    without: tuple[str, ...]
    objectives: tuple[str, ...]
    tokens: Path | None
    settings: Settings | None
    generator: Path | None
    mine: bool
    json: bool


def rehearse(wish: Wish, out: Console, err: Console, clock: Clock, ids: Ids) -> int:
    """The exit status: 0 for a pass, 1 for a fail. Raises `SettingsError` for what cannot be run."""
    refuse_absurd(wish.scale, wish.minutes)
    held = objectives(_own_limits(wish.objectives), wish.without)
    sender = generator.program(wish.generator, wish.scenario)
    target = Target(base_of(wish.target, mine=wish.mine))
    target.refuse_unready()
    shape = Shape(wish.shape)
    match = curve.match(shape, wish.scale, wish.minutes)
    shrunk = curve.in_words(shape, wish.scale, wish.minutes)
    (err if wish.json else out).print(shrunk, soft_wrap=True)
    plan, tokens = _plan(wish, target, match, clock, f"rehearsal-{ids.code()}")
    with tempfile.TemporaryDirectory(prefix="tifo-rehearsal-") as folder, report.watching(err, match) as tell:
        ran = generator.run(sender, plan, tokens, Path(folder), clock, tell)
    state = health(ran.found, match.viewers, ran.cores_used, os.cpu_count() or 1, ran.machine_busy)
    verdict = judge(ran.found, held, match.viewers, state)
    told = report.Told(
        scenario=wish.scenario,
        verdict=verdict.verdict,
        reasons=verdict.reasons,
        hints=verdict.hints,
        target=target.base,
        event=plan.event,
        scale=wish.scale,
        minutes=wish.minutes,
        shape=shape.value,
        shrunk=shrunk,
        without=wish.without,
        objectives=verdict.objectives,
        generator=msgspec.to_builtins(state),
        figures=report.figures(ran.found, match, ran.seconds),
    )
    if wish.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    else:
        report.show(out, told, verdict)
    return 0 if verdict.verdict == "pass" else 1


def refuse_absurd(scale: float, minutes: float) -> None:
    """Sizes that nobody means."""
    problems = []
    if not 0 < scale <= SCALE_MAX:
        problems.append(f"--scale: {scale:g} is not above 0 and at most {SCALE_MAX:g}; 1 is 1,667 starts/s")
    if not MINUTES_MIN <= minutes <= MINUTES_MAX:
        problems.append(f"--minutes: {minutes:g} is not between {MINUTES_MIN:g} and {MINUTES_MAX:g}")
    viewers = 0 if problems else curve.viewers_of(scale, minutes)
    if not problems and viewers > VIEWERS_MAX:
        problems.append(
            f"--scale {scale:g} for {minutes:g} minutes is {viewers:,} viewers; one run takes {VIEWERS_MAX:,}"
        )
    if not problems and viewers < 1:
        problems.append(f"--scale {scale:g} for {minutes:g} minutes is nobody at all; take more of either")
    if problems:
        raise SettingsError(tuple(problems))


def _own_limits(given: Sequence[str]) -> Mapping[str, float]:
    known = {one.name for one in OBJECTIVES}
    limits: dict[str, float] = {}
    for one in given:
        name, _, limit = one.partition("=")
        try:
            limits[name] = float(limit)
        except ValueError:
            raise SettingsError((f"--objective: {one} is not NAME=NUMBER",)) from None
        if name not in known:
            raise SettingsError((f"--objective: there is no {name}; there is {', '.join(sorted(known))}",))
    return limits


def _plan(
    wish: Wish, target: Target, match: curve.Match, clock: Clock, prefix: str
) -> tuple[generator.Plan, str]:
    plan = generator.Plan(
        target=target.base,
        event=target.event(wish.event),
        prefix=prefix,
        login=wish.tokens is None and wish.settings is None,
        arrivals_per_s=match.arrivals_per_s,
        goals=tuple(msgspec.to_builtins(goal) for goal in match.goals),
        whistle_at_s=match.whistle_at_s,
        whistle_s=match.whistle_s,
        without=wish.without,
        shards=min(SHARDS_MAX, SHARDS_PER_CORE * (os.cpu_count() or 1)),
    )
    return plan, _tokens(wish, target, match, clock, plan)


def _tokens(wish: Wish, target: Target, match: curve.Match, clock: Clock, plan: generator.Plan) -> str:
    if wish.tokens is not None:
        return read_tokens(wish.tokens, match.viewers)
    if wish.settings is not None:
        return made_tokens(wish.settings, clock, plan.prefix, match.viewers, plan.over_s)
    if not target.has_dev_issuer():
        raise SettingsError(
            (
                f"{target.base} has no /v1/dev/login, where anybody may log in: give --tokens FILE with "
                "access tokens, one a line, or --config FILE, the platform's settings, whose keys.access "
                "signs them",
            )
        )
    return ""
