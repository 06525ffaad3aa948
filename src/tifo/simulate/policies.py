"""Who answers the players: Tifo's loop, fixed weights, or nobody, so that they have their lists only."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np

from tifo.simulate.crowd import LADDER_BPS
from tifo.simulate.measuring import Eyes, Seen
from tifo.simulate.scenarios import REFERENCE_VIEWERS, Scenario
from tifo.simulate.world import Answer, Second, Table
from tifo.workers.steering import rules
from tifo.workers.steering.settings import SteeringLoopSettings


class Policy(Protocol):
    """One way to steer."""

    @abstractmethod
    def answer(self, last: Second | None) -> Answer:
        """What players hear in the next second, after the `last` one; None before the first."""


class Tifo(Policy):
    """The loop of the steering worker, with its settings as they come, on what is measured of the world."""

    def __init__(self, scenario: Scenario, viewers: int, seed: int) -> None:
        self._scenario = scenario
        self._isps = [isp.id for isp in scenario.isps]
        self._cdns = _cdns(scenario, viewers)
        self._eyes, self._settings = Eyes(seed), SteeringLoopSettings()
        self._loop = rules.begin(self._cdns, {}, {}, 0.0)
        self._answer = Answer(committed(scenario), version=1)

    def answer(self, last: Second | None) -> Answer:
        """What the loop has decided by the reports that have come."""
        seen = self._eyes.look(last) if last else None
        if last and seen:
            cells = tuple(self._cells(seen))
            self._loop, decided = rules.step(
                self._loop, self._cdns, cells, {}, LADDER_BPS, float(last.at), self._settings
            )
            self._answer = self._heard(decided)
        return self._answer

    def _cells(self, seen: Seen) -> Iterator[rules.Cell]:
        for i, isp in enumerate(self._isps):
            for c, cdn in enumerate(self._cdns):
                if seen.viewers[i, c]:
                    yield rules.Cell(
                        cdn=cdn.id,
                        isp=isp,
                        bps=float(seen.bps[i, c]),
                        viewers=int(seen.viewers[i, c]),
                        error_ratio=float(seen.error_ratio[i, c]),
                        rebuffer_ratio=float(seen.rebuffer_ratio[i, c]),
                    )

    def _heard(self, decided: rules.Decided) -> Answer:
        rows = [decided.by_isp.get(isp, decided.weights) for isp in self._isps]
        weights = np.array([[row.get(cdn.id, 0.0) for cdn in self._cdns] for row in rows])
        spare = np.array([decided.spare.get(cdn.id, 0.0) for cdn in self._cdns])
        before = self._answer
        same = np.array_equal(weights, before.weights)
        version = before.version + (not same)
        return Answer(weights, version, spare=spare, bps_max=decided.bandwidth_max_bps)


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


def _cdns(scenario: Scenario, viewers: int) -> tuple[rules.Cdn, ...]:
    size = viewers / REFERENCE_VIEWERS
    return tuple(
        rules.Cdn(cdn.id, cdn.committed_bps * size, cost=cdn.cost_per_tb, weight=cdn.committed_bps / 1e12)
        for cdn in scenario.cdns
    )


def committed(scenario: Scenario) -> Table:
    """The contracts as weights, the same at every ISP."""
    row = np.array([cdn.committed_bps for cdn in scenario.cdns])
    return np.tile(row / row.sum(), (len(scenario.isps), 1))


POLICIES: Mapping[str, Callable[[Scenario, int, int], Policy]] = MappingProxyType(
    {"tifo": Tifo, "weighted": Weighted, "priority": Priority}
)
"""By name, from a scenario, the number of viewers and a seed; the first is compared with the others."""

SAYS: Mapping[str, str] = MappingProxyType(
    {"tifo": "Tifo's loop", "weighted": "Fixed weights, no loop", "priority": "Players' lists only"}
)
"""What each is called where people read."""
