"""What becomes of breaks, from what each node says of its ads."""

from collections import defaultdict
from collections.abc import Sequence

from tifo.api.control import AdServerView, AdsView, LineItemView, PacePoint, PaceState
from tifo.api.reports import AdServerReport, AdsReport, LineItemReport

PLOTTED_MAX = 6
"""Line items whose delivery is kept for plots."""

TOLERANCE = 0.05
"""The share of what is due by which a line item may be off its pace, and what gathers between breaks."""


def ads_view(reports: Sequence[AdsReport], now: float) -> AdsView:
    """All nodes as one. The newest inventory counts: the others have it within a second."""
    newest = max(reports, key=lambda one: (one.revision, -one.since), default=None)
    if newest is None:
        return AdsView()
    seconds = _seconds(reports)
    whole = sum(seconds.values())
    shares = {what: round(value / whole, 4) if whole else 0.0 for what, value in seconds.items()}
    capacities = [one.capacity_per_s for one in reports]
    return AdsView(
        nodes=len(reports),
        revision=newest.revision,
        since=newest.since,
        line_items=newest.line_items,
        pods_per_s=round(sum(one.pods_per_s for one in reports), 2),
        refused_per_s=round(sum(one.refused_per_s for one in reports), 2),
        capacity_per_s=sum(capacities) if all(capacities) else None,
        fill=shares.get("ad", 0.0),
        house=shares.get("house", 0.0),
        slate=shares.get("slate", 0.0),
        nothing=shares.get("nothing", 0.0),
        p50_ms=max(one.p50_ms for one in reports),
        p99_ms=max(one.p99_ms for one in reports),
        items=_items([one for one in reports if one.revision == newest.revision], now),
        servers=_servers(reports),
    )


def pods_by_filling(ads: AdsView) -> dict[str, float]:
    """Pods a second, divided as the seconds of their breaks are."""
    shares = {"ad": ads.fill, "house": ads.house, "slate": ads.slate, "nothing": ads.nothing}
    return {what: round(ads.pods_per_s * share, 2) for what, share in shares.items()}


def _seconds(reports: Sequence[AdsReport]) -> dict[str, float]:
    seconds: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        for what, value in report.seconds.items():
            seconds[what] += value
    return seconds


def pacing(ads: AdsView) -> dict[str, PacePoint]:
    """The point that each of the largest budgets adds to its plot: those in their flight are first."""
    plotted = ads.items[:PLOTTED_MAX]
    return {one.id: PacePoint(one.delivered, one.due if one.even else None) for one in plotted}


def _servers(reports: Sequence[AdsReport]) -> tuple[AdServerView, ...]:
    by_id: defaultdict[str, list[AdServerReport]] = defaultdict(list)
    for server in (server for report in reports for server in report.servers):
        by_id[server.id].append(server)
    return tuple(_server(by_id[name]) for name in sorted(by_id))


def _server(same: Sequence[AdServerReport]) -> AdServerView:
    return AdServerView(
        id=same[0].id,
        asked=sum(one.asked for one in same),
        answered=sum(one.answered for one in same),
        fetched=sum(one.fetched for one in same),
        timed_out=sum(one.timed_out for one in same),
        failed=sum(one.failed for one in same),
        shaped=sum(one.shaped for one in same),
        unasked=sum(one.unasked for one in same),
        nodes=len(same),
        nodes_failing=sum(one.failing for one in same),
        requests_per_s=round(sum(one.requests_per_s for one in same), 2),
    )


def _items(reports: Sequence[AdsReport], now: float) -> tuple[LineItemView, ...]:
    by_id: defaultdict[str, list[LineItemReport]] = defaultdict(list)
    for item in (item for report in reports for item in report.items):
        by_id[item.id].append(item)
    items = (_item(same, now) for same in by_id.values())
    return tuple(sorted(items, key=lambda one: (not one.starts <= now < one.ends, -one.goal, one.id)))


def _item(same: Sequence[LineItemReport], now: float) -> LineItemView:
    """What was taken is what all nodes know, and what each holds back was not shown."""
    first = same[0]
    delivered = max(0, max(one.taken for one in same) - sum(one.held for one in same))
    return LineItemView(
        id=first.id,
        state=pace_state(first, delivered, now),
        goal=first.goal,
        delivered=delivered,
        due=first.due,
        even=first.even,
        starts=first.starts,
        ends=first.ends,
    )


def pace_state(item: LineItemReport, delivered: int, now: float) -> PaceState:
    """How a line item is doing, of which so many impressions were delivered."""
    if not item.active:
        return "off"
    if delivered >= item.goal:
        return "done"
    if now < item.starts:
        return "waiting"
    if now >= item.ends:
        return "ended"
    return _against_even(item, delivered) if item.even else "on-pace"


def _against_even(item: LineItemReport, delivered: int) -> PaceState:
    leeway = item.gathers + TOLERANCE * item.due
    if delivered < item.due - leeway:
        return "behind"
    return "ahead" if delivered > item.due + leeway else "on-pace"
