"""What fills a break: rules that hold for every inventory, viewer and past, and each by an example."""

from collections import Counter
from itertools import pairwise

import pytest
from ads_world import NOW, VIEWER, cases, inventory, item, state
from hypothesis import assume, given

from tifo.api.breaks import Break
from tifo.api.creatives import HOUSE_CREATIVES
from tifo.api.inventory import (
    Campaign,
    Cap,
    CreativeEntry,
    Daypart,
    EventTeams,
    Inventory,
    PodRules,
    Targeting,
)
from tifo.services.ads.decision import decide
from tifo.services.ads.index import Index
from tifo.services.ads.model import OFFERS_MAX, VERDICTS, Decision, Viewer
from tifo.services.ads.pods import PodInMaking
from tifo.services.ads.rules import fill

BREAK = Break("brk-1", NOW, 20.0)
MINUTE = Break("brk-1", NOW, 60.0)


def names(decision: Decision) -> list[str]:
    return [one.id for one in decision.items]


def chosen(inventory: Inventory, brk: Break = BREAK, viewer: Viewer = VIEWER, left=None, **seen) -> list[str]:
    index = Index(inventory)
    return names(decide(index, viewer, brk, state(index, left, **seen)))


def verdicts(inventory: Inventory, brk: Break = BREAK, viewer: Viewer = VIEWER, left=None, **seen) -> dict:
    index, told = Index(inventory), {}
    decide(index, viewer, brk, state(index, left, **seen), told)
    return told


# --- whatever the inventory ---------------------------------------------------------------------------


@given(cases())
def test_durations_and_the_rest_are_the_break(case) -> None:
    index, viewer, brk, past = case
    decision = decide(index, viewer, brk, past)
    assert sum(one.creative.duration_s for one in decision.picks) + decision.rest_s == brk.duration_s
    assert decision.rest_s >= 0


@given(cases())
def test_rules_of_the_pod_hold(case) -> None:
    index, viewer, brk, past = case
    decision, rules = decide(index, viewer, brk, past), index.rules(viewer.event)
    ads = [one for one in decision.picks if one.item]
    assert len(ads) <= rules.slots_max
    assert not rules.ads_s_max or sum(one.creative.duration_s for one in ads) <= rules.ads_s_max
    assert len(set(decision.items)) == len(decision.items)
    assert len({one.creative.id for one in ads}) == len(ads)
    pairs = {
        "pod": [(a, b) for a in decision.items for b in decision.items if a is not b],
        "adjacent": [(a.item, b.item) for a, b in pairwise(decision.picks) if a.item and b.item],
        "none": [],
    }
    assert all(a.advertiser != b.advertiser for a, b in pairs[rules.advertisers])
    assert all(a.categories.isdisjoint(b.categories) for a, b in pairs[rules.categories])


@given(cases())
def test_first_and_last_stand_where_they_must(case) -> None:
    picks = decide(*case).picks
    for place, pick in enumerate(picks):
        position = pick.item.position if pick.item else "any"
        if position != "any":
            ends = {"first": (0,), "last": (len(picks) - 1,), "first-or-last": (0, len(picks) - 1)}
            assert place in ends[position]


@given(cases())
def test_caps_and_budgets_are_never_exceeded(case) -> None:
    index, viewer, brk, past = case
    items = decide(index, viewer, brk, past).items
    taken = Counter(key for one in items for key in one.budgets)
    assert all(count <= past.left[key] for key, count in taken.items())
    new = Counter(cap for one in items for cap in one.caps)
    for cap, count in new.items():
        lately = [at for at in past.seen[cap.key] if at > NOW - cap.per_s]
        assert len(lately) + count <= cap.times


@given(cases())
def test_only_those_are_chosen_who_are_meant_and_run(case) -> None:
    index, viewer, brk, past = case
    teams = {one.id: one.teams for one in index.inventory.events}.get(viewer.event, ())
    entries = {one.id: one for one in index.inventory.line_items}
    for one in map(entries.get, names(decide(index, viewer, brk, past))):
        assert one is not None
        assert one.active
        assert one.starts <= NOW < one.ends
        target = one.targeting
        assert not target.events or viewer.event in target.events
        assert not target.teams or set(teams) & set(target.teams)
        assert not target.device_kinds or viewer.device_kind in target.device_kinds
        assert not target.isps or viewer.isp.split(" ")[0] in target.isps
        assert not target.regions or viewer.region in target.regions


@given(cases())
def test_same_input_gives_the_same_pod(case) -> None:
    index, viewer, brk, past = case
    other = Index(index.inventory)

    def shown(decision: Decision) -> list[tuple[str, str]]:
        return [(one.kind, one.creative.id) for one in decision.picks]

    assert shown(decide(index, viewer, brk, past)) == shown(decide(other, viewer, brk, past))


