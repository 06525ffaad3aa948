"""When the viewers of a rehearsal arrive."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.rehearsal.curve import (
    KICK_OFF,
    KICK_OFF_PEAK,
    LATE_WATCH_S,
    REFERENCE_PER_S,
    REFERENCE_VIEWERS,
    Shape,
    Size,
    arrived,
    in_words,
    knots,
    match,
    viewers_of,
)

scales = st.floats(0.0005, 2)
minutes = st.floats(0.05, 30)
shapes = st.sampled_from(Shape)


@given(shapes, scales, minutes)
def test_exactly_the_audience_arrives(shape: Shape, scale: float, minutes: float) -> None:
    made = match(Size(shape, scale, minutes))
    assert (
        made.viewers
        == viewers_of(Size(shape, scale, minutes))
        == round(REFERENCE_PER_S * scale * minutes * 60)
    )
    assert min(made.arrivals_per_s) >= 0


@given(shapes)
def test_everybody_has_arrived_at_the_end_and_nobody_at_the_beginning(shape: Shape) -> None:
    assert arrived(knots(shape), 0) == 0
    assert arrived(knots(shape), 1) == pytest.approx(1)


@given(shapes, st.floats(0, 1), st.floats(0, 1))
def test_who_has_arrived_stays(shape: Shape, one: float, other: float) -> None:
    earlier, later = sorted((one, other))
    assert arrived(knots(shape), earlier) <= arrived(knots(shape), later) + 1e-12


def test_the_peak_is_the_kick_off_and_three_times_the_mean() -> None:
    assert max(rate for _, rate in knots(Shape.MATCH)) == KICK_OFF_PEAK == 3
    made = match(Size(Shape.MATCH, 1, 15))
    mean = made.viewers / 900
    assert made.peak_per_s == pytest.approx(3 * mean, rel=0.01)
    assert made.arrivals_per_s.index(made.peak_per_s) == pytest.approx(KICK_OFF[1] * 900, abs=2)


@given(scales, minutes)
def test_no_second_of_any_match_is_above_the_peak(scale: float, minutes: float) -> None:
    # One more for the rounding to whole viewers.
    assert match(Size(Shape.MATCH, scale, minutes)).peak_per_s <= REFERENCE_PER_S * scale * KICK_OFF_PEAK + 1


def test_the_reference_at_full_size_is_the_published_one() -> None:
    made = match(Size(Shape.MATCH, 1, 15))
    assert (made.viewers, len(made.arrivals_per_s)) == (REFERENCE_VIEWERS, 900)
    assert round(REFERENCE_PER_S) == 1_667


def test_steady_is_the_mean_in_every_second() -> None:
    rates = match(Size(Shape.STEADY, 1, 1)).arrivals_per_s
    assert set(rates) <= {1_666, 1_667}
    assert not match(Size(Shape.STEADY, 1, 1)).goals


def test_goals_come_after_the_kick_off_and_raise_the_floor() -> None:
    made = match(Size(Shape.MATCH, 1, 15))
    floor = made.arrivals_per_s[0]
    assert [goal.at_s for goal in made.goals] == pytest.approx([675, 810])
    assert [made.arrivals_per_s[round(goal.at_s)] / floor for goal in made.goals] == pytest.approx(
        [2.5, 2.5], rel=0.05
    )


@given(shapes, minutes)
def test_the_whistle_is_blown_when_all_have_arrived(shape: Shape, minutes: float) -> None:
    made = match(Size(shape, 0.1, minutes))
    assert made.whistle_at_s == len(made.arrivals_per_s) + LATE_WATCH_S
    assert len(made.arrivals_per_s) == pytest.approx(minutes * 60, abs=1)
    assert 5 <= made.whistle_s <= 60


def test_a_short_match_has_a_short_whistle_and_a_rate_that_is_held_none() -> None:
    assert match(Size(Shape.MATCH, 1, 1)).whistle_s == 6
    assert match(Size(Shape.STEADY, 1, 1)).whistle_s == match(Size(Shape.MATCH, 1, 15)).whistle_s == 60


def test_the_curve_has_no_step_back_in_time() -> None:
    assert all(left < right for (left, _), (right, _) in pairwise(knots(Shape.MATCH)))


@pytest.mark.parametrize(
    ("shape", "scale", "minutes", "says"),
    [
        (Shape.MATCH, 1, 15, "The reference at full size: 1,500,000 viewers"),
        (
            Shape.MATCH,
            0.01,
            2,
            "but 0.01 of its rate, 2 of its 15 minutes: 2,000 viewers in 2 min, 16.7 starts/s",
        ),
        (Shape.MATCH, 1, 2, "but 2 of its 15 minutes: 200,000 viewers"),
        (Shape.STEADY, 1, 15, "but without its peaks: 1,500,000 viewers"),
        (Shape.STEADY, 1, 1, "1,666.7 starts/s on average, all gone 60 s after the whistle."),
    ],
)
def test_what_is_shrunk_is_said(shape: Shape, scale: float, minutes: float, says: str) -> None:
    assert says in in_words(Size(shape, scale, minutes))
