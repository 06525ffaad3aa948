"""Pace: a budget is spent smoothly to the end of its flight, and what fell behind without a burst."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.services.ads.pacing import CATCH_UP_MAX, Meter, granted, returned
from tifo.services.ads.ports import Ask

NOW = 1_800_000_000.0
GOAL = 36_000
FLIGHT_S = 36_000.0
EVEN = GOAL / FLIGHT_S
BREAK_S = 180
BURST_S = 600.0


def ask(at_s: float, want: int = 10_000) -> Ask:
    return Ask("l:ad", want, GOAL, at_s, FLIGHT_S - at_s, CATCH_UP_MAX * EVEN, BURST_S)


def delivered(silent_from_s: float = 0, silent_until_s: float = 0) -> list[int]:
    """Impressions of each break of a flight in which there are always viewers enough, but for a silence."""
    meter, taken = Meter(), []
    for at_s in range(BREAK_S, int(FLIGHT_S), BREAK_S):
        given = 0
        if not silent_from_s <= at_s < silent_until_s:
            given, meter = granted(meter, ask(at_s), NOW + at_s)
        taken.append(given)
    return taken


def test_delivery_is_smooth_and_done_at_the_end() -> None:
    taken = delivered()
    assert sum(taken) == pytest.approx(GOAL, rel=0.01)
    assert all(count == pytest.approx(BREAK_S * EVEN, abs=2) for count in taken)


def test_silence_is_made_up_for_without_a_burst() -> None:
    taken = delivered(3_600, 10_800)
    assert sum(taken) == pytest.approx(GOAL, rel=0.02)
    assert max(taken[61:]) <= CATCH_UP_MAX * BREAK_S * EVEN
    assert max(taken) <= CATCH_UP_MAX * BURST_S * EVEN


def test_half_a_flight_of_silence_ends_at_twice_the_rate_not_above() -> None:
    taken = delivered(0, FLIGHT_S / 2)
    assert max(taken[110:]) <= CATCH_UP_MAX * BREAK_S * EVEN + 1
    assert sum(taken) <= GOAL


@given(
    st.builds(Meter, st.integers(0, 200), st.floats(0, 200), st.floats(0, 2e9)),
    st.builds(
        Ask, st.just("x"), st.integers(-5, 300), st.integers(0, 200), st.floats(0, 1e6), st.floats(0, 1e6),
        st.floats(0, 10), st.floats(0, 1e4),
    ),
    st.floats(0, 2e9),
)  # fmt: skip
def test_never_more_than_the_goal_and_the_wish(meter: Meter, one: Ask, now: float) -> None:
    given, after = granted(meter, one, now)
    assert 0 <= given <= max(0, one.want)
    assert after.taken == meter.taken + given
    assert given == 0 or after.taken <= one.goal
    assert after.at >= meter.at


@given(st.integers(0, 100), st.integers(0, 200))
def test_no_more_comes_back_than_went_out(taken: int, count: int) -> None:
    assert returned(Meter(taken), count).taken == max(0, taken - count)
