"""Counting who watches from events that come late, twice or in another order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.events import (
    AdTracked,
    Event,
    PathwayUsed,
    SessionEnded,
    SessionRefused,
    SessionsRenewed,
    SessionStarted,
)
from tifo.api.reports import AudienceReport, AudienceSplit
from tifo.workers.insight import rules
from tifo.workers.insight.rules import ENDED_S, Audience, Rate, Wheel

NOW = 1_800_000_000.0
SILENT_S = 60


def started(session: str = "ses_1", kind: str = "tv", **more: object) -> SessionStarted:
    values = {"session": session, "event": "final", "account": "demo", "device": "d", "device_kind": kind}
    return SessionStarted(**{**values, **more})  # type: ignore[arg-type]


def renewed(*sessions: str, **more: object) -> SessionsRenewed:
    return SessionsRenewed(batch="ren_1", sessions=sessions or ("ses_1",), **more)  # type: ignore[arg-type]


def counts(split: AudienceSplit) -> dict[str, int]:
    return {one.name: one.viewers for one in split.top}


def ended(session: str = "ses_1", why: str = "left") -> SessionEnded:
    return SessionEnded(session=session, event="final", why=why)


def used(pathway: str, session: str = "ses_1") -> PathwayUsed:
    return PathwayUsed(session=session, event="final", pathway=pathway)


def audience(*events: tuple[float, Event]) -> Audience:
    seen = Audience(SILENT_S)
    for after_s, event in events:
        seen.see(event, NOW + after_s, NOW + after_s)  # type: ignore[arg-type]
    return seen


def test_nobody_watches_at_first() -> None:
    assert (audience().crowd.viewers(), audience().crowd.on_pathway) == (0, {})


def test_viewer_who_started_counts() -> None:
    assert audience((0, started())).crowd.viewers() == 1


def test_event_that_comes_twice_counts_once() -> None:
    assert audience((0, started()), (0, started()), (5, renewed()), (5, renewed())).crowd.viewers() == 1


def test_renewals_whose_starts_were_missed_count() -> None:
    assert audience((0, renewed("ses_1", "ses_2", "ses_1"))).crowd.viewers() == 2


@pytest.mark.parametrize("why", ["left", "taken-over", "ended", "kicked", "expired"])
def test_viewer_who_ended_does_not_count(why: str) -> None:
    seen = audience((0, started()), (1, used("cdn-a")), (2, ended(why=why)))
    assert (seen.crowd.viewers(), seen.crowd.on_pathway) == (0, {})


@pytest.mark.parametrize("late", [started(), renewed(), used("cdn-a")])
def test_what_is_heard_after_the_end_brings_nobody_back(late: Event) -> None:
    seen = audience((0, started()), (2, ended()), (1, late), (3, late))
    assert (seen.crowd.viewers(), seen.crowd.on_pathway) == (0, {})


def test_end_that_comes_before_the_start_holds() -> None:
    assert audience((2, ended()), (0, started())).crowd.viewers() == 0


def test_device_that_slept_and_went_on_counts_again() -> None:
    assert audience((0, started()), (30, ended(why="expired")), (40, renewed())).crowd.viewers() == 1


def test_end_of_an_unknown_session_changes_nothing() -> None:
    assert audience((0, started()), (1, ended("ses_9"))).crowd.viewers() == 1


def test_silent_session_is_left_out() -> None:
    seen = audience((0, started()), (0, used("cdn-a")), (30, renewed("ses_2")))
    seen.forget_silent(NOW + SILENT_S - 1)
    assert seen.crowd.viewers() == 2
    seen.forget_silent(NOW + SILENT_S)
    assert (seen.crowd.viewers(), seen.crowd.on_pathway) == (1, {})


def test_any_sign_of_life_keeps_a_session() -> None:
    seen = audience((0, started()), (50, used("cdn-a")))
    seen.forget_silent(NOW + 100)
    assert seen.crowd.viewers() == 1


def test_late_event_does_not_make_a_session_older() -> None:
    seen = audience((0, started()), (50, renewed()), (1, renewed()))
    seen.forget_silent(NOW + 100)
    assert seen.crowd.viewers() == 1


def test_backlog_of_long_ago_counts_nobody_once_it_was_swept() -> None:
    seen = audience(*((-1_000 + n, started(f"ses_{n}")) for n in range(50)))
    seen.forget_silent(NOW)
    assert seen.crowd.viewers() == 0


def test_end_is_forgotten_after_a_while() -> None:
    seen = audience((0, started()), (1, ended()))
    seen.forget_silent(NOW + ENDED_S)
    seen.see(renewed(), NOW + ENDED_S, NOW + ENDED_S)
    assert seen.crowd.viewers() == 0
    seen.forget_silent(NOW + 1 + ENDED_S)
    seen.see(renewed(), NOW + 700, NOW + 700)
    assert seen.crowd.viewers() == 1


def test_viewers_count_on_the_pathway_they_said_last() -> None:
    seen = audience((0, used("cdn-a")), (0, used("cdn-a", "ses_2")), (5, used("cdn-b")))
    assert seen.crowd.on_pathway == {"cdn-a": 1, "cdn-b": 1}


def test_other_events_count_nobody() -> None:
    refused = SessionRefused(account="demo", event="final", code="stream-limit")
    tracked = AdTracked(session="s", event="final", break_id="brk-1", slot=1, creative="c", what="complete")
    assert audience((0, refused), (0, tracked)).crowd.viewers() == 0


def test_session_heard_of_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SESSIONS_MAX", 2)
    seen = audience(
        (0, started("ses_1")), (1, started("ses_2")), (2, renewed("ses_1")), (3, started("ses_3"))
    )
    assert seen.crowd.viewers() == 2
    seen.see(ended("ses_2"), NOW + 4, NOW + 4)
    assert seen.crowd.viewers() == 2


TELECOM = "AS64500 Example Telecom"


def test_viewers_count_by_event_device_kind_and_isp() -> None:
    seen = audience(
        (0, started("ses_1", isp=TELECOM)),
        (0, started("ses_2", kind="web", isp=TELECOM)),
        (0, started("ses_3", event="semi")),
    )
    report = seen.crowd.report()
    assert counts(report.event) == {"final": 2, "semi": 1}
    assert counts(report.device_kind) == {"tv": 2, "web": 1}
    assert counts(report.isp) == {TELECOM: 2, "": 1}


def test_viewer_who_ended_or_fell_silent_is_in_no_split() -> None:
    seen = audience((0, started("ses_1", isp=TELECOM)), (0, started("ses_2")), (1, ended("ses_1")))
    assert counts(seen.crowd.report().device_kind) == {"tv": 1}
    seen.forget_silent(NOW + SILENT_S)
    assert seen.crowd.report() == AudienceReport()


def test_worker_that_missed_the_start_learns_it_from_a_renewal() -> None:
    seen = audience((0, renewed("ses_1", "ses_2", event="final", device_kind="tv", isp=TELECOM)))
    assert [counts(one) for one in (seen.crowd.report().event, seen.crowd.report().isp)] == [
        {"final": 2},
        {TELECOM: 2},
    ]


@pytest.mark.parametrize("silent", [renewed(), used("cdn-a"), renewed(event="final")])
def test_event_that_does_not_say_what_a_session_is_leaves_it_known(silent: Event) -> None:
    report = audience((0, started(isp=TELECOM)), (5, silent)).crowd.report()
    assert (counts(report.event), counts(report.device_kind), counts(report.isp)) == (
        {"final": 1},
        {"tv": 1},
        {TELECOM: 1},
    )


def test_viewer_who_moved_to_another_network_counts_there() -> None:
    seen = audience((0, started(isp=TELECOM)), (5, renewed(event="final", device_kind="tv", isp="AS1 B")))
    assert counts(seen.crowd.report().isp) == {"AS1 B": 1}


def test_long_lease_is_believed_for_as_long_as_it_says() -> None:
    seen = audience((0, started(lease_s=240)), (10, used("cdn-a")))
    seen.forget_silent(NOW + 249)
    assert seen.crowd.viewers() == 1
    seen.forget_silent(NOW + 250)
    assert seen.crowd.viewers() == 0


def test_short_lease_is_believed_for_the_least_silence_that_is_set() -> None:
    seen = audience((0, renewed(lease_s=6)))
    seen.forget_silent(NOW + SILENT_S - 1)
    assert seen.crowd.viewers() == 1


def test_clock_that_is_ahead_keeps_nobody_longer_and_holds_nobody_up() -> None:
    seen = Audience(SILENT_S)
    seen.see(started("ses_1"), NOW + 1e9, NOW)
    seen.see(started("ses_2"), NOW, NOW)
    seen.see(ended("ses_3"), NOW + 1e9, NOW)
    seen.forget_silent(NOW + ENDED_S)
    assert seen.crowd.viewers() == 0
    seen.see(renewed("ses_3"), NOW + 700, NOW + 700)
    assert seen.crowd.viewers() == 1


def test_session_that_comes_and_goes_is_waited_for_once() -> None:
    seen = Audience(SILENT_S)
    for n in range(100):
        seen.see(started(), NOW + n, NOW + n)
        seen.see(ended(why="expired"), NOW + n, NOW + n)
        seen.forget_silent(NOW + n)
    seen.see(started(), NOW + 100, NOW + 100)
    seen.forget_silent(NOW + 159)
    assert seen.crowd.viewers() == 1
    seen.forget_silent(NOW + 160)
    assert (seen.crowd.viewers(), list(seen._live_due.take(NOW + 1e6))) == (0, [])


def test_what_sessions_have_in_common_is_held_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "TRAITS_MAX", 2)
    seen = audience(*((n, started(f"ses_{n}", isp=f"AS{n % 3}")) for n in range(9)))
    assert counts(seen.crowd.report().isp) == {"AS0": 3, "AS1": 3, "AS2": 3}
    assert len(seen._traits) <= 2


def test_wheel_gives_each_thing_once_when_it_is_due() -> None:
    wheel: Wheel[str] = Wheel()
    for name, at in (("a", 10.0), ("b", 10.2), ("c", 12.0)):
        wheel.put(name, at)
    assert list(wheel.take(9.9)) == []
    assert list(wheel.take(11)) == ["a", "b"]
    assert wheel.take_first() == (12, "c")


kinds = st.sampled_from([started, renewed, ended, lambda s: used("cdn-a", s), lambda s: ended(s, "expired")])
stories = st.lists(
    st.tuples(st.floats(min_value=-200, max_value=200), kinds, st.sampled_from(["ses_1", "ses_2", "ses_3"])),
    max_size=30,
)


@given(stories)
def test_whatever_happens_counts_stay_within_who_was_heard_of(story) -> None:
    seen = audience(*((at, kind(session)) for at, kind, session in story))
    assert (
        0
        <= sum(seen.crowd.on_pathway.values())
        <= seen.crowd.viewers()
        <= len({session for _, _, session in story})
    )
    assert sum(counts(seen.crowd.report().event).values()) == seen.crowd.viewers()
    seen.forget_silent(NOW + 1_000)
    assert (seen.crowd.viewers(), seen.crowd.on_pathway, seen.crowd.report()) == (0, {}, AudienceReport())


def test_rate_is_the_mean_of_its_window() -> None:
    rate = Rate(window_s=5)
    for n in range(10):
        rate.add(NOW + n)
    assert rate.per_s(NOW + 9) == 1.0
    assert rate.per_s(NOW + 12) == 0.4
    assert rate.per_s(NOW + 14) == 0.0


def test_rate_counts_many_at_once() -> None:
    rate = Rate(window_s=5)
    rate.add(NOW, 50)
    assert rate.per_s(NOW) == 10.0
