"""A pod as the asset list of an HLS interstitial, put together from parts that were encoded before.

What an asset list says of an ad is the same for every viewer but for four addresses: where a CDN has it, and
what its tracking and its click begin with. So each ad is encoded once, with marks in their places. A pod
that has an outside server's ad, which was fetched for one viewer, is encoded as it is.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from tifo.api.creatives import Creative
from tifo.services.ads.outside_vast import NOTHING, Told
from tifo.services.ads.rules import leads_somewhere
from tifo.services.ads.served import Pod, Slot, slot
from tifo.tokens.addresses import Signed

FRAGMENTS_MAX = 8_192
"""Ads whose encoded form is remembered, about two kilobytes each; then the one used least lately goes."""

AT_START = frozenset(("start", "creativeView", "loaded"))
"""Events of outside servers that happen as an ad begins."""


class Asset(msgspec.Struct, frozen=True, rename={"uri": "URI", "duration": "DURATION"}):
    """One creative of an interstitial (draft-pantos-hls-rfc8216bis-22, appendix D.2)."""

    uri: str
    duration: float
    signaling: dict[str, Any] = msgspec.field(name="X-AD-CREATIVE-SIGNALING")


class AssetList(msgspec.Struct, frozen=True):
    """What a player puts in place of the break; an empty list is legal and means no fill."""

    assets: tuple[Asset, ...] = msgspec.field(name="ASSETS")


class _Fragment(NamedTuple):
    """An ad's asset with `%b` for each address; `of` puts media, query, beacon and click in that order."""

    text: bytes
    of: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]


_MARKS = ("\x01", "\x02", "\x03", "\x04")
"""Stand for the addresses while an ad is encoded; nothing of an ad has such characters."""

_encode = msgspec.json.Encoder().encode
_ENCODED_MARK = re.compile(rb"\\u000([1-4])")


def encoded(pod: Pod) -> bytes:
    """The pod's asset list as JSON; tags of outside ad servers are left out."""
    if any(pod.outside):
        return _encode(AssetList(tuple([asset(one) for one in pod.slots() if not one.creative.tag_url])))
    base, query = _inner(pod.media.base), _inner(pod.media.query)
    served = zip(pod.creatives, pod.beacons, pod.clicks, strict=True)
    return b'{"ASSETS":[%b]}' % b",".join(_assets(served, base, query))


def asset(one: Slot) -> Asset:
    """Its signalling is that of SVTA2053, version 2; what has no offset happens or does not."""
    creative = one.creative
    payload: dict[str, Any] = {
        "type": "linear",
        "start": 0,
        "duration": creative.duration_s,
        "identifiers": [{"scheme": "tifo", "value": creative.id}],
        "tracking": [
            *({"type": t.what, "offset": t.offset_s, "urls": [t.url]} for t in one.tracking),
            {"type": "error", "urls": [one.error_url]},
        ],
    }
    if one.skip_url:
        payload["skipOffset"] = creative.skip_after_s
        payload["tracking"].append({"type": "skip", "urls": [one.skip_url]})
    if one.click_url:
        payload["clickThrough"] = one.click_url
    _tell_others(payload["tracking"], one.others)
    return Asset(one.url, float(creative.duration_s), {"version": 2, "type": "slot", "payload": [payload]})


def _tell_others(tracking: list[dict[str, Any]], told: Told) -> None:
    """Put an outside server's addresses beside ours, and those of its own events after them."""
    if told is NOTHING:
        return
    by_type = {one["type"]: one for one in tracking}
    clicks = (("clickTracking", url) for url in told.clicks)
    for what, url in (
        *(("impression", url) for url in told.impressions), *(("error", url) for url in told.errors),
        *told.tracking, *clicks,
    ):  # fmt: skip
        if what not in by_type:
            by_type[what] = {"type": what, **({"offset": 0} if what in AT_START else {}), "urls": []}
            tracking.append(by_type[what])
        by_type[what]["urls"].append(url)


def _assets(served: Iterable[tuple[Creative, str, str]], base: bytes, query: bytes) -> Iterable[bytes]:
    for creative, beacon, click in served:
        if not creative.tag_url:
            text, of = _fragment(creative)
            yield text % of((base, query, _inner(beacon), _inner(click)))


@lru_cache(maxsize=FRAGMENTS_MAX)
def _fragment(creative: Creative) -> _Fragment:
    media, query, beacon, click = _MARKS
    leads = click if leads_somewhere(creative.click_url) else ""
    text = _encode(asset(slot(creative, Signed(media, query=query), beacon, leads)))
    order = [int(found) - 1 for found in _ENCODED_MARK.findall(text)]
    return _Fragment(_ENCODED_MARK.sub(b"%b", text.replace(b"%", b"%%")), itemgetter(*order))


def _inner(text: str) -> bytes:
    """A text as it stands between the quotation marks of JSON."""
    return _encode(text)[1:-1]
