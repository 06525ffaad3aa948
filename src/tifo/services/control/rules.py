"""From what the nodes, the worker and the supervisor say to one look at the whole."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tifo.api.ad_control import AdLeverAnswer
from tifo.api.breaks import Breaks
from tifo.api.control import (
    BoardView,
    BreakSpan,
    BreaksView,
    EventLogView,
    NextBreak,
    Overview,
    PathwayView,
    Posture,
    RunningBreak,
    Sample,
    SteeringView,
    StoreView,
    TrafficSample,
)
from tifo.api.reports import (
    LATER_GROUPS,
    AudienceReport,
    CacheReport,
    PartReport,
    ReachView,
    RouteReport,
    SpoolReport,
    StoreReport,
)
from tifo.api.steering import Decision
from tifo.board.entries import (
    AnomaliesReport,
    InsightReport,
    NodeReport,
    PathwayState,
    QoeReport,
    SteeringWeights,
)
from tifo.kernel.errors import Refusal
from tifo.services.control.ads import ads_view, pacing, pods_by_filling
from tifo.services.control.origins import merge_origins
from tifo.services.control.qoe import qoe_view

BREAKS_AHEAD_S = 3 * 3600
"""Seconds ahead that the cockpit looks for the next break."""

TIMELINE_BEFORE_S, TIMELINE_AFTER_S = 300, 1_500
"""Seconds of the past and of what comes that the cockpit's timeline of breaks shows."""

TIMELINE_MAX = 60
"""Breaks on it."""

SPOOLS_MAX = 100
"""Nodes whose spools are told."""

AHEAD_S_MAX = 10.0
"""Seconds that the clock of who sends CDNs' logs may be ahead of ours."""

