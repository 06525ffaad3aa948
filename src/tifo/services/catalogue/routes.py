import msgspec
from falcon.asgi import Request, Response

from tifo.api.catalogue import CalendarEvent, Catalogue, EventAnswer, EventsAnswer
from tifo.kernel.clock import Clock, rfc3339
from tifo.services.catalogue.settings import CatalogueSettings
from tifo.serving.routes import Handlers, PlainHandlers, Route, operators_route

ROUTES = (
    Route(
        name="catalogue.events",
        method="GET",
        path="/v1/events",
        summary="The calendar of events",
        answer=EventsAnswer,
    ),
    Route(
        name="catalogue.event",
        method="GET",
        path="/v1/events/{event}",
        summary="One event",
        answer=EventAnswer,
        problems=("not-found",),
    ),
)

PEER_ROUTES = (
    operators_route(
        name="catalogue.peer-event",
        method="GET",
        path="/v1/peer/calendar/{event}",
        summary="A calendar entry, for our services in other processes",
        answer=CalendarEvent,
        problems=("bad-credentials", "not-found"),
    ),
    operators_route(
        name="catalogue.peer-events",
        method="GET",
        path="/v1/peer/calendar",
        summary="The whole calendar, for our services in other processes",
        answer=tuple[CalendarEvent, ...],
        problems=("bad-credentials",),
    ),
)


def peer_handlers(service: Catalogue) -> PlainHandlers:
    """The handlers of the peer routes; who calls them was checked before."""

    async def event(req: Request, resp: Response, event: str) -> None:
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(await service.event(event))

    async def events(req: Request, resp: Response) -> None:
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(await service.events())

    return {"catalogue.peer-event": event, "catalogue.peer-events": events}


def handlers(service: Catalogue, clock: Clock, settings: CatalogueSettings) -> Handlers:
    """The handlers of the routes above."""
    cache_control = f"public, max-age={settings.public_max_age_s}, stale-if-error=3600"

    def answer(resp: Response, body: object) -> None:
        resp.content_type = "application/json"
        resp.set_header("Cache-Control", cache_control)
        resp.data = msgspec.json.encode(body)

    async def events(req: Request, resp: Response) -> None:
        now = clock.now()
        answer(resp, EventsAnswer(tuple(_shown(event, now) for event in await service.events())))

    async def event(req: Request, resp: Response, event: str) -> None:
        answer(resp, _shown(await service.event(event), clock.now()))

    return {"catalogue.events": events, "catalogue.event": event}


def _shown(event: CalendarEvent, now: float) -> EventAnswer:
    return EventAnswer(
        id=event.id,
        title=event.title,
        starts_at=rfc3339(event.starts),
        ends_at=rfc3339(event.ends),
        state=event.state(now),
    )
