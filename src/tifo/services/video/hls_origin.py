"""What a live origin offers in HLS, and how it stands in a playlist (draft-pantos-hls-rfc8216bis-22).

Attributes are taken over as they are written; addresses, groups and pathways become our own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import msgspec

from tifo.kernel.web import web_address
from tifo.services.video.attributes import (
    Attributes,
    attributes,
    number,
    quoted,
    required,
    unquoted,
    with_variables,
    written,
)
from tifo.services.video.references import BadDocument, Reference, referred, shared_folder, shown
from tifo.services.video.rules import AND_QUERY, BASE, QUERY

VERSION_MIN = 8
"""What EXT-X-DEFINE asks for."""

FORMS_MAX = 200
"""Pathways whose lines are remembered, each of one reading: an origin seldom says something new."""

VARIANTS_MAX = 200
MEDIA_MAX = 500

SINGLE_BANDWIDTH_BPS = 5_000_000
"""What is said of a lone media playlist, which does not say it itself: a player has nothing to choose."""

GROUPS = ("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS")
"""Attributes of a variant that name a group, each the TYPE of the group's renditions."""

ADS_VARIABLE = "tifo-ads"
"""The variable that our own playlists define."""

_OURS = frozenset({"PATHWAY-ID", "STABLE-VARIANT-ID", "STABLE-RENDITION-ID", "URI"})
_CARRIED = ("#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-START", "#EXT-X-SESSION-DATA", "#EXT-X-SESSION-KEY")
# Also what some parsers take for the end of a line.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A variant, a rendition or an I-frame playlist; `place` is None where a rendition is in the segments."""

    told: Attributes
    place: Reference | None
    bandwidth: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class HlsOrigin:
    """A multivariant playlist as read: what heads it, and its entries; `folder` holds all that it names."""

    head: tuple[str, ...]
    media: tuple[Entry, ...]
    variants: tuple[Entry, ...]
    iframes: tuple[Entry, ...]
    folder: str

    @property
    def renditions(self) -> int:
        """How many variants a player may choose from."""
        return len(self.variants)


# --- reading ------------------------------------------------------------------------------------------


def read_playlist(url: str, body: bytes) -> HlsOrigin:
    """What a playlist at `url` offers; raises `BadDocument`.

    Of a media playlist one variant is made. Of several pathways the first variant's is taken, and variants
    on other servers are left out: our own pathways fail over.
    """
    lines = _lines(body)
    if any(line.startswith(("#EXTINF:", "#EXT-X-TARGETDURATION:")) for line in lines):
        return _of_media_playlist(url, lines)
    variables = _variables(lines)
    variants = _variants(url, lines, variables)
    chosen = _pathway(variants[0])
    variants = [one for one in variants if _pathway(one) == chosen]
    iframes = [
        one
        for one in _tagged(url, lines, "#EXT-X-I-FRAME-STREAM-INF", variables)
        if one.place and _pathway(one) == chosen
    ]
    media = _groups_used(_media(url, lines, variables), variants)
    _refuse_elsewhere(media)
    _refuse_too_many(len(variants), len(media) + len(iframes))
    named = [one.place.path for one in (*variants, *media, *iframes) if one.place]
    folder = shared_folder([web_address(url).path, *named])
    return HlsOrigin(_head(lines), tuple(media), tuple(variants), tuple(iframes), folder)


def _lines(body: bytes) -> list[str]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadDocument("it is not UTF-8, so it is no HLS playlist") from None
    lines = [line.strip() for line in text.split("\n")]
    if lines[0] != "#EXTM3U":
        raise BadDocument(f"it is no HLS playlist: it begins with {shown(lines[0])}")
    found = [line for line in lines if line]
    if bad := next(filter(_CONTROL.search, found), None):
        raise BadDocument(f"a line has a character that no playlist may have: {shown(bad)}")
    return found


