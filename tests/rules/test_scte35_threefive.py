"""Our codec against threefive's: what one writes the other reads, and both mean the same."""

from base64 import b64encode

import pytest
from hypothesis import given, settings
from scte35_values import plain_sections
from test_scte35 import INSERT, SIGNAL
from threefive import Cue

from tifo.scte35.codec import decode, encode, parse
from tifo.scte35.values import Section, Segmentation, SpliceInsert, TimeSignal

TICKS = pytest.approx


def theirs(section: Section) -> Cue:
    return Cue(b64encode(encode(section)).decode())


def agree_on_insert(ours: SpliceInsert, other) -> None:
    assert (other.splice_event_id, other.splice_event_cancel_indicator) == (ours.event_id, ours.cancel)
    if ours.cancel:
        return
    assert other.out_of_network_indicator is ours.out_of_network
    assert other.splice_immediate_flag is ours.immediate
    assert other.duration_flag is (ours.duration is not None)
    agree_on_time(ours.pts, other.pts_time)
    if ours.duration is not None:
        assert other.break_auto_return is ours.duration.auto_return
        assert other.break_duration == TICKS(ours.duration.ticks / 90_000, abs=1e-5)
    numbers = (other.unique_program_id, other.avail_num, other.avails_expected)
    assert numbers == (ours.unique_program_id, ours.avail_num, ours.avails_expected)


def agree_on_segmentation(ours: Segmentation, other) -> None:
    assert int(str(other.segmentation_event_id), 16) == ours.event_id
    assert other.segmentation_event_cancel_indicator is ours.cancel
    if ours.cancel:
        return
    assert other.segmentation_type_id == ours.type_id
    assert other.segmentation_duration_flag is (ours.duration_ticks is not None)
    if ours.duration_ticks is not None:
        assert other.segmentation_duration == TICKS(ours.duration_ticks / 90_000, abs=1e-5)
    assert other.delivery_not_restricted_flag is (ours.restrictions is None)
    assert (other.segment_num, other.segments_expected) == (ours.segment_num, ours.segments_expected)


def agree_on_time(ours: int | None, other: float | None) -> None:
    assert (other is None) if ours is None else other == TICKS(ours / 90_000, abs=1e-5)


def agree(ours: Section, other: Cue) -> None:
    assert other.info_section.pts_adjustment == TICKS(ours.pts_adjustment / 90_000, abs=1e-5)
    if isinstance(ours.command, SpliceInsert):
        agree_on_insert(ours.command, other.command)
    elif isinstance(ours.command, TimeSignal):
        agree_on_time(ours.command.pts, other.command.pts_time)
    assert len(other.descriptors) == len(ours.descriptors)
    for mine, one in zip(ours.descriptors, other.descriptors, strict=True):
        if isinstance(mine, Segmentation):
            agree_on_segmentation(mine, one)


@pytest.mark.parametrize("sample", [INSERT, SIGNAL])
def test_samples_mean_the_same_to_both(sample: str) -> None:
    agree(parse(sample), Cue(sample))


@settings(max_examples=200)
@given(plain_sections)
def test_what_we_write_means_the_same_to_threefive(section: Section) -> None:
    agree(section, theirs(section))


@settings(max_examples=200)
@given(plain_sections)
def test_what_threefive_writes_means_the_same_to_us(section: Section) -> None:
    other = theirs(section)
    other.encode()
    again = decode(other.bites)
    agree(again, other)
