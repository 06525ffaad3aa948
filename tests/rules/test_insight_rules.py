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
from tifo.workers.insight import rules
from tifo.workers.insight.rules import Audience, Rate

NOW = 1_800_000_000.0
SILENT_S = 60


def started(session: str = "ses_1") -> SessionStarted:
    return SessionStarted(session=session, event="final", account="demo", device="tv-1", device_kind="tv")


def renewed(*sessions: str) -> SessionsRenewed:
    return SessionsRenewed(batch="ren_1", sessions=sessions or ("ses_1",))


def ended(session: str = "ses_1", why: str = "left") -> SessionEnded:
    return SessionEnded(session=session, event="final", why=why)


def used(pathway: str, session: str = "ses_1") -> PathwayUsed:
    return PathwayUsed(session=session, event="final", pathway=pathway)


def audience(*events: tuple[float, Event]) -> Audience:
    seen = Audience(SILENT_S)
    for after_s, event in events:
        seen.see(event, NOW + after_s)  # type: ignore[arg-type]
    return seen


def test_nobody_watches_at_first() -> None:
    assert (audience().viewers(), audience().by_pathway()) == (0, {})


def test_viewer_who_started_counts() -> None:
    assert audience((0, started())).viewers() == 1


def test_event_that_comes_twice_counts_once() -> None:
    assert audience((0, started()), (0, started()), (5, renewed()), (5, renewed())).viewers() == 1


def test_renewals_whose_starts_were_missed_count() -> None:
    assert audience((0, renewed("ses_1", "ses_2", "ses_1"))).viewers() == 2


@pytest.mark.parametrize("why", ["left", "taken-over", "ended", "kicked", "expired"])
def test_viewer_who_ended_does_not_count(why: str) -> None:
    seen = audience((0, started()), (1, used("cdn-a")), (2, ended(why=why)))
    assert (seen.viewers(), seen.by_pathway()) == (0, {})


@pytest.mark.parametrize("late", [started(), renewed(), used("cdn-a")])
def test_what_is_heard_after_the_end_brings_nobody_back(late: Event) -> None:
    seen = audience((0, started()), (2, ended()), (1, late), (3, late))
    assert (seen.viewers(), seen.by_pathway()) == (0, {})


def test_end_that_comes_before_the_start_holds() -> None:
    assert audience((2, ended()), (0, started())).viewers() == 0


def test_device_that_slept_and_went_on_counts_again() -> None:
    assert audience((0, started()), (30, ended(why="expired")), (40, renewed())).viewers() == 1


def test_end_of_an_unknown_session_changes_nothing() -> None:
    assert audience((0, started()), (1, ended("ses_9"))).viewers() == 1


def test_silent_session_is_left_out() -> None:
    seen = audience((0, started()), (0, used("cdn-a")), (30, renewed("ses_2")))
    seen.forget_silent(NOW + SILENT_S - 1)
    assert seen.viewers() == 2
    seen.forget_silent(NOW + SILENT_S)
    assert (seen.viewers(), seen.by_pathway()) == (1, {})


def test_any_sign_of_life_keeps_a_session() -> None:
    seen = audience((0, started()), (50, used("cdn-a")))
    seen.forget_silent(NOW + 100)
    assert seen.viewers() == 1


def test_late_event_does_not_make_a_session_older() -> None:
    seen = audience((0, started()), (50, renewed()), (1, renewed()))
    seen.forget_silent(NOW + 100)
    assert seen.viewers() == 1


def test_backlog_of_long_ago_counts_nobody_once_it_was_swept() -> None:
    seen = audience(*((-1_000 + n, started(f"ses_{n}")) for n in range(50)))
    seen.forget_silent(NOW)
    assert seen.viewers() == 0


def test_end_is_forgotten_after_the_silence_that_would_have_ended_it() -> None:
    seen = audience((0, started()), (1, ended()))
    seen.forget_silent(NOW + 1 + SILENT_S)
    seen.see(renewed(), NOW + 100)
    assert seen.viewers() == 1


def test_viewers_count_on_the_pathway_they_said_last() -> None:
    seen = audience((0, used("cdn-a")), (0, used("cdn-a", "ses_2")), (5, used("cdn-b")))
    assert seen.by_pathway() == {"cdn-a": 1, "cdn-b": 1}


def test_other_events_count_nobody() -> None:
    refused = SessionRefused(account="demo", event="final", code="stream-limit")
    tracked = AdTracked(session="s", event="final", break_id="brk-1", slot=1, creative="c", what="complete")
    assert audience((0, refused), (0, tracked)).viewers() == 0


def test_session_heard_of_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SESSIONS_MAX", 2)
    seen = audience(
        (0, started("ses_1")), (1, started("ses_2")), (2, renewed("ses_1")), (3, started("ses_3"))
    )
    assert seen.viewers() == 2
    seen.see(ended("ses_2"), NOW + 4)
    assert seen.viewers() == 2


kinds = st.sampled_from([started, renewed, ended, lambda s: used("cdn-a", s), lambda s: ended(s, "expired")])
stories = st.lists(
    st.tuples(st.floats(min_value=-200, max_value=200), kinds, st.sampled_from(["ses_1", "ses_2", "ses_3"])),
    max_size=30,
)


@given(stories)
def test_whatever_happens_counts_stay_within_who_was_heard_of(story) -> None:
    seen = audience(*((at, kind(session)) for at, kind, session in story))
    assert 0 <= sum(seen.by_pathway().values()) <= seen.viewers() <= len({session for _, _, session in story})
    seen.forget_silent(NOW + 1_000)
    assert (seen.viewers(), seen.by_pathway()) == (0, {})


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
