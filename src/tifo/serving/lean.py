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


_PARAMETER = ""
"""Stands for a parameter among the segments of a route's path."""


class _Lane(NamedTuple):
    """`prefix` is what stands before the first parameter, `rest` the segments from it on."""

    route: Route
    prefix: str
    rest: tuple[str, ...]
    handle: LeanHandler
    observe: Observe

    def parameters(self, method: str, path: str) -> tuple[str, ...]:
        """The path's parameters if the request is this lane's, else none."""
        if method != self.route.method or not path.startswith(self.prefix):
            return ()
        segments = path[len(self.prefix) :].split("/")
        if len(segments) != len(self.rest) or "" in segments:
            return ()
        found = []
        for segment, wanted in zip(segments, self.rest, strict=True):
            if wanted == _PARAMETER:
                found.append(segment)
            elif segment != wanted:
                return ()
        return tuple(found)


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
                parameters = lane.parameters(scope["method"], scope["path"])
                if parameters:
                    headers, query = scope["headers"], scope["query_string"]
                    client, _ = scope.get("client") or ("", 0)
                    request = LeanRequest(scope["method"], parameters, headers, query, client)
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
    prefix, brace, rest = route.path.partition("{")
    if not brace:
        raise ValueError(f"{route.name}: a lean route's path has a parameter")
    segments = (_PARAMETER if one.endswith("}") else one for one in rest.split("/"))
    return _Lane(route, prefix, tuple(segments), lean.handle, metrics.observer(route.name, route.method))
