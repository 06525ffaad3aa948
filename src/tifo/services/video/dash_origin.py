"""What a live origin offers in DASH, and how it stands in a session's MPD (ISO/IEC 23009-1).

The MPD stays as it is but for what says where things are, who steers and what time it is: those are ours
(ETSI TS 103 998 V1.1.1 for the steering).
"""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, tostring

from tifo.kernel.web import web_address
from tifo.services.video.references import BadDocument, referred, shared_folder, shown
from tifo.services.video.rules import Program, clock, places
from tifo.services.video.xml_reading import read_xml

NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
XLINK = "http://www.w3.org/1999/xlink"

OURS = frozenset({"BaseURL", "Location", "PatchLocation", "ContentSteering", "UTCTiming"})
"""Elements of an MPD that ours take the place of."""

ADDRESSES = {
    "SegmentTemplate": ("media", "initialization", "index", "bitstreamSwitching"),
    "SegmentURL": ("media", "index"),
    "Initialization": ("sourceURL",),
    "RepresentationIndex": ("sourceURL",),
    "BitstreamSwitching": ("sourceURL",),
}
"""Attributes that hold a reference, by element."""

_HERE, _CLOCK = "tifo-places", "tifo-clock"
_AFTER_CLOCK = frozenset({"LeapSecondInformation"})
_ABSOLUTE = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|/)")
_INTEGER = re.compile(r"\s*\+?[0-9]{1,10}\s*")


@dataclass(frozen=True, eq=False, slots=True)
class DashOrigin:
    """An MPD as read, in three parts around what is ours.

    Its relative addresses begin in `base_folder`; all that it names is in `folder`.
    """

    before: str
    between: str
    after: str
    base_folder: str
    folder: str
    renditions: int


def read_mpd(url: str, body: bytes, bandwidth_max_bps: int) -> DashOrigin:
    """What an MPD at `url` offers, without pictures above a cap (0 caps nothing); raises `BadDocument`.

    Where an element names several locations, the first on the same server is taken: our own pathways fail
    over.
    """
    root = read_xml(body, NAMESPACE, "MPD")
    _refuse_remote_parts(root)
    relocation = _Relocation(url)
    base = relocation.base_below(root, url)
    for child in root:
        relocation.relocate(child, base)
    for element in root.iter("AdaptationSet"):
        _cap(element, bandwidth_max_bps)
    renditions = sum(1 for one in root.iter("Representation") if _bandwidth(one))
    if not renditions:
        raise BadDocument("it has no representation")
    _take_ours_out(root)
    before, between, after = _parts(root)
    here = _folder_of(base)
    return DashOrigin(before, between, after, here, shared_folder((here, *relocation.paths)), renditions)


def mpd(program: Program, origin: DashOrigin, now: str) -> str:
    """A session's MPD; pathways whose token DASH would lose are left out, as in the test channel's."""
    return f"{origin.before}{places(program, origin.base_folder)}{origin.between}{clock(now)}{origin.after}"


# --- where things are ---------------------------------------------------------------------------------


class _Relocation:
    """Makes every address of an MPD one that is relative to ours; `paths` are those that it leads to."""

    def __init__(self, url: str) -> None:
        self.paths = [_folder_of(url)]

    def base_below(self, element: Element, base: str) -> str:
        """The base of what is in an element: its first BaseURL on the own server, the one that is kept."""
        found = {one: (one.text or "").strip() for one in element.findall("BaseURL")}
        if not found:
            return base
        kept = next((one for one, told in found.items() if referred(base, told)), next(iter(found)))
        for other in found.keys() - {kept}:
            element.remove(other)
        kept.attrib.pop("serviceLocation", None)
        kept.text = self._within(base, found[kept])
        return urljoin(base, found[kept])

    def relocate(self, element: Element, base: str) -> None:
        """An element and all that is in it."""
        below = self.base_below(element, base)
        for name in ADDRESSES.get(element.tag, ()):
            if name in element.attrib:
                element.set(name, self._within(below, element.attrib[name]))
        for child in element:
            self.relocate(child, below)

    def _within(self, base: str, told: str) -> str:
        """A reference that means below our base what `told` means below the origin's."""
        place = referred(base, told)
        if place is None:
            raise BadDocument(f"a part of it is on another server: {shown(told)}")
        self.paths.append(place.path)
        if not _ABSOLUTE.match(told):
            return told
        slash = "/" if place.path.endswith("/") else ""
        relative = f"./{posixpath.relpath(place.path, _folder_of(base))}{slash}"
        return f"{relative}?{place.query}" if place.query else relative


def _folder_of(url: str) -> str:
    """The path of the folder in which references at an address begin."""
    return web_address(url).path.rpartition("/")[0] + "/"


def _refuse_remote_parts(root: Element) -> None:
    names = {f"{name.removeprefix('xmlns:')}:href" for name, uri in root.attrib.items() if uri == XLINK}
    if any(not names.isdisjoint(one.attrib) for one in root.iter()):
        raise BadDocument("a part of it is elsewhere (xlink:href), and that is not fetched")


# --- what is offered ----------------------------------------------------------------------------------


def _cap(element: Element, bandwidth_max_bps: int) -> None:
    """Take the pictures above a cap out of an adaptation set, never all of them."""
    if not bandwidth_max_bps or not _is_picture(element):
        return
    offered = element.findall("Representation")
    least = min(map(_bandwidth, offered), default=0)
    for one in offered:
        if _bandwidth(one) > max(bandwidth_max_bps, least):
            element.remove(one)


def _is_picture(element: Element) -> bool:
    kinds = [element.get("contentType", ""), element.get("mimeType", "")]
    kinds += [one.get("mimeType", "") for one in element.findall("Representation")]
    return any(kind.startswith("video") for kind in kinds)


def _bandwidth(element: Element) -> int:
    told = element.get("bandwidth", "")
    if not _INTEGER.fullmatch(told):
        raise BadDocument(f"a representation's bandwidth is {shown(told)}")
    return int(told)


# --- in three parts -----------------------------------------------------------------------------------


def _take_ours_out(root: Element) -> None:
    for child in [one for one in root if one.tag in OURS]:
        root.remove(child)
    for service in root.findall("ServiceDescription"):
        for steering in service.findall("ContentSteering"):
            service.remove(steering)
    _put_in(root, _HERE, lambda one: one.tag != "ProgramInformation")
    _put_in(root, _CLOCK, lambda one: one.tag in _AFTER_CLOCK)


def _put_in(root: Element, name: str, before: Callable[[Element], bool]) -> None:
    at = next((n for n, one in enumerate(root) if before(one)), len(root))
    root.insert(at, Element(name))


def _parts(root: Element) -> tuple[str, str, str]:
    text = '<?xml version="1.0" encoding="UTF-8"?>' + tostring(root, encoding="unicode")
    before, _, rest = text.partition(f"<{_HERE} />")
    between, _, after = rest.partition(f"<{_CLOCK} />")
    return before, between, after
