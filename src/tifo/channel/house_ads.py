"""The house's own ads: encoded once into a folder, and read from it."""

import os
import shutil
import threading
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from tifo.channel.boxes import Run, Sample, segment
from tifo.channel.creatives import Creative
from tifo.channel.encoders import AudioEncoder, Header, VideoEncoder
from tifo.channel.house_picture import STYLES, HousePicture
from tifo.channel.playlist import vod_playlist
from tifo.channel.sound import jingle
from tifo.channel.timeline import (
    AAC_FRAME_SAMPLES,
    FRAME_TICKS,
    SEGMENT_FRAMES,
    SEGMENT_S,
    first_audio_frame,
)

RECIPE = 1
"""Raise it when the creatives' pictures or encoding change: folders of another recipe are made anew."""

CREATIVE_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of one creative on disk; a folder with more is not ours and is made anew."""

_INDEX = "index.m3u8"
_RECIPE_FILE = "recipe"


def prepare(creative: Creative, folder: Path, stop: threading.Event) -> Mapping[str, bytes] | None:
    """The creative's files by name, from `folder/<id>`, where they are written first if need be.

    They appear there all at once. None when `stop` was set before they were encoded.
    """
    home = folder / creative.id
    files = _stored(creative, home)
    if files is None:
        files = encode(creative, stop)
        if files is not None:
            _store(files, home)
    return files


def encode(creative: Creative, stop: threading.Event) -> Mapping[str, bytes] | None:
    """Draw and encode a creative: playlist, initialisation segment and segments of picture and sound."""
    header = Header()
    picture = HousePicture(creative)
    video = header.video(640, 360, level="3.0", crf=23, peak_bits_per_s=1_000_000)
    audio = header.audio(jingle(STYLES[creative.id].notes))
    files = {"init.mp4": header.init_segment()}
    for number in range(_segments(creative)):
        if stop.is_set():
            return None
        files[_name(number)] = _encode_segment(number, picture, video, audio)
    return {**files, _INDEX: _playlist(creative).encode()}


def _encode_segment(number: int, picture: HousePicture, video: VideoEncoder, audio: AudioEncoder) -> bytes:
    first, sound = number * SEGMENT_FRAMES, first_audio_frame(number)
    samples: list[Sample] = [video.encode(picture.draw(n)) for n in range(first, first + SEGMENT_FRAMES)]
    pictures = Run(1, first * FRAME_TICKS, tuple(samples))
    frames = Run(2, sound * AAC_FRAME_SAMPLES, audio.frames(sound, first_audio_frame(number + 1)))
    return segment(number + 1, [pictures, frames])


def _stored(creative: Creative, home: Path) -> Mapping[str, bytes] | None:
    """What lies in the folder, if it is whole, ours and of this recipe."""
    names = [_INDEX, "init.mp4", *map(_name, range(_segments(creative)))]
    try:
        if (home / _RECIPE_FILE).read_text() != str(RECIPE):
            return None
        if sum((home / name).stat().st_size for name in names) > CREATIVE_BYTES_MAX:
            return None
        files = {name: (home / name).read_bytes() for name in names}
    except (OSError, UnicodeDecodeError):
        return None
    return files if all(files.values()) else None


def _store(files: Mapping[str, bytes], home: Path) -> None:
    """Write beside the place and move there, so that nobody meets half a creative."""
    draft = home.with_name(f".{home.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, body in files.items():
        (draft / name).write_bytes(body)
    (draft / _RECIPE_FILE).write_text(str(RECIPE))
    shutil.rmtree(home, ignore_errors=True)
    draft.replace(home)


def _playlist(creative: Creative) -> str:
    return vod_playlist([Fraction(SEGMENT_S)] * _segments(creative))


def _segments(creative: Creative) -> int:
    return creative.duration_s // SEGMENT_S


def _name(number: int) -> str:
    return f"{number}.m4s"
