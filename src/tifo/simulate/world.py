"""One second after the other of a match: who comes, goes, gives up a CDN, asks, and what CDNs carry then."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tifo.simulate import choice, scenarios
from tifo.simulate.crowd import Block, Crowd, Places, Players
from tifo.simulate.scenarios import PEERING_ROOM, REFERENCE_VIEWERS, Scenario

NOWHERE = -1
PENALTY_S = 300
"""How long a player keeps away from a CDN that failed it, as hls.js does."""

Table = NDArray[np.float64]
"""ISP x CDN."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a policy answers in one second: weights by ISP and CDN, each row with some weight in it.

    `version` is another one whenever the weights are. `polled` is whether players ask at all. What comes
    after a CDN that failed goes by `spare`, weights by CDN, or else by the weights; `spares` is the one list
    of it for everybody, None where each has an order of its own. `bps_max` caps the bitrate of those who
    start now; 0 caps nothing.
    """

    weights: Table
    version: int
    polled: bool = True
    spares: tuple[int, ...] | None = None
    spare: NDArray[np.float64] | None = None
    bps_max: float = 0.0


@dataclass(frozen=True, slots=True)
class Second:
    """The state at the end of one second: viewers and bits/s asked for, by ISP and CDN, and what holds.

    `load` is the larger of the CDN's load and the link's: above 1 it does not carry what is asked for.
    """

    at: int
    viewers: Table
    asked_bps: Table
    capacity_bps: NDArray[np.float64]
    load: Table
    dead: NDArray[np.bool_]
    moves: int


class World:
    """The players under one policy. The crowd is shared with other worlds and not written to."""

    def __init__(self, crowd: Crowd, scenario: Scenario) -> None:
        self._crowd, self._scenario = crowd, scenario
        self._shape = (len(scenario.isps), len(scenario.cdns))
        size = crowd.viewers
        self._on: Places = np.full(size, NOWHERE, dtype=np.int8)
        self._since = np.zeros(size, dtype=np.int16)
        self._banned: Places = np.full(size, NOWHERE, dtype=np.int8)
        self._banned_until = np.zeros(size, dtype=np.int16)
        self._bans_end = 0
        self._bps = crowd.bps.copy()
        self._viewers, self._asked = np.zeros(self._shape), np.zeros(self._shape)
        self._seen: dict[Block, Answer] = {}
        self._hit = [cdn.id for cdn in scenario.cdns].index(scenario.incident.cdn)
        self._died_at = 0
        self._was_dead = False

    def second(self, at: int, answer: Answer) -> Second:
        """Let one second pass under this answer."""
        dead = scenarios.is_dead(self._scenario.incident, at)
        if dead and not self._was_dead:
            self._died_at = at
        self._was_dead = dead
        self._go(self._crowd.goes.at(at))
        self._come(self._crowd.comes.at(at), at, answer)
        moves = self._fail_over(at, answer) if dead else 0
        if answer.polled:
            moves += sum(self._ask(block, at, answer) for block in self._asking(at))
        return self._told(at, moves, dead)

    # --- coming and going ------------------------------------------------------------------------------

    def _go(self, who: Players) -> None:
        who = who[self._on[who] != NOWHERE]
        self._count(who, -1)
        self._on[who] = NOWHERE

    def _come(self, who: Players, at: int, answer: Answer) -> None:
        who = who[self._on[who] == NOWHERE]
        for isp, weights in enumerate(answer.weights):
            some = who[self._crowd.isps[who] == isp]
            self._on[some] = choice.best(self._crowd.energies[:, some], weights)
        self._since[who] = at
        own = self._crowd.bps[who]
        self._bps[who] = np.minimum(own, np.float32(answer.bps_max)) if answer.bps_max else own
        self._count(who, 1)

    def _count(self, who: Players, sign: int) -> None:
        cells = self._crowd.isps[who] * np.int8(self._shape[1]) + self._on[who]
        size = self._viewers.size
        self._viewers += sign * np.bincount(cells, minlength=size).reshape(self._shape)
        self._asked += sign * np.bincount(cells, self._bps[who], minlength=size).reshape(self._shape)

    # --- players who help themselves -------------------------------------------------------------------

    def _fail_over(self, at: int, answer: Answer) -> int:
        """Those whose CDN has been silent for as long as they have patience take the next on their list."""
        stuck = np.flatnonzero(self._on == self._hit).astype(np.int32)
        waited = at - np.maximum(self._since[stuck], np.int16(self._died_at))
        who = stuck[waited >= self._crowd.patience_s[stuck]]
        if not len(who):
            return 0
        self._banned[who], self._banned_until[who] = self._hit, at + PENALTY_S
        self._bans_end = at + PENALTY_S
        if answer.spares is not None:
            spare = next(cdn for cdn in answer.spares if cdn != self._hit)
            self._move(who, np.full(len(who), spare, dtype=np.int8), at)
            return len(who)
        for block in self._crowd.blocks:
            first, last = np.searchsorted(who, (block.first, block.last))
            if first < last:
                some = who[first:last]
                self._move(some, self._next(some, self._seen.get(block, answer), block.isp), at)
        return len(who)

    def _next(self, who: Players, answer: Answer, isp: int) -> Places:
        """What comes after the CDN that was hit, on the lists of players for whom it was first."""
        if answer.spare is None or not answer.spare.any():
            return choice.best(self._crowd.energies[:, who], choice.without(answer.weights[isp], self._hit))
        return choice.best(self._crowd.spare_energies[:, who], choice.without(answer.spare, self._hit))

    def _move(self, who: Players, to: Places, at: int) -> None:
        self._count(who, -1)
        self._on[who], self._since[who] = to, at
        self._count(who, 1)

    # --- players who ask -------------------------------------------------------------------------------

    def _asking(self, at: int) -> list[Block]:
        return [block for block in self._crowd.blocks if at % block.ttl_s == block.phase]

    def _ask(self, block: Block, at: int, answer: Answer) -> int:
        seen = self._seen.get(block)
        # The same answer as the last time moves nobody, unless a player's own ban has ended since.
        if seen is not None and seen.version == answer.version and at - block.ttl_s > self._bans_end:
            return 0
        self._seen[block] = answer
        here = slice(block.first, block.last)
        weights = answer.weights[block.isp]
        wanted = choice.best(self._crowd.energies[:, here], weights)
        if at <= self._bans_end:
            self._respect_bans(here, wanted, at, answer, block.isp)
        on = self._on[here]
        who = np.flatnonzero((wanted != on) & (on != NOWHERE)).astype(np.int32)
        self._move(who + np.int32(block.first), wanted[who], at)
        return len(who)

    def _respect_bans(self, here: slice, wanted: Places, at: int, answer: Answer, isp: int) -> None:
        kept_off = (self._banned[here] == wanted) & (self._banned_until[here] > at)
        who = np.flatnonzero(kept_off)
        if len(who):
            wanted[who] = self._next((here.start + who).astype(np.int32), answer, isp)

    # --- what CDNs carry -------------------------------------------------------------------------------

    def _told(self, at: int, moves: int, is_dead: bool) -> Second:
        capacity, links = self._capacities(at)
        dead = np.zeros(self._shape[1], dtype=np.bool_)
        dead[self._hit] = is_dead
        load = np.maximum(self._asked.sum(axis=0) / capacity, self._asked / links)
        return Second(at, self._viewers.copy(), self._asked.copy(), capacity, load, dead, moves)

    def _capacities(self, at: int) -> tuple[NDArray[np.float64], Table]:
        incident, scenario = self._scenario.incident, self._scenario
        size = self._crowd.viewers / REFERENCE_VIEWERS
        capacity = np.array([cdn.committed_bps * cdn.real * size for cdn in scenario.cdns])
        links = np.outer([isp.share * PEERING_ROOM for isp in scenario.isps], capacity)
        left = scenarios.left_of(incident, at)
        if incident.isp:
            links[[isp.id for isp in scenario.isps].index(incident.isp), self._hit] *= left
        else:
            capacity[self._hit] *= left
        return capacity, links
