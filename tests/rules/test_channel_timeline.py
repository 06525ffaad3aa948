from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tifo.channel.timeline import (
    AAC_FRAME_SAMPLES,
    SAMPLES_PER_S,
    SEGMENT_S,
    audio_start,
    first_audio_frame,
    segment_number,
    video_start,
)

NUMBERS = st.integers(min_value=0, max_value=2_000_000_000)


@given(NUMBERS)
def test_a_segment_covers_its_two_seconds(msn: int) -> None:
    assert video_start(msn) == msn * SEGMENT_S
    assert segment_number(float(msn * SEGMENT_S)) == msn
    assert segment_number(msn * SEGMENT_S + 1.999) == msn


@given(NUMBERS)
def test_audio_starts_at_the_first_frame_at_or_after_the_video(msn: int) -> None:
    late_by = audio_start(msn) - video_start(msn)
    assert 0 <= late_by < Fraction(AAC_FRAME_SAMPLES, SAMPLES_PER_S)


@given(NUMBERS)
def test_audio_segments_follow_each_other_without_a_hole(msn: int) -> None:
    assert first_audio_frame(msn + 1) - first_audio_frame(msn) in (93, 94)
    assert audio_start(msn + 1) - audio_start(msn) == Fraction(
        (first_audio_frame(msn + 1) - first_audio_frame(msn)) * AAC_FRAME_SAMPLES, SAMPLES_PER_S
    )
