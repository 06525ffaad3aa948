"""The answer of an outside ad server, read with limits: whatever it is, it is ads or an error of VAST.

VAST 2.0 to 4.3 are read alike, with or without a namespace.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from tifo.kernel.clock import rfc3339
from tifo.kernel.web import web_address

DEPTH_MAX = 40
ELEMENTS_MAX = 5_000
ADS_MAX = 20
"""Ads of one answer that are looked at."""

URLS_COUNT_MAX = 20
"""Addresses of one kind that one ad tells, all wrappers together; what is more is left out."""

TITLE_LENGTH_MAX = 200

DURATION_OFF_S_MAX = 0.5
"""Seconds by which an ad may be longer or shorter than its place in the pod."""

NOT_XML, NOT_VAST, VERSION, DURATION = 100, 101, 102, 202
WRAPPER, TIMEOUT, WRAPPERS_MAX, NO_AD, NO_MEDIA = 300, 301, 302, 303, 403
"""Errors by VAST 4.3, section 2.3.6.3."""

EVENTS = frozenset((
    "creativeView", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete", "mute", "unmute",
    "pause", "resume", "rewind", "skip", "playerExpand", "playerCollapse", "loaded", "closeLinear",
))  # fmt: skip
"""What is told to an outside server; everything else is for what no live break has."""

HLS = frozenset(("application/x-mpegurl", "application/vnd.apple.mpegurl"))

_MACRO = re.compile(r"\[[A-Z]+\]")
_DURATION = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)(\.\d{1,3})?", re.ASCII)


class VastError(Exception):
    """Why there is no ad, as VAST numbers it."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Told:
    """Addresses to call: `tracking` by event, `errors` with the macro of the error's number in them."""

    impressions: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    clicks: tuple[str, ...] = ()
    tracking: tuple[tuple[str, str], ...] = ()

    def with_inner(self, inner: "Told") -> "Told":
        """All that a wrapper and what it wraps want to be told, the outer one first."""
        return Told(
            (self.impressions + inner.impressions)[:URLS_COUNT_MAX],
            (self.errors + inner.errors)[:URLS_COUNT_MAX],
            (self.clicks + inner.clicks)[:URLS_COUNT_MAX],
            _bounded((*self.tracking, *inner.tracking)),
        )


NOTHING = Told()


@dataclass(frozen=True, slots=True)
class OutsideAd:
    """An ad with a picture in HLS: `url` is its multivariant playlist. A click may lead nowhere (empty)."""

    title: str
    url: str
    duration_s: float
    click_url: str
    told: Told


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Another server has the ad: what to ask there, and what to tell besides."""

    tag_url: str
    told: Told


def asked_url(tag_url: str, once: str, now: float) -> str:
    """A tag with its macros in place: `once` is a number that no other request has, and what we do not tell
    is -1 (VAST 4.3, section 6)."""
    known = {"[CACHEBUSTING]": once, "[TIMESTAMP]": rfc3339(now)}
    return _MACRO.sub(lambda found: known.get(found[0], "-1"), tag_url)


def first_fitting(body: bytes, duration_s: float) -> OutsideAd | Wrapped:
    """The first ad that fills so many seconds, or may do so for it is a wrapper.

    Raises `VastError`: the first ad's where no ad is fit, `NO_AD` without any.
    """
    why: VastError | None = None
    for ad in _ads(body):
        try:
            return _fitting(ad, duration_s)
        except VastError as error:
            why = why or error
    raise why or VastError(NO_AD, "it has no ad")


def _ads(body: bytes) -> Sequence[Element]:
    if not body.strip():
        return ()
    root = _parsed(body)
    if root.tag != "VAST":
        raise VastError(NOT_VAST, "its root is no VAST")
    if root.get("version", "").partition(".")[0] not in ("2", "3", "4"):
        raise VastError(VERSION, "it is no VAST of version 2, 3 or 4")
    return root.findall("Ad")[:ADS_MAX]


def _fitting(ad: Element, duration_s: float) -> OutsideAd | Wrapped:
    wrapper = ad.find("Wrapper")
    if wrapper is not None:
        return Wrapped(_tag_url(wrapper), _told(wrapper))
    inline = ad.find("InLine")
    linear = None if inline is None else inline.find("Creatives/Creative/Linear")
    if inline is None or linear is None:
        raise VastError(NOT_VAST, "it has an ad without a linear creative")
    found = _seconds(linear.findtext("Duration", ""))
    if abs(found - duration_s) > DURATION_OFF_S_MAX:
        raise VastError(DURATION, f"an ad of {found:g} s does not fill {duration_s:g} s")
    title = " ".join(inline.findtext("AdTitle", "").split())[:TITLE_LENGTH_MAX]
    return OutsideAd(title, _media(linear), found, _click(linear), _told(inline))


def _tag_url(wrapper: Element) -> str:
    try:
        return next(_addresses(wrapper, "VASTAdTagURI"))
    except StopIteration:
        raise VastError(WRAPPER, "a wrapper leads nowhere") from None


def _media(linear: Element) -> str:
    files = linear.iterfind("MediaFiles/MediaFile")
    found = (_address(one) for one in files if one.get("type", "").strip().lower() in HLS)
    url = next((one for one in found if one), "")
    if not url:
        raise VastError(NO_MEDIA, "an ad has no picture in HLS")
    return url


def _click(linear: Element) -> str:
    return next(_addresses(linear, "VideoClicks/ClickThrough"), "")


def _told(ad: Element) -> Told:
    linear = "Creatives/Creative/Linear"
    points = ad.iterfind(f"{linear}/TrackingEvents/Tracking")
    tracking = ((one.get("event", ""), _address(one)) for one in points)
    return Told(
        tuple(_addresses(ad, "Impression"))[:URLS_COUNT_MAX],
        tuple(_addresses(ad, "Error"))[:URLS_COUNT_MAX],
        tuple(_addresses(ad, f"{linear}/VideoClicks/ClickTracking"))[:URLS_COUNT_MAX],
        _bounded((event, url) for event, url in tracking if url and event in EVENTS),
    )


def _bounded(tracking: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    counts: dict[str, int] = {}
    kept = []
    for event, url in tracking:
        counts[event] = counts.get(event, 0) + 1
        if counts[event] <= URLS_COUNT_MAX:
            kept.append((event, url))
    return tuple(kept)


def _addresses(parent: Element, path: str) -> Iterator[str]:
    """The addresses at a path; what is none is left out."""
    return (url for one in parent.iterfind(path) if (url := _address(one)))


def _address(element: Element) -> str:
    url = (element.text or "").strip()
    try:
        web_address(url)
    except ValueError:
        return ""
    return url


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise VastError(NOT_VAST, "an ad does not say how long it is")
    hours, minutes, seconds, part = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(part or 0)


class _Tree(TreeBuilder):
    """Builds elements by their names alone: who writes VAST is not strict about namespaces."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > DEPTH_MAX or self._elements > ELEMENTS_MAX:
            raise VastError(NOT_VAST, f"it is deeper than {DEPTH_MAX} or has over {ELEMENTS_MAX} elements")
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])


def _parsed(body: bytes) -> Element:
    parser = DefusedXMLParser(target=_Tree(), forbid_dtd=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (DefusedXmlException, ParseError, ValueError, LookupError):
        raise VastError(NOT_XML, "it is no XML, or has a DTD") from None
    return root
