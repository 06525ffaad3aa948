"""What looks wrong with an audience, and when it is told."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.anomalies import KINDS, Anomaly, AnomalyPast
from tifo.api.catalogue import CalendarEvent
from tifo.api.reports import NetworkStarts, PatternsReport
from tifo.workers.anomalies import cases
from tifo.workers.anomalies.cases import PAST_MAX, PAST_S_MAX, Cases, Change, past, resumed, step
from tifo.workers.anomalies.expectation import (
    QUARTERS,
    WEEK_S,
    Expected,
    ending,
    expected,
    learned,
    slot_of,
)
from tifo.workers.anomalies.rules import Finding, Look, find, kept
from tifo.workers.anomalies.settings import AnomaliesSettings

NOW = 1_800_000_000.0
SETTINGS = AnomaliesSettings()
EVERYBODY = {("cdn", "cdn-a"): 6_000, ("cdn", "cdn-b"): 4_000, ("isp", "AS1"): 5_000, ("device", "tv"): 9_000}


def look(ago_s: float = 0, viewers: int = 10_000, groups: Mapping | None = None, **more) -> Look:
    return Look(NOW - ago_s, viewers, EVERYBODY if groups is None else groups, **more)


def before() -> list[Look]:
    return [look(ago_s) for ago_s in (80, 60, 40)]


def kinds(*looks: Look) -> list[tuple[str, str]]:
    return [(one.kind, one.subject) for one in find(looks, SETTINGS)]


def test_audience_that_stays_is_no_anomaly() -> None:
    assert kinds(*before(), look()) == []
    assert kinds() == []
    assert kinds(look()) == []


@pytest.mark.parametrize(
    ("group", "kind"),
    [(("cdn", "cdn-b"), "cdn-lost"), (("isp", "AS1"), "isp-lost"), (("device", "tv"), "device-lost")],
)
def test_group_that_is_gone_at_once_is_lost(group, kind) -> None:
    (found,) = find([*before(), look(viewers=9_000, groups=EVERYBODY | {group: 10})], SETTINGS)
    assert (found.kind, found.subject) == (kind, group[1])
    assert found.figures == {"before": float(EVERYBODY[group]), "now": 10.0}
    assert found.evidence == f"{group[1]} has 10 viewers; a minute ago it was {EVERYBODY[group]:,}."


def test_group_that_is_gone_without_a_trace_is_lost() -> None:
    groups = {name: count for name, count in EVERYBODY.items() if name != ("isp", "AS1")}
    assert kinds(*before(), look(groups=groups)) == [("isp-lost", "AS1")]


def test_small_group_says_nothing() -> None:
    small = [look(ago_s, groups={("isp", "AS9"): 99}) for ago_s in (80, 60, 40)]
    assert kinds(*small, look(groups={})) == []


def test_half_time_takes_some_of_each_group_and_is_no_anomaly() -> None:
    fewer = {name: int(count * 0.75) for name, count in EVERYBODY.items()}
    assert kinds(*before(), look(viewers=7_500, groups=fewer)) == []


def test_everybody_who_goes_at_once_is_one_anomaly_unless_it_is_over() -> None:
    few = {name: count // 20 for name, count in EVERYBODY.items()}
    nobody = look(viewers=500, groups=few)
    assert kinds(*before(), nobody) == [("audience-lost", "")]
    assert kinds(*before(), replace(nobody, ending=True)) == []


def test_loss_of_most_viewers_is_told_of_the_group_that_has_it() -> None:
    without = EVERYBODY | {("cdn", "cdn-a"): 0, ("isp", "AS1"): 2_100, ("device", "tv"): 3_700}
    assert kinds(*before(), look(viewers=4_000, groups=without)) == [("cdn-lost", "cdn-a")]


def test_cdn_that_somebody_drains_is_not_lost() -> None:
    drained = look(groups=EVERYBODY | {("cdn", "cdn-b"): 0}, explained=frozenset({("cdn", "cdn-b")}))
    assert kinds(*before(), drained) == []


def test_viewers_whose_share_of_insight_changes_hands_are_not_lost() -> None:
    whole = [replace(one, partitions=(0, 1)) for one in before()]
    assert kinds(*whole, look(viewers=5_000, groups={}, partitions=(0,))) == []


def test_fewer_and_more_than_expected() -> None:
    forecast = {"expected": 30_000, "by": "the forecast"}
    (found,) = find([look(**forecast)], SETTINGS)
    assert (found.kind, found.evidence) == (
        "audience-low", "10,000 viewers are there; the forecast says 30,000.",
    )  # fmt: skip
    (found,) = find([look(viewers=60_000, **forecast)], SETTINGS)
    assert found.kind == "audience-high"
    assert "2.0 times" in found.evidence
    assert kinds(look(viewers=29_000, **forecast)) == []
    assert kinds(look(viewers=0, expected=50, by="the forecast")) == []


def test_sessions_that_play_nothing_and_players_without_a_session() -> None:
    assert kinds(look(patterns=PatternsReport(playless=1_999, strays=199))) == []
    assert kinds(look(patterns=PatternsReport(playless=2_000, strays=200))) == [
        ("playless", ""), ("strays", ""),
    ]  # fmt: skip


def test_many_starts_from_one_network() -> None:
    crowd = PatternsReport(networks=(NetworkStarts("192.0.2.0/24", 900, 3), NetworkStarts("b/24", 599, 590)))
    (found,) = find([look(patterns=crowd, starts_per_s=20)], SETTINGS)
    assert (found.kind, found.subject) == ("network-crowd", "192.0.2.0/24")
    assert found.evidence.endswith("of 3 accounts at the most.")
    assert kinds(look(patterns=crowd, starts_per_s=1_667)) == []


def test_looks_are_forgotten() -> None:
    assert kept([look(91), look(90), look()], NOW) == (look(90), look())


counts = st.dictionaries(
    st.tuples(st.sampled_from(["cdn", "isp"]), st.sampled_from("abc")), st.integers(0, 9_999)
)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 99_999), counts), max_size=8))
def test_whatever_was_seen_each_thing_is_found_once_and_of_a_known_kind(seen) -> None:
    looks = [look(ago_s, viewers, groups) for ago_s, viewers, groups in sorted(seen, key=lambda one: -one[0])]
    found = kinds(*looks)
    assert len(set(found)) == len(found)
    assert {kind for kind, _ in found} <= set(KINDS)


# --- when it is told ------------------------------------------------------------------------------------

LOST = Finding("isp-lost", "AS1", "AS1 has 10 viewers.", {"before": 5_000.0, "now": 10.0})
LOW = Finding("audience-low", "", "Few.", {"expected": 100.0, "now": 1.0})


def walk(cases: Cases, *steps: tuple[float, list[Finding]], groups: Mapping | None = None):
    told: list[Change] = []
    for after_s, found in steps:
        cases, changes = step(cases, found, groups or {}, NOW + after_s, SETTINGS)
        told += changes
    return cases, [(one.anomaly.kind, one.over) for one in told]


def test_what_looks_wrong_for_a_moment_is_not_told() -> None:
    assert walk(Cases(), (0, [LOW]), (25, [LOW]), (27, []), (29, [LOW]), (35, [LOW])) == (
        Cases(doubted={("audience-low", ""): NOW + 29}), [],
    )  # fmt: skip


def test_what_lasts_is_told_once_and_what_is_over_once() -> None:
    there, told = walk(Cases(), (0, [LOW]), (30, [LOW]), (35, [LOW]), (40, []), (50, [LOW]), (60, []))
    assert told == [("audience-low", False)]
    (one,) = there.open.values()
    assert (one.since, one.seen, one.id) == (NOW + 30, NOW + 50, f"audience-low-{round(NOW) + 30}")
    assert walk(there, (119, []), (120, [])) == (Cases(), [("audience-low", True)])


def test_evidence_is_that_of_now_but_for_a_loss() -> None:
    now_lower = replace(LOW, evidence="Fewer.")
    later = replace(LOST, evidence="AS1 has 11 viewers.", figures={"before": 11.0, "now": 11.0})
    there, _ = walk(Cases(), (0, [LOW, LOST]), (30, [LOW, LOST]), (35, [now_lower, later]))
    assert [one.evidence for one in there.open.values()] == ["Fewer.", "AS1 has 10 viewers."]


def test_what_was_lost_is_over_when_it_is_found_and_not_when_it_is_forgotten() -> None:
    there, _ = walk(Cases(), (0, [LOST]), (30, [LOST]))
    still = {("isp", "AS1"): 2_000}
    there, told = walk(there, (120, []), (300, []), groups=still)
    assert told == []
    found = {("isp", "AS1"): 4_000}
    assert walk(there, (310, []), (370, []), groups=found) == (Cases(), [("isp-lost", True)])


def test_what_does_not_come_back_is_how_things_are() -> None:
    there, _ = walk(Cases(), (0, [LOST]), (30, [LOST]))
    assert walk(there, (931, []), (991, []))[1] == [("isp-lost", True)]


def test_worker_that_takes_over_tells_nothing_twice_and_says_when_it_is_over() -> None:
    there, _ = walk(Cases(), (0, [LOW]), (30, [LOW]))
    again = resumed(there.open.values())
    assert walk(again, (40, [LOW]), (80, [LOW]))[1] == []
    assert walk(again, (40, []), (100, []))[1] == [("audience-low", True)]


def test_one_cause_that_shows_everywhere_is_not_told_without_end(monkeypatch) -> None:
    monkeypatch.setattr(cases, "CASES_MAX", 2)
    many = [Finding("isp-lost", f"AS{n}", "", {}) for n in range(5)]
    there, told = walk(Cases(), (0, many), (30, many), (60, many))
    assert (len(there.open), len(told)) == (2, 2)


# --- what is expected -----------------------------------------------------------------------------------


def match(starts: float, ends: float, forecast: int = 0, id: str = "final") -> CalendarEvent:
    return CalendarEvent(
        id=id, title="", starts=NOW + starts, ends=NOW + ends, channel="one", forecast_viewers=forecast
    )


def weeks(**by_ago: int) -> dict[int, tuple[int, ...]]:
    week, quarter = slot_of(NOW)
    return {
        week - int(ago.removeprefix("ago_")): tuple(viewers if n == quarter else 7 for n in range(QUARTERS))
        for ago, viewers in by_ago.items()
    }


def test_forecast_is_expected_while_events_are_well_under_way() -> None:
    usual = weeks(ago_1=50, ago_2=60)
    both = [match(-700, 700, 1_000), match(-4_000, 4_000, 200, "other")]
    assert expected(both, usual, NOW, 600) == Expected(1_200, "the forecast")
    for unclear in (
        match(-500, 4_000, 1_000),
        match(-4_000, 500, 1_000),
        match(500, 4_000),
        match(-4_000, -500),
    ):
        assert expected([unclear, *both], usual, NOW, 600) == Expected()
    assert expected([match(-4_000, 4_000)], usual, NOW, 600) == Expected()


def test_between_events_the_last_weeks_say_what_is_usual() -> None:
    far = [match(9_000, 12_000, 1_000)]
    assert expected(far, weeks(ago_0=9_999, ago_1=50, ago_2=80), NOW, 600) == Expected(
        65, "the median of 2 weeks"
    )
    assert expected(far, weeks(ago_1=50), NOW, 600) == Expected()
    assert expected(far, weeks(ago_1=50, ago_2=0), NOW, 600) == Expected()


def test_viewers_may_go_around_the_end() -> None:
    assert [ending([match(-4_000, ends)], NOW, 600) for ends in (601, 599, -599, -600)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_week_remembers_the_most_of_each_quarter_and_old_weeks_go() -> None:
    week, quarter = slot_of(NOW)
    once = learned({week - 5: (1,), week - 4: (2,)}, 40, NOW)
    assert once.keys() == {week - 4, week}
    again = learned(learned(once, 30, NOW), 50, NOW)[week]
    assert (again[quarter], sum(again), len(again)) == (50, 50, QUARTERS)


def test_slots_begin_on_monday() -> None:
    monday = 1_764_547_200.0  # 2025-12-01T00:00Z
    assert slot_of(monday).quarter == 0
    assert slot_of(monday - 1) == (slot_of(monday).week - 1, QUARTERS - 1)
    assert slot_of(monday + WEEK_S).week == slot_of(monday).week + 1


def told(name: str) -> Anomaly:
    return Anomaly(name, "strays", "", NOW - 60, NOW, "70 sessions play on.", {})


def over(name: str, ago_s: float = 0.0) -> AnomalyPast:
    return AnomalyPast(name, "strays", "", NOW - 60, NOW - ago_s, "70 sessions play on.")


def test_what_is_over_is_told_for_a_while_the_last_first() -> None:
    changes = (Change(told("a"), over=True), Change(told("b"), over=False))
    assert past((over("c", 60.0), over("d", PAST_S_MAX + 1)), changes, NOW) == (over("a"), over("c", 60.0))


def test_what_is_over_is_bounded() -> None:
    many = tuple(over(f"o{n}") for n in range(PAST_MAX))
    assert past(many, (Change(told("a"), over=True),), NOW) == (over("a"), *many[:-1])
