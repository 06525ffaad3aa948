"""From a route and its handler to a Falcon application: measured, traced, and refusing in one form."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from time import perf_counter

import falcon
import structlog
from falcon.asgi import App, Request, Response

from tifo.kernel.errors import Refusal
from tifo.serving.asgi import AsgiApp
from tifo.serving.lean import LeanLanes
from tifo.serving.problems import write_problem
from tifo.serving.routes import Handler, Handlers, Lean, Listener, Route
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing, trace_context

_log = structlog.get_logger(__name__)

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")


def application(
    listener: Listener,
    routes: Iterable[Route],
    handlers: Handlers,
    metrics: RequestMetrics,
    tracing: Tracing,
) -> AsgiApp:
    """The application of one listener, with the routes that stand on it."""
    own = [(route, handlers[route.name]) for route in routes if route.listener is listener]
    lean = [(route, handler) for route, handler in own if isinstance(handler, Lean)]
    app = _framework(own, metrics, tracing)
    return LeanLanes(app, lean, metrics, tracing) if lean else app


def _framework(
    own: Iterable[tuple[Route, Handler | Lean]], metrics: RequestMetrics, tracing: Tracing
) -> App[Request, Response]:
    """Falcon with every route that is not lean; of those that are it knows the methods, to name them."""
    app: App[Request, Response] = App()
    by_path: dict[str, dict[str, Handler]] = defaultdict(dict)
    for route, handler in own:
        plain = _no_parameter if isinstance(handler, Lean) else handler
        by_path[route.path][f"on_{route.method.lower()}"] = _responder(route, plain, metrics, tracing)
    for path, responders in by_path.items():
        app.add_route(path, _Resource(responders))
    _refuse_the_rest(app, metrics)
    return app


async def _no_parameter(req: Request, resp: Response, **parameters: str) -> None:
    """What a lane leaves of its own route: an address whose parameter is empty."""
    raise Refusal("not-found")


class _Resource:
    """A Falcon resource made of separate responders."""

    def __init__(self, responders: Mapping[str, Handler]) -> None:
        for name, responder in responders.items():
            setattr(self, name, responder)


def _responder(route: Route, handler: Handler, metrics: RequestMetrics, tracing: Tracing) -> Handler:
    observe = metrics.observer(route.name, route.method)

    async def respond(req: Request, resp: Response, **parameters: str) -> None:
        started = perf_counter()
        try:
            with tracing.server_span(req, route.path):
                await handler(req, resp, **parameters)
        except Refusal as refusal:
            write_problem(req, resp, refusal)
        except falcon.HTTPError:
            # The framework could not read the request: a header that is no number, a body cut short.
            write_problem(req, resp, Refusal("bad-request"))
        except Exception:
            # Its text stays inside: the viewer gets a code and the request id, the operators the rest.
            _say_failed(req, route)
            write_problem(req, resp, Refusal("internal"))
        observe(perf_counter() - started, resp.status_code)

    return respond


def _say_failed(request: Request, route: Route) -> None:
    trace_id, _, _ = trace_context(request)
    _log.exception(
        "request.failed",
        route=route.name,
        method=route.method,
        request_id=request.get_header("X-Request-Id"),
        trace_id=trace_id,
    )


def _refuse_the_rest(app: App[Request, Response], metrics: RequestMetrics) -> None:
    observers = {method: metrics.observer("unmatched", method) for method in _METHODS}

    async def refuse(req: Request, resp: Response, error: falcon.HTTPError, _params: object) -> None:
        code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "bad-request")
        write_problem(req, resp, Refusal(code))
        for name, value in dict(error.headers or {}).items():
            resp.set_header(name, value)
        if req.method in observers:
            observers[req.method](0.0, resp.status_code)

    app.add_error_handler(falcon.HTTPError, refuse)
