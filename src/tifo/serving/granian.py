"""An application on Granian, without an edge: workers' ports, and the way out if Envoy carried no Python."""

import asyncio
from typing import NamedTuple

from granian.constants import Interfaces
from granian.server.embed import Server

from tifo.serving.asgi import AsgiApp

DRAIN_S_MAX = 5.0
"""Seconds for answers under way when the process stops."""


class Door(NamedTuple):
    """What answers, and where it listens."""

    app: AsgiApp
    host: str
    port: int


async def serve_on_granian(*doors: Door, stop: asyncio.Event) -> None:
    """Serve every door on this loop until `stop` is set; raises what ended a server before."""
    servers = [_server(door) for door in doors]
    serving = [asyncio.create_task(server.serve()) for server in servers]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call]
    done, late = await asyncio.wait(serving, timeout=DRAIN_S_MAX)
    for task in late:
        task.cancel()
    for task in done:
        task.result()


def _server(door: Door) -> Server:
    return Server(door.app, address=door.host, port=door.port, interface=Interfaces.ASGI, log_enabled=False)
