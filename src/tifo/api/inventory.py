"""The ad inventory: what may fill a break, for whom, how often, and in what order."""

from typing import Annotated, Literal

import msgspec

from tifo.api.fields import DeviceKind, Id

LINE_ITEMS_MAX = 10_000
CAMPAIGNS_MAX = 5_000
CREATIVES_MAX = 20_000
"""What one inventory holds at the most; a node compiles it whole."""

CREATIVE_S_MAX = 600
"""Seconds of one creative."""

CLICK_URL_LENGTH_MAX = 1000
"""Characters of the address that a click leads to: it travels in a token."""

CAP_TIMES_MAX = 100
"""Impressions of one cap: a node remembers as many moments for each account."""

SLOTS_MAX = 30
"""Ads of one pod."""

COHORTS = tuple(f"c{n:02}" for n in range(64))
"""Every cohort: each is a lasting sixty-fourth of the accounts."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Position = Literal["any", "first", "last", "first-or-last"]
"""Where in a pod an ad stands; OpenRTB 2.6 (section 7.6) says 0, 1, -1 and 2."""

Separation = Literal["pod", "adjacent", "none"]
"""Whether two that compete may share a pod: never, not side by side, or at will."""

AsNumber = Annotated[str, msgspec.Meta(pattern=r"^AS[1-9][0-9]{0,9}$(?!\n)")]
"""An ISP by its AS number, such as "AS64500"."""

HourMinute = Annotated[str, msgspec.Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)")]
"""A time of day, from 00:00 to 24:00."""

WebAddress = Annotated[
    str, msgspec.Meta(max_length=CLICK_URL_LENGTH_MAX, pattern=r"^(https?://[!-~]+)?$(?!\n)")
]
"""An http address in plain characters, or none."""

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
"""A currency by its ISO 4217 code."""

Title = Annotated[str, msgspec.Meta(max_length=200)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every part of an inventory has in common: it does not change, and a field that is not known is
    refused."""


class Targeting(Entry, frozen=True):
    """Who is meant: a viewer that fits each field that is not empty."""

    events: tuple[Id, ...] = ()
    """Events (matches) by id."""
    teams: tuple[Id, ...] = ()
    """Teams, by what `events` of the inventory says of who plays."""
    device_kinds: tuple[DeviceKind, ...] = ()
    isps: tuple[AsNumber, ...] = ()
    regions: tuple[Id, ...] = ()
    """Regions of accounts."""
    cohorts: tuple[Id, ...] = ()
    """Cohorts of accounts, of `COHORTS`."""


class Daypart(Entry, frozen=True):
    """Hours of some days in the inventory's time zone; `ends` before `begins` is the day after."""

    begins: HourMinute
    ends: HourMinute
    days: tuple[Weekday, ...] = ()
    """None is every day; the day is the one on which it begins."""


class Cap(Entry, frozen=True):
    """At most so many impressions of one account within any `per_s` seconds."""

    times: Annotated[int, msgspec.Meta(ge=1, le=CAP_TIMES_MAX)]
    per_s: Annotated[int, msgspec.Meta(ge=1)]


class CreativeEntry(Entry, frozen=True):
    """An ad's picture and sound, at `/ads/<id>/index.m3u8` of every CDN; its exact length in seconds."""

    id: Id
    duration_s: Annotated[int, msgspec.Meta(ge=1, le=CREATIVE_S_MAX)]
    title: Title = ""
    click_url: WebAddress = ""
    """Where a click leads; none is nowhere."""
    skip_after_s: Annotated[int, msgspec.Meta(ge=0, le=CREATIVE_S_MAX)] | None = None
    """When a player that is given VAST may skip it; none is never."""
    tag_url: WebAddress = ""
    """The VAST tag of an outside ad server that fills its place. One of `ads.servers` is asked ahead of the
    break; any other's tag is a wrapper in VAST, and in no asset list."""


class Campaign(Entry, frozen=True):
    """What an advertiser has bought."""

    id: Id
    advertiser: Id
    categories: tuple[Id, ...] = ()
    """What it competes in, such as the IAB's content categories; shared by its line items."""
    impressions: Count = 0
    """The budget of all its line items together; 0 is no limit."""
    caps: tuple[Cap, ...] = ()
    """For all its line items together."""


class LineItem(Entry, frozen=True):
    """A part of a campaign: whom, when, how often, and which creatives."""

    id: Id
    campaign: Id
    creatives: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1)]
    """They take turns."""
    starts: float
    ends: float
    """Its flight, in epoch seconds; the end is not in it."""
    impressions: Count = 0
    """Its budget; 0 is no limit."""
    cpm_cents: Count = 0
    """What a thousand impressions cost, in hundredths of the inventory's currency; 0 is not said."""
    pace: Literal["even", "asap"] = "even"
    """Whether the budget is spread over the flight or spent as fast as it goes."""
    priority: Annotated[int, msgspec.Meta(ge=1, le=16)] = 8
    """1 comes first; one of a lower priority never takes the place of one of a higher."""
    targeting: Targeting = Targeting()
    dayparts: tuple[Daypart, ...] = ()
    """None is always."""
    caps: tuple[Cap, ...] = ()
    position: Position = "any"
    active: bool = True
    """Whether it takes part at all."""


class PodRules(Entry, frozen=True):
    """How a pod is made: for the named events, or for all others."""

    events: tuple[Id, ...] = ()
    slots_max: Annotated[int, msgspec.Meta(ge=0, le=SLOTS_MAX)] = 10
    """Ads in a pod, house ads and slate not counted."""
    ads_s_max: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Seconds of ads in a pod; the house fills the rest. 0 is the whole break."""
    advertisers: Separation = "pod"
    categories: Separation = "pod"


class EventTeams(Entry, frozen=True):
    """Who plays in an event."""

    id: Id
    teams: tuple[Id, ...]


class Inventory(Entry, frozen=True):
    """All of it. An empty one gives every break to the house ads that Tifo brings."""

    zone: str = "UTC"
    """The time zone of dayparts, such as "Europe/Paris"."""
    currency: Currency = "EUR"
    """Of all prices."""
    campaigns: Annotated[tuple[Campaign, ...], msgspec.Meta(max_length=CAMPAIGNS_MAX)] = ()
    line_items: Annotated[tuple[LineItem, ...], msgspec.Meta(max_length=LINE_ITEMS_MAX)] = ()
    creatives: Annotated[tuple[CreativeEntry, ...], msgspec.Meta(max_length=CREATIVES_MAX)] = ()
    pods: tuple[PodRules, ...] = ()
    """The first that names the event holds, else the first that names none."""
    events: tuple[EventTeams, ...] = ()
    house: tuple[Id, ...] = ()
    """Creatives that fill what the line items leave; none is the house ads that Tifo brings."""
    slate: tuple[Id, ...] = ()
    """Creatives, short ones and repeated as needed, that fill what house ads leave."""


class Problem(msgspec.Struct, frozen=True):
    """Something in an inventory that has to be mended.

    `path` leads to it, such as `line_items[3].ends`; `line` is that of the file, from 1, and 0 where it is
    not known.
    """

    path: str
    text: str
    line: int = 0

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.path}: {self.text}" if self.path else f"{where}{self.text}"
