"""What a process of workers answers, on a port of its own: does it live, does it work, and its metrics."""

from collections.abc import Callable, Iterable
from functools import partial

from tifo.kernel.errors import Refusal
from tifo.serving import health, metrics
from tifo.serving.asgi import AsgiApp
from tifo.serving.guard import operators_only
from tifo.serving.responders import application
from tifo.serving.routes import Listener, Route
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing

ROUTES = (
    *health.ROUTES,
    Route(
        name="health.operators-ready",
        method="GET",
        path="/readyz",
        summary="Ready: every worker of this process works",
        listener=Listener.OPERATORS,
        answer=health.HealthAnswer,
        problems=("unavailable",),
    ),
    *metrics.ROUTES,
)
"""Those of the operators' listener are answered. A worker has no viewers."""

Missing = Callable[[], str]
"""What keeps a worker from its work, without addresses or secrets; empty when nothing does."""

Began = Callable[[Missing], None]
"""Called by a worker that begins, with what tells how it does from then on."""


class WorkersReadiness(health.Checks):
    """Ready when every worker of the process has begun and lacks nothing."""

    def __init__(self, names: Iterable[str]) -> None:
        self._missing: dict[str, Missing] = {name: lambda: "it has not begun yet" for name in names}

    def began(self, name: str) -> Began:
        """What this worker calls."""
        return partial(self._missing.__setitem__, name)

    def check(self) -> None:
        """Raises `Refusal` (unavailable) that says which worker lacks what."""
        lacking = [f"{name}: {why}" for name, missing in self._missing.items() if (why := missing())]
        if lacking:
            raise Refusal("unavailable", f"Not ready: {'; '.join(lacking)}.", retry_after_s=1)


def worker_application(readiness: WorkersReadiness, operator_token: str) -> AsgiApp:
    """The application of the port: the metrics behind the operators' token, health for anybody.

    Probes and scrapes are neither measured nor traced: nobody else asks here.
    """
    scrape = operators_only(metrics.handlers(None), operator_token)
    handlers = {**health.handlers(readiness), **scrape}
    return application(Listener.OPERATORS, ROUTES, handlers, RequestMetrics(), Tracing("", ""))
