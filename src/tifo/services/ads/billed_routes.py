"""What operators ask of the books: how often each ad was shown, and how that stands against decisions."""

from falcon.asgi import Request, Response

from tifo.api.billing import Billed, BilledAnswer
from tifo.serving.answers import answer_json
from tifo.serving.billed import BILLED_QUERY, billed_query
from tifo.serving.routes import PlainHandlers, Query, operators_route

ROUTES = (
    operators_route(
        name="ads.billed",
        method="GET",
        path="/v1/control/ads/billed",
        summary="What was counted of ads, by line item, by campaign, by break, and line by line",
        query=(*BILLED_QUERY, Query("lines", "0 leaves the single lines out", int)),
        answer=BilledAnswer,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
)


def handlers(books: Billed) -> PlainHandlers:
    """The handler of the route above; who calls it was checked before."""

    async def billed(req: Request, resp: Response) -> None:
        event, hours = billed_query(req)
        answer_json(resp, await books.billed(event, hours, lines=req.get_param("lines") != "0"))

    return {"ads.billed": billed}
