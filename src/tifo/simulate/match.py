"""A whole match under each policy that is compared, on as many cores as there are."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tifo.kernel.clock import Clock
from tifo.simulate import scenarios
from tifo.simulate.course import Course, Figures, course, figures
from tifo.simulate.crowd import Crowd, gather
from tifo.simulate.policies import POLICIES
from tifo.simulate.scenarios import Scenario
from tifo.simulate.world import Second, World

Tell = Callable[[str, int], None]
"""Hears how far a policy's match is, in its seconds."""

TELL_EVERY_S = 20


@dataclass(frozen=True, slots=True)
class Size:
    """How many players, how often they ask, and the seed of everything drawn."""

    viewers: int
    ttl_s: int
    ttl_jitter: float
    seed: int


@dataclass(frozen=True, slots=True)
class Ran:
    """One policy's match."""

    figures: Figures
    course: Course


def play(
    scenario: Scenario, size: Size, names: Sequence[str], cores: int, clock: Clock, tell: Tell
) -> tuple[Ran, ...]:
    """The same crowd and the same incident under each policy. The result depends on the seed alone."""
    crowd = gather(scenario, size.viewers, size.seed, size.ttl_s, size.ttl_jitter)
    # Threads are enough: nearly all of the time numpy works on long arrays, and others may run.
    with ThreadPoolExecutor(max_workers=min(cores, len(names))) as threads:
        waiting = [threads.submit(_play_one, crowd, scenario, size.seed, name, clock, tell) for name in names]
        return tuple(one.result() for one in waiting)


def _play_one(crowd: Crowd, scenario: Scenario, seed: int, name: str, clock: Clock, tell: Tell) -> Ran:
    began = clock.monotonic()
    policy, world = POLICIES[name](scenario, crowd.viewers, seed), World(crowd, scenario)
    last: Second | None = None
    seconds: list[Second] = []
    for at in range(scenarios.END_S):
        last = world.second(at, policy.answer(last))
        seconds.append(last)
        if at % TELL_EVERY_S == 0:
            tell(name, at)
    tell(name, scenarios.END_S)
    ran = course(seconds)
    return Ran(figures(name, scenario, ran, clock.monotonic() - began), ran)
