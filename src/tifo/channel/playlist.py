"""Media playlists (RFC 8216bis), as pure functions of what there is."""

from collections.abc import Callable, Collection, Iterable
from fractions import Fraction

from tifo.api.breaks import Break, Breaks
from tifo.api.renditions import Rendition
from tifo.channel.timeline import SEGMENT_S, audio_start, video_start
from tifo.kernel.clock import rfc3339

VERSION = 8
"""EXT-X-DEFINE and EXT-X-GAP ask for it."""

PRELOAD_SPARE_S = 4.0
"""Seconds before a break by which its ads are asked for: the first of them has to be fetched too."""

_HEAD = (
    "#EXTM3U",
    f"#EXT-X-VERSION:{VERSION}",
    f"#EXT-X-TARGETDURATION:{SEGMENT_S}",
    "#EXT-X-INDEPENDENT-SEGMENTS",
)


def shown(present: Collection[int], window_segments: int) -> range:
    """The numbers that a playlist shows: the newest `window_segments` of `present`, at least one."""
    newest = max(present)
    return range(min(n for n in present if n > newest - window_segments), newest + 1)


def announced(breaks: Breaks, window: range, notice_s: float) -> tuple[Break, ...]:
    """The breaks that stand in playlists which show these numbers.

    They go by the end of the newest segment and not by a clock, and are asked for once for all renditions,
    so that all of one moment say the same.
    """
    return breaks.between(float(window.start * SEGMENT_S), float(window.stop * SEGMENT_S) + notice_s)


def live_playlist(
    rendition: Rendition, present: Collection[int], window: range, breaks: Iterable[Break], notice_s: float
) -> str:
    """The playlist of one rendition; `present` are the numbers of the segments that exist.

    A number of the window that is missing (the machine slept) is an EXT-X-GAP: the timeline runs on
    through it, so it is no discontinuity.
    """
    begins = video_start if rendition.kind == "video" else audio_start
    lines = [
        *_HEAD,
        f"#EXT-X-SERVER-CONTROL:HOLD-BACK={3 * SEGMENT_S}.0",
        f"#EXT-X-MEDIA-SEQUENCE:{window.start}",
        '#EXT-X-DEFINE:IMPORT="tifo-ads"',
        '#EXT-X-MAP:URI="init.mp4"',
    ]
    for one in breaks:
        lines += (*preload_range(one, notice_s), date_range(one, float(window.stop * SEGMENT_S)))
    for msn in window:
        lines += _segment(msn, begins, gap=msn not in present)
    return _text(lines)


def date_range(one: Break, edge_s: float) -> str:
    """A break as an HLS interstitial (RFC 8216bis, appendix D); the session's own playlist says whose ads.

    Nothing of it changes once it was announced. An early return adds how long it was, and that limit for
    what plays in it, once the newest segment's end `edge_s` has come there: players are behind it, and until
    then the return may still become an earlier one. Without X-RESUME-OFFSET players resume after what they
    played, at the same latency.
    """
    tag = (
        f'#EXT-X-DATERANGE:ID="{one.id}",CLASS="com.apple.hls.interstitial",'
        f'START-DATE="{rfc3339(one.start)}",PLANNED-DURATION={one.duration_s:.3f},'
        f'X-ASSET-LIST="{{$tifo-ads}}/breaks/{one.id}",X-SNAP="OUT,IN",X-RESTRICT="SKIP,JUMP"'
    )
    if one.returned_at is None or one.end > edge_s:
        return tag
    lasted = f"{one.end - one.start:.3f}"
    return f"{tag},DURATION={lasted},X-PLAYOUT-LIMIT={lasted}"


def preload_range(one: Break, notice_s: float) -> tuple[str, ...]:
    """The time in which to ask for a break's ads, each player at a moment drawn by itself (RFC 8216bis,
    appendix F); none where the notice leaves no time for it. Like the break, it never changes.
    """
    lasts_s = notice_s - PRELOAD_SPARE_S
    if lasts_s <= 0:
        return ()
    return (
        f'#EXT-X-DATERANGE:ID="{one.id}.preload",CLASS="com.apple.hls.preload",'
        f'START-DATE="{rfc3339(one.start - notice_s)}",DURATION={lasts_s:.3f},'
        f'X-URI="{{$tifo-ads}}/breaks/{one.id}",X-TARGET-CLASS="com.apple.hls.interstitial",'
        f'X-TARGET-ID="{one.id}"',
    )


def vod_playlist(durations_s: Iterable[Fraction]) -> str:
    """The media playlist of a rendition whose segments are `0.m4s`, `1.m4s` and so on."""
    lines = [*_HEAD, "#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-PLAYLIST-TYPE:VOD", '#EXT-X-MAP:URI="init.mp4"']
    for number, duration_s in enumerate(durations_s):
        lines += (_extinf(duration_s), f"{number}.m4s")
    return _text([*lines, "#EXT-X-ENDLIST"])


def creative_playlist(video: Rendition, audio: Rendition) -> str:
    """The multivariant playlist of a creative, with its renditions in folders beside it."""
    size = f"RESOLUTION={video.width}x{video.height},FRAME-RATE={video.frame_rate:.3f}"
    return _text(
        (
            "#EXTM3U",
            f"#EXT-X-VERSION:{VERSION}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,'
            f'CHANNELS="1",URI="{audio.id}/index.m3u8"',
            f"#EXT-X-STREAM-INF:BANDWIDTH={video.bandwidth + audio.bandwidth},"
            f'CODECS="{video.codecs},{audio.codecs}",{size},AUDIO="audio"',
            f"{video.id}/index.m3u8",
        )
    )


def _segment(msn: int, begins: Callable[[int], Fraction], *, gap: bool) -> list[str]:
    start = begins(msn)
    lines = [f"#EXT-X-PROGRAM-DATE-TIME:{rfc3339(float(start))}", _extinf(begins(msn + 1) - start)]
    return [*lines, "#EXT-X-GAP", f"{msn}.m4s"] if gap else [*lines, f"{msn}.m4s"]


def _extinf(duration_s: Fraction) -> str:
    return f"#EXTINF:{float(duration_s):.6f},"


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
