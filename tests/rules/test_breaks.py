"""When the breaks are: whoever asks gets the same answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.breaks import Break, BreakSchedule

NOW = 1_800_000_000.0
EVERY_3_MIN = BreakSchedule(every_s=180, duration_s=20)

schedules = st.builds(BreakSchedule, st.integers(min_value=1, max_value=7_200), st.integers(1, 600))
moments = st.floats(min_value=1_000_000, max_value=4e9)


def test_schedule_without_breaks_has_none() -> None:
    none = BreakSchedule(every_s=0, duration_s=20)
    assert none.between(NOW, NOW + 86_400) == ()
    assert none.find("brk-1") is None


def test_break_is_named_by_its_place_in_time() -> None:
    assert EVERY_3_MIN.find("brk-10000000") == Break("brk-10000000", NOW, 20.0)
    assert EVERY_3_MIN.between(NOW, NOW + 1) == (Break("brk-10000000", NOW, 20.0),)


def test_break_that_ends_as_the_window_begins_is_outside() -> None:
    assert EVERY_3_MIN.between(NOW + 20, NOW + 100) == ()


def test_break_that_begins_as_the_window_ends_is_outside() -> None:
    assert EVERY_3_MIN.between(NOW - 100, NOW) == ()


def test_break_under_way_is_inside() -> None:
    assert [one.id for one in EVERY_3_MIN.between(NOW + 19.9, NOW + 20)] == ["brk-10000000"]


@pytest.mark.parametrize(
    "break_id",
    ["", "brk", "brk-", "brk--1", "brk-x", "brk-1.5", "ad-1", "brk-" + "9" * 13, "BRK-1", "brk-1 ", "²"],
)
def test_name_of_no_break_finds_none(break_id: str) -> None:
    assert EVERY_3_MIN.find(break_id) is None


@given(schedules, moments, st.floats(min_value=0, max_value=20_000))
def test_every_break_of_a_window_is_found_by_its_name(
    schedule: BreakSchedule, begin: float, length: float
) -> None:
    for one in schedule.between(begin, begin + length)[:50]:
        assert schedule.find(one.id) == one


@given(schedules, moments, st.floats(min_value=0.001, max_value=20_000))
def test_window_holds_what_overlaps_it_in_order(schedule: BreakSchedule, begin: float, length: float) -> None:
    found = schedule.between(begin, begin + length)
    assert all(one.end > begin and one.start < begin + length for one in found)
    assert [one.start for one in found] == sorted({one.start for one in found})


@given(schedules, moments)
def test_no_break_is_missed(schedule: BreakSchedule, at: float) -> None:
    latest = schedule.find(f"brk-{int(at // schedule.every_s)}")
    assert latest is not None
    running = latest.start <= at < latest.end
    assert (latest in schedule.between(at, at + 1e-3)) is running or latest.end - at < 1e-3


@given(schedules, moments, st.floats(min_value=0, max_value=5_000), st.floats(min_value=0, max_value=5_000))
def test_two_windows_side_by_side_hold_what_one_holds(
    schedule: BreakSchedule, begin: float, first: float, second: float
) -> None:
    middle, end = begin + first, begin + first + second
    both = {*schedule.between(begin, middle), *schedule.between(middle, end)}
    assert both >= set(schedule.between(begin, end)) or middle in (begin, end)


@given(st.text(max_size=30))
def test_no_name_makes_the_search_fail(break_id: str) -> None:
    EVERY_3_MIN.find(break_id)
