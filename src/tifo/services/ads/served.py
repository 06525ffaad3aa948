"""A pod as one viewer is served it: where its ads are and where to tell what happens to them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from tifo.api.creatives import Creative
from tifo.services.ads import rules
from tifo.services.ads.outside_vast import NOTHING, OutsideAd, Told
from tifo.services.ads.tracking import address
from tifo.tokens.addresses import Signed

NOWHERE = Signed("")


@dataclass(frozen=True, slots=True)
class Tracking:
    """One tracking point: `offset_s` into the creative, and the address to call once."""

    what: str
    offset_s: float
    url: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a pod: what plays, where it is, and what to report.

    `serving_id` is the same for the same viewer, break and place. `error_url` holds the macro that a player
    puts its error's number in place of. `skip_url` is empty for an ad that may not be skipped, and
    `click_url` where a click leads nowhere. `others` is what the outside server of the ad is to be told.
    """

    creative: Creative
    url: str
    tracking: tuple[Tracking, ...]
    serving_id: str
    error_url: str
    skip_url: str = ""
    click_url: str = ""
    others: Told = NOTHING


class Pod(msgspec.Struct, frozen=True):
    """The ads in their order; the n-th of everything else is the n-th ad's.

    `media` is where a CDN has the ads' folders. `beacons` are what tracking addresses begin with, and clicks
    are whole addresses, empty for ads that lead nowhere. `outside` are the ads of outside servers.
    """

    session: str = ""
    break_id: str = ""
    creatives: tuple[Creative, ...] = ()
    media: Signed = NOWHERE
    beacons: tuple[str, ...] = ()
    clicks: tuple[str, ...] = ()
    outside: tuple[OutsideAd | None, ...] = ()

    def slots(self) -> Iterator[Slot]:
        """Each place in full."""
        served = zip(self.creatives, self.beacons, self.clicks, self.outside, strict=True)
        for place, (creative, beacon, click, ad) in enumerate(served, 1):
            serving_id = rules.serving_id(self.session, self.break_id, place, creative.id)
            made = slot(creative, self.media, beacon, click, serving_id)
            yield made if ad is None else replace(made, url=ad.url, others=ad.told)


def slot(creative: Creative, media: Signed, beacon: str, click: str, serving_id: str = "") -> Slot:
    """An ad in its place, with all its addresses."""
    points = ((what, share * creative.duration_s) for what, share in rules.QUARTILES)
    return Slot(
        creative=creative,
        url=f"{media.base}/ads/{creative.id}/index.m3u8{media.query}",
        tracking=tuple(Tracking(what, offset_s, address(beacon, what)) for what, offset_s in points),
        serving_id=serving_id,
        error_url=address(beacon, "error"),
        skip_url="" if creative.skip_after_s is None else address(beacon, "skip"),
        click_url=click,
    )
