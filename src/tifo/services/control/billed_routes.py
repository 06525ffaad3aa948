"""The books in the control room: what was billed, to look at and to take away."""

import csv
import io

from falcon.asgi import Request, Response

from tifo.api.billing import Billed, BilledAnswer, ItemBilled
from tifo.serving.answers import answer_json
from tifo.serving.billed import BILLED_QUERY, billed_query
from tifo.serving.routes import PlainHandlers, operators_route

MICROS = 1_000_000

COLUMNS = (
    "campaign", "line_item", "decided", "impressions", "share", "first_quartiles", "midpoints",
    "third_quartiles", "completes", "skips", "clicks", "errors", "late", "cpm_cents", "amount", "currency",
)  # fmt: skip

ROUTES = (
    operators_route(
        name="control.billed",
        method="GET",
        path="/v1/control/billed",
        summary="What was counted of ads and what it comes to, by line item, by campaign and by break",
        query=BILLED_QUERY,
        answer=BilledAnswer,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.billed-csv",
        method="GET",
        path="/v1/control/billed.csv",
        summary="The same by line item, as CSV (RFC 4180)",
        query=BILLED_QUERY,
        media="text/csv",
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
)


def handlers(books: Billed) -> PlainHandlers:
    """The handlers of the routes above; who calls them was checked before."""

    async def billed(req: Request, resp: Response) -> None:
        answer_json(resp, await books.billed(*billed_query(req), lines=False))

    async def billed_csv(req: Request, resp: Response) -> None:
        answer = await books.billed(*billed_query(req), lines=False)
        resp.text = as_csv(answer)
        resp.content_type = "text/csv; charset=utf-8; header=present"
        resp.set_header("Content-Disposition", 'attachment; filename="billed.csv"')
        resp.set_header("Cache-Control", "no-store")

    return {"control.billed": billed, "control.billed-csv": billed_csv}


def as_csv(answer: BilledAnswer) -> str:
    """A line for each line item after that of the names; house ads and slate have none."""
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(COLUMNS)
    sheet.writerows(_row(one, answer.currency) for one in answer.line_items)
    return text.getvalue()


def _row(item: ItemBilled, currency: str) -> list[object]:
    amount = f"{item.amount_micros // MICROS}.{item.amount_micros % MICROS:06}"
    told: dict[str, object] = {"amount": amount, "currency": currency, "share": item.share}
    return [told[name] if name in told else getattr(item, name) for name in COLUMNS]
