"""The house's own ads, for whoever decides what fills a break; the channel draws and serves them."""

import msgspec


class Creative(msgspec.Struct, frozen=True, gc=False):
    """One ad; `/ads/<id>/index.m3u8` is its multivariant playlist.

    `duration_s` is its picture's exact length, a whole number of segments. `click_url` is the http address
    that a click leads to, and `skip_after_s` when it may be skipped (None is never), where players do that.
    With `tag_url`, an outside ad server fills its place: that is its VAST tag, for who reads VAST.
    """

    id: str
    title: str
    duration_s: int
    click_url: str = ""
    skip_after_s: int | None = None
    tag_url: str = ""


HOUSE_CREATIVES: tuple[Creative, ...] = (
    Creative("house-1", "Every seat a card", 10),
    Creative("house-2", "Four pathways home", 10),
    Creative("house-3", "Ninety minutes, no drop", 10),
)