@given(cases())
def test_explanation_is_of_the_decision_and_of_every_line_item(case) -> None:
    index, viewer, brk, past = case
    told: dict = {}
    explained = decide(index, viewer, brk, past, told)
    assert explained == decide(index, viewer, brk, past)
    assert set(told) == {one.id for one in index.items}
    assert set(told.values()) <= set(VERDICTS)
    assert {name for name, verdict in told.items() if verdict == "chosen"} == set(names(explained))


@given(cases())
def test_who_is_not_offered_a_place_would_have_been_refused_it(case) -> None:
    index, viewer, brk, past = case
    lengths = index.candidates(index.active).lengths
    pod = PodInMaking(index.rules(viewer.event), int(brk.duration_s), lengths, past)
    for one in index.items:
        hopeful = list(pod.hopeful([one]))
        assert pod.offer(one, 0, exactly=True) not in (None, "chosen") or hopeful == [one]


@given(cases(seconds=(10,)))
def test_lower_priority_takes_nobodys_place(case) -> None:
    """Where no ad leaves a gap, whoever was kept out was kept out by equals or betters."""
    index, viewer, brk, past = case
    rules = index.rules(viewer.event)
    assume("adjacent" not in (rules.advertisers, rules.categories))
    told: dict = {}
    decision = decide(index, viewer, brk, past, told)
    for one in index.items:
        against = {
            "advertiser": [other for other in decision.items if other.advertiser == one.advertiser],
            "category": [other for other in decision.items if other.categories & one.categories],
            "slots": decision.items,
            "length": decision.items,
            "full": decision.items,
        }.get(told[one.id], [])
        if told[one.id] in ("advertiser", "category"):
            assert min(other.priority for other in against) <= one.priority
        else:
            assert all(other.priority <= one.priority for other in against)


# --- rule by rule -------------------------------------------------------------------------------------


def test_empty_inventory_is_the_house_as_ever() -> None:
    index = Index(Inventory())
    for n in range(50):
        viewer = Viewer(f"ses_{n}", "demo", "final", "tv")
        picks = decide(index, viewer, BREAK, state(index)).picks
        assert tuple(one.creative for one in picks) == fill(f"ses_{n}", BREAK, HOUSE_CREATIVES)
        assert {one.kind for one in picks} == {"house"}


def test_priority_comes_first() -> None:
    some = [item(f"p{n}", priority=n) for n in (3, 1, 2)]
    assert chosen(inventory(*some)) == ["p1", "p2"]


def test_equals_take_turns() -> None:
    index = Index(inventory(*(item(f"ad{n}") for n in range(5))))
    first = Counter(
        names(decide(index, Viewer(f"ses_{n}", "demo", "final", "tv"), BREAK, state(index)))[0]
        for n in range(1_000)
    )
    assert len(first) == 5
    assert all(130 < count < 270 for count in first.values())


def test_creatives_of_a_line_item_take_turns() -> None:
    two, _ = item("two")
    document = Inventory(
        campaigns=(Campaign("two", "two"),),
        creatives=(CreativeEntry("x", 20), CreativeEntry("y", 20)),
        line_items=(type(two)("two", "two", ("x", "y"), NOW, NOW + 1),),
    )
    index = Index(document)
    shown = {
        decide(index, Viewer(f"ses_{n}", "demo", "final", "tv"), BREAK, state(index)).picks[0].creative.id
        for n in range(20)
    }
    assert shown == {"x", "y"}


def test_break_is_filled_exactly_where_it_can_be() -> None:
    some = inventory(item("long", seconds=15), item("odd", seconds=6), item("good", seconds=20))
    assert chosen(some) == ["good"]


def test_ad_that_leaves_a_gap_is_better_than_none() -> None:
    told = verdicts(inventory(item("odd", seconds=15)))
    assert told == {"odd": "chosen"}


def test_house_and_slate_fill_what_is_left() -> None:
    some = inventory(item("odd", seconds=15), item("dot", seconds=5, active=False), slate=("cr-dot",))
    index = Index(some)
    decision = decide(index, VIEWER, Break("brk-1", NOW, 30.25), state(index))
    assert [one.kind for one in decision.picks] == ["ad", "house", "slate"]
    assert decision.rest_s == 0.25


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (Targeting(events=("derby",)), "event"),
        (Targeting(teams=("reds",)), "team"),
        (Targeting(device_kinds=("web",)), "device-kind"),
        (Targeting(isps=("AS64501",)), "isp"),
        (Targeting(regions=("BE",)), "region"),
        (Targeting(cohorts=("c00",)), "cohort"),
        (Targeting(events=("final",), teams=("blues",), device_kinds=("tv",), isps=("AS64500",)), "chosen"),
        (Targeting(regions=("FR", "BE"), cohorts=("c32",)), "chosen"),
    ],
)
def test_targeting(target: Targeting, verdict: str) -> None:
    events = (EventTeams("final", ("blues", "whites")), EventTeams("derby", ("reds", "blues")))
    assert verdicts(inventory(item("ad", targeting=target), events=events)) == {"ad": verdict}


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"active": False}, "inactive"),
        ({"ends": NOW}, "flight"),
        ({"starts": NOW + 1}, "flight"),
        ({"starts": NOW}, "chosen"),
        ({"dayparts": (Daypart("08:00", "09:00"),)}, "chosen"),  # 08:00 in UTC on a Friday
        ({"dayparts": (Daypart("07:00", "08:00"),)}, "daypart"),
    ],
)
def test_flight_and_hours(more: dict, verdict: str) -> None:
    assert verdicts(inventory(item("ad", **more))) == {"ad": verdict}


