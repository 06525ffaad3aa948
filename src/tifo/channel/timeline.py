"""The channel's timeline: the wall clock itself, so that a restarted encoder goes on where time is.

Segment number `msn` covers [2 msn, 2 msn + 2) seconds since the epoch. Media times count from the epoch.
"""

from fractions import Fraction

SEGMENT_S = 2
"""Seconds of a segment: one closed group of pictures."""

FRAMES_PER_S = 25
VIDEO_TIMESCALE = 90_000
FRAME_TICKS = VIDEO_TIMESCALE // FRAMES_PER_S
SEGMENT_FRAMES = SEGMENT_S * FRAMES_PER_S

SAMPLES_PER_S = 48_000
AAC_FRAME_SAMPLES = 1024


def segment_number(epoch_s: float) -> int:
    """The number of the segment on air at a time."""
    return int(epoch_s // SEGMENT_S)


def first_audio_frame(msn: int) -> int:
    """The AAC frame, counted from the epoch, that opens a segment: the first to begin in it."""
    return -(-msn * SEGMENT_S * SAMPLES_PER_S // AAC_FRAME_SAMPLES)


def video_start(msn: int) -> Fraction:
    """When a video segment begins, in seconds since the epoch."""
    return Fraction(msn * SEGMENT_S)


def audio_start(msn: int) -> Fraction:
    """When an audio segment begins, in seconds since the epoch: up to one AAC frame after the video's."""
    return Fraction(first_audio_frame(msn) * AAC_FRAME_SAMPLES, SAMPLES_PER_S)
