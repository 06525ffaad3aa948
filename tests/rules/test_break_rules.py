"""Breaks over time: what was announced stands, and only its end may still move."""

from itertools import pairwise

import pytest
from break_desk import EVERY_10_MIN, NO_BREAKS, NOW, Room
from hypothesis import given
from hypothesis import strategies as st

from tifo.kernel.errors import Refusal
from tifo.scte35.cues import Cue
from tifo.services.control.break_rules import (
    BREAK_AHEAD_S_MAX,
    CONTINUATIONS_MAX,
    give_back,
    hear,
    plan,
    resize,
    view,
)


@pytest.fixture
def room() -> Room:
    return Room()


def refused(call, *arguments) -> str:
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.code


def states(room: Room, break_id: str, *moments: float) -> list[str]:
    return [view(room.at(moment), break_id).state for moment in moments]


# --- started and planned by operators ------------------------------------------------------------------


def test_break_begins_as_soon_as_players_can_know(room: Room) -> None:
    room.write(plan(room.at(0.3), "a", None, 30))
    assert room.spans() == [("a", 5.0, 35.0)]


def test_break_goes_through_its_states(room: Room) -> None:
    room.write(plan(room.desk, "a", NOW + 100, 30))
    assert states(room, "a", 0, 79, 80, 99, 100, 129, 130) == [
        "planned", "planned", "announced", "announced", "running", "running", "over",
    ]  # fmt: skip
    assert (view(room.desk, "a").source, view(room.desk, "none")) == ("operator", None)


@pytest.mark.parametrize("starts", [-1, BREAK_AHEAD_S_MAX + 1])
def test_break_of_the_past_or_the_far_future_is_refused(room: Room, starts: float) -> None:
    assert refused(plan, room.desk, "a", NOW + starts, 30) == "invalid"


def test_break_over_another_is_refused_and_one_beside_it_is_not(room: Room) -> None:
    room.write(plan(room.desk, "a", NOW + 100, 30))
    for start, lasts in ((90, 11), (100, 30), (129, 60), (80, 200)):
        assert refused(plan, room.desk, "b", NOW + start, lasts) == "break-overlap"
    for name, start in (("b", 70), ("c", 130)):
        room.write(plan(room.desk, name, NOW + start, 30))
    assert [one[0] for one in room.spans()] == ["b", "a", "c"]


def test_break_of_the_schedule_gives_way_until_it_is_announced() -> None:
    room = Room(EVERY_10_MIN)
    room.write(plan(room.at(500), "a", NOW + 610, 30))
    assert [one[0] for one in room.spans(1)] == ["brk-3000000", "a", "brk-3000002", "brk-3000003",
                                                "brk-3000004", "brk-3000005"]  # fmt: skip
    assert room.book.find("brk-3000001") is None
    assert refused(plan, room.at(1185), "b", NOW + 1190, 30) == "break-overlap"


# --- early return ---------------------------------------------------------------------------------------


def test_running_break_returns_early_and_says_how_long_it_was(room: Room) -> None:
    room.write(plan(room.desk, "a", None, 60))
    before = room.tag("a")
    assert room.write(*give_back(room.at(20), "a")) == ("a",)
    assert room.spans() == [("a", 4.0, 20.0)]
    assert room.tag("a") == f"{before},DURATION=16.000,X-PLAYOUT-LIMIT=16.000"
    assert give_back(room.at(21), "a") == ()
    assert view(room.desk, "a").state == "over"


def test_break_of_the_schedule_returns_early_too() -> None:
    room = Room(EVERY_10_MIN)
    room.write(*give_back(room.at(5), "brk-3000000"))
    assert room.spans(0, 100) == [("brk-3000000", 0.0, 5.0)]
    assert view(room.desk, "brk-3000000").source == "schedule"


def test_announced_break_that_is_called_off_stays_in_playlists_as_a_moment(room: Room) -> None:
    room.write(plan(room.desk, "a", NOW + 10, 60))
    before = room.tag("a")
    room.write(*give_back(room.at(2), "a"))
    assert room.spans() == [("a", 10.0, 10.0)]
    assert room.tag("a").startswith(before)
    assert view(room.desk, "a").state == "off"
    room.write(plan(room.desk, "b", NOW + 10, 30))
    assert [one[0] for one in room.spans()] == ["a", "b"]


def test_break_that_nobody_knows_of_is_called_off_without_a_trace(room: Room) -> None:
    room.write(plan(room.desk, "a", NOW + 100, 60))
    room.write(*give_back(room.at(2), "a"))
    assert room.spans() == []
    assert (room.book.find("a"), view(room.desk, "a").state) == (None, "off")


def test_break_of_the_schedule_is_called_off_and_stays_so() -> None:
    room = Room(EVERY_10_MIN)
    room.write(*give_back(room.at(100), "brk-3000001"))
    assert [one[0] for one in room.spans(100, 1300)] == ["brk-3000002"]


