"""From what nodes, worker and supervisor say to one look at the whole."""

import msgspec
import pytest

from tifo.api.ad_control import AdLeverAnswer
from tifo.api.breaks import BreakSchedule
from tifo.api.control import QoeView, StoreView, TrafficSample
from tifo.api.reports import (
    AudienceCount,
    AudienceReport,
    AudienceSplit,
    CacheReport,
    GroupLag,
    PartReport,
    QoeCell,
    ReachView,
    RouteReport,
    SpoolReport,
    SpoolState,
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
    current_qoe,
)
from tifo.board.ports import Entry
from tifo.kernel.errors import Refusal
from tifo.services.control.qoe import qoe_view
from tifo.services.control.rules import (
    SPOOLS_MAX,
    Seen,
    breaks_view,
    carried_bps,
    merge_caches,
    merge_routes,
    merge_stores,
    newest,
    overview,
    pathway_views,
    sample,
)

NOW = 1_800_000_000.0
SCHEDULE = BreakSchedule(every_s=180, duration_s=20)
INSIGHT = InsightReport(
    at=NOW,
    viewers=90,
    starts_per_s=3.5,
    events_per_s=120.0,
    pathways={"cdn-a": 60, "cdn-b": 20},
    groups=(
        GroupLag("insight", "sessions", 5),
        GroupLag("insight", "playback", 2),
        GroupLag("lake", "ads", 90),
    ),
    audience=AudienceReport(event=AudienceSplit((AudienceCount("final", 90),))),
)
PART = PartReport("edge", "running", 4711, 0, NOW - 60, "")


def route(
    name: str, requests: float, *, errors: float = 0.0, p50: float = 1.0, p99: float = 5.0
) -> RouteReport:
    return RouteReport(name, "GET", requests, errors, p50, p99)


def seen(**changes: object) -> Seen:
    values: dict[str, object] = {
        "at": NOW,
        "viewers": 100,
        "capacities": {"cdn-a": 40e9, "cdn-b": None},
        "weights": None,
        "qoe": (),
        "traffic": {},
        "loop_silent_s": 10.0,
        "states": {"cdn-b": PathwayState("out")},
        "nodes": {"node-1": NodeReport(("sessions",), (route("a", 10.0, errors=1.0),))},
        "insight": INSIGHT,
        "parts": (PART,),
        "posture": "normal",
        "ad_lever": AdLeverAnswer("house", "house"),
        "wrong": AnomaliesReport(NOW, ()),
        "reach": ReachView(),
        "board_failing": False,
        "log_failing": False,
    }
    return Seen(**{**values, **changes})  # type: ignore[arg-type]


def test_overview_brings_together_what_was_said() -> None:
    view = overview(seen(), SCHEDULE)
    assert (view.at, view.viewers, view.starts_per_s) == (NOW, 100, 3.5)
    assert (view.requests_per_s, view.errors_per_s) == (10.0, 1.0)
    assert (view.eventlog.state, view.eventlog.events_per_s, view.eventlog.lag) == ("ok", 120.0, 7)
    assert (view.parts, view.board.state) == ((PART,), "ok")
    assert (view.ad_lever.ads, view.ad_lever.in_force) == ("house", "house")


def test_overview_says_the_posture_and_who_the_viewers_are() -> None:
    view = overview(seen(posture="lean"), SCHEDULE)
    assert (view.posture, view.audience) == ("lean", INSIGHT.audience)
    assert overview(seen(insight=None), SCHEDULE).audience == AudienceReport()


def store(
    state: str = "ok", since: float = NOW, commands: float = 10.0, name: str = "sessions"
) -> StoreReport:
    return StoreReport(name, "redis", state, since, commands, commands / 10)  # type: ignore[arg-type]


def test_store_that_every_node_reaches_is_well_since_the_last_one_did() -> None:
    (merged,) = merge_stores([store(since=NOW - 60), store(since=NOW - 5)])
    assert merged == StoreView("sessions", "redis", "ok", NOW - 5, 2, 0, 20.0, 2.0)


def test_store_fails_as_soon_as_it_does_for_one_node() -> None:
    (merged,) = merge_stores([store(), store("failing", NOW - 9), store("failing", NOW - 30)])
    assert (merged.state, merged.since, merged.nodes, merged.nodes_failing) == ("failing", NOW - 30, 3, 2)


def test_stores_and_caches_of_all_nodes_are_in_the_overview_by_name() -> None:
    cache = CacheReport("events", 3, 90.0, 1.0, 2.0, 7.0)
    node = NodeReport((), (), stores=(store(name="sessions"), store(name="board")), caches=(cache,))
    view = overview(seen(nodes={"node-1": node, "node-2": node}), SCHEDULE)
    assert [(one.name, one.nodes) for one in view.stores] == [("board", 2), ("sessions", 2)]
    assert view.caches == (CacheReport("events", 6, 180.0, 2.0, 4.0, 14.0),)