FROZEN = "nothing is heard of the loop: its last weights stand, and operators are obeyed without it"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the board and the stores said at one moment.

    `capacities` has every pathway, in bits/s where it is known; the loop is frozen after `loop_silent_s`.
    """

    at: float
    viewers: int
    capacities: Mapping[str, float | None]
    states: Mapping[str, PathwayState]
    weights: SteeringWeights | None
    qoe: tuple[QoeReport, ...]
    traffic: Mapping[str, TrafficSample]
    loop_silent_s: float
    nodes: Mapping[str, NodeReport]
    insight: InsightReport | None
    parts: tuple[PartReport, ...]
    posture: Posture
    ad_lever: AdLeverAnswer
    wrong: AnomaliesReport
    reach: ReachView
    board_failing: bool
    log_failing: bool


def overview(seen: Seen, breaks: Breaks) -> Overview:
    """One look at the whole."""
    routes = merge_routes(report for node in seen.nodes.values() for report in node.routes)
    insight = seen.insight
    spools = {name: node.spool for name, node in seen.nodes.items() if node.spool is not None}
    failing = (
        seen.log_failing
        or any(node.eventlog == "failing" for node in seen.nodes.values())
        or any(spool.state in ("holding", "refusing") for spool in spools.values())
    )
    groups = insight.groups if insight else ()
    return Overview(
        at=seen.at,
        viewers=seen.viewers,
        starts_per_s=insight.starts_per_s if insight else 0.0,
        requests_per_s=round(sum(route.requests_per_s for route in routes), 1),
        errors_per_s=round(sum(route.errors_per_s for route in routes), 1),
        pathways=pathway_views(seen),
        routes=routes,
        eventlog=EventLogView(
            state="failing" if failing else "ok",
            events_per_s=insight.events_per_s if insight else 0.0,
            lag=sum(group.lag for group in groups if group.group not in LATER_GROUPS),
            groups=groups,
            spools=_fullest(spools),
            topics=_by_topic(node.appended_per_s for node in seen.nodes.values()),
        ),
        parts=seen.parts,
        breaks=breaks_view(breaks, seen.at),
        board=BoardView("failing" if seen.board_failing else "ok"),
        posture=seen.posture,
        audience=insight.audience if insight else AudienceReport(),
        stores=merge_stores(report for node in seen.nodes.values() for report in node.stores),
        caches=merge_caches(report for node in seen.nodes.values() for report in node.caches),
        steering=steering_view(seen.weights, seen.at, seen.loop_silent_s),
        qoe=qoe_view(seen.qoe),
        origins=merge_origins(report for node in seen.nodes.values() for report in node.origins),
        ads=ads_view([node.ads for node in seen.nodes.values() if node.ads is not None], seen.at),
        reach=seen.reach,
        ad_lever=seen.ad_lever,
        anomalies=seen.wrong.anomalies,
        anomalies_past=seen.wrong.past,
        anomalies_at=seen.wrong.at,
    )


def _fullest(spools: Mapping[str, SpoolReport]) -> dict[str, SpoolReport]:
    """Those of so many nodes, by name, the fullest first: what an operator looks for."""
    ranked = sorted(spools.items(), key=lambda one: (-one[1].bytes, one[0]))
    return dict(ranked[:SPOOLS_MAX])


def _by_topic(appended: Iterable[Mapping[str, float]]) -> dict[str, float]:
    rates: defaultdict[str, float] = defaultdict(float)
    for one in appended:
        for topic, per_s in one.items():
            rates[topic] += per_s
    return {topic: round(rates[topic], 1) for topic in sorted(rates)}


def pathway_views(seen: Seen) -> tuple[PathwayView, ...]:
    """Each CDN with its share of the viewers whose CDN is known."""
    viewers = seen.insight.pathways if seen.insight else {}
    total = sum(viewers.values())
    weights = seen.weights.weights if seen.weights else {}
    learned = seen.weights.learned_bps if seen.weights else {}
    carried = carried_bps(seen.qoe) | {name: one.bps for name, one in seen.traffic.items()}
    states = {name: seen.states.get(name, PathwayState()) for name in seen.capacities}
    return tuple(
        PathwayView(
            id=name,
            state=states[name].state,
            viewers=viewers.get(name, 0),
            share=round(viewers.get(name, 0) / total, 4) if total else 0.0,
            weight=weights.get(name),
            fixed_share=states[name].share,
            bps=carried.get(name),
            capacity_bps=capacity,
            learned_bps=learned.get(name),
        )
        for name, capacity in seen.capacities.items()
    )


def carried_bps(reports: Iterable[QoeReport]) -> dict[str, float]:
    """What each CDN delivers, by what players report to all workers together."""
    carried: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        for cell in report.cells:
            carried[cell.pathway] += cell.bps
    return carried


def newest(samples: Iterable[TrafficSample], known: Collection[str], now: float) -> dict[str, TrafficSample]:
    """The newest sample of each CDN; raises `Refusal` (invalid, not-found) for the first that is nonsense."""
    found: dict[str, TrafficSample] = {}
    for n, one in enumerate(samples):
        if one.pathway not in known:
            raise Refusal("not-found", f"samples[{n}]: there is no pathway {one.pathway}.")
        if one.errors > one.requests:
            raise Refusal("invalid", f"samples[{n}]: {one.errors} errors of {one.requests} requests.")
        if one.at > now + AHEAD_S_MAX:
            raise Refusal("invalid", f"samples[{n}]: it is of {one.at - now:.0f} s from now.")
        if one.pathway not in found or found[one.pathway].at < one.at:
            found[one.pathway] = one
    return found


def steering_view(weights: SteeringWeights | None, now: float, silent_s: float) -> SteeringView:
    """The loop's last word, and whether it still speaks."""
    if weights is None:
        return SteeringView()
    frozen = now - weights.at > silent_s
    freeze = Decision(weights.at + silent_s, "freeze", "", "", FROZEN) if frozen else None
    return SteeringView(
        state="frozen" if frozen else "steering",
        since=weights.at,
        bandwidth_max_bps=weights.bandwidth_max_bps,
        bandwidth_max_by_isp=weights.bandwidth_max_by_isp,
        by_isp=weights.by_isp,
        decisions=(freeze, *weights.decisions) if freeze else weights.decisions,
    )