def test_break_of_the_far_future_is_not_spoken_of() -> None:
    room = Room(EVERY_10_MIN)
    assert refused(give_back, room.desk, "brk-99999999") == "not-found"


@pytest.mark.parametrize("break_id", ["", "a", "a.2", "brk-1", "brk-3000001.2"])
def test_unknown_break_is_not_found(room: Room, break_id: str) -> None:
    assert refused(give_back, room.desk, break_id) == "not-found"
    assert refused(resize, room.desk, break_id, 20) == "not-found"


# --- overruns ---------------------------------------------------------------------------------------------


def test_break_that_overruns_goes_on_in_another_and_what_was_announced_stands(room: Room) -> None:
    room.write(plan(room.desk, "a", None, 30))
    before = room.tag("a")
    assert room.write(*resize(room.at(20), "a", 50)) == ("a.2",)
    assert room.write(*resize(room.at(45), "a.2", 60)) == ("a.3",)
    assert room.spans() == [("a", 4.0, 34.0), ("a.2", 34.0, 54.0), ("a.3", 54.0, 64.0)]
    assert room.tag("a") == before


def test_overrun_at_the_last_moment_leaves_players_time_to_know(room: Room) -> None:
    room.write(plan(room.desk, "a", None, 30))
    room.write(*resize(room.at(33.5), "a", 60))
    assert room.spans() == [("a", 4.0, 34.0), ("a.2", 38.0, 64.0)]


def test_return_of_an_overrun_ends_all_of_it(room: Room) -> None:
    room.write(plan(room.desk, "a", None, 30))
    room.write(*resize(room.at(10), "a", 60))
    assert room.write(*give_back(room.at(12), "a")) == ("a", "a.2")
    assert room.spans() == [("a", 4.0, 12.0)]
    room = Room()
    room.write(plan(room.desk, "a", None, 30))
    room.write(*resize(room.at(30), "a", 60))
    assert room.write(*give_back(room.at(40), "a.2")) == ("a.2",)
    assert room.spans() == [("a", 4.0, 34.0), ("a.2", 34.0, 40.0)]


def test_planned_break_simply_changes_until_it_is_announced(room: Room) -> None:
    room.write(plan(room.desk, "a", NOW + 100, 30))
    room.write(*resize(room.at(10), "a", 45))
    assert room.spans() == [("a", 100.0, 145.0)]


def test_running_break_that_shall_be_shorter_returns_early(room: Room) -> None:
    room.write(plan(room.desk, "a", None, 60))
    room.write(*resize(room.at(10), "a", 20))
    assert room.spans() == [("a", 4.0, 24.0)]


def test_break_that_is_over_does_not_go_on(room: Room) -> None:
    room.write(plan(room.desk, "a", None, 30))
    assert refused(resize, room.at(40), "a", 60) == "not-found"


def test_break_does_not_go_on_into_another(room: Room) -> None:
    room.write(plan(room.desk, "a", None, 30), plan(room.desk, "b", NOW + 40, 30))
    assert refused(resize, room.at(10), "a", 60) == "break-overlap"


def test_break_does_not_go_on_forever(room: Room) -> None:
    room.write(plan(room.desk, "a", None, 10))
    for n in range(CONTINUATIONS_MAX):
        room.write(*resize(room.at(5), "a", 20 + 10 * n))
    assert refused(resize, room.at(5), "a", 1000) == "invalid"


# --- cues ---------------------------------------------------------------------------------------------------


def pts(seconds: float) -> int:
    return round((NOW + seconds) * 90_000) % (1 << 33)


def test_cue_opens_a_break_at_its_time_once(room: Room) -> None:
    cue = Cue("out", 7, pts(8), 30.0)
    room.write(*hear(room.desk, cue, "a", None))
    assert room.spans() == [("a", 8.0, 38.0)]
    assert view(room.desk, "a").source == "cue"
    for moment in (1, 8, 30):
        assert hear(room.at(moment), cue, "b", None) == ()


def test_cue_of_another_clock_says_when(room: Room) -> None:
    room.write(*hear(room.desk, Cue("out", 7, 5, 30.0), "a", NOW + 50))
    assert room.spans() == [("a", 50.0, 80.0)]


def test_cue_at_once_opens_a_break_of_the_usual_length_once(room: Room) -> None:
    room.write(*hear(room.desk, Cue("out", 7), "a", None))
    assert room.spans() == [("a", 4.0, 64.0)]
    assert hear(room.at(2), Cue("out", 7), "b", None) == ()


def test_late_cue_opens_what_is_left(room: Room) -> None:
    room.write(*hear(room.desk, Cue("out", 7, pts(-10), 30.0), "a", None))
    assert room.spans() == [("a", 4.0, 20.0)]
    assert hear(room.desk, Cue("out", 8, pts(-100), 30.0), "b", None) == ()


