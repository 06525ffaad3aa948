"""H.264 and AAC encoders that hand out samples, and the initialisation segments that belong to them."""

from fractions import Fraction
from io import BytesIO

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from tifo.channel.boxes import Sample, length_prefixed, top_boxes
from tifo.channel.sound import Loop
from tifo.channel.timeline import (
    AAC_FRAME_SAMPLES,
    FRAME_TICKS,
    FRAMES_PER_S,
    SAMPLES_PER_S,
    SEGMENT_FRAMES,
    VIDEO_TIMESCALE,
)
from tifo.kernel.errors import TifoError

_MUX_OPTIONS = {
    "movflags": "frag_custom+empty_moov+default_base_moof+cmaf+skip_trailer",
    "video_track_timescale": str(VIDEO_TIMESCALE),
}
_X264 = {
    "preset": "veryfast",
    "tune": "zerolatency",
    "profile": "main",
    "bf": "0",
    "g": str(SEGMENT_FRAMES),
    "keyint_min": str(SEGMENT_FRAMES),
    "sc_threshold": "0",
    "flags": "+cgop",
    "threads": "1",
    "colorspace": "bt709",
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "color_range": "tv",
}
_AAC_BITS_PER_S = 96_000
_AAC_DELAY_FRAMES = 2


class EncoderFault(TifoError):
    """An encoder did not do what the channel relies on."""


class Header:
    """An MP4 that is opened for its tracks' encoders and its initialisation segment, and never filled."""

    def __init__(self) -> None:
        self._file = BytesIO()
        self._container: OutputContainer = av.open(self._file, "w", format="mp4", options=_MUX_OPTIONS)

    def video(self, width: int, height: int, level: str, crf: int, peak_bits_per_s: int) -> "VideoEncoder":
        """Add an H.264 track, encoded at a constant quality under a peak rate."""
        rate = {"maxrate": str(peak_bits_per_s), "bufsize": str(peak_bits_per_s)}
        options = {**_X264, **rate, "level": level, "crf": str(crf)}
        stream = self._container.add_stream("libx264", FRAMES_PER_S, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FRAMES_PER_S)
        return VideoEncoder(stream)

    def audio(self, loop: Loop) -> "AudioEncoder":
        """Add an AAC track, mono."""
        stream = self._container.add_stream(
            "aac", SAMPLES_PER_S, options={"b": str(_AAC_BITS_PER_S), "aac_coder": "fast"}, layout="mono"
        )
        return AudioEncoder(stream, loop)

    def init_segment(self) -> bytes:
        """The `ftyp` and `moov` boxes; no track can be added after this."""
        self._container.start_encoding()
        return b"".join(
            (len(payload) + 8).to_bytes(4, "big") + kind.encode() + payload
            for kind, payload in top_boxes(self._file.getvalue())
            if kind in ("ftyp", "moov")
        )


class VideoEncoder:
    """One picture in, one sample out."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._next = 0

    def encode(self, frame: av.VideoFrame) -> Sample:
        """Encode a picture; every SEGMENT_FRAMES-th one, from the first, opens a closed group."""
        frame.pts, frame.time_base = self._next, Fraction(1, FRAMES_PER_S)
        self._next += 1
        packets = self._stream.encode(frame)
        if len(packets) != 1:
            raise EncoderFault(f"the video encoder gave {len(packets)} packets for one picture")
        return Sample(length_prefixed(bytes(packets[0])), FRAME_TICKS, packets[0].is_keyframe)


class AudioEncoder:
    """AAC frames by their number from the epoch, one after the other."""

    def __init__(self, stream: AudioStream, loop: Loop) -> None:
        self._stream = stream
        self._loop = loop
        self._fed = 0

    def frames(self, first: int, stop: int) -> tuple[Sample, ...]:
        """The frames [first, stop); a call goes on where the one before stopped.

        A frame overlaps the one before, and leaves the encoder two frames late: hence the head start.
        """
        if self._fed == 0:
            for number in range(first - 1, first + _AAC_DELAY_FRAMES):
                self._feed(number)
        return tuple(self._sample(number) for number in range(first, stop))

    def _sample(self, number: int) -> Sample:
        packets = self._feed(number + _AAC_DELAY_FRAMES)
        if len(packets) != 1:
            raise EncoderFault(f"the audio encoder gave {len(packets)} packets for one frame")
        return Sample(packets[0], AAC_FRAME_SAMPLES, True)

    def _feed(self, number: int) -> list[bytes]:
        frame = av.AudioFrame.from_ndarray(self._loop.frame(number), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = SAMPLES_PER_S, Fraction(1, SAMPLES_PER_S)
        frame.pts = self._fed * AAC_FRAME_SAMPLES
        self._fed += 1
        return [bytes(packet) for packet in self._stream.encode(frame)]
