"""Traces: a span only for a request that the edge sampled; the others cost one look at one character.

Envoy writes its sampling decision into the request id it makes (the first digit of the UUID's third
group is 9, a or b for a traced request). The trace id is the request id without its dashes, so Envoy's
access log, our log and the trace name a request alike, and a `traceparent` from outside goes before.
"""

import re
from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

_SAMPLED_AT = 14
_SAMPLED = frozenset("9ab")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
"""W3C Trace Context, section 3.2.2; all zeros are no id."""
_NO_SPAN = nullcontext()


class Traced(Protocol):
    """What a trace has to know of a request."""

    @property
    @abstractmethod
    def method(self) -> str:
        """GET, POST and so on."""

    @abstractmethod
    def get_header(self, name: str) -> str | None:
        """A header, or None."""


def trace_context(request: Traced) -> tuple[str, str, bool]:
    """(trace id, parent span id, sampled) of a request; empty texts when it came without any."""
    parent = request.get_header("Traceparent") or ""
    if found := _TRACEPARENT.fullmatch(parent):
        return found[1], found[2], bool(int(found[3], 16) & 1)
    request_id = request.get_header("X-Request-Id") or ""
    if not _UUID.fullmatch(request_id):
        return "", "", False
    compact = request_id.replace("-", "")
    return compact, compact[:16], request_id[_SAMPLED_AT] in _SAMPLED


class Tracing:
    """Spans over OTLP; without an endpoint nothing is made and nothing is sent."""

    def __init__(self, endpoint: str, service: str) -> None:
        self._provider: TracerProvider | None = None
        if endpoint:
            self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))

    def server_span(self, request: Traced, route: str) -> AbstractContextManager[object]:
        """A server span around a sampled request; nothing for the others."""
        if self._provider is None:
            return _NO_SPAN
        trace_id, parent, sampled = trace_context(request)
        if not sampled:
            return _NO_SPAN
        return self._start(trace_id, parent, request.method, route)

    def close(self) -> None:
        """Send what is left."""
        if self._provider is not None:
            self._provider.shutdown()

    def _start(self, trace_id: str, parent: str, method: str, route: str) -> AbstractContextManager[Span]:
        assert self._provider is not None
        context = SpanContext(int(trace_id, 16), int(parent, 16), True, TraceFlags(TraceFlags.SAMPLED))
        return self._provider.get_tracer("tifo").start_as_current_span(
            f"{method} {route}",
            context=trace.set_span_in_context(NonRecordingSpan(context)),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
        )
