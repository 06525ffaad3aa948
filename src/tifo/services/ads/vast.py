"""A decided pod as VAST 4.2 or 4.3, and the breaks to come as VMAP 1.0.1.

Elements stand in the order of the schema, which is not that of the text. Documents are put together from
texts, without a tree: one for each viewer and break, in the same second for all.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

from tifo.api.breaks import Break
from tifo.api.renditions import CREATIVE_RENDITIONS
from tifo.services.ads.served import Slot

Version = Literal["4.2", "4.3"]

MEDIA = "application/xml; charset=utf-8"

_PICTURE = CREATIVE_RENDITIONS[0]
_SYSTEM = "<AdSystem>Tifo</AdSystem>"
_MEDIA_FILE = (
    '<MediaFile delivery="streaming" type="application/x-mpegURL" '
    f'width="{_PICTURE.width}" height="{_PICTURE.height}">'
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def pod(slots: Sequence[Slot], version: Version, error_url: str) -> bytes:
    """The slots as a pod; without any, the answer that there is no ad, with where to tell."""
    ads = "".join(_ad(n, slot) for n, slot in enumerate(slots, 1))
    body = ads or f"<Error>{_uri(error_url)}</Error>"
    document = f'<VAST version="{version}" xmlns="http://www.iab.com/VAST">{body}</VAST>'
    return f'<?xml version="1.0" encoding="UTF-8"?>{document}'.encode()


def schedule(breaks: Iterable[tuple[Break, str, Sequence[tuple[str, str]]]], since: float) -> bytes:
    """The breaks, each with the address of its VAST and its tracking by event.

    `since` is the epoch second at which the content begins that their offsets count in.
    """
    found = "".join(_break(one, since, tag_url, tracking) for one, tag_url, tracking in breaks)
    namespace = "http://www.iab.net/videosuite/vmap"
    document = f'<vmap:VMAP xmlns:vmap="{namespace}" version="1.0">{found}</vmap:VMAP>'
    return f'<?xml version="1.0" encoding="UTF-8"?>{document}'.encode()


def clock_time(seconds: float) -> str:
    """Seconds as hh:mm:ss.mmm; what lies before the beginning is the beginning."""
    ms = max(0, round(seconds * 1000))
    minutes, ms = divmod(ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}.{ms % 1000:03}"


def _ad(place: int, slot: Slot) -> str:
    creative = slot.creative
    told = _wrapper(slot) if creative.tag_url else _inline(slot)
    return f'<Ad id="{_text(creative.id)}" sequence="{place}" adType="video">{told}</Ad>'


def _inline(slot: Slot) -> str:
    creative = slot.creative
    name = _text(creative.id)
    clicks = ""
    if slot.click_url:
        clicks = f"<ClickThrough>{_uri(slot.click_url)}</ClickThrough>"
    clicks += "".join(f"<ClickTracking>{_uri(url)}</ClickTracking>" for url in slot.others.clicks)
    clicks = clicks and f"<VideoClicks>{clicks}</VideoClicks>"
    return (
        f"<InLine>{_head(slot)}<AdServingId>{slot.serving_id}</AdServingId>"
        f"<AdTitle>{_text(creative.title or creative.id)}</AdTitle>"
        f'<Creatives><Creative id="{name}" adId="{name}" sequence="1">{_linear(slot)}'
        f"<Duration>{clock_time(creative.duration_s)}</Duration>"
        f"<MediaFiles>{_MEDIA_FILE}{_uri(slot.url)}</MediaFile></MediaFiles>{clicks}</Linear>"
        f'<UniversalAdId idRegistry="tifo">{name}</UniversalAdId></Creative></Creatives></InLine>'
    )


def _wrapper(slot: Slot) -> str:
    """The ad is another server's; what happens to it is told to both."""
    return (
        '<Wrapper followAdditionalWrappers="true" allowMultipleAds="false" fallbackOnNoAd="true">'
        f"{_head(slot)}<Creatives><Creative>{_linear(slot)}</Linear></Creative></Creatives>"
        f"<VASTAdTagURI>{_uri(slot.creative.tag_url)}</VASTAdTagURI></Wrapper>"
    )


def _head(slot: Slot) -> str:
    impression = next(one.url for one in slot.tracking if one.what == "impression")
    errors = "".join(f"<Error>{_uri(url)}</Error>" for url in (slot.error_url, *slot.others.errors))
    others = "".join(f"<Impression>{_uri(url)}</Impression>" for url in slot.others.impressions)
    return f'{_SYSTEM}{errors}<Impression id="tifo">{_uri(impression)}</Impression>{others}'


def _linear(slot: Slot) -> str:
    """The beginning of a Linear, up to and with its tracking."""
    skips = ""
    points = [(one.what, one.url) for one in slot.tracking if one.what != "impression"]
    if slot.skip_url:
        skips = f' skipoffset="{clock_time(slot.creative.skip_after_s or 0)}"'
        points.append(("skip", slot.skip_url))
    points += slot.others.tracking
    events = "".join(f'<Tracking event="{what}">{_uri(url)}</Tracking>' for what, url in points)
    return f"<Linear{skips}><TrackingEvents>{events}</TrackingEvents>"


def _break(one: Break, since: float, tag_url: str, tracking: Sequence[tuple[str, str]]) -> str:
    name = _text(one.id)
    events = "".join(f'<vmap:Tracking event="{what}">{_uri(url)}</vmap:Tracking>' for what, url in tracking)
    return (
        f'<vmap:AdBreak timeOffset="{clock_time(one.start - since)}" breakType="linear" breakId="{name}">'
        f'<vmap:AdSource id="{name}" allowMultipleAds="true" followRedirects="true">'
        f'<vmap:AdTagURI templateType="vast4">{_uri(tag_url)}</vmap:AdTagURI></vmap:AdSource>'
        f"<vmap:TrackingEvents>{events}</vmap:TrackingEvents></vmap:AdBreak>"
    )


def _text(value: str) -> str:
    """A text as XML takes it, in an element or an attribute; what XML has no characters for is left out."""
    return escape(_NOT_XML.sub("", value))


def _uri(value: str) -> str:
    """An address as its element's content, in the form that readers of VAST expect."""
    plain = value.isascii() and value.isprintable() and "]]>" not in value
    return f"<![CDATA[{value}]]>" if plain else _text(value)
