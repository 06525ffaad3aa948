"""`/metrics` on the operators' port: ours, then Envoy's own."""

import contextlib
from pathlib import Path

import httpx
from falcon.asgi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tifo.serving.routes import PlainHandlers, operators_route
from tifo.telemetry.metrics import REGISTRY

ENVOY_S_MAX = 2.0

ROUTES = (
    operators_route(
        name="telemetry.metrics",
        method="GET",
        path="/metrics",
        summary="Metrics of the application and of the edge in front of it, in Prometheus's text form",
        media=CONTENT_TYPE_LATEST,
        problems=("bad-credentials",),
    ),
)


def handlers(admin_socket: Path | None) -> PlainHandlers:
    """The handler of the route above; without a socket, or an Envoy behind it, only ours are shown."""

    async def metrics(req: Request, resp: Response) -> None:
        resp.content_type = CONTENT_TYPE_LATEST
        resp.set_header("Cache-Control", "no-store")
        envoys = b"" if admin_socket is None else await _envoys(admin_socket)
        resp.data = generate_latest(REGISTRY) + envoys

    return {"telemetry.metrics": metrics}


async def _envoys(admin_socket: Path) -> bytes:
    transport = httpx.AsyncHTTPTransport(uds=str(admin_socket))
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(transport=transport, timeout=ENVOY_S_MAX) as client:
            return (await client.get("http://envoy/stats/prometheus?usedonly")).content
    return b""
