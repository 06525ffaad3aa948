"""The same application on Granian, without an edge: the way out if Envoy could not carry Python."""

import asyncio
from typing import NamedTuple

from granian.constants import Interfaces
from granian.server.embed import Server

from tifo.serving.asgi import AsgiApp


class Door(NamedTuple):
    """What answers, and where it listens."""

    app: AsgiApp
    host: str
    port: int


async def serve_on_granian(*doors: Door) -> None:
    """Serve every door on this loop until the process is told to stop."""
    await asyncio.gather(*(_server(door).serve() for door in doors))


def _server(door: Door) -> Server:
    return Server(door.app, address=door.host, port=door.port, interface=Interfaces.ASGI, log_enabled=False)