def test_cue_with_a_later_end_is_an_overrun(room: Room) -> None:
    room.write(*hear(room.desk, Cue("out", 7, pts(8), 30.0), "a", None))
    room.write(*hear(room.at(20), Cue("out", 7, pts(8), 45.0), "b", None))
    assert room.spans() == [("a", 8.0, 38.0), ("a.2", 38.0, 53.0)]
    assert hear(room.at(21), Cue("out", 7, pts(8), 45.0), "b", None) == ()


@pytest.mark.parametrize("event", [7, 8], ids=["its own", "another"])
def test_cue_in_brings_back_early_at_its_time(room: Room, event: int) -> None:
    room.write(*hear(room.desk, Cue("out", 7, pts(8), 30.0), "a", None))
    room.write(*hear(room.at(15), Cue("in", event, pts(20)), "b", None))
    assert room.spans() == [("a", 8.0, 20.0)]


def test_cue_in_without_a_break_changes_nothing(room: Room) -> None:
    assert hear(room.desk, Cue("in", 7), "a", None) == ()
    assert hear(room.desk, Cue("cancel", 7), "a", None) == ()


def test_cue_that_is_cancelled_opens_nothing(room: Room) -> None:
    room.write(*hear(room.desk, Cue("out", 7, pts(100), 30.0), "a", None))
    room.write(*hear(room.at(1), Cue("cancel", 7), "b", None))
    assert room.spans() == []


def test_cue_that_is_sent_on_brings_no_break_back_that_was_given_back(room: Room) -> None:
    cue = Cue("out", 7, pts(8), 60.0)
    room.write(*hear(room.desk, cue, "a", None))
    room.write(*give_back(room.at(20), "a"))
    assert hear(room.at(21), cue, "b", None) == ()
    assert hear(room.at(22), Cue("out", 7, pts(8), 90.0), "b", None) == ()
    assert hear(room.at(23), Cue("in", 7), "b", None) == ()
    assert room.spans() == [("a", 8.0, 20.0)]


def test_cue_that_is_sent_on_brings_no_break_back_that_was_called_off(room: Room) -> None:
    cue = Cue("out", 7, pts(100), 60.0)
    room.write(*hear(room.desk, cue, "a", None))
    room.write(*give_back(room.at(20), "a"))
    assert [hear(room.at(21), one, "b", None) for one in (cue, Cue("in", 7), Cue("cancel", 7))] == [()] * 3


def test_event_id_may_be_used_again(room: Room) -> None:
    room.write(*hear(room.desk, Cue("out", 7, pts(8), 30.0), "a", None))
    room.write(*hear(room.at(60), Cue("out", 7, pts(70), 30.0), "b", None))
    assert [one[0] for one in room.spans()] == ["a", "b"]


# --- whatever is said ---------------------------------------------------------------------------------------

ACTS = st.one_of(
    st.tuples(st.just("plan"), st.none() | st.floats(0, 200), st.floats(1, 90)),
    st.tuples(st.just("resize"), st.integers(0, 9), st.floats(1, 200)),
    st.tuples(st.just("give back"), st.integers(0, 9), st.none()),
    st.tuples(st.just("cue"), st.sampled_from(["out", "in", "cancel"]), st.integers(0, 3)),
)


def act(room: Room, number: int, what: tuple) -> None:
    known = [one[0] for one in room.spans(-600)] or ["none"]
    match what:
        case ("plan", start, lasts):
            at = None if start is None else room.desk.now + start
            room.write(plan(room.desk, f"p{number}", at, lasts))
        case ("resize", which, total):
            room.write(*resize(room.desk, known[which % len(known)], total))
        case ("give back", which, _):
            room.write(*give_back(room.desk, known[which % len(known)]))
        case ("cue", kind, event):
            room.write(*hear(room.desk, Cue(kind, event, pts(number * 5 + 9), 25.0), f"c{number}", None))


@given(st.sampled_from([NO_BREAKS, EVERY_10_MIN]), st.lists(ACTS, max_size=25))
def test_what_players_have_read_never_changes_and_breaks_never_overlap(schedule, acts) -> None:
    room, read = Room(schedule), {}
    for number, what in enumerate(acts):
        room.at(number * 5.0)
        try:
            act(room, number, what)
        except Refusal:
            continue
        known = room.book.between(room.desk.now - 60, room.desk.now + room.desk.notice_s)
        for one in known:
            tag = room.tag(one.id)
            assert tag.startswith(read.get(one.id, ""))
            read[one.id] = tag
        missing = {id for id in read if id not in {one.id for one in known}}
        assert all(room.book.find(id).end <= room.desk.now - 60 for id in missing)
        spans = [one for one in room.book.between(NOW, NOW + 7200) if one.end > one.start]
        assert all(a.end <= b.start for a, b in pairwise(spans))
