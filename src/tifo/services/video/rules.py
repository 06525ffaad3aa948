"""The personal playlists of a session: one pathway per CDN, content steering declared.

HLS by draft-pantos-hls-rfc8216bis-22, DASH by ETSI TS 103 998 V1.1.1. Only these are personal; the
media playlists and segments they point at are the same for every viewer, so that a CDN can keep them.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from xml.sax.saxutils import escape, quoteattr

import msgspec

from tifo.api.renditions import Rendition

SEGMENT_S = 2

UPDATE_H = 24
"""Hours after which an MPD is read again: never in a match. Nothing in it would be new, and dash.js ends the
playback when it cannot read it, as when the platform is away."""

RENEW_EARLY_SHARE = 0.1
"""The part of its time by which a player may be asked to renew early, so that a crowd spreads."""

FORMS_MAX = 1_000
"""Pathways, and kinds of rendition, whose lines are remembered: no session changes them."""

BASE, QUERY, AND_QUERY = "\0", "\1", "\2"
"""Stand for the two halves of the session's own address, the second as the whole query or after another;
no address has one."""

HEAD = ("#EXT-X-VERSION:12", "#EXT-X-INDEPENDENT-SEGMENTS")
"""What heads the test channel's playlist."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """Where a pathway serves the channel for one session: `base` ends before `/<rendition>/...`.

    `query` follows the path in a format whose token stands there, and begins with a question mark.
    """

    pathway: str
    base: str
    query: str = ""


class Program(msgspec.Struct, frozen=True, gc=False):
    """What a session's playlist is made of; `addresses` are best first, `renditions` the test channel's."""

    addresses: Sequence[Address]
    renditions: tuple[Rendition, ...]
    steering_url: str
    ads_url: str


def seconds_to_renewal(renew_s: float, renew_at: float, now: float, chance: float) -> int:
    """When a player should ask for new addresses: after `renew_s`, or a little early by a chance from 0 to 1,
    and not later than `renew_at`, when these ask for it; at least one second."""
    return max(1, min(round(renew_s * (1 - RENEW_EARLY_SHARE * chance)), int(renew_at - now)))


def multivariant_playlist(program: Program) -> str:
    """The test channel's HLS multivariant playlist."""
    return playlist(program, HEAD, lambda pathway: _form(pathway, program.renditions))


def playlist(program: Program, head: Iterable[str], form: Callable[[str], str]) -> str:
    """A session's HLS multivariant playlist: its first lines, then what `form` says of each pathway.

    The media playlists can import `tifo-ads`, so a shared playlist still leads each viewer to an ad
    decision of their own (EXT-X-DEFINE, section 4.4.2.3).
    """
    first = program.addresses[0].pathway
    own = (
        f'#EXT-X-DEFINE:NAME="tifo-ads",VALUE="{program.ads_url}"',
        f'#EXT-X-CONTENT-STEERING:SERVER-URI="{program.steering_url}",PATHWAY-ID="{first}"',
    )
    forms = (_filled(one, form(one.pathway)) for one in program.addresses)
    return "\n".join(("#EXTM3U", *head, *own, *forms)) + "\n"


def _filled(address: Address, form: str) -> str:
    filled = form.replace(BASE, address.base).replace(QUERY, address.query)
    return filled.replace(AND_QUERY, address.query.replace("?", "&", 1)) if AND_QUERY in filled else filled


@lru_cache(FORMS_MAX)
def within(renditions: tuple[Rendition, ...], bandwidth_max_bps: int) -> tuple[Rendition, ...]:
    """The renditions without the pictures above a cap, but always with the least; 0 caps nothing."""
    pictures = [one.bandwidth for one in renditions if one.kind == "video"]
    most = max(bandwidth_max_bps, min(pictures, default=0)) if bandwidth_max_bps else max(pictures, default=0)
    return tuple(one for one in renditions if one.kind != "video" or one.bandwidth <= most)


@lru_cache(FORMS_MAX)
def _form(pathway: str, renditions: tuple[Rendition, ...]) -> str:
    """What the playlist says of a pathway to every session alike."""
    return "\n".join((*_audio(pathway, renditions), *_variants(pathway, renditions)))