def test_budget_of_the_line_item_and_of_its_campaign() -> None:
    some = inventory(
        item("ad", campaign="camp", impressions=5), campaigns=(Campaign("camp", "x", impressions=9),)
    )
    assert verdicts(some) == {"ad": "chosen"}
    assert verdicts(some, left={"l:ad": 0}) == {"ad": "budget"}
    assert verdicts(some, left={"c:camp": 0}) == {"ad": "budget"}


def test_budget_of_a_campaign_is_enough_for_each_of_a_pod() -> None:
    camp = Campaign("camp", "x", impressions=9)
    some = inventory(
        item("one", campaign="camp"), item("two", campaign="camp"), campaigns=(camp,),
        pods=(PodRules(advertisers="none", categories="none"),),
    )  # fmt: skip
    assert sorted(chosen(some)) == ["one", "two"]
    assert len(chosen(some, left={"c:camp": 1})) == 1


def test_cap_lets_in_again_when_its_time_is_over() -> None:
    some = inventory(item("ad", caps=(Cap(2, 60),)))
    key = "l__ad_per_2_per_60"
    assert verdicts(some, **{key: (NOW - 61, NOW - 1)}) == {"ad": "chosen"}
    assert verdicts(some, **{key: (NOW - 59, NOW - 1)}) == {"ad": "cap"}


def test_cap_that_is_written_twice_is_one() -> None:
    (one,) = Index(inventory(item("ad", caps=(Cap(2, 60), Cap(2, 60), Cap(1, 60))))).items
    assert [(cap.times, cap.per_s) for cap in one.caps] == [(2, 60), (1, 60)]


def test_cap_of_a_campaign_counts_within_the_pod() -> None:
    camp = Campaign("camp", "x", caps=(Cap(1, 60),))
    some = inventory(
        item("one", campaign="camp"), item("two", campaign="camp"), campaigns=(camp,),
        pods=(PodRules(advertisers="none"),),
    )  # fmt: skip
    assert sorted(verdicts(some).values()) == ["cap", "chosen"]


def test_competitors_are_kept_apart() -> None:
    camps = (
        Campaign("a", "a", ("beer",)),
        Campaign("b", "b", ("beer", "cider")),
        Campaign("c", "c", ("cars",)),
    )
    ads = [item(name, priority=n) for n, name in enumerate("abc", 1)]
    pod = inventory(*ads, campaigns=camps)
    assert verdicts(pod, MINUTE) == {"a": "chosen", "b": "category", "c": "chosen"}
    beside = inventory(*ads, campaigns=camps, pods=(PodRules(categories="adjacent"),))
    assert chosen(beside, MINUTE) in (["a", "c", "b"], ["b", "c", "a"])


def test_no_creative_is_twice_in_a_pod() -> None:
    two = [item(name, creatives=("cr-a",)) for name in "ab"]
    told = verdicts(inventory(*two), MINUTE)
    assert sorted(told.values()) == ["chosen", "creative"]


def test_positions() -> None:
    some = inventory(
        item("any", priority=1), item("end", priority=2, position="last"),
        item("head", priority=3, position="first"), item("also", priority=4, position="first"),
    )  # fmt: skip
    assert chosen(some, MINUTE) == ["head", "any", "end"]
    assert verdicts(some, MINUTE)["also"] == "position"
    picks = decide(Index(some), VIEWER, MINUTE, state(Index(some))).picks
    assert [one.kind for one in picks] == ["ad", "ad", "house", "house", "house", "ad"]


def test_rules_of_an_event_go_before_the_usual_ones() -> None:
    ads = [item(f"ad{n}") for n in range(6)]
    some = inventory(*ads, pods=(PodRules(slots_max=2), PodRules(events=("final",), ads_s_max=10)))
    assert len(chosen(some, MINUTE)) == 1
    assert len(chosen(some, MINUTE, Viewer("ses_1", "demo", "derby", "tv"))) == 2


def test_search_has_an_end() -> None:
    many = inventory(*(item(f"ad{n}", campaign="camp") for n in range(OFFERS_MAX + 9)))
    told = Counter(verdicts(many).values())
    assert told == {"chosen": 1, "advertiser": OFFERS_MAX - 1, "not-asked": 9}
