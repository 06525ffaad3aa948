"""An inventory made ready for decisions: sets of line items are integers, with a bit for each of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress, groupby
from zlib import crc32
from zoneinfo import ZoneInfo

import msgspec

from tifo.api.creatives import HOUSE_CREATIVES, Creative
from tifo.api.inventory import (
    COHORTS,
    SLOTS_MAX,
    Campaign,
    Cap,
    CreativeEntry,
    Daypart,
    Inventory,
    LineItem,
    PodRules,
)
from tifo.services.ads.dayparts import Week
from tifo.services.ads.model import Item, Verdict, Viewer
from tifo.services.ads.pacing import Plan
from tifo.services.ads.ports import WINDOW_S_MAX, Limit
from tifo.services.ads.rules import lengths, shares

CLASSES_MAX = 20_000
CANDIDATES_MAX = 1_000
"""Classes of viewers, and lists of candidates, that are remembered; then they are found again."""

BREAK_S_MAX = 900
"""Seconds of a break that are filled; what a longer one has more is left to the channel."""


@dataclass(frozen=True, slots=True)
class Flight:
    """When some line items run: alike in dates and hours."""

    starts: float
    ends: float
    week: Week | None
    items: int

    def runs(self, now: float) -> bool:
        """Whether they run at `now`."""
        return self.starts <= now < self.ends and (self.week is None or self.week.runs(now))


@dataclass(frozen=True, slots=True)
class Dimension:
    """One field of targeting: which items a value is meant by, and which a value that nobody names.

    `aside` is what became of the others.
    """

    aside: Verdict
    masks: Mapping[str, int]
    others: int

    def mask(self, value: str) -> int:
        """The items that take a viewer with this value."""
        return self.masks.get(value, self.others)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be chosen from: tiers of equal priority, the first first; `shortest_s` is the shortest ad's.

    `lengths[n]` has a bit for each number of seconds that at most n ads and any house ads could fill exactly,
    were there enough of each.
    """

    tiers: tuple[tuple[Item, ...], ...]
    lengths: tuple[int, ...]
    shortest_s: int


class Index:
    """Made once for each version of the inventory; only its memories change, and they decide nothing."""

    def __init__(self, inventory: Inventory) -> None:
        self.version = version_of(inventory)
        self.inventory = inventory
        own = {one.id: one for one in HOUSE_CREATIVES}
        mine = {one.id: _creative(one) for one in inventory.creatives}
        creatives = {**own, **mine}
        self.house = tuple(creatives[one] for one in inventory.house) or HOUSE_CREATIVES
        self.slate = tuple(creatives[one] for one in inventory.slate)
        campaigns = {one.id: one for one in inventory.campaigns}
        ordered = sorted(inventory.line_items, key=lambda one: (one.priority, _lot(one.id)))
        self.items = tuple(_item(n, one, campaigns[one.campaign], creatives) for n, one in enumerate(ordered))
        self.active = _bits(ordered, lambda one: one.active)
        self.flights = _flights(ordered, ZoneInfo(inventory.zone))
        self.budgets = {one.budget: one for one in _plans(ordered, inventory)}
        self.budgeted = _budgeted(self.items)
        """The items of each budget."""
        self.caps = {cap.key: cap for item in self.items for cap in item.caps}
        self.dimensions = _dimensions(ordered, inventory)
        self._rules = {event: one for one in inventory.pods for event in one.events}
        self._usual = next((one for one in inventory.pods if not one.events), PodRules())
        self._by_cohort = bool(self.dimensions[-1].masks)
        self._classes: dict[tuple[str, ...], int] = {}
        self._candidates: dict[int, Candidates] = {}
        self._shares: dict[int, tuple[int, int]] = {}

    def rules(self, event: str) -> PodRules:
        """How pods of an event are made."""
        return self._rules.get(event, self._usual)

    def of(self, mask: int) -> Iterator[Item]:
        """The items of a set, the first in priority first."""
        return compress(self.items, map(int, f"{mask:b}"[::-1]))

    def shares(self, left_s: int) -> tuple[int, int]:
        """The seconds that house ads fill of what line items leave, and those of slate."""
        found = self._shares.get(left_s)
        if found is None:
            found = self._shares[left_s] = shares(left_s, self.house, self.slate)
        return found

    def running(self, now: float) -> int:
        """The items that are in their flight and their hours."""
        mask = 0
        for flight in self.flights:
            if flight.runs(now):
                mask |= flight.items
        return mask & self.active

    def place(self, viewer: Viewer) -> tuple[str, ...]:
        """What targeting looks at, one value for each dimension."""
        isp = viewer.isp.partition(" ")[0]
        cohort = viewer.cohort or _cohort(viewer.account) if self._by_cohort else ""
        return (viewer.event, viewer.event, viewer.device_kind, isp, viewer.region, cohort)

    def like(self, viewer: Viewer) -> tuple[str, ...]:
        """What a viewer's cohort is told by: `place` without values that no line item names, and the
        account's cohort in any case, so that a crowd that is alike is not all shown the same."""
        event, _, *others, _ = self.place(viewer)
        fields = zip(self.dimensions[2:], others, strict=False)
        named = (value if value in one.masks else "" for one, value in fields)
        return (event, *named, viewer.cohort or _cohort(viewer.account))

    def meant(self, place: tuple[str, ...]) -> int:
        """The items whose targeting takes a viewer of this place."""
        mask = self._classes.get(place)
        if mask is None:
            mask = self.active
            for dimension, value in zip(self.dimensions, place, strict=True):
                mask &= dimension.mask(value)
            if len(self._classes) >= CLASSES_MAX:
                self._classes.clear()
            self._classes[place] = mask
        return mask

    def candidates(self, mask: int) -> Candidates:
        """The items of a set, ready to be tried."""
        found = self._candidates.get(mask)
        if found is None:
            found = self._gather(mask)
            if len(self._candidates) >= CANDIDATES_MAX:
                self._candidates.clear()
            self._candidates[mask] = found
        return found

    def _gather(self, mask: int) -> Candidates:
        items = list(self.of(mask))
        tiers = tuple(tuple(tier) for _, tier in groupby(items, lambda one: one.priority))
        ads = {creative.duration_s for item in items for creative in item.creatives}
        return Candidates(tiers, self._lengths(ads), min(ads, default=0))

    def _lengths(self, ads: set[int]) -> tuple[int, ...]:
        whole = (1 << (BREAK_S_MAX + 1)) - 1
        found = [lengths((one.duration_s for one in self.house), BREAK_S_MAX)]
        for _ in range(SLOTS_MAX):
            bits = found[-1]
            for duration_s in ads:
                bits |= found[-1] << duration_s & whole
            found.append(bits)
        return tuple(found)


