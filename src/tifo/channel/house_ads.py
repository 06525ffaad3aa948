"""The house's own ads: encoded once into a folder, and read from it."""

import os
import shutil
import threading
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import structlog

from tifo.api.creatives import Creative
from tifo.api.renditions import CREATIVE_RENDITIONS
from tifo.channel.boxes import Run, segment
from tifo.channel.encoders import Header
from tifo.channel.house_picture import STYLES, HousePicture
from tifo.channel.playlist import creative_playlist, vod_playlist
from tifo.channel.sound import jingle
from tifo.channel.timeline import (
    AAC_FRAME_SAMPLES,
    FRAME_TICKS,
    SAMPLES_PER_S,
    SEGMENT_FRAMES,
    SEGMENT_S,
    first_audio_frame,
)

RECIPE = 1
"""Raise it when the creatives' pictures or encoding change: folders of another recipe are made anew."""

CREATIVE_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of one creative on disk; a folder with more is not ours and is made anew."""

_log = structlog.get_logger(__name__)
_INDEX = "index.m3u8"
_INIT = "init.mp4"
_RECIPE_FILE = "recipe"


def prepare(creative: Creative, folder: Path, stop: threading.Event) -> Mapping[str, bytes] | None:
    """The creative's files by path, from `folder/<id>`, where they are written first if need be.

    They appear there all at once. A folder that cannot be written costs the next start some seconds, and
    nothing else. None when `stop` was set before they were encoded.
    """
    home = folder / creative.id
    files = _stored(creative, home)
    if files is None:
        files = encode(creative, stop)
        if files is not None:
            _try_to_store(files, home)
    return files


def encode(creative: Creative, stop: threading.Event) -> Mapping[str, bytes] | None:
    """Draw and encode a creative: playlists, initialisation segments, segments; None when told to stop."""
    video, audio = CREATIVE_RENDITIONS
    sound = _encode_sound(creative)
    pictures = _encode_pictures(creative, stop)
    if pictures is None:
        return None
    return {
        _INDEX: creative_playlist(video, audio).encode(),
        **{f"{video.id}/{name}": body for name, body in pictures.items()},
        **{f"{audio.id}/{name}": body for name, body in sound.items()},
    }


def _encode_pictures(creative: Creative, stop: threading.Event) -> dict[str, bytes] | None:
    header, picture, count = Header(), HousePicture(creative), _segments(creative)
    encoder = header.video(640, 360, level="3.0", crf=23, peak_bits_per_s=1_000_000)
    files = {_INIT: header.init_segment(), _INDEX: vod_playlist([Fraction(SEGMENT_S)] * count).encode()}
    for number in range(count):
        if stop.is_set():
            return None
        frames = range(number * SEGMENT_FRAMES, (number + 1) * SEGMENT_FRAMES)
        samples = tuple(encoder.encode(picture.draw(frame)) for frame in frames)
        files[_name(number)] = segment(number + 1, [Run(1, frames.start * FRAME_TICKS, samples)])
    return files


def _encode_sound(creative: Creative) -> dict[str, bytes]:
    """Its last frame is the last one that ends with the picture or before it."""
    header, count = Header(), _segments(creative)
    encoder = header.audio(jingle(STYLES[creative.id].notes))
    files = {_INIT: header.init_segment()}
    cuts = [*map(first_audio_frame, range(count)), creative.duration_s * SAMPLES_PER_S // AAC_FRAME_SAMPLES]
    for number, (first, end) in enumerate(pairwise(cuts)):
        run = Run(1, first * AAC_FRAME_SAMPLES, encoder.frames(first, end))
        files[_name(number)] = segment(number + 1, [run])
    lengths = [Fraction((end - first) * AAC_FRAME_SAMPLES, SAMPLES_PER_S) for first, end in pairwise(cuts)]
    return {**files, _INDEX: vod_playlist(lengths).encode()}


def _stored(creative: Creative, home: Path) -> Mapping[str, bytes] | None:
    """What lies in the folder, if it is whole, ours and of this recipe."""
    paths = _paths(creative)
    try:
        if (home / _RECIPE_FILE).read_text() != str(RECIPE):
            return None
        if sum((home / path).stat().st_size for path in paths) > CREATIVE_BYTES_MAX:
            return None
        files = {path: (home / path).read_bytes() for path in paths}
    except (OSError, UnicodeDecodeError):
        return None
    return files if all(files.values()) else None


def _try_to_store(files: Mapping[str, bytes], home: Path) -> None:
    try:
        _store(files, home)
    except OSError as error:
        _log.warning("channel.creative_not_kept", folder=str(home), error=str(error))


def _store(files: Mapping[str, bytes], home: Path) -> None:
    """Write beside the place and move there, so that nobody meets half a creative."""
    draft = home.with_name(f".{home.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    for path, body in files.items():
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        (draft / path).write_bytes(body)
    (draft / _RECIPE_FILE).write_text(str(RECIPE))
    shutil.rmtree(home, ignore_errors=True)
    draft.replace(home)


def _paths(creative: Creative) -> list[str]:
    names = [_INDEX, _INIT, *map(_name, range(_segments(creative)))]
    return [_INDEX, *(f"{rendition.id}/{name}" for rendition in CREATIVE_RENDITIONS for name in names)]


def _segments(creative: Creative) -> int:
    return creative.duration_s // SEGMENT_S


def _name(number: int) -> str:
    return f"{number}.m4s"
