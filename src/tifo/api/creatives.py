"""The house's own ads, for whoever decides what fills a break; the channel draws and serves them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Creative:
    """One ad; `/ads/<id>/index.m3u8` is its multivariant playlist.

    `duration_s` is its picture's exact length, a whole number of segments.
    """

    id: str
    title: str
    duration_s: int


HOUSE_CREATIVES: tuple[Creative, ...] = (
    Creative("house-1", "Every seat a card", 10),
    Creative("house-2", "Four pathways home", 10),
    Creative("house-3", "Ninety minutes, no drop", 10),
)
