"""A pod as the asset list of an HLS interstitial, put together from parts that were encoded before.

What an asset list says of an ad is the same for every viewer but for four addresses: where a CDN has it, and
what its tracking and its click begin with. So each ad is encoded once, with marks in their places, and what a
pod's ads have in common is put in once for all of them. A pod that has an outside server's ad, which was
fetched for one viewer, is encoded as it is.
"""

from functools import lru_cache
from typing import Any

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


_MEDIA, _QUERY, _BEACON, _CLICK = _MARKS = ("\x01", "\x02", "\x03", "\x04")
"""Stand for the addresses in an encoded ad. No ad has such characters, and JSON has none as they are."""

_encode = msgspec.json.Encoder().encode


def encoded(pod: Pod) -> bytes:
    """The pod's asset list as JSON; tags of outside ad servers are left out."""
    if any(pod.outside):
        return _encode(AssetList(tuple([asset(one) for one in pod.slots() if not one.creative.tag_url])))
    served = zip(pod.creatives, pod.beacons, pod.clicks, strict=True)
    assets = b",".join([_asset(*one) for one in served if not one[0].tag_url])
    placed = assets.replace(_MEDIA.encode(), _inner(pod.media.base))
    return b'{"ASSETS":[%b]}' % placed.replace(_QUERY.encode(), _inner(pod.media.query))


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


def _asset(creative: Creative, beacon: str, click: str) -> bytes:
    """With the marks of the pod's own addresses."""
    text = _inner(beacon).join(_fragments(creative))
    return text.replace(_CLICK.encode(), _inner(click)) if click else text


@lru_cache(maxsize=FRAGMENTS_MAX)
def _fragments(creative: Creative) -> tuple[bytes, ...]:
    """What stands between the places of the ad's beacon, with marks for all other addresses."""
    leads = _CLICK if leads_somewhere(creative.click_url) else ""
    text = _encode(asset(slot(creative, Signed(_MEDIA, query=_QUERY), _BEACON, leads)))
    for mark in _MARKS:
        text = text.replace(_encode(mark)[1:-1], mark.encode())
    return tuple(text.split(_BEACON.encode()))


def _inner(text: str) -> bytes:
    """A text as it stands between the quotation marks of JSON."""
    return _encode(text)[1:-1]
