"""Which CDNs are bad, in all or at one ISP, by what their viewers say: until when, and when tried again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tifo.workers.steering.model import Cell
from tifo.workers.steering.settings import SteeringLoopSettings

EVERYWHERE = "*"
"""Instead of an ISP: the CDN as a whole."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A CDN that looks bad since `since`; believed once `until` is set, and on trial from then on."""

    since: float
    until: float = 0.0
    tries: int = 0
    why: str = ""

    def phase(self, now: float) -> str:
        """`suspected`, `avoided` or `trial`."""
        if not self.until:
            return "suspected"
        return "avoided" if now < self.until else "trial"


Place = tuple[str, str]
"""A CDN, and an ISP or `EVERYWHERE`."""

Bads = Mapping[Place, Bad]


def judge(
    bads: Bads,
    cells: Sequence[Cell],
    now: float,
    settings: SteeringLoopSettings,
    busy: Collection[Place] = (),
) -> Bads:
    """The bad ones after what was measured now. Waiting for those that are `busy` is a matter of load."""
    trials = {place for place, bad in bads.items() if bad.phase(now) == "trial"}
    found, heard = _looks(cells, trials, busy, settings), _heard(cells)
    after: dict[Place, Bad] = {}
    for place in {**bads, **found}:
        bad = _next(bads.get(place), found.get(place, ""), now, settings, heard=place in heard)
        if bad is not None:
            after[place] = bad
    return after


def _heard(cells: Iterable[Cell]) -> set[Place]:
    """Where anybody is who could say that it is bad: a trial without viewers has shown nothing."""
    there = [cell for cell in cells if cell.viewers]
    return {place for cell in there for place in ((cell.cdn, cell.isp), (cell.cdn, EVERYWHERE))}


def _next(
    bad: Bad | None, looks: str, now: float, settings: SteeringLoopSettings, *, heard: bool
) -> Bad | None:
    if bad is None:
        return Bad(since=now, why=looks)
    match bad.phase(now):
        case "suspected" if not looks:
            return None
        case "suspected" if now - bad.since >= settings.confirm_s:
            return replace(bad, until=now + settings.retry_s, why=looks)
        case "trial" if looks and now - bad.until >= settings.confirm_s:
            tries = bad.tries + 1
            pause_s = min(settings.retry_s * 2 ** min(tries, 16), settings.retry_s_max)
            return Bad(since=now, until=now + pause_s, tries=tries, why=looks)
        case "trial" if heard and now - bad.until >= settings.trial_s:
            return None
        case _:
            return bad


def _looks(
    cells: Iterable[Cell], trials: Collection[Place], busy: Collection[Place], settings: SteeringLoopSettings
) -> dict[Place, str]:
    """Why a CDN looks bad, by place: on trial, by whoever is there."""
    by_cdn: dict[str, list[Cell]] = {}
    for cell in cells:
        by_cdn.setdefault(cell.cdn, []).append(cell)
    found: dict[Place, str] = {}
    for cdn, some in by_cdn.items():
        ratio = _error_ratio(some)
        judged = _judged((cdn, EVERYWHERE), sum(cell.viewers for cell in some), trials, settings)
        if judged and ratio >= settings.dead_error_ratio:
            found[cdn, EVERYWHERE] = f"{ratio:.0%} of its sessions report errors"
            continue
        for cell in some:
            place = (cdn, cell.isp)
            load = place in busy or (cdn, EVERYWHERE) in busy
            why = _poor(cell, settings, load=load) if _judged(place, cell.viewers, trials, settings) else ""
            if why:
                found[place] = why
    return found


def _judged(place: Place, viewers: int, trials: Collection[Place], settings: SteeringLoopSettings) -> bool:
    return viewers >= (1 if place in trials else settings.judged_viewers)


def _poor(cell: Cell, settings: SteeringLoopSettings, *, load: bool) -> str:
    if (cell.error_ratio or 0.0) >= settings.poor_error_ratio:
        return f"{cell.error_ratio:.0%} of its sessions report errors"
    if not load and (cell.rebuffer_ratio or 0.0) >= settings.poor_rebuffer_ratio:
        return f"{cell.rebuffer_ratio:.0%} of the playing time is spent waiting"
    return ""


def _error_ratio(cells: Iterable[Cell]) -> float:
    said = [(cell.viewers, cell.error_ratio) for cell in cells if cell.error_ratio is not None]
    viewers = sum(count for count, _ in said)
    return sum(count * ratio for count, ratio in said) / viewers if viewers else 0.0
