"""The live origins of events, from what each node says of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tifo.api.control import OriginView
from tifo.api.reports import OriginReport

_WORST_FIRST = ("failing", "stale", "ok")


def merge_origins(reports: Iterable[OriginReport]) -> tuple[OriginView, ...]:
    """The same origin of several nodes as one, by event."""
    by_origin: defaultdict[tuple[str, str], list[OriginReport]] = defaultdict(list)
    for report in reports:
        by_origin[report.event, report.format].append(report)
    return tuple(_view(same) for _, same in sorted(by_origin.items()))


def _view(same: Sequence[OriginReport]) -> OriginView:
    state = next(one for one in _WORST_FIRST if any(report.state == one for report in same))
    first = min((report for report in same if report.state == state), key=lambda report: report.since)
    return OriginView(
        event=first.event,
        format=first.format,
        address=first.address,
        state=first.state,
        since=first.since,
        error=first.error,
        renditions=first.renditions,
        nodes=len(same),
        nodes_failing=sum(report.state != "ok" for report in same),
    )
