"""What happened under one policy: the curves of a whole match, and the figures that are told of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from tifo.simulate.scenarios import Incident, Scenario
from tifo.simulate.world import Second

CALM_MOVES = 1e-4
"""Share of those who watch that may move in a second while it is called calm."""
CALM_S = 60
"""How long it must be calm before the moves that an incident caused are over."""
ROOM = 0.98
"""A CDN below this load has room for viewers of another."""

Curve = NDArray[np.float64]
"""By second; or second x CDN."""


@dataclass(frozen=True, slots=True)
class Course:
    """Curves, by second (and CDN). `stalled` is how many watch from a CDN or over a link that is too full
    or dead."""

    asked_bps: Curve
    capacity_bps: Curve
    dead: NDArray[np.bool_]
    watching: Curve
    stalled: Curve
    moves: Curve

    @property
    def load(self) -> Curve:
        """What is asked for of each CDN over what it can carry."""
        return self.asked_bps / self.capacity_bps

    @property
    def stalled_share(self) -> Curve:
        """The part of those who watch that does not get what it asks for."""
        return self.stalled / np.maximum(1.0, self.watching)


def course(seconds: Sequence[Second]) -> Course:
    """The curves of a match."""
    return Course(
        asked_bps=np.array([one.asked_bps.sum(axis=0) for one in seconds]),
        capacity_bps=np.array([one.capacity_bps for one in seconds]),
        dead=np.array([one.dead for one in seconds]),
        watching=np.array([one.viewers.sum() for one in seconds]),
        stalled=np.array([one.viewers[(one.load > 1) | one.dead].sum() for one in seconds]),
        moves=np.array([one.moves for one in seconds], dtype=np.float64),
    )


class OverWithRoom(msgspec.Struct, frozen=True):
    """A CDN that was asked for more than it carries while another had room: how long, and the worst."""

    seconds: int
    first_at_s: int
    worst_at_s: int
    loads: dict[str, float]
    """Each CDN's at the worst."""


class Figures(msgspec.Struct, frozen=True):
    """What is told of one policy. Loads are shares of what a CDN really carries.

    `seconds_to_last_move` counts from the incident to the last second before a minute of calm, None where
    there was none; `seconds_to_last_stalled` to the last in which somebody stood on a dead or full CDN
    before the incident's end. `highest_load` is that of the CDNs which the incident left alone, during it.
    """

    policy: str
    peak_tbps: float
    seconds_to_last_move: int | None
    seconds_to_last_stalled: int
    highest_load: float
    highest_load_by_cdn: dict[str, float]
    over_with_room: OverWithRoom | None
    stalled_share_max: float
    stalled_viewer_minutes: float
    moves: int
    moves_per_s_max: int
    cost: float
    """Of everything that was carried, by the contracts' prices."""
    wall_s: float


def figures(policy: str, scenario: Scenario, ran: Course, wall_s: float) -> Figures:
    """The figures of one policy's match."""
    incident = scenario.incident
    ids = [cdn.id for cdn in scenario.cdns]
    during = slice(incident.begins_s, incident.ends_s)
    highest = dict(zip(ids, ran.load[during].max(axis=0).round(4).tolist(), strict=True))
    return Figures(
        policy=policy,
        peak_tbps=round(float(ran.asked_bps.sum(axis=1).max()) / 1e12, 4),
        seconds_to_last_move=_to_last_move(ran, incident),
        seconds_to_last_stalled=_to_last(ran.stalled[during] > 0),
        highest_load=max(load for id, load in highest.items() if id != incident.cdn),
        highest_load_by_cdn=highest,
        over_with_room=_over_with_room(ran, ids),
        stalled_share_max=round(float(ran.stalled_share.max()), 4),
        stalled_viewer_minutes=round(float(ran.stalled.sum()) / 60, 1),
        moves=int(ran.moves.sum()),
        moves_per_s_max=int(ran.moves.max()),
        cost=round(_cost(ran, scenario), 2),
        wall_s=round(wall_s, 2),
    )


def _to_last(happens: NDArray[np.bool_]) -> int:
    found = np.flatnonzero(happens)
    return int(found[-1]) + 1 if len(found) else 0


def _to_last_move(ran: Course, incident: Incident) -> int | None:
    busy = ran.moves > CALM_MOVES * ran.watching
    last = incident.begins_s - 1
    for second in np.flatnonzero(busy):
        if second - last > CALM_S:
            break
        last = max(last, int(second))
    return last + 1 - incident.begins_s if last + CALM_S < len(busy) else None


def _over_with_room(ran: Course, ids: Sequence[str]) -> OverWithRoom | None:
    load = np.where(ran.dead, np.nan, ran.load)
    over = (np.nanmax(load, axis=1) > 1) & (np.nanmin(load, axis=1) < ROOM)
    if not over.any():
        return None
    worst = int(np.argmax(np.where(over, np.nanmax(load, axis=1), 0.0)))
    return OverWithRoom(
        seconds=int(over.sum()),
        first_at_s=int(np.argmax(over)),
        worst_at_s=worst,
        loads=dict(zip(ids, ran.load[worst].round(4).tolist(), strict=True)),
    )


def _cost(ran: Course, scenario: Scenario) -> float:
    carried = np.where(ran.dead, 0.0, np.minimum(ran.asked_bps, ran.capacity_bps))
    prices = np.array([cdn.cost_per_tb for cdn in scenario.cdns])
    return float((carried.sum(axis=0) * prices).sum()) / 8e12