def version_of(inventory: Inventory) -> str:
    """A short name that two inventories share only when they say the same."""
    return blake2b(msgspec.json.encode(inventory), digest_size=6).hexdigest()


def _cohort(account: str) -> str:
    return COHORTS[crc32(account.encode()) % len(COHORTS)]


def _lot(text: str) -> int:
    """A place by lot, so that names and the order of a file favour nobody."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _bits(items: Iterable[LineItem], fits: Callable[[LineItem], bool]) -> int:
    return sum(1 << n for n, one in enumerate(items) if fits(one))


def _creative(one: CreativeEntry) -> Creative:
    return Creative(one.id, one.title, one.duration_s, one.click_url, one.skip_after_s, one.tag_url)


def _item(n: int, item: LineItem, campaign: Campaign, creatives: Mapping[str, Creative]) -> Item:
    owners = ((f"l:{item.id}", item), (f"c:{campaign.id}", campaign))
    its = tuple(creatives[one] for one in item.creatives)
    return Item(
        id=item.id,
        bit=1 << n,
        priority=item.priority,
        advertiser=campaign.advertiser,
        categories=frozenset(campaign.categories),
        creatives=its,
        shortest_s=min((one.duration_s for one in its), default=0),
        position=item.position,
        budgets=tuple(key for key, owner in owners if owner.impressions),
        # A cap that is written twice counts an impression once.
        caps=tuple(dict.fromkeys(_limit(key, cap) for key, owner in owners for cap in owner.caps)),
    )


def _plans(items: list[LineItem], inventory: Inventory) -> Iterator[Plan]:
    """The budgets: line items' are spread over their flights, campaigns' only limit them."""
    zone = ZoneInfo(inventory.zone)
    for one in items:
        if one.impressions:
            week = Week(one.dayparts, zone) if one.dayparts else None
            yield Plan(f"l:{one.id}", one.impressions, one.pace == "even", one.starts, one.ends, week)
    for campaign in inventory.campaigns:
        if campaign.impressions:
            yield Plan(f"c:{campaign.id}", campaign.impressions)


def _budgeted(items: Iterable[Item]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for item in items:
        for key in item.budgets:
            found[key] = found.get(key, 0) | item.bit
    return found


def _limit(key: str, cap: Cap) -> Limit:
    return Limit(f"{key}/{cap.times}/{cap.per_s}", cap.times, min(cap.per_s, WINDOW_S_MAX))


def _flights(items: list[LineItem], zone: ZoneInfo) -> tuple[Flight, ...]:
    alike: dict[tuple[float, float, tuple[Daypart, ...]], int] = {}
    for n, one in enumerate(items):
        key = (one.starts, one.ends, one.dayparts)
        alike[key] = alike.get(key, 0) | 1 << n
    weeks = {parts: Week(parts, zone) for parts in {one.dayparts for one in items} if parts}
    return tuple(
        Flight(starts, ends, weeks.get(parts), mask) for (starts, ends, parts), mask in alike.items()
    )


def _dimensions(items: list[LineItem], inventory: Inventory) -> tuple[Dimension, ...]:
    """In the order of `Index.place`; teams are looked up by the event that they play in."""
    teams = {one.id: one.teams for one in inventory.events}
    events_of: dict[str, list[str]] = {}
    for event, names in teams.items():
        for team in names:
            events_of.setdefault(team, []).append(event)
    return (
        _dimension("event", items, lambda one: one.targeting.events),
        _dimension(
            "team",
            items,
            lambda one: [event for team in one.targeting.teams for event in events_of.get(team, ())],
            lambda one: bool(one.targeting.teams),
        ),
        _dimension("device-kind", items, lambda one: one.targeting.device_kinds),
        _dimension("isp", items, lambda one: one.targeting.isps),
        _dimension("region", items, lambda one: one.targeting.regions),
        _dimension("cohort", items, lambda one: one.targeting.cohorts),
    )


def _dimension(
    aside: Verdict,
    items: list[LineItem],
    values: Callable[[LineItem], Iterable[str]],
    narrowed: Callable[[LineItem], bool] | None = None,
) -> Dimension:
    others = _bits(items, lambda one: not (narrowed(one) if narrowed else any(True for _ in values(one))))
    masks: dict[str, int] = {}
    for n, one in enumerate(items):
        for value in values(one):
            masks[value] = masks.get(value, others) | 1 << n
    return Dimension(aside, masks, others)
