"""What viewers have by CDN, ISP and kind of device: from what players tell to one cell for each."""

from collections.abc import Iterable, Mapping
from heapq import nsmallest

from tifo.api.events import AnyEvent, PathwayUsed, PlaybackReported
from tifo.api.reports import QoeCell
from tifo.workers.insight.plays import Play, Plays, Step
from tifo.workers.insight.rules import Audience, Cell
from tifo.workers.insight.told import Told, read
from tifo.workers.insight.window import Tally, Window

NAMED_MAX = 100
"""Cells that are told with their ISP, those of the most viewers; the others of a CDN and device are one."""


class Qoe:
    """Follows the players of living sessions, and notes in the window what they have."""

    def __init__(self, window: Window, pathways: frozenset[str]) -> None:
        self._window = window
        self._pathways = pathways
        self._plays = Plays()

    def see(self, event: AnyEvent, audience: Audience, at: float, now: float) -> None:
        """Take into account what a player said, after `audience` has; of no living session it is nothing."""
        at = min(at, now)
        match event:
            case PlaybackReported():
                self._reported(event, audience, at, now)
            case PathwayUsed(throughput_bps=int() as bps):
                self._measured(event.session, bps, audience, at, now)
            case _:
                pass

    def forget_silent(self, now: float) -> None:
        """Leave out players that were not heard of for long."""
        self._plays.forget_silent(now)

    def _measured(self, session: str, bps: int, audience: Audience, at: float, now: float) -> None:
        if audience.event_of(session) is None:
            return
        tally = self._window.tally(audience.cell_of(session), at, now)
        if tally and bps > 0:
            tally.throughputs.add(bps)

    def _reported(self, event: PlaybackReported, audience: Audience, at: float, now: float) -> None:
        match = audience.event_of(event.session)
        if match is None:
            return
        told = read(event.values)
        play = self._plays.of(event.session, told, match, at)
        step = play.take(told, int(at * 1_000) if told.at_ms is None else told.at_ms) if play else None
        if play is None or step is None:
            return
        audience.played(event.session)
        if step.newest and told.pathway in self._pathways:
            audience.carried(event.session, told.pathway)
        tally = self._window.tally(audience.cell_of(event.session), at, now)
        if tally:
            _count(tally, play, told, step)


def _count(tally: Tally, play: Play, told: Told, step: Step) -> None:
    if step.newest:
        # Who pauses for an ad goes on taking pictures, the ad's: the bitrate stands until playing is over.
        play.mark.hear(tally, 0.0 if told.state in ("e", "f") else told.bitrate_bps)
    if told.failed:
        play.mark.fail(tally)
    tally.watched_ms += step.watched_ms
    tally.stalled_ms += step.stalled_ms
    if step.startup_ms is not None:
        tally.startups.add(step.startup_ms)
    if told.throughput_bps is not None:
        tally.throughputs.add(told.throughput_bps)


def cells(viewers: Mapping[Cell, int], totals: Mapping[Cell, Tally]) -> tuple[QoeCell, ...]:
    """Every cell that has viewers or was heard of, those of the most viewers first.

    The largest by name, the others of each CDN and kind of device under an empty ISP.
    """
    merged: dict[Cell, tuple[int, Tally]] = {}
    named = _named(viewers, totals)
    for cell in viewers.keys() | totals.keys():
        key = cell if cell in named else cell._replace(isp="")
        count, tally = merged.get(key) or (0, Tally())
        if cell in totals:
            tally.merge(totals[cell])
        merged[key] = (count + viewers.get(cell, 0), tally)
    rates = _Rates(merged)
    told = (_told(cell, count, tally, rates.of(cell)) for cell, (count, tally) in merged.items())
    return tuple(sorted(told, key=lambda one: (-one.viewers, one.pathway, one.isp, one.device_kind)))


def _named(viewers: Mapping[Cell, int], totals: Mapping[Cell, Tally]) -> frozenset[Cell]:
    known = viewers.keys() | totals.keys()
    return frozenset(nsmallest(NAMED_MAX, known, key=lambda cell: (-viewers.get(cell, 0), cell)))


class _Rates:
    """The mean bitrate of those who report it: of their cell, else of their CDN, else of all."""

    def __init__(self, merged: Mapping[Cell, tuple[int, Tally]]) -> None:
        self._merged = merged
        self._all = _mean(tally for _, tally in merged.values())
        self._on = {
            pathway: _mean(tally for cell, (_, tally) in merged.items() if cell.pathway == pathway)
            for pathway in {cell.pathway for cell in merged}
        }

    def of(self, cell: Cell) -> float:
        """Bits/s of one viewer there; 0 while nobody reports."""
        means = (_mean([self._merged[cell][1]]), self._on[cell.pathway], self._all)
        return next((bps for bps in means if bps is not None), 0.0)


def _mean(tallies: Iterable[Tally]) -> float | None:
    bps, rated = 0.0, 0
    for tally in tallies:
        bps += tally.bps
        rated += tally.rated
    return bps / rated if rated > 0 else None


def _told(cell: Cell, viewers: int, tally: Tally, rate_bps: float) -> QoeCell:
    throughput = tally.throughputs.quantile(0.5)
    return QoeCell(
        pathway=cell.pathway,
        isp=cell.isp,
        device_kind=cell.device_kind,
        viewers=viewers,
        bps=float(round(viewers * rate_bps)),
        startup_p50_ms=tally.startups.quantile(0.5),
        startup_p95_ms=tally.startups.quantile(0.95),
        rebuffer_ratio=_ratio(tally.stalled_ms, tally.watched_ms),
        error_ratio=_ratio(tally.failed, tally.heard),
        throughput_p50_bps=throughput,
    )


def _ratio(part: float, whole: float) -> float | None:
    return round(min(part / whole, 1.0), 4) if whole > 0 else None
