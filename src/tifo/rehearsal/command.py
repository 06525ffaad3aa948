"""`tifo rehearse`: from what was asked to a verdict."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec
from rich.console import Console

from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError
from tifo.kernel.ids import Ids
from tifo.rehearsal import breaks, generator, report
from tifo.rehearsal.ads import ADS
from tifo.rehearsal.breaks import Wanted
from tifo.rehearsal.curve import Match, Shape, Size
from tifo.rehearsal.identities import Identities
from tifo.rehearsal.scenario import Scenario, objectives
from tifo.rehearsal.sessions import SESSIONS
from tifo.rehearsal.target import Target, base_of
from tifo.rehearsal.verdict import health, judge
from tifo.rehearsal.video import VIDEO
from tifo.settings import Settings

SCENARIOS: Mapping[str, Scenario] = MappingProxyType({one.name: one for one in (SESSIONS, VIDEO, ADS)})
"""The set. One that joins it needs its value here and its folder in `rehearsals/`."""

SCALE_MAX = 20.0
"""More than the largest arrival that anybody has published: 11 times the reference's rate."""
MINUTES_MIN, MINUTES_MAX = 0.05, 240.0
VIEWERS_MAX = 5_000_000
"""Viewers of one run: what a generator's memory holds."""
SHARDS_PER_CORE, SHARDS_MAX = 4, 64
CORES_MAX = 1_000_000
TOKENS_AHEAD_S = breaks.AHEAD_S_MAX
"""Seconds that tokens outlive the whistle as it is planned first: it waits for the breaks of a platform."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for; `settings` is there where tokens are to be signed by their keys.

    `without` and `shares` are the scenario's own, `breaks` there for one that takes them; `cores` are the
    platform's, 0 where nobody said.
    """

    scenario: str
    scale: float
    minutes: float
    target: str
    shape: str
    event: str
    without: tuple[str, ...]
    shares: Mapping[str, float]
    objectives: tuple[str, ...]
    tokens: Path | None
    settings: Settings | None
    generator: Path | None
    cores: float
    mine: bool
    json: bool
    breaks: Wanted | None = None


def rehearse(wish: Wish, out: Console, err: Console, clock: Clock, ids: Ids) -> int:
    """The exit status: 0 for a pass, 1 for a fail. Raises `SettingsError` for what cannot be run."""
    scenario = SCENARIOS[wish.scenario]
    refuse_absurd(wish.scale, wish.minutes, wish.cores, wish.shares)
    held = objectives(scenario, own_limits(scenario, wish.objectives), wish.without, wish.shares)
    if wish.breaks is not None:
        breaks.refuse_strange(wish.breaks)
    sender = generator.program(wish.generator, wish.scenario)
    viewers = _viewers(wish, clock, ids)
    size = _size(wish, scenario, viewers)
    match = scenario.match(size)
    refuse_crowd(match.viewers, wish.scale, wish.minutes)
    shrunk = scenario.in_words(size)
    says = err if wish.json else out
    says.print(shrunk, soft_wrap=True)
    tokens = viewers.tokens(match.viewers, match.whistle_at_s + TOKENS_AHEAD_S)
    with _placed(wish, viewers, match, clock, says) as match:
        plan = _plan(wish, viewers, match)
        ran = _run(sender, plan, tokens, match, clock, err)
    state = health(ran.found, match, ran.cores_used, _cores(), ran.machine_busy)
    verdict = judge(ran.found, held, match, state)
    carried = report.capacity(scenario, ran.found, match, verdict, wish.cores)
    told = report.told(scenario, plan, size, match, ran, verdict, shrunk=shrunk, capacity=carried)
    if wish.json:
        sys.stdout.write(report.in_json(told))
    else:
        report.show(out, told, verdict)
    return 0 if verdict.verdict == "pass" else 1


def _viewers(wish: Wish, clock: Clock, ids: Ids) -> Identities:
    """Who comes, at a target that is there and ready."""
    target = Target(base_of(wish.target, mine=wish.mine))
    target.refuse_unready()
    prefix, event = f"rehearsal-{ids.code()}", target.event(wish.event)
    starting = "sessions" not in wish.without
    return Identities(target, clock, prefix, event, wish.tokens, wish.settings, starting)