def _of_media_playlist(url: str, lines: Sequence[str]) -> HlsOrigin:
    if not any(line.startswith("#EXTINF:") for line in lines):
        raise BadDocument("it is a media playlist without any segment")
    address = web_address(url)
    place = Reference(address.path, address.query)
    variant = Entry((("BANDWIDTH", str(SINGLE_BANDWIDTH_BPS)),), place, SINGLE_BANDWIDTH_BPS)
    return HlsOrigin((_version(()),), (), (variant,), (), shared_folder([place.path]))


def _variants(url: str, lines: Sequence[str], variables: Mapping[str, str]) -> list[Entry]:
    """Those on the origin's own server."""
    found, elsewhere = [], ""
    for told, address in _with_address(lines):
        text = with_variables(address, variables)
        place = referred(url, text)
        if place is None:
            elsewhere = text
            continue
        found.append(Entry(told, place, number(told, "BANDWIDTH")))
    if not found:
        where = f"every variant is on another server, as {shown(elsewhere)}" if elsewhere else "it is empty"
        raise BadDocument(f"it names no variant that can be carried: {where}")
    return found


def _with_address(lines: Sequence[str]) -> Iterator[tuple[Attributes, str]]:
    """Each variant's attributes and the line that follows them."""
    pending: Attributes | None = None
    for line in lines:
        if line.startswith("#EXT-X-STREAM-INF:"):
            if pending is not None:
                raise BadDocument("a variant has no address")
            pending = attributes(line)
        elif pending is not None and not line.startswith("#"):
            yield pending, line
            pending = None
    if pending is not None:
        raise BadDocument("its last variant has no address: it may be cut off")


def _pathway(one: Entry) -> str:
    """Empty where it is on none."""
    return dict(one.told).get("PATHWAY-ID", "")


def _tagged(url: str, lines: Sequence[str], tag: str, variables: Mapping[str, str]) -> Iterator[Entry]:
    """The entries of one tag; `place` is None where it is elsewhere or not given."""
    for line in lines:
        if line.startswith(f"{tag}:"):
            told = attributes(line)
            bandwidth = number(told, "BANDWIDTH") if tag != "#EXT-X-MEDIA" else 0
            uri = unquoted(dict(told).get("URI", '""'))
            yield Entry(told, referred(url, with_variables(uri, variables)) if uri else None, bandwidth)


def _media(url: str, lines: Sequence[str], variables: Mapping[str, str]) -> Iterator[Entry]:
    for one in _tagged(url, lines, "#EXT-X-MEDIA", variables):
        for name in ("TYPE", "GROUP-ID", "NAME"):
            required(one.told, name)
        yield one


def _refuse_elsewhere(media: Iterable[Entry]) -> None:
    """A picture without the sound or the subtitles it names would be half of what the origin offers."""
    for one in media:
        if one.place is None and "URI" in dict(one.told):
            raise BadDocument(f"a rendition is on another server: {shown(dict(one.told)['URI'])}")


def _groups_used(media: Iterable[Entry], variants: Iterable[Entry]) -> list[Entry]:
    """The renditions that the variants name; raises `BadDocument` where there are none of a name."""
    renditions = [(dict(one.told)["TYPE"], dict(one.told)["GROUP-ID"], one) for one in media]
    there = {(kind, group) for kind, group, _ in renditions}
    named = {
        (kind, group)
        for one in variants
        for kind in GROUPS
        if (group := dict(one.told).get(kind, "NONE")) != "NONE"
    }
    if missing := named - there:
        kind, group = min(missing)
        raise BadDocument(f"a variant names a group of {kind} that is not there: {shown(group)}")
    return [one for kind, group, one in renditions if (kind, group) in named]


def _variables(lines: Sequence[str]) -> dict[str, str]:
    """What EXT-X-DEFINE says of names (section 4.4.2.3)."""
    told = [dict(attributes(line)) for line in lines if line.startswith("#EXT-X-DEFINE:")]
    return {unquoted(one["NAME"]): unquoted(one.get("VALUE", '""')) for one in told if "NAME" in one}


def _head(lines: Sequence[str]) -> tuple[str, ...]:
    carried = (line for line in lines if line.startswith(_CARRIED) and _stands_alone(line))
    defined = (line for line in lines if line.startswith("#EXT-X-DEFINE:") and _defines(line))
    return (_version(lines), *carried, *defined)