def _audio(pathway: str, renditions: Sequence[Rendition]) -> list[str]:
    return [
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-{pathway}",NAME="Stadium",LANGUAGE="en",'
        f'DEFAULT=YES,AUTOSELECT=YES,CHANNELS="{audio.channels}",STABLE-RENDITION-ID="{audio.id}",'
        f'URI="{BASE}/{audio.id}/index.m3u8{QUERY}"'
        for audio in renditions
        if audio.kind == "audio"
    ]


def _variants(pathway: str, renditions: Sequence[Rendition]) -> list[str]:
    audio = [rendition for rendition in renditions if rendition.kind == "audio"]
    lines: list[str] = []
    for video in (rendition for rendition in renditions if rendition.kind == "video"):
        bandwidth = video.bandwidth + max((one.bandwidth for one in audio), default=0)
        codecs = ",".join((video.codecs, *(one.codecs for one in audio)))
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={video.width}x{video.height},"
            f'FRAME-RATE={video.frame_rate:.3f},CODECS="{codecs}",AUDIO="audio-{pathway}",'
            f'PATHWAY-ID="{pathway}",STABLE-VARIANT-ID="{video.id}"'
        )
        lines.append(f"{BASE}/{video.id}/index.m3u8{QUERY}")
    return lines


def in_dash(program: Program) -> Sequence[Address]:
    """The addresses that DASH players can use."""
    return [address for address in program.addresses if not address.query]


def mpd(program: Program, now: str) -> str:
    """The DASH MPD: one BaseURL per pathway, segments numbered from the epoch.

    A BaseURL's query is lost on the way to a segment (RFC 3986, section 5.2.2), so a pathway whose token
    stands there is left out.

    Segment n of every rendition covers the seconds [2n, 2n + 2) since the epoch, so the
    availabilityStartTime is the epoch and no timeline has to be listed. `now` (RFC 3339) sets the
    player's clock.
    """
    sets = "".join(_adaptation_set(kind, program.renditions) for kind in ("video", "audio"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" '
        'type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="1970-01-01T00:00:00Z" '
        f'minimumUpdatePeriod="PT{UPDATE_H}H" minBufferTime="PT{SEGMENT_S}S" timeShiftBufferDepth="PT24S" '
        'suggestedPresentationDelay="PT8S" maxSegmentDuration="PT3S">'
        f"{places(program, '/')}"
        f'<Period id="live" start="PT0S">{sets}</Period>'
        f"{clock(now)}"
        "</MPD>"
    )


def places(program: Program, folder: str) -> str:
    """Where each pathway has the folder, and who steers: a BaseURL each, and ContentSteering."""
    there = in_dash(program)
    bases = "".join(
        f"<BaseURL serviceLocation={quoteattr(one.pathway)}>{escape(one.base + folder)}</BaseURL>"
        for one in there
    )
    return (
        f"{bases}<ContentSteering defaultServiceLocation={quoteattr(there[0].pathway)} "
        f'queryBeforeStart="false">{escape(program.steering_url)}</ContentSteering>'
    )


def clock(now: str) -> str:
    """What sets the player's clock."""
    return f'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value={quoteattr(now)}/>'


@lru_cache(FORMS_MAX)
def _adaptation_set(kind: str, renditions: tuple[Rendition, ...]) -> str:
    of_kind = [rendition for rendition in renditions if rendition.kind == kind]
    if not of_kind:
        return ""
    media = "".join(_representation(rendition) for rendition in of_kind)
    return (
        f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4" segmentAlignment="true" '
        'startWithSAP="1"><SegmentTemplate timescale="1" '
        f'duration="{SEGMENT_S}" startNumber="0" initialization="$RepresentationID$/init.mp4" '
        f'media="$RepresentationID$/$Number$.m4s"/>{media}</AdaptationSet>'
    )


def _representation(rendition: Rendition) -> str:
    picture = ""
    if rendition.kind == "video":
        rate = Fraction(rendition.frame_rate).limit_denominator(1001)
        picture = f' width="{rendition.width}" height="{rendition.height}" frameRate="{rate}"'
    return (
        f'<Representation id="{rendition.id}" bandwidth="{rendition.bandwidth}" '
        f'codecs="{rendition.codecs}"{picture}/>'
    )
