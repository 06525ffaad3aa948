"""Who answers the players: Tifo's loop, fixed weights, or nobody, so that they have their lists only."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np

from tifo.simulate.scenarios import Scenario
from tifo.simulate.world import Answer, Second


class Policy(Protocol):
    """One way to steer."""

    @abstractmethod
    def answer(self, last: Second | None) -> Answer:
        """What players hear in the next second, after the `last` one; None before the first."""


class Weighted(Policy):
    """Content steering by what each CDN's contract says, and nobody who looks at what they carry."""

    def __init__(self, scenario: Scenario, _viewers: int, _seed: int) -> None:
        self._answer = Answer(committed(scenario), version=1)

    def answer(self, last: Second | None) -> Answer:
        """Always the same."""
        return self._answer


class Priority(Policy):
    """No steering: a session starts on a CDN by contract, and all have one list of what comes after."""

    def __init__(self, scenario: Scenario, _viewers: int, _seed: int) -> None:
        spares = tuple(range(len(scenario.cdns)))
        self._answer = Answer(committed(scenario), version=1, polled=False, spares=spares)

    def answer(self, last: Second | None) -> Answer:
        """Always the same."""
        return self._answer


def committed(scenario: Scenario) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The contracts as weights, the same at every ISP."""
    row = np.array([cdn.committed_bps for cdn in scenario.cdns])
    return np.tile(row / row.sum(), (len(scenario.isps), 1))


POLICIES: Mapping[str, Callable[[Scenario, int, int], Policy]] = MappingProxyType(
    {"weighted": Weighted, "priority": Priority}
)
"""By name, from a scenario, the number of viewers and a seed; the first is compared with the others."""