def _version(lines: Sequence[str]) -> str:
    told = [line.partition(":")[2] for line in lines if line.startswith("#EXT-X-VERSION:")]
    versions = [int(one) for one in told if re.fullmatch("[0-9]{1,3}", one)]
    return f"#EXT-X-VERSION:{max(VERSION_MIN, *versions, VERSION_MIN)}"


def _defines(line: str) -> bool:
    """Whether it gives a name a value, one that is not ours to give."""
    told = dict(attributes(line))
    return "VALUE" in told and unquoted(told.get("NAME", "")) not in ("", ADS_VARIABLE)


def _stands_alone(line: str) -> bool:
    """Whether it means the same in our playlist: no relative address in it."""
    uri = dict(attributes(line)).get("URI", "")
    return not uri or bool(_SCHEME.match(unquoted(uri)))


def _refuse_too_many(variants: int, others: int) -> None:
    if variants > VARIANTS_MAX or others > MEDIA_MAX:
        raise BadDocument(f"it has {variants} variants and {others} other entries")


# --- writing ------------------------------------------------------------------------------------------


@lru_cache(FORMS_MAX)
def form(pathway: str, origin: HlsOrigin, bandwidth_max_bps: int) -> str:
    """What a session's playlist says of a pathway, without variants above a cap; the least always stays."""
    least = min(one.bandwidth for one in origin.variants)
    most = max(bandwidth_max_bps, least) if bandwidth_max_bps else None
    variants = [one for one in origin.variants if most is None or one.bandwidth <= most]
    iframes = [one for one in origin.iframes if most is None or one.bandwidth <= most]
    lines = [_media_line(pathway, one) for one in _groups_used(origin.media, variants)]
    for one in variants:
        lines += (_tag("#EXT-X-STREAM-INF", _of_variant(pathway, one)), _address(one))
    lines += [_tag("#EXT-X-I-FRAME-STREAM-INF", (*_of_variant(pathway, one), _uri(one))) for one in iframes]
    return "\n".join(lines)


def _of_variant(pathway: str, one: Entry) -> Iterator[tuple[str, str]]:
    for name, value in one.told:
        if name in GROUPS and value != "NONE":
            yield name, _group(pathway, value)
        elif name not in _OURS:
            yield name, value
    yield "PATHWAY-ID", quoted(pathway)
    yield "STABLE-VARIANT-ID", quoted(_stable(one))


def _media_line(pathway: str, one: Entry) -> str:
    told = [
        (name, _group(pathway, value) if name == "GROUP-ID" else value)
        for name, value in one.told
        if name not in _OURS
    ]
    own = [("STABLE-RENDITION-ID", quoted(_stable(one))), _uri(one)] if one.place else []
    return _tag("#EXT-X-MEDIA", (*told, *own))


def _group(pathway: str, value: str) -> str:
    return quoted(f"{unquoted(value)}-{pathway}")


def _tag(tag: str, told: Iterable[tuple[str, str]]) -> str:
    return f"{tag}:{written(told)}"


def _uri(one: Entry) -> tuple[str, str]:
    return "URI", quoted(_address(one))


def _address(one: Entry) -> str:
    assert one.place is not None
    query = f"?{one.place.query}{AND_QUERY}" if one.place.query else QUERY
    return f"{BASE}{one.place.path}{query}"


def _stable(one: Entry) -> str:
    """The origin's own word, else one of what tells the entry from the others, the same at each reading."""
    told = dict(one.told)
    own = told.get("STABLE-VARIANT-ID") or told.get("STABLE-RENDITION-ID")
    if own:
        return unquoted(own)
    path = one.place.path if one.place else ""
    names = ("TYPE", "GROUP-ID", "NAME", "LANGUAGE", "BANDWIDTH", *GROUPS)
    apart = "|".join((path, *(told.get(name, "") for name in names)))
    return blake2b(apart.encode(), digest_size=6).hexdigest()
