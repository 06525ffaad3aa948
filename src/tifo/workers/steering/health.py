"""Which CDNs are bad, in all or at one ISP, by what their viewers say: until when, and when tried again."""

from collections.abc import Iterable, Mapping, Sequence
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


def judge(bads: Bads, cells: Sequence[Cell], now: float, settings: SteeringLoopSettings) -> Bads:
    """The bad ones after what was measured now."""
    found, heard = _looks(cells, settings), _heard(cells)
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


def _looks(cells: Iterable[Cell], settings: SteeringLoopSettings) -> dict[Place, str]:
    """Why a CDN looks bad, by place."""
    by_cdn: dict[str, list[Cell]] = {}
    for cell in cells:
        by_cdn.setdefault(cell.cdn, []).append(cell)
    found: dict[Place, str] = {}
    for cdn, some in by_cdn.items():
        ratio = _error_ratio(some)
        enough = sum(cell.viewers for cell in some) >= settings.judged_viewers
        if enough and ratio >= settings.dead_error_ratio:
            found[cdn, EVERYWHERE] = f"{ratio:.0%} of its sessions report errors"
        else:
            found |= {(cdn, cell.isp): why for cell in some if (why := _poor(cell, settings))}
    return found


def _poor(cell: Cell, settings: SteeringLoopSettings) -> str:
    if cell.viewers < settings.judged_viewers:
        return ""
    if (cell.error_ratio or 0.0) >= settings.poor_error_ratio:
        return f"{cell.error_ratio:.0%} of its sessions report errors"
    if (cell.rebuffer_ratio or 0.0) >= settings.poor_rebuffer_ratio:
        return f"{cell.rebuffer_ratio:.0%} of the playing time is spent waiting"
    return ""


def _error_ratio(cells: Iterable[Cell]) -> float:
    said = [(cell.viewers, cell.error_ratio) for cell in cells if cell.error_ratio is not None]
    viewers = sum(count for count, _ in said)
    return sum(count * ratio for count, ratio in said) / viewers if viewers else 0.0
