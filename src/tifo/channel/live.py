"""The live encoder: one thread that follows the wall clock and publishes a segment every two seconds."""

import threading
from collections.abc import Mapping

from tifo.api.breaks import Breaks
from tifo.channel.boxes import Run, Sample, segment
from tifo.channel.encoders import Header
from tifo.channel.picture import LivePicture
from tifo.channel.shelf import LiveShelf
from tifo.channel.sound import stadium
from tifo.channel.timeline import (
    AAC_FRAME_SAMPLES,
    FRAME_TICKS,
    FRAMES_PER_S,
    SEGMENT_FRAMES,
    first_audio_frame,
    segment_number,
)
from tifo.kernel.clock import Clock
from tifo.kernel.errors import TifoError

START_SEGMENTS = 4
"""Segments of the past that a start encodes at once: what an HLS player holds back, and a DASH player's
suggested delay of 8 s."""

LAG_SEGMENTS_MAX = 6
"""Segments behind the clock at which the encoder gives up catching up, and leaves a gap."""

CLOCK_STEP_BACK_S_MAX = 10
"""Seconds by which the wall clock may be set back before the encoder refuses to go on."""

WAIT_S_MAX = 0.5
"""Seconds of one wait, so that a clock that was moved is seen."""


class ClockWentBack(TifoError):
    """The wall clock was set back so far that waiting for it would stop the channel; start again."""


class Encoders:
    """One run of segments without a break: fresh encoders, ready at a segment's first frame."""

    def __init__(self, picture: LivePicture) -> None:
        self._picture = picture
        large, small, sound = Header(), Header(), Header()
        self._large = large.video(640, 360, level="3.0", crf=22, peak_bits_per_s=900_000)
        self._small = small.video(320, 180, level="1.3", crf=23, peak_bits_per_s=320_000)
        self._sound = sound.audio(stadium())
        self.inits: Mapping[str, bytes] = {
            "v360": large.init_segment(),
            "v180": small.init_segment(),
            "a96": sound.init_segment(),
        }

    def video(self, number: int) -> tuple[Sample, Sample]:
        """Draw and encode the frame of that number, large and small."""
        frame = self._picture.draw(number)
        small = frame.reformat(320, 180)
        return self._large.encode(frame), self._small.encode(small)

    def audio(self, msn: int) -> tuple[Sample, ...]:
        """The AAC frames of a segment."""
        return self._sound.frames(first_audio_frame(msn), first_audio_frame(msn + 1))


class LiveEncoder:
    """Encodes by the clock; `run` is the body of its one thread."""

    def __init__(self, channel: str, breaks: Breaks, shelf: LiveShelf, clock: Clock) -> None:
        self._picture = LivePicture(channel, breaks)
        self._shelf = shelf
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Encode until `stop` is set; whatever goes wrong is raised.

        A frame is encoded when its time is over. A start goes a little into the past; after a long sleep
        the numbers between are left out and the run begins anew at the segment on air.
        """
        msn = segment_number(self._clock.now()) - START_SEGMENTS
        encoders = self._begin()
        while (media := self._segment(encoders, msn, stop)) is not None:
            self._shelf.add(msn, media)
            msn += 1
            on_air = segment_number(self._clock.now())
            if on_air - msn > LAG_SEGMENTS_MAX:
                msn, encoders = on_air, self._begin()

    def _begin(self) -> Encoders:
        encoders = Encoders(self._picture)
        self._shelf.open(encoders.inits)
        return encoders

    def _segment(self, encoders: Encoders, msn: int, stop: threading.Event) -> Mapping[str, bytes] | None:
        first = msn * SEGMENT_FRAMES
        large, small = [], []
        for number in range(first, first + SEGMENT_FRAMES):
            if not self._wait_until((number + 1) / FRAMES_PER_S, stop):
                return None
            pair = encoders.video(number)
            large.append(pair[0])
            small.append(pair[1])
        sound_start = first_audio_frame(msn) * AAC_FRAME_SAMPLES
        return {
            "v360": segment(msn, [Run(1, first * FRAME_TICKS, tuple(large))]),
            "v180": segment(msn, [Run(1, first * FRAME_TICKS, tuple(small))]),
            "a96": segment(msn, [Run(1, sound_start, encoders.audio(msn))]),
        }

    def _wait_until(self, due_s: float, stop: threading.Event) -> bool:
        """Whether that time has come; False when it was told to stop instead."""
        while (ahead_s := due_s - self._clock.now()) > 0:
            if ahead_s > CLOCK_STEP_BACK_S_MAX:
                raise ClockWentBack(f"the clock is {ahead_s:.0f} s behind what was already sent")
            if stop.wait(min(ahead_s, WAIT_S_MAX)):
                return False
        return not stop.is_set()