def merge_routes(reports: Iterable[RouteReport]) -> tuple[RouteReport, ...]:
    """The same route of several nodes as one: rates add up, latencies are the worst node's."""
    by_route: defaultdict[tuple[str, str], list[RouteReport]] = defaultdict(list)
    for report in reports:
        by_route[report.route, report.method].append(report)
    merged = (
        RouteReport(
            route=route,
            method=method,
            requests_per_s=round(sum(one.requests_per_s for one in same), 1),
            errors_per_s=round(sum(one.errors_per_s for one in same), 1),
            p50_ms=max(one.p50_ms for one in same),
            p99_ms=max(one.p99_ms for one in same),
        )
        for (route, method), same in by_route.items()
    )
    return tuple(sorted(merged, key=lambda report: (-report.requests_per_s, report.route)))


def merge_stores(reports: Iterable[StoreReport]) -> tuple[StoreView, ...]:
    """The same store of several nodes as one."""
    by_store: defaultdict[tuple[str, str], list[StoreReport]] = defaultdict(list)
    for report in reports:
        by_store[report.name, report.kind].append(report)
    return tuple(_store_view(same) for _, same in sorted(by_store.items()))


def _store_view(same: Sequence[StoreReport]) -> StoreView:
    failing = [one.since for one in same if one.state == "failing"]
    return StoreView(
        name=same[0].name,
        kind=same[0].kind,
        state="failing" if failing else "ok",
        since=min(failing) if failing else max(one.since for one in same),
        nodes=len(same),
        nodes_failing=len(failing),
        commands_per_s=round(sum(one.commands_per_s for one in same), 1),
        round_trips_per_s=round(sum(one.round_trips_per_s for one in same), 1),
    )


def merge_caches(reports: Iterable[CacheReport]) -> tuple[CacheReport, ...]:
    """The same cache of several nodes as one: entries and rates add up."""
    by_name: defaultdict[str, list[CacheReport]] = defaultdict(list)
    for report in reports:
        by_name[report.name].append(report)
    return tuple(
        CacheReport(
            name=name,
            entries=sum(one.entries for one in same),
            hits_per_s=round(sum(one.hits_per_s for one in same), 1),
            stale_per_s=round(sum(one.stale_per_s for one in same), 1),
            coalesced_per_s=round(sum(one.coalesced_per_s for one in same), 1),
            misses_per_s=round(sum(one.misses_per_s for one in same), 1),
        )
        for name, same in sorted(by_name.items())
    )


def breaks_view(breaks: Breaks, now: float) -> BreaksView:
    """The break that is on and the next one, of the next hours, and those of the timeline."""
    around = [one for one in breaks.between(now, now + BREAKS_AHEAD_S) if one.end > one.start]
    near = breaks.between(now - TIMELINE_BEFORE_S, now + TIMELINE_AFTER_S)
    shown = [BreakSpan(one.id, one.start, one.end) for one in near if one.end > one.start]
    running = next((brk for brk in around if brk.start <= now), None)
    coming = next((brk for brk in around if brk.start > now), None)
    return BreaksView(
        running=RunningBreak(running.id, running.end) if running else None,
        next=NextBreak(coming.id, coming.start) if coming else None,
        timeline=tuple(shown[:TIMELINE_MAX]),
    )


def sample(view: Overview) -> Sample:
    """The point that an overview adds to the curves."""
    return Sample(
        at=view.at,
        viewers=view.viewers,
        starts_per_s=view.starts_per_s,
        requests_per_s=view.requests_per_s,
        errors_per_s=view.errors_per_s,
        lag=view.eventlog.lag,
        pathways={pathway.id: pathway.viewers for pathway in view.pathways},
        pods_per_s=pods_by_filling(view.ads),
        pacing=pacing(view.ads),
    )
