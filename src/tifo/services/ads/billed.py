"""The books as operators read them: by line item with its money, by campaign, by break."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tifo.api.billing import (
    DECIDED,
    LINES_MAX,
    Billed,
    BilledAnswer,
    BilledAsked,
    BilledLine,
    Books,
    BreakBilled,
    CampaignBilled,
    ItemBilled,
)
from tifo.api.inventory import Inventory, LineItem
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.services.ads.desk import InventoryDesk

HOUR_S = 3600

MICROS_OF_CENTS = 10
"""Millionths of the currency that one impression costs, for each hundredth that a thousand cost."""

_NOBODYS = LineItem("", "", ("",), 0.0, 0.0)


class BilledDesk(Billed):
    """Reads the books, with campaigns and prices of the inventory in force on this node."""

    def __init__(self, books: Books, desk: InventoryDesk, clock: Clock) -> None:
        self._books = books
        self._desk = desk
        self._clock = clock

    async def billed(self, event: str, hours: int, *, lines: bool) -> BilledAnswer:
        """Of so many whole hours and the one that runs."""
        since = (self._clock.now() // HOUR_S - hours) * HOUR_S
        found = await self._books.lines(BilledAsked(event, since))
        if len(found) >= LINES_MAX:
            raise Refusal(
                "invalid", "These are too many lines for one answer: ask for one event, or fewer hours."
            )
        return summed(found, self._desk.kept.inventory, lines=lines)


def summed(found: Iterable[BilledLine], inventory: Inventory, *, lines: bool = True) -> BilledAnswer:
    """The lines and their sums: line items and campaigns by name, breaks in the order of their first hour."""
    found = tuple(
        sorted(found, key=lambda one: (one.hour, one.event, one.break_id, one.line_item, one.creative))
    )
    items: defaultdict[str, Counter[str]] = defaultdict(Counter)
    breaks: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in found:
        what = one.what if one.standing == "counted" else f"{one.standing} {one.what}"
        breaks[one.event, one.break_id][what] += one.count
        if one.standing != "unmatched":
            items[one.line_item][what] += one.count
    sold = {one.id: one for one in inventory.line_items}
    billed = tuple(_item(sold.get(name, _NOBODYS), name, items[name]) for name in sorted(items))
    return BilledAnswer(
        line_items=billed,
        breaks=tuple(_break(*name, counts) for name, counts in breaks.items()),
        lines=found if lines else (),
        campaigns=_campaigns(billed, {one.id: one.advertiser for one in inventory.campaigns}),
        currency=inventory.currency,
    )


def _item(sold: LineItem, name: str, counts: Counter[str]) -> ItemBilled:
    impressions = counts["impression"]
    return ItemBilled(
        line_item=name,
        decided=counts[DECIDED],
        impressions=impressions,
        first_quartiles=counts["firstQuartile"],
        midpoints=counts["midpoint"],
        third_quartiles=counts["thirdQuartile"],
        completes=counts["complete"],
        skips=counts["skip"],
        clicks=counts["click"],
        errors=counts["error"],
        late=counts["late impression"],
        share=_share(impressions, counts[DECIDED]),
        campaign=sold.campaign,
        cpm_cents=sold.cpm_cents,
        amount_micros=impressions * sold.cpm_cents * MICROS_OF_CENTS,
    )


def _campaigns(items: Iterable[ItemBilled], advertisers: Mapping[str, str]) -> tuple[CampaignBilled, ...]:
    """Sums of what is sold: house ads, and what the inventory in force does not know, are no campaign's."""
    by_campaign: defaultdict[str, list[ItemBilled]] = defaultdict(list)
    for item in items:
        if item.campaign:
            by_campaign[item.campaign].append(item)
    return tuple(
        _campaign(name, advertisers.get(name, ""), by_campaign[name]) for name in sorted(by_campaign)
    )


def _campaign(name: str, advertiser: str, same: list[ItemBilled]) -> CampaignBilled:
    decided, impressions = sum(one.decided for one in same), sum(one.impressions for one in same)
    return CampaignBilled(
        campaign=name,
        advertiser=advertiser,
        decided=decided,
        impressions=impressions,
        completes=sum(one.completes for one in same),
        clicks=sum(one.clicks for one in same),
        late=sum(one.late for one in same),
        share=_share(impressions, decided),
        amount_micros=sum(one.amount_micros for one in same),
    )


def _break(event: str, break_id: str, counts: Counter[str]) -> BreakBilled:
    decided, impressions = counts[DECIDED], counts["impression"]
    return BreakBilled(
        event=event,
        break_id=break_id,
        decided=decided,
        impressions=impressions,
        share=_share(impressions, decided),
        late=counts["late impression"],
        unmatched=counts["unmatched impression"],
    )


def _share(impressions: int, decided: int) -> float | None:
    return round(impressions / decided, 4) if decided else None
