"""The renditions of the live channel, for whoever writes a multivariant playlist or an MPD."""

from typing import Literal

import msgspec


class Rendition(msgspec.Struct, frozen=True, gc=False):
    """One encoding of the channel, at `/live/<channel>/<id>/index.m3u8`.

    `bandwidth` is the peak of any segment in bits/s; `codecs` is its RFC 6381 string. A video rendition
    has `width` and `height` in pixels and `frame_rate` in frames/s, an audio rendition its `channels`;
    what does not apply is zero.
    """

    id: str
    kind: Literal["video", "audio"]
    bandwidth: int
    codecs: str
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    channels: int = 0


RENDITIONS: tuple[Rendition, ...] = (
    Rendition("v360", "video", 1_000_000, "avc1.4d401e", 640, 360, 25.0),
    Rendition("v180", "video", 350_000, "avc1.4d400d", 320, 180, 25.0),
    Rendition("a96", "audio", 110_000, "mp4a.40.2", channels=1),
)
"""Best picture first."""

LADDER: tuple[int, ...] = tuple(one.bandwidth for one in RENDITIONS if one.kind == "video")
"""The bandwidths between which a player chooses."""

CREATIVE_RENDITIONS: tuple[Rendition, ...] = (
    Rendition("video", "video", 1_200_000, "avc1.4d401e", 640, 360, 25.0),
    Rendition("audio", "audio", 110_000, "mp4a.40.2", channels=1),
)
"""How every house creative is encoded.

Picture and sound apart, as in the live channel: hls.js refuses an interstitial whose tracks differ in kind
from those of the content it is to be appended to.
"""
