"""An outside ad server is asked for no more than it declared, evenly, and in time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tifo.services.ads.shaping import (
    Pace,
    Share,
    Window,
    call_s,
    may_begin,
    share,
    turns,
    window,
)

sessions = st.lists(st.text("abcdef", min_size=1, max_size=6), unique=True, max_size=50)


def test_known_break_is_fetched_for_before_players_know_of_it() -> None:
    assert window(1_000, 800, 90, 25) == Window(910, 975)
    assert window(1_000, 940, 90, 25) == Window(940, 975)


def test_break_that_players_know_already_is_fetched_for_until_it_starts() -> None:
    assert window(1_000, 990, 90, 25) == Window(990, 1_000)
    assert window(1_000, 1_010, 90, 25).length_s == 0


@given(sessions, st.floats(0.1, 1_000))
def test_turns_are_even_and_all_within_the_window(names: list[str], length_s: float) -> None:
    found = turns(names, "brk-1", Window(100, 100 + length_s))
    assert sorted(name for _, name in found) == sorted(names)
    moments = [at for at, _ in found]
    assert moments == sorted(moments)
    assert all(100 <= at <= 100 + length_s for at in moments)
    step = length_s / max(1, len(names))
    assert all(abs(b - a - step) < 1e-6 for a, b in pairwise(moments))


def test_turns_are_the_same_again_and_drawn_anew_for_each_break() -> None:
    names = [f"ses_{n}" for n in range(100)]
    within = Window(0, 60)
    assert turns(names, "brk-1", within) == turns(reversed(names), "brk-1", within)
    assert turns(names, "brk-1", within) != turns(names, "brk-2", within)


@given(st.floats(0.1, 5_000), st.integers(1, 100_000), st.integers(1, 100), st.floats(0, 600))
def test_all_nodes_together_ask_for_no_more_than_was_declared(
    per_s: float, viewers: int, nodes: int, length_s: float
) -> None:
    room = share(per_s, viewers, nodes).room(length_s)
    assert room * nodes <= viewers
    assert room * nodes <= per_s * length_s + 1e-6


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=80), st.floats(0.5, 500))
def test_no_two_requests_are_closer_than_the_pace(gaps: list[float], per_s: float) -> None:
    pace, now, moments = Pace(per_s), 0.0, []
    for gap in gaps:
        now += gap
        at, pace = pace.reserve(now)
        assert at >= now
        moments.append(at)
    assert all(b - a >= 1 / per_s - 1e-9 for a, b in pairwise(moments))


def test_no_request_begins_that_might_end_too_late() -> None:
    assert may_begin(99, 100, 1.0)
    assert not may_begin(99.1, 100, 1.0)
    assert 0 < call_s(0.1) < 0.1


def test_server_for_nobody_has_no_room() -> None:
    assert Share(100, 0).room(60) == 0
