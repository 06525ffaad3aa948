"""The same application on Granian, without an edge: the way out if Envoy could not carry Python."""

import asyncio

from granian.constants import Interfaces
from granian.server.embed import Server

from tifo.edge.settings import EdgeSettings
from tifo.serving.asgi import AsgiApp


async def serve_on_granian(viewers: AsgiApp, operators: AsgiApp, edge: EdgeSettings) -> None:
    """Serve both listeners on this loop until the process is told to stop."""
    first = _server(viewers, edge.host, edge.port)
    second = _server(operators, edge.operator_host, edge.operator_port)
    await asyncio.gather(first.serve(), second.serve())


def _server(app: AsgiApp, host: str, port: int) -> Server:
    return Server(app, address=host, port=port, interface=Interfaces.ASGI, log_enabled=False)
