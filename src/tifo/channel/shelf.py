"""What the origin serves: finished files in memory, put there by the encoders' threads."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tifo.api.breaks import Breaks
from tifo.api.renditions import CREATIVE_RENDITIONS, RENDITIONS
from tifo.channel.playlist import announced, live_playlist, shown
from tifo.channel.timeline import SEGMENT_S

PLAYLIST = "application/vnd.apple.mpegurl"
VIDEO = "video/mp4"
AUDIO = "audio/mp4"

PLAYLIST_AGE_S = 1
MEDIA_AGE_S = 3600


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A finished file; `etag` is a strong validator, quotes included."""

    body: bytes
    media_type: str
    cache_control: str
    etag: str

    @classmethod
    def live(cls, playlist: str) -> Self:
        """A playlist that changes with every segment."""
        return cls._of(playlist.encode(), PLAYLIST, f"public, max-age={PLAYLIST_AGE_S}")

    @classmethod
    def lasting(cls, body: bytes, media_type: str) -> Self:
        """A file that never changes under its address."""
        return cls._of(body, media_type, f"public, max-age={MEDIA_AGE_S}, immutable")

    @classmethod
    def _of(cls, body: bytes, media_type: str, cache_control: str) -> Self:
        digest = hashlib.blake2b(body, digest_size=12).hexdigest()
        return cls(body, media_type, cache_control, f'"{digest}"')


class LiveShelf:
    """The newest segments of every rendition, and the playlists that name them.

    One thread publishes; any may read. Readers see a whole segment in all renditions or none of it: what
    they read is replaced in one assignment and never changed. It keeps twice the window, since a player
    asks for what stood in a playlist some time ago.
    """

    def __init__(self, window_segments: int, breaks: Breaks, break_notice_s: float) -> None:
        self._window = window_segments
        self._breaks = breaks
        self._break_notice_s = break_notice_s
        self._segments: dict[int, Mapping[str, StoredFile]] = {}
        self._files: Mapping[str, StoredFile] = {}
        self._inits: Mapping[str, StoredFile] = {}
        self._newest: int | None = None

    @property
    def newest_end_s(self) -> float | None:
        """When the newest segment ends, in seconds since the epoch; None before the first."""
        return None if self._newest is None else float((self._newest + 1) * SEGMENT_S)

    @property
    def newest(self) -> int | None:
        """The newest segment's number; None before the first."""
        return self._newest

    def open(self, inits: Mapping[str, bytes]) -> None:
        """Set the initialisation segments, by rendition."""
        types = {r.id: _media_type(r.kind) for r in RENDITIONS}
        self._inits = {
            f"{rendition}/init.mp4": StoredFile.lasting(body, types[rendition])
            for rendition, body in inits.items()
        }
        self._publish()

    def add(self, msn: int, media: Mapping[str, bytes]) -> None:
        """Publish one segment in all renditions; numbers only rise."""
        files = {
            f"{r.id}/{msn}.m4s": StoredFile.lasting(media[r.id], _media_type(r.kind)) for r in RENDITIONS
        }
        kept = {n: f for n, f in self._segments.items() if n > msn - 2 * self._window}
        self._segments = {**kept, msn: files}
        self._newest = msn
        self._publish()

    def get(self, path: str) -> StoredFile | None:
        """The file at `<rendition>/<name>`, or None."""
        return self._files.get(path)

    def _publish(self) -> None:
        files = {path: file for segment in self._segments.values() for path, file in segment.items()}
        self._files = {**self._inits, **files, **self._playlists()}

    def _playlists(self) -> dict[str, StoredFile]:
        if not self._segments:
            return {}
        window = shown(self._segments, self._window)
        breaks = announced(self._breaks, window, self._break_notice_s)
        notice_s = self._break_notice_s
        return {
            f"{r.id}/index.m3u8": StoredFile.live(live_playlist(r, self._segments, window, breaks, notice_s))
            for r in RENDITIONS
        }


class CreativeShelf:
    """The house ads that are ready, whole or not at all. One thread adds; any may read."""

    def __init__(self) -> None:
        self._files: Mapping[str, StoredFile] = {}
        self._ready: frozenset[str] = frozenset()

    @property
    def ready(self) -> frozenset[str]:
        """Ids of the creatives that can be played."""
        return self._ready

    def add(self, creative: str, files: Mapping[str, bytes]) -> None:
        """Publish a creative's files, by path within it."""
        stored = {
            f"{creative}/{path}": StoredFile.lasting(body, _creative_type(path))
            for path, body in files.items()
        }
        self._files = {**self._files, **stored}
        self._ready |= {creative}

    def get(self, path: str) -> StoredFile | None:
        """The file at `<creative>/<path>`, or None."""
        return self._files.get(path)


def _media_type(kind: str) -> str:
    return VIDEO if kind == "video" else AUDIO


def _creative_type(path: str) -> str:
    if path.endswith(".m3u8"):
        return PLAYLIST
    folder = path.split("/", maxsplit=1)[0]
    return next((_media_type(r.kind) for r in CREATIVE_RENDITIONS if r.id == folder), VIDEO)
