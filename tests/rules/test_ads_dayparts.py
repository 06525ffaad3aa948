"""The hours in which line items run, by the clock of a place."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.inventory import Daypart
from tifo.services.ads.dayparts import WEEK_S, Week

UTC, PARIS = ZoneInfo("UTC"), ZoneInfo("Europe/Paris")
MONDAY = 1_767_571_200.0
"""2026-01-05, midnight in UTC."""
HOUR = 3_600.0

parts = st.lists(
    st.builds(
        Daypart,
        st.sampled_from(["00:00", "06:30", "22:00"]),
        st.sampled_from(["01:00", "12:00", "23:15"]),
        st.lists(st.sampled_from(["mon", "wed", "sun"]), unique=True).map(tuple),
    ),
    min_size=1, max_size=3,
)  # fmt: skip


@pytest.mark.parametrize(
    ("part", "zone", "hours", "runs"),
    [
        (Daypart("08:00", "09:00"), UTC, 8, True),
        (Daypart("08:00", "09:00"), UTC, 9, False),
        (Daypart("08:00", "09:00"), PARIS, 7, True),
        (Daypart("00:00", "24:00", ("mon",)), UTC, 23.99, True),
        (Daypart("00:00", "24:00", ("mon",)), UTC, 24, False),
        (Daypart("22:00", "02:00", ("sun",)), UTC, 1, True),
        (Daypart("22:00", "02:00", ("mon",)), UTC, 1, False),
        (Daypart("22:00", "02:00", ("mon",)), UTC, 25, True),
    ],
)
def test_hours_by_the_clock_of_the_place(part: Daypart, zone: ZoneInfo, hours: float, runs: bool) -> None:
    assert Week([part], zone).runs(MONDAY + hours * HOUR) is runs


@given(parts, st.integers(0, 200), st.integers(0, 400))
def test_seconds_are_those_that_run(some: list[Daypart], begin_h: int, hours: int) -> None:
    week, begin = Week(some, UTC), MONDAY + begin_h * HOUR
    quarters = [begin + n * 900 for n in range(hours * 4)]
    assert week.seconds(begin, begin + hours * HOUR) == 900 * sum(map(week.runs, quarters))


def test_weeks_repeat() -> None:
    week = Week([Daypart("08:00", "10:00", ("tue", "thu"))], UTC)
    assert week.seconds(MONDAY, MONDAY + 3 * WEEK_S) == 3 * 4 * HOUR
    assert week.seconds(MONDAY + 5, MONDAY) == 0
