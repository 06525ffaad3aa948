"""From what each insight node says viewers had to one matrix."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from tifo.api.control import QoeView
from tifo.api.reports import QoeCell
from tifo.board.entries import QoeReport


def qoe_view(reports: Sequence[QoeReport]) -> QoeView:
    """The cells of all nodes that speak, those of the most viewers first.

    Viewers and traffic add up. A figure is the mean of the nodes that have it, by their viewers: the nodes
    share out sessions at random, so that what each sees is a sample of the same crowd.
    """
    newest = max(reports, key=lambda report: report.at, default=None)
    if newest is None:
        return QoeView()
    by_cell: defaultdict[tuple[str, str, str], list[QoeCell]] = defaultdict(list)
    for cell in (cell for report in reports for cell in report.cells):
        by_cell[cell.pathway, cell.isp, cell.device_kind].append(cell)
    cells = sorted(by_cell.items(), key=lambda one: (-sum(cell.viewers for cell in one[1]), one[0]))
    return QoeView(newest.at, newest.window_s, tuple(_merge(same) for _, same in cells))


def _merge(same: Sequence[QoeCell]) -> QoeCell:
    return QoeCell(
        pathway=same[0].pathway,
        isp=same[0].isp,
        device_kind=same[0].device_kind,
        viewers=sum(cell.viewers for cell in same),
        bps=sum(cell.bps for cell in same),
        startup_p50_ms=_mean(same, lambda cell: cell.startup_p50_ms),
        startup_p95_ms=_mean(same, lambda cell: cell.startup_p95_ms),
        rebuffer_ratio=_mean(same, lambda cell: cell.rebuffer_ratio),
        error_ratio=_mean(same, lambda cell: cell.error_ratio),
        throughput_p50_bps=_mean(same, lambda cell: cell.throughput_p50_bps),
    )


def _mean(same: Sequence[QoeCell], figure: Callable[[QoeCell], float | None]) -> float | None:
    """Weighted by viewers; who was heard of and has left weighs as one."""
    known = [(value, max(cell.viewers, 1)) for cell in same if (value := figure(cell)) is not None]
    weight = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / weight, 4) if known else None