def _size(wish: Wish, scenario: Scenario, viewers: Identities) -> Size:
    interval_s = viewers.interval_s() if scenario.asks_interval else 0.0
    if wish.breaks is None:
        return Size(Shape(wish.shape), wish.scale, wish.minutes, interval_s)
    spread_s, break_s = wish.breaks.spread_s, wish.breaks.length_s
    return Size(Shape(wish.shape), wish.scale, wish.minutes, interval_s, spread_s, break_s)


@contextmanager
def _placed(wish: Wish, viewers: Identities, match: Match, clock: Clock, says: Console) -> Iterator[Match]:
    """The match that begins now, at the platform's breaks where it takes them."""
    if wish.breaks is None:
        yield match
        return
    with breaks.taken(wish.breaks, viewers, match, clock) as placed:
        said = " and ".join(f"{spike.brk} in {spike.at_s:,.0f} s" for spike in placed.spikes)
        says.print(f"Breaks: {said}.", soft_wrap=True)
        yield placed


def _run(
    sender: generator.Program,
    plan: generator.Plan,
    tokens: str,
    match: Match,
    clock: Clock,
    err: Console,
) -> generator.Ran:
    with tempfile.TemporaryDirectory(prefix="tifo-rehearsal-") as folder, report.watching(err, match) as tell:
        return generator.run(sender, plan, tokens, Path(folder), clock, tell)


def refuse_absurd(
    scale: float, minutes: float, cores: float = 0.0, shares: Mapping[str, float] = MappingProxyType({})
) -> None:
    """Sizes that nobody means."""
    problems = []
    if not 0 < scale <= SCALE_MAX:
        problems.append(
            f"--scale: {scale:g} is not above 0 and at most {SCALE_MAX:g}; 1 is the reference's rate"
        )
    if not MINUTES_MIN <= minutes <= MINUTES_MAX:
        problems.append(f"--minutes: {minutes:g} is not between {MINUTES_MIN:g} and {MINUTES_MAX:g}")
    if not 0 <= cores <= CORES_MAX:
        problems.append(f"--cores: {cores:g} is not between 0 and {CORES_MAX:,}")
    problems += [
        f"--{name}: {share:g} is no share from 0 to 1"
        for name, share in shares.items()
        if not 0 <= share <= 1
    ]
    if problems:
        raise SettingsError(tuple(problems))


def refuse_crowd(viewers: int, scale: float, minutes: float) -> None:
    """A crowd that one run cannot hold, or none."""
    size = f"--scale {scale:g} for {minutes:g} minutes"
    if viewers > VIEWERS_MAX:
        raise SettingsError((f"{size} is {viewers:,} viewers; one run takes {VIEWERS_MAX:,}",))
    if viewers < 1:
        raise SettingsError((f"{size} is nobody at all; take more of either",))


def own_limits(scenario: Scenario, given: Sequence[str]) -> Mapping[str, float]:
    """The limits of `--objective`, by name."""
    known = {one.name for one in scenario.objectives}
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


def _plan(wish: Wish, viewers: Identities, match: Match) -> generator.Plan:
    return generator.Plan(
        scenario=wish.scenario,
        target=viewers.target.base,
        event=viewers.event,
        prefix=viewers.prefix,
        login=viewers.log_in,
        arrivals_per_s=match.arrivals_per_s,
        goals=tuple(msgspec.to_builtins(goal) for goal in match.goals),
        spikes=tuple(msgspec.to_builtins(spike) for spike in match.spikes),
        plateau_at_s=match.plateau_at_s,
        whistle_at_s=match.whistle_at_s,
        whistle_s=match.whistle_s,
        without=wish.without,
        shares=wish.shares,
        shards=min(SHARDS_MAX, SHARDS_PER_CORE * _cores()),
    )


def _cores() -> int:
    """The cores that the generator may use: those that this process was given."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
