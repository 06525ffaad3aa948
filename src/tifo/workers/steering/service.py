"""The steering loop at work: what viewers have and what operators say in, each CDN's share out.

It keeps nothing but the board's last word: a worker that dies leaves that in force, and the next one
carries on from it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf

import msgspec
import structlog

from tifo.api.catalogue import Catalogue
from tifo.api.control import TrafficSample
from tifo.api.renditions import LADDER
from tifo.api.reports import QoeCell
from tifo.api.steering import Decision
from tifo.board.entries import (
    NODE,
    PATHWAY,
    QOE,
    TRAFFIC,
    WEIGHTS,
    PathwayState,
    SteeringWeights,
    current_qoe,
    decode_all,
    fresh_traffic,
    latest_weights,
)
from tifo.board.view import BoardView
from tifo.kernel.background import Background, going_on
from tifo.kernel.clock import Clock
from tifo.workers.steering.rules import OTHERS, Cdn, Cell, Decided, Word, begin, step
from tifo.workers.steering.schedule import expected_viewers
from tifo.workers.steering.settings import BPS_PER_GBPS, CdnTermsSettings, SteeringLoopSettings

DECISIONS_MAX = 50
"""Decisions that the board shows."""

CALENDAR_S = 5.0
"""Between two looks at who is expected."""

RESUMED_S_MAX = 3_600.0
"""Age of the last word on the board from which a worker still carries on."""

_log = structlog.get_logger(__name__)


class NodeServices(msgspec.Struct, frozen=True):
    """Of what a node says of itself, what the loop asks."""

    services: tuple[str, ...]


class SteeringWorker:
    """One loop over the CDNs of the settings, by their weights there."""

    def __init__(
        self,
        weights: Mapping[str, float],
        view: BoardView,
        catalogue: Catalogue,
        clock: Clock,
        settings: SteeringLoopSettings,
        node: str,
    ) -> None:
        self._cdns = terms(weights, settings)
        self._known = frozenset(weights)
        self._view = view
        self._catalogue = catalogue
        self._forecast_viewers = 0
        self._clock = clock
        self._settings = settings
        self._key = WEIGHTS + node
        last = latest_weights(view.under(WEIGHTS))
        if last is None or clock.now() - last.at > RESUMED_S_MAX:
            last = SteeringWeights(at=0.0, weights={})
        self._told: tuple[Decision, ...] = last.decisions
        shares = {OTHERS: last.weights, **last.by_isp}
        caps = {OTHERS: last.bandwidth_max_bps, **last.bandwidth_max_by_isp}
        learned = {cdn: bps for cdn, bps in last.learned_bps.items() if cdn in self._known}
        self._loop = begin(self._cdns, shares, caps, clock.now(), learned)
        self._deciding = Background(
            "steering", settings.step_s, self._decide, "the last weights stay in force"
        )

    @property
    def failing(self) -> bool:
        """Whether the last step decided nothing."""
        return self._deciding.failing

    async def run(self, stop: asyncio.Event) -> None:
        """Decide each `step_s` until `stop` is set; a board that fails is tried again."""
        ahead = Background("steering-forecast", CALENDAR_S, self._look_ahead, "what was expected still is")
        async with going_on(self._deciding, ahead):
            await stop.wait()

    async def _decide(self) -> None:
        now = self._clock.now()
        self._loop, decided = step(
            self._loop,
            self._cdns,
            self._cells(),
            self._words(),
            LADDER,
            now,
            self._settings,
            self._forecast_viewers,
        )
        self._tell(decided)
        word = SteeringWeights(
            at=now,
            weights=_rounded(decided.weights),
            by_isp={isp: _rounded(some) for isp, some in decided.by_isp.items()},
            spare=_rounded(decided.spare),
            bandwidth_max_bps=decided.bandwidth_max_bps,
            bandwidth_max_by_isp=dict(decided.bandwidth_max_by_isp),
            learned_bps={cdn: round(bps) for cdn, bps in decided.learned_bps.items()},
            viewers_per_node=self._viewers_per_node(),
            decisions=self._told,
        )
        await self._view.write(self._key, msgspec.json.encode(word))

    async def _look_ahead(self) -> None:
        """Beside the decisions: they never wait for a calendar that does not answer."""
        events = await self._catalogue.events()
        self._forecast_viewers = expected_viewers(events, self._clock.now(), self._settings.forecast_s)

    def _tell(self, decided: Decided) -> None:
        for one in decided.decisions:
            _log.info("steering.decided", what=one.what, pathway=one.pathway, isp=one.isp, why=one.reason)
        self._told = (*reversed(decided.decisions), *self._told)[:DECISIONS_MAX]

    def _viewers_per_node(self) -> float:
        reports = current_qoe(self._view.under(QOE))
        viewers = sum(cell.viewers for report in reports for cell in report.cells)
        nodes = decode_all(self._view.under(NODE), NodeServices).values()
        return round(viewers / max(1, sum("steering" in node.services for node in nodes)), 1)

    def _cells(self) -> list[Cell]:
        reports = current_qoe(self._view.under(QOE))
        cells = merged((cell for report in reports for cell in report.cells), self._known)
        return by_logs(cells, fresh_traffic(self._view.under(TRAFFIC), self._clock.now()), self._known)

    def _words(self) -> dict[str, Word]:
        states = decode_all(self._view.under(PATHWAY), PathwayState)
        return {id: Word(one.state, one.share) for id, one in states.items() if id in self._known}


def terms(weights: Mapping[str, float], settings: SteeringLoopSettings) -> tuple[Cdn, ...]:
    """The CDNs by pathway and weight, with what is stated of each."""
    stated = {one.id: one for one in settings.cdns}
    return tuple(
        Cdn(
            id=id,
            capacity_bps=one.gbps * BPS_PER_GBPS or inf,
            cost=one.cost_per_gb,
            weight=weight,
            isp_capacity_bps={number: gbps * BPS_PER_GBPS for number, gbps in one.isp_gbps.items()},
            warm_up_s=one.warm_up_s,
        )
        for id, weight in weights.items()
        for one in (stated.get(id, CdnTermsSettings(id)),)
    )


def merged(cells: Iterable[QoeCell], known: frozenset[str]) -> list[Cell]:
    """All reports together, whatever the device; what is on a CDN that we do not know is demand only."""
    found: dict[tuple[str, str], list[QoeCell]] = {}
    for cell in cells:
        found.setdefault((cell.pathway, cell.isp), []).append(cell)
    return [
        Cell(
            cdn=pathway,
            isp=isp,
            bps=sum(cell.bps for cell in some),
            viewers=sum(cell.viewers for cell in some) if pathway in known else 0,
            error_ratio=_mean((cell.viewers, cell.error_ratio) for cell in some),
            rebuffer_ratio=_mean((cell.viewers, cell.rebuffer_ratio) for cell in some),
        )
        for (pathway, isp), some in found.items()
    ]


def by_logs(cells: Sequence[Cell], traffic: Mapping[str, TrafficSample], known: frozenset[str]) -> list[Cell]:
    """The cells with the traffic and errors that CDNs' own logs say, where they do.

    What a CDN carries in all is divided over its ISPs as the players' reports have it. Of its errors the
    worse of both counts: logs know nothing of requests that did not reach it. Where all CDNs' logs are
    there, what players have from a CDN that nobody knows is in them already.
    """
    carried: dict[str, float] = {}
    for cell in cells:
        carried[cell.cdn] = carried.get(cell.cdn, 0.0) + cell.bps
    whole = known <= traffic.keys()
    told = [_by_log(cell, traffic.get(cell.cdn), carried[cell.cdn]) for cell in cells]
    alone = [Cell(one.pathway, "", one.bps, 0) for name, one in traffic.items() if not carried.get(name)]
    return [cell for cell in told if cell.cdn in known or not whole] + alone


def _by_log(cell: Cell, log: TrafficSample | None, carried_bps: float) -> Cell:
    if log is None or not carried_bps:
        return cell
    errors = max(cell.error_ratio or 0.0, log.errors / max(log.requests, 1))
    return replace(cell, bps=cell.bps * log.bps / carried_bps, error_ratio=errors)


def _mean(of: Iterable[tuple[int, float | None]]) -> float | None:
    said = [(viewers, ratio) for viewers, ratio in of if ratio is not None]
    viewers = sum(count for count, _ in said)
    return sum(count * ratio for count, ratio in said) / viewers if viewers else None


def _rounded(weights: Mapping[str, float]) -> dict[str, float]:
    return {pathway: round(weight, 6) for pathway, weight in weights.items()}