def test_caches_stand_by_name() -> None:
    found = merge_caches([CacheReport(name, 1, 0.0, 0.0, 0.0, 0.0) for name in ("profiles", "events")])
    assert [one.name for one in found] == ["events", "profiles"]


def test_overview_stands_without_a_worker_or_any_node() -> None:
    view = overview(seen(insight=None, nodes={}, parts=()), SCHEDULE)
    assert (view.viewers, view.starts_per_s, view.requests_per_s, view.routes) == (100, 0.0, 0.0, ())
    assert [(one.viewers, one.share) for one in view.pathways] == [(0, 0.0), (0, 0.0)]


def test_event_log_fails_when_any_node_says_so() -> None:
    bad = NodeReport((), (), eventlog="failing")
    assert (
        overview(seen(nodes={"node-1": NodeReport((), ()), "node-2": bad}), SCHEDULE).eventlog.state
        == "failing"
    )
    assert overview(seen(log_failing=True), SCHEDULE).eventlog.state == "failing"


def spool(state: SpoolState, size: int = 0) -> NodeReport:
    return NodeReport((), (), spool=SpoolReport(state, size // 300, size, 1_000_000, 0.0))


def test_what_waits_on_nodes_is_told_by_name_and_the_fullest_first() -> None:
    nodes = {"n1": NodeReport((), ()), "n2": spool("ok"), "n3": spool("holding", 900), "n4": spool("ok")}
    view = overview(seen(nodes=nodes), SCHEDULE).eventlog
    assert (view.state, list(view.spools)) == ("failing", ["n3", "n2", "n4"])
    assert view.spools["n3"].records == 3
    assert overview(seen(nodes={"n2": spool("ok")}), SCHEDULE).eventlog.state == "ok"


def test_spools_of_many_nodes_are_told_to_a_bound() -> None:
    nodes = {f"n{n}": spool("holding", n) for n in range(SPOOLS_MAX + 5)}
    assert len(overview(seen(nodes=nodes), SCHEDULE).eventlog.spools) == SPOOLS_MAX


def test_board_that_cannot_be_read_is_said() -> None:
    assert overview(seen(board_failing=True), SCHEDULE).board.state == "failing"


def test_shares_are_of_those_whose_pathway_is_known() -> None:
    found = pathway_views(seen(capacities=dict.fromkeys(("cdn-a", "cdn-b", "cdn-c"))))
    assert [(one.id, one.state, one.viewers, one.share) for one in found] == [
        ("cdn-a", "in", 60, 0.75),
        ("cdn-b", "out", 20, 0.25),
        ("cdn-c", "in", 0, 0.0),
    ]


WEIGHTS = SteeringWeights(
    at=NOW - 5,
    weights={"cdn-a": 0.7, "cdn-b": 0.3},
    by_isp={"AS64500 One": {"cdn-a": 1.0, "cdn-b": 0.0}},
    bandwidth_max_bps=350_000,
    decisions=(Decision(NOW - 9, "cap", "", "", "short"),),
)


def test_each_cdn_has_what_the_loop_an_operator_and_players_say_of_it() -> None:
    cells = [QoeCell("cdn-a", "AS64500 One", kind, 10, 2e9) for kind in ("tv", "phone")]
    reports = (QoeReport(NOW, 30.0, tuple(cells)), QoeReport(NOW, 30.0, tuple(cells)))
    first, second = pathway_views(
        seen(weights=WEIGHTS, qoe=reports, states={"cdn-b": PathwayState("draining", 0.2)})
    )
    assert (first.weight, first.fixed_share, first.bps, first.capacity_bps) == (0.7, None, 8e9, 40e9)
    assert (second.state, second.weight, second.fixed_share) == ("draining", 0.3, 0.2)
    assert (second.bps, second.capacity_bps) == (None, None)


def test_the_newest_word_of_each_cdns_logs_counts() -> None:
    some = [TrafficSample("cdn-a", at, bps, 10, 1) for at, bps in ((5.0, 5e9), (9.0, 9e9), (7.0, 7e9))]
    found = newest([*some, TrafficSample("cdn-b", 1.0, 1e9)], ("cdn-a", "cdn-b"), 9.0)
    assert {name: one.bps for name, one in found.items()} == {"cdn-a": 9e9, "cdn-b": 1e9}


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        (TrafficSample("cdn-z", 1.0, 1.0), "not-found"),
        (TrafficSample("cdn-a", 1.0, 1.0, requests=1, errors=2), "invalid"),
        (TrafficSample("cdn-a", NOW + 11, 1.0), "invalid"),
    ],
)
def test_logs_with_nonsense_are_refused_with_its_place(sample: TrafficSample, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        newest([TrafficSample("cdn-a", 1.0, 1.0), sample], ("cdn-a",), NOW)
    assert refused.value.code == code
    assert "samples[1]" in str(refused.value)


def test_a_cdns_own_logs_go_before_what_players_report() -> None:
    reports = (QoeReport(NOW, 30.0, (QoeCell("cdn-a", "AS64500 One", "tv", 10, 2e9),)),)
    logs = {name: TrafficSample(name, NOW, 3e9) for name in ("cdn-a", "cdn-b")}
    assert [one.bps for one in pathway_views(seen(qoe=reports, traffic=logs))] == [3e9, 3e9]


@pytest.mark.parametrize(("silent_s", "state"), [(10.0, "steering"), (4.0, "frozen")])
def test_loop_that_is_silent_is_frozen_with_its_last_word(silent_s: float, state: str) -> None:
    view = overview(seen(weights=WEIGHTS, loop_silent_s=silent_s), SCHEDULE).steering
    assert (view.state, view.since, view.bandwidth_max_bps) == (state, NOW - 5, 350_000)
    freeze = [(one.what, one.at) for one in view.decisions[: -len(WEIGHTS.decisions)]]
    assert freeze == ([("freeze", NOW - 1)] if state == "frozen" else [])
    assert (view.by_isp, view.decisions[len(freeze) :]) == (WEIGHTS.by_isp, WEIGHTS.decisions)


def test_where_no_loop_ever_spoke_there_is_none() -> None:
    assert overview(seen(), SCHEDULE).steering.state == "off"


def test_same_route_of_two_nodes_is_one_with_the_worst_latency() -> None:
    (merged,) = merge_routes([route("a", 10.04, errors=0.1, p50=1, p99=9), route("a", 5.0, p50=2, p99=3)])
    assert merged == RouteReport("a", "GET", 15.0, 0.1, 2, 9)


def test_busiest_route_stands_first() -> None:
    found = merge_routes([route("b", 5.0), route("c", 50.0), route("a", 5.0)])
    assert [one.route for one in found] == ["c", "a", "b"]


def test_methods_of_one_route_are_apart() -> None:
    post = RouteReport("a", "POST", 1.0, 0.0, 1.0, 1.0)
    assert len(merge_routes([route("a", 1.0), post])) == 2


def test_break_that_is_on_and_the_next_are_shown() -> None:
    view = breaks_view(SCHEDULE, NOW + 5)
    assert view.running is not None
    assert view.next is not None
    assert (view.running.id, view.running.ends_at) == ("brk-10000000", NOW + 20)
    assert (view.next.id, view.next.starts_at) == ("brk-10000001", NOW + 180)


def test_between_breaks_only_the_next_is_shown() -> None:
    view = breaks_view(SCHEDULE, NOW + 20)
    assert view.running is None
    assert view.next is not None
    assert view.next.id == "brk-10000001"


def test_channel_without_breaks_shows_none() -> None:
    view = breaks_view(BreakSchedule(0, 20), NOW)
    assert (view.running, view.next) == (None, None)


def test_sample_is_a_point_of_the_curves() -> None:
    point = sample(overview(seen(), SCHEDULE))
    assert (point.at, point.viewers, point.lag, point.pathways) == (NOW, 100, 7, {"cdn-a": 60, "cdn-b": 20})


def told(at: float, *cells: QoeCell) -> QoeReport:
    return QoeReport(at, 30, cells)


def had(viewers: int, bps: float, *figures: float | None, pathway: str = "cdn-a") -> QoeCell:
    return QoeCell(pathway, "AS1 B", "tv", viewers, bps, *figures)


def test_what_viewers_had_is_nothing_while_no_node_says() -> None:
    assert qoe_view(()) == QoeView()


def test_what_viewers_had_adds_up_over_nodes() -> None:
    first, second = had(30, 3e6, 400, None, 0.02), had(10, 1e6, 800, 900, 0.06)
    view = qoe_view((told(NOW, first, had(1, 5, pathway="cdn-b")), told(NOW + 1, second)))
    assert view == QoeView(NOW + 1, 30, (had(40, 4e6, 500, 900, 0.03), had(1, 5, pathway="cdn-b")))


def test_viewers_who_have_left_still_say_what_they_had() -> None:
    assert qoe_view((told(NOW, had(0, 0, 400)), told(NOW, had(0, 0, 800)))).cells == (had(0, 0, 600),)


def test_node_that_stopped_speaking_is_not_added_to_who_took_over() -> None:
    both = {"old": told(NOW - 6, had(30, 3e6)), "new": told(NOW, had(30, 3e6))}
    entries = {node: Entry(node, msgspec.json.encode(report), 1, None) for node, report in both.items()}
    assert qoe_view(current_qoe(entries)).cells == (had(30, 3e6),)
    assert carried_bps(current_qoe(entries)) == {"cdn-a": 3e6}


def test_overview_says_what_viewers_had() -> None:
    assert overview(seen(qoe=(told(NOW, had(3, 1.0)),)), SCHEDULE).qoe == QoeView(NOW, 30, (had(3, 1.0),))
