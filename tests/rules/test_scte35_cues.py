"""What cues ask of who makes breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scte35_values import sections
from test_scte35 import INSERT, SIGNAL

from tifo.scte35.codec import parse
from tifo.scte35.cues import CLOSING, OPENING, Cue, cues, nearest_s
from tifo.scte35.values import (
    PTS_WRAP_TICKS,
    Component,
    Section,
    Segmentation,
    SpliceInsert,
    SpliceNull,
    TimeSignal,
)


def test_samples_open_a_break() -> None:
    assert cues(parse(INSERT)) == (Cue("out", 0x4800008F, 0x07369C02E, pytest.approx(60.293567, abs=1e-6)),)
    assert cues(parse(SIGNAL)) == (Cue("out", 0x4800008E, 0x072BD0050, 307.0),)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (SpliceInsert(7, pts=5), Cue("in", 7, 5)),
        (SpliceInsert(7, immediate=True), Cue("in", 7)),
        (SpliceInsert(7, immediate=True, out_of_network=True), Cue("out", 7)),
        (SpliceInsert(7, cancel=True), Cue("cancel", 7)),
        (SpliceInsert(7, components=(Component(1), Component(2, 9))), Cue("in", 7, 9)),
    ],
)
def test_splice_insert_says_one_thing(command: SpliceInsert, said: Cue) -> None:
    assert cues(Section(command)) == (said,)


@pytest.mark.parametrize("type_id", range(256))
def test_only_segments_that_are_breaks_are_cues(type_id: int) -> None:
    found = cues(Section(TimeSignal(5), (Segmentation(7, type_id=type_id),)))
    kinds = {**dict.fromkeys(OPENING, "out"), **dict.fromkeys(CLOSING, "in")}
    assert found == ((Cue(kinds[type_id], 7, 5),) if type_id in kinds else ())


def test_one_signal_may_close_one_break_and_open_another() -> None:
    told = (Segmentation(1, type_id=0x35), Segmentation(2, type_id=0x34), Segmentation(3, cancel=True))
    assert [(one.kind, one.event_id) for one in cues(Section(TimeSignal(None), told))] == [
        ("in", 1), ("out", 2), ("cancel", 3),
    ]  # fmt: skip


def test_times_are_adjusted_and_wrap() -> None:
    assert cues(Section(SpliceInsert(7, pts=PTS_WRAP_TICKS - 1), pts_adjustment=3))[0].pts == 2


def test_heartbeat_says_nothing() -> None:
    assert cues(Section(SpliceNull())) == ()


@given(sections)
def test_every_section_says_something_or_nothing(section: Section) -> None:
    assert all(one.pts is None or one.pts < PTS_WRAP_TICKS for one in cues(section))


@given(st.floats(1e9, 4e9), st.integers(-(PTS_WRAP_TICKS // 2) + 1, PTS_WRAP_TICKS // 2 - 1))
def test_time_is_found_from_the_clock_that_counts_it(now: float, away: int) -> None:
    meant = round(now * 90_000) + away
    assert nearest_s(meant % PTS_WRAP_TICKS, now) == pytest.approx(meant / 90_000, abs=1e-5)
