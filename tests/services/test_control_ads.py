"""Ads in the control room: what nodes tell of them, the timeline of breaks, and line items switched off."""

import httpx
import msgspec
import pytest

from tifo.api.reports import AdsReport, LineItemReport
from tifo.board.entries import NODE, NodeReport


def told(pods_per_s: float, taken: int) -> NodeReport:
    item = LineItemReport("ad", 100, taken, 0, 50, 5, 0.0, 4e9)
    seconds = {"ad": 3.0, "house": 1.0, "slate": 0.0, "nothing": 0.0}
    return NodeReport((), (), ads=AdsReport(3, 1.0, 1, pods_per_s, 0.0, seconds, 0.1, 0.5, items=(item,)))


async def test_ads_of_all_nodes_are_in_the_overview_and_the_curves(control, board, view, until) -> None:
    for name, report in {"n1": told(6.0, 20), "n2": told(2.0, 50), "n3": NodeReport((), ())}.items():
        await board.write(NODE + name, msgspec.json.encode(report), 10)
    await view.refresh()
    await until(lambda: control.overview().ads.nodes == 2)
    ads = control.overview().ads
    assert (ads.revision, ads.pods_per_s, ads.fill, ads.house) == (3, 8.0, 0.75, 0.25)
    assert [(one.id, one.delivered, one.state) for one in ads.items] == [("ad", 50, "on-pace")]
    await until(lambda: control.history().samples[-1].pods_per_s["ad"] == 6.0)


async def test_timeline_has_the_breaks_around_now(control, clock) -> None:
    spans = control.overview().breaks.timeline
    assert [one.starts_at for one in spans] == sorted(one.starts_at for one in spans)
    assert spans[0].ends_at > clock.now() - 300
    assert clock.now() + 1_500 - 180 <= spans[-1].starts_at < clock.now() + 1_500
    assert {one.ends_at - one.starts_at for one in spans} == {20.0}


async def test_operator_switches_a_line_item_and_the_trail_says_so(
    cockpit: httpx.AsyncClient, line_items
) -> None:
    for active in (False, True):
        answer = await cockpit.put("/v1/control/line-items/ad", json={"active": active})
        assert (answer.status_code, answer.json()) == (200, {"revision": 1 + active})
    assert line_items.said == [("operator", False), ("operator", True)]
    entries = (await cockpit.get("/v1/control/audit")).json()["entries"]
    assert [(one["action"], one["target"]) for one in entries] == [
        ("line-item-on", "ad"),
        ("line-item-off", "ad"),
    ]


@pytest.mark.parametrize(
    ("item", "gone", "code"), [("other", False, "not-found"), ("ad", True, "unavailable")]
)
async def test_switch_that_does_not_reach_an_item_is_no_act(
    item: str, gone: bool, code: str, cockpit: httpx.AsyncClient, line_items
) -> None:
    line_items.gone = gone
    answer = await cockpit.put(f"/v1/control/line-items/{item}", json={"active": False})
    assert answer.json()["code"] == code
    assert (await cockpit.get("/v1/control/audit")).json()["entries"] == []


async def test_lever_says_who_set_it_and_the_trail_what_it_was_before(
    cockpit: httpx.AsyncClient, clock
) -> None:
    said = await cockpit.put("/v1/control/ad-lever", json={"ads": "house"}, headers={"X-Operator": "ada"})
    assert said.json() == {
        "ads": "house", "in_force": "house", "by": "operator", "operator": "ada", "at": clock.now(),
        "posture": "personal",
    }  # fmt: skip
    assert (await cockpit.get("/v1/control/overview")).json()["ad_lever"] == said.json()
    await cockpit.put("/v1/control/ad-lever", json={"ads": "personal"})
    entries = (await cockpit.get("/v1/control/audit")).json()["entries"]
    assert [(one["operator"], one["action"], one["target"], one["detail"]) for one in entries] == [
        ("operator", "ad-lever", "personal", "instead of house"),
        ("ada", "ad-lever", "house", "instead of personal"),
    ]


async def test_posture_that_is_stricter_is_named(cockpit: httpx.AsyncClient) -> None:
    await cockpit.put("/v1/control/posture", json={"step": "lean"})
    lever = (await cockpit.get("/v1/control/ad-lever")).json()
    assert (lever["ads"], lever["in_force"], lever["by"]) == ("personal", "cohort", "posture")
