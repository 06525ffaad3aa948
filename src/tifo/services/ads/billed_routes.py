"""What operators ask of the books: how often each ad was shown, and how that stands against decisions."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from falcon.asgi import Request, Response

from tifo.api.billing import (
    DECIDED,
    LINES_MAX,
    BilledAnswer,
    BilledAsked,
    BilledLine,
    Books,
    BreakBilled,
    ItemBilled,
)
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.kernel.limits import ID_LENGTH_MAX
from tifo.serving.answers import answer_json
from tifo.serving.routes import PlainHandlers, Query, operators_route

HOUR_S = 3600
HOURS = 24
HOURS_MAX = 24 * 400

ROUTES = (
    operators_route(
        name="ads.billed",
        method="GET",
        path="/v1/control/ads/billed",
        summary="What was counted of ads, by line item, by break, and line by line",
        query=(
            Query("event", "of this event; without, of all"),
            Query("hours", f"of so many whole hours and the one that runs; {HOURS} without", int),
        ),
        answer=BilledAnswer,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
)


def handlers(books: Books, clock: Clock) -> PlainHandlers:
    """The handler of the route above; who calls it was checked before."""

    async def billed(req: Request, resp: Response) -> None:
        event = (req.get_param("event") or "")[:ID_LENGTH_MAX]
        since = (clock.now() // HOUR_S - _hours(req)) * HOUR_S
        lines = await books.lines(BilledAsked(event, since))
        if len(lines) >= LINES_MAX:
            raise Refusal(
                "invalid", "These are too many lines for one answer: ask for one event, or fewer hours."
            )
        answer_json(resp, summed(lines))

    return {"ads.billed": billed}


def summed(lines: Iterable[BilledLine]) -> BilledAnswer:
    """The lines and their sums: line items by name, breaks in the order of their first hour."""
    lines = tuple(
        sorted(lines, key=lambda one: (one.hour, one.event, one.break_id, one.line_item, one.creative))
    )
    items: defaultdict[str, Counter[str]] = defaultdict(Counter)
    breaks: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in lines:
        what = one.what if one.standing == "counted" else f"{one.standing} {one.what}"
        breaks[one.event, one.break_id][what] += one.count
        if one.standing != "unmatched":
            items[one.line_item][what] += one.count
    return BilledAnswer(
        tuple(_item(name, items[name]) for name in sorted(items)),
        tuple(_break(*name, counts) for name, counts in breaks.items()),
        lines,
    )


def _item(name: str, counts: Counter[str]) -> ItemBilled:
    return ItemBilled(
        line_item=name,
        decided=counts[DECIDED],
        impressions=counts["impression"],
        first_quartiles=counts["firstQuartile"],
        midpoints=counts["midpoint"],
        third_quartiles=counts["thirdQuartile"],
        completes=counts["complete"],
        skips=counts["skip"],
        clicks=counts["click"],
        errors=counts["error"],
        late=counts["late impression"],
    )


def _break(event: str, break_id: str, counts: Counter[str]) -> BreakBilled:
    decided, impressions = counts[DECIDED], counts["impression"]
    return BreakBilled(
        event=event,
        break_id=break_id,
        decided=decided,
        impressions=impressions,
        share=round(impressions / decided, 4) if decided else None,
        late=counts["late impression"],
        unmatched=counts["unmatched impression"],
    )


def _hours(req: Request) -> int:
    text = req.get_param("hours") or str(HOURS)
    if not (text.isdecimal() and len(text) <= 4 and 0 < int(text) <= HOURS_MAX):
        raise Refusal("invalid", f"hours is a whole number from 1 to {HOURS_MAX}.")
    return int(text)
