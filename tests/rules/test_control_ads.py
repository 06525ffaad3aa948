"""What becomes of breaks, from what each node says of its ads."""

import pytest

from tifo.api.control import AdServerView, AdsView, PacePoint
from tifo.api.reports import AdServerReport, AdsReport, LineItemReport
from tifo.services.control.ads import PLOTTED_MAX, ads_view, pace_state, pacing, pods_by_filling

NOW = 1_800_000_000.0
FILLED = {"ad": 60.0, "house": 30.0, "slate": 0.0, "nothing": 10.0}


def item(name: str = "ad", **more: object) -> LineItemReport:
    """Half of its flight is over, and a hundred impressions gather between two breaks."""
    fields: dict[str, object] = {
        "goal": 10_000, "taken": 5_000, "held": 0, "due": 5_000, "gathers": 100,
        "starts": NOW - 3_600, "ends": NOW + 3_600,
    }  # fmt: skip
    return LineItemReport(name, **{**fields, **more})  # type: ignore[arg-type]


def report(*items: LineItemReport, **more: object) -> AdsReport:
    fields: dict[str, object] = {
        "revision": 4, "since": NOW - 60, "line_items": 7, "pods_per_s": 10.0, "refused_per_s": 0.5,
        "seconds": FILLED, "p50_ms": 0.1, "p99_ms": 0.5,
    }  # fmt: skip
    return AdsReport(**{**fields, **more}, items=items)  # type: ignore[arg-type]


def test_without_a_node_that_decides_nothing_is_known() -> None:
    assert ads_view([], NOW) == AdsView()
    assert pods_by_filling(AdsView()) == {"ad": 0.0, "house": 0.0, "slate": 0.0, "nothing": 0.0}


def test_rates_add_up_and_the_worst_latency_counts() -> None:
    view = ads_view([report(), report(pods_per_s=30.0, p50_ms=0.05, p99_ms=2.5)], NOW)
    assert (view.nodes, view.pods_per_s, view.refused_per_s) == (2, 40.0, 1.0)
    assert (view.p50_ms, view.p99_ms) == (0.1, 2.5)


def test_shares_are_those_of_all_seconds_and_divide_the_pods() -> None:
    view = ads_view([report(), report(seconds={"house": 100.0})], NOW)
    assert (view.fill, view.house, view.slate, view.nothing) == (0.3, 0.65, 0.0, 0.05)
    assert pods_by_filling(view) == {"ad": 6.0, "house": 13.0, "slate": 0.0, "nothing": 1.0}


def test_capacity_is_known_when_every_node_has_said() -> None:
    assert ads_view([report(capacity_per_s=500.0), report(capacity_per_s=700.0)], NOW).capacity_per_s == 1_200
    assert ads_view([report(capacity_per_s=500.0), report()], NOW).capacity_per_s is None


def test_newest_inventory_counts_from_when_the_first_node_had_it() -> None:
    old = report(item("gone"), revision=3, since=NOW - 900, line_items=9)
    late, early = report(item(), since=NOW - 5), report(item(), since=NOW - 60)
    view = ads_view([old, late, early], NOW)
    assert (view.revision, view.since, view.line_items) == (4, NOW - 60, 7)
    assert [one.id for one in view.items] == ["ad"]


def test_what_every_node_holds_back_is_not_delivered() -> None:
    nodes = [report(item(taken=4_990, held=40)), report(item(taken=5_000, held=60))]
    (one,) = ads_view(nodes, NOW).items
    assert (one.delivered, one.goal, one.due) == (4_900, 10_000, 5_000)


def test_running_line_items_come_first_and_the_largest_of_them() -> None:
    over = item("over", goal=90_000, ends=NOW - 1)
    view = ads_view([report(over, item("small", goal=10), item("large"))], NOW)
    assert [one.id for one in view.items] == ["large", "small", "over"]


@pytest.mark.parametrize(
    ("delivered", "more", "state"),
    [
        (5_000, {}, "on-pace"),
        (4_650, {}, "on-pace"),
        (4_649, {}, "behind"),
        (5_350, {}, "on-pace"),
        (5_351, {}, "ahead"),
        (0, {"even": False}, "on-pace"),
        (10_000, {}, "done"),
        (10_000, {"ends": NOW}, "done"),
        (9_999, {"ends": NOW}, "ended"),
        (0, {"starts": NOW + 1}, "waiting"),
        (10_000, {"active": False}, "off"),
        (0, {"active": False, "starts": NOW + 1}, "off"),
    ],
)
def test_state_says_how_a_line_item_is_doing(delivered: int, more: dict, state: str) -> None:
    assert pace_state(item(**more), delivered, NOW) == state


def test_asking_of_an_outside_server_is_that_of_all_nodes() -> None:
    nodes = (
        AdServerReport("partner", 100, 90, 80, 7, 3, 5, 0, False, 50.0),
        AdServerReport("partner", 10, 0, 0, 10, 0, 0, 40, True, 50.0),
    )
    other = AdServerReport("other")
    view = ads_view([report(servers=(nodes[0], other)), report(servers=nodes[1:])], NOW)
    assert view.servers == (
        AdServerView("other", 0, 0, 0, 0, 0, 0, 0, 1, 0, 0.0),
        AdServerView("partner", 110, 90, 80, 17, 3, 5, 40, 2, 1, 100.0),
    )


def test_plots_have_the_first_budgets_with_what_is_due_where_delivery_is_even() -> None:
    items = [item(f"ad{n}", goal=10_000 - n, even=n > 0) for n in range(PLOTTED_MAX + 3)]
    points = pacing(ads_view([report(*items)], NOW))
    assert list(points) == [f"ad{n}" for n in range(PLOTTED_MAX)]
    assert (points["ad0"], points["ad1"]) == (PacePoint(5_000, None), PacePoint(5_000, 5_000))
