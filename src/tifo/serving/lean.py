"""The lane for what every player asks every few seconds, past the framework's own objects.

A heartbeat's work is one signature and one look into memory; building a request and a response object
around it costs more than that (docs/decisions/0006). A lean handler reads headers and query as they
came and answers bytes. All else is as for any other route: its entry in the table, its limits at the
edge, its metrics, its span, its problem documents.
"""

from collections.abc import Awaitable, Iterable
from time import perf_counter
from typing import NamedTuple

import structlog

from tifo.kernel.errors import Refusal
from tifo.serving.asgi import AsgiApp, Receive, Scope, Send
from tifo.serving.problems import problem
from tifo.serving.routes import Lean, LeanHandler, LeanRequest, Route
from tifo.telemetry.requests import Observe, RequestMetrics
from tifo.telemetry.tracing import Tracing, trace_context

_log = structlog.get_logger(__name__)


class _Lane(NamedTuple):
    route: Route
    prefix: str
    suffix: str
    handle: LeanHandler
    observe: Observe

    def parameter(self, method: str, path: str) -> str:
        """The path's parameter if the request is this lane's, else an empty text."""
        if method != self.route.method or not path.startswith(self.prefix) or not path.endswith(self.suffix):
            return ""
        parameter = path[len(self.prefix) : len(path) - len(self.suffix)]
        return "" if "/" in parameter else parameter


class LeanLanes:
    """Answers lean routes and leaves every other request to `app`."""

    def __init__(
        self,
        app: AsgiApp,
        routes: Iterable[tuple[Route, Lean]],
        metrics: RequestMetrics,
        tracing: Tracing,
    ) -> None:
        self._app = app
        self._lanes = tuple(_lane(route, lean, metrics) for route, lean in routes)
        self._tracing = tracing

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """One request. No coroutine of its own: it only says who answers, at every request there is."""
        if scope["type"] == "http":
            for lane in self._lanes:
                parameter = lane.parameter(scope["method"], scope["path"])
                if parameter:
                    headers, query = scope["headers"], scope["query_string"]
                    request = LeanRequest(scope["method"], parameter, headers, query)
                    return self._answer(lane, request, send)
        return self._app(scope, receive, send)

    async def _answer(self, lane: _Lane, request: LeanRequest, send: Send) -> None:
        started = perf_counter()
        status = 200
        try:
            with self._tracing.server_span(request, lane.route.path):
                headers, body = await lane.handle(request)
        except Refusal as refusal:
            status, headers, body = problem(refusal, request.get_header("X-Request-Id"))
        except Exception:
            # Its text stays inside, as for every route.
            trace_id, _, _ = trace_context(request)
            _log.exception("request.failed", route=lane.route.name, trace_id=trace_id)
            status, headers, body = problem(Refusal("internal"), request.get_header("X-Request-Id"))
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})
        lane.observe(perf_counter() - started, status)


def _lane(route: Route, lean: Lean, metrics: RequestMetrics) -> _Lane:
    prefix, _, rest = route.path.partition("{")
    _, _, suffix = rest.partition("}")
    if not rest or "{" in suffix:
        raise ValueError(f"{route.name}: a lean route's path has one parameter")
    return _Lane(route, prefix, suffix, lean.handle, metrics.observer(route.name, route.method))
