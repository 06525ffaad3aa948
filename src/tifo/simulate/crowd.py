"""The players of a simulation as arrays: who they are, when they come and go, when they ask."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from tifo.simulate import scenarios
from tifo.simulate.scenarios import Scenario

Floats = NDArray[np.float32]
Places = NDArray[np.int8]
Seconds = NDArray[np.int16]
Players = NDArray[np.int32]

LADDER_BPS = (400_000, 750_000, 1_200_000, 2_212_500)
LADDER_SHARES = (0.15, 0.35, 0.3, 0.2)
"""Renditions, and who plays which, from phones on a train to large screens. The mean is the reference's."""

PATIENCE_S = (2, 8)
"""Seconds until a player gives up a CDN that does not answer, from the quickest to the slowest."""

PAUSING, RELOADING = 0.12, 0.04
"""Shares of the viewers who leave the match at half-time and come back, and who reload after a goal."""
PAUSE_S, RELOAD_S, LEAVE_S = 60, 5, 90
"""How long those take to do so, first to last; and to be gone after the final whistle."""


@dataclass(frozen=True, slots=True)
class Block:
    """Players of one ISP who ask in the same seconds: `first` to before `last` of every array."""

    first: int
    last: int
    isp: int
    ttl_s: int
    phase: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Players by the second in which something happens to them."""

    players: Players
    starts: NDArray[np.int64]

    def at(self, second: int) -> Players:
        """Those whose second it is."""
        return self.players[self.starts[second] : self.starts[second + 1]]


SECOND_DRAW = 2
"""Tells the chance of the second draws from that of everything else, which so stays the same night."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Everybody; `energies` is -log of the uniform draw of each (CDN, player), made once.

    `spare_energies` are those of the second draw, by which what comes after a player's first is ordered.
    """

    isps: Places
    bps: Floats
    energies: Floats
    spare_energies: Floats
    patience_s: Seconds
    blocks: tuple[Block, ...]
    comes: Timeline
    goes: Timeline

    @property
    def viewers(self) -> int:
        """How many there are in all."""
        return len(self.isps)


def gather(scenario: Scenario, viewers: int, seed: int, ttl_s: int, ttl_jitter: float) -> Crowd:
    """The same crowd for the same seed, whatever policy steers it."""
    chance = default_rng(seed)
    isps, blocks = _blocks(chance, scenario, viewers, ttl_s, ttl_jitter)
    draws = (len(scenario.cdns), viewers)
    energies = _energies(chance, draws)
    comes, goes = _match(chance, viewers)
    return Crowd(
        isps=isps,
        bps=_bitrates(chance, viewers),
        energies=energies,
        spare_energies=_energies(default_rng((seed, SECOND_DRAW)), draws),
        patience_s=chance.integers(PATIENCE_S[0], PATIENCE_S[1] + 1, viewers, dtype=np.int16),
        blocks=blocks,
        comes=comes,
        goes=goes,
    )


def _energies(chance: Generator, shape: tuple[int, int]) -> Floats:
    energies: Floats = chance.standard_exponential(shape, dtype=np.float32)
    # A player who drew exactly 1 would be on that CDN whatever its weight, even none.
    return np.maximum(energies, np.float32(1e-12), out=energies)


def lives_s(chance: Generator, ttl_s: int, jitter: float, players: int) -> Seconds:
    """How long each player keeps an answer, jittered and rounded as the service does."""
    spread = jitter * (2 * chance.random(players, dtype=np.float32) - 1)
    lives: Seconds = np.maximum(1, np.rint(ttl_s * (1 + spread))).astype(np.int16)
    return lives


def _blocks(
    chance: Generator, scenario: Scenario, viewers: int, ttl_s: int, jitter: float
) -> tuple[Places, tuple[Block, ...]]:
    # Sorted by when they ask and by ISP, those who ask in one second are slices: nobody is searched for,
    # and one multiplication serves a whole block.
    lives = lives_s(chance, ttl_s, jitter, viewers)
    phases = (chance.random(viewers, dtype=np.float32) * lives).astype(np.int16)
    isps = chance.choice(len(scenario.isps), viewers, p=[isp.share for isp in scenario.isps]).astype(np.int16)
    width = int(lives.max()) + 1
    keys = np.sort((lives * width + phases) * len(scenario.isps) + isps, kind="stable")
    found, firsts = np.unique(keys, return_index=True)
    lasts = [*firsts[1:], viewers]
    blocks = tuple(
        Block(int(first), int(last), key % len(scenario.isps), *divmod(key // len(scenario.isps), width))
        for key, first, last in zip(found.tolist(), firsts, lasts, strict=True)
    )
    return (keys % len(scenario.isps)).astype(np.int8), blocks


def _bitrates(chance: Generator, viewers: int) -> Floats:
    ladder = np.array(LADDER_BPS, dtype=np.float32)
    bps: Floats = ladder[chance.choice(len(ladder), viewers, p=LADDER_SHARES)]
    return bps


def _match(chance: Generator, viewers: int) -> tuple[Timeline, Timeline]:
    seconds, shares = zip(*scenarios.ARRIVED, strict=True)
    arrives = np.interp(chance.random(viewers), shares, seconds).astype(np.int16)
    leaves = scenarios.WHISTLE_S + chance.integers(0, LEAVE_S, viewers, dtype=np.int16)
    everybody = np.arange(viewers)
    comes, goes = [(everybody, arrives)], [(everybody, leaves)]
    breaks = [(PAUSING, scenarios.HALF_TIME_S, PAUSE_S, scenarios.SECOND_HALF_S - scenarios.HALF_TIME_S - 30)]
    breaks += [(RELOADING, goal, RELOAD_S, 2) for goal in scenarios.GOALS_S]
    for share, begins_s, within_s, away_s in breaks:
        who = np.flatnonzero((chance.random(viewers, dtype=np.float32) < share) & (arrives < begins_s))
        when = begins_s + chance.integers(0, within_s, len(who), dtype=np.int16)
        goes.append((who, when))
        comes.append((who, when + np.int16(away_s)))
    return _timeline(comes), _timeline(goes)


def _timeline(events: Sequence[tuple[NDArray[np.int64], Seconds]]) -> Timeline:
    seconds = np.concatenate([when for _, when in events])
    players = np.concatenate([who.astype(np.int32) for who, _ in events])
    by_second = np.argsort(seconds, kind="stable")
    counts = np.bincount(seconds, minlength=scenarios.END_S + 1)
    return Timeline(players[by_second], np.concatenate([[0], np.cumsum(counts)]))
