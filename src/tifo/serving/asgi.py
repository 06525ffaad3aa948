"""The ASGI side of one process: built when its server starts it, one event loop for all its listeners.

A server may call each listener's application on a loop of its own (Envoy's Python module gives every
filter one). Stores and tables belong to one loop, so the listeners that come second carry their
requests over to the first one's.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, Protocol

import msgspec
import structlog

from tifo.serving import interpreter
from tifo.serving.problems import MEDIA_TYPE

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = structlog.get_logger(__name__)


class Node(Protocol):
    """What a process runs: an application for each listener, opened and closed with the server."""

    viewers: AsgiApp
    operators: AsgiApp

    @abstractmethod
    async def open(self) -> None:
        """Connect and begin; what cannot be opened raises."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way and let go."""


class Host:
    """Opens a node on the loop of its first listener and serves the others from there."""

    def __init__(self, build: Callable[[], Node]) -> None:
        self._build = build
        self._node: Node | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def viewers(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The viewers' listener; its life cycle is the node's."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._node is None:
            await _starting(send)
        else:
            await self._node.viewers(scope, receive, send)

    async def operators(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The operators' listener, which lives in the viewers' shadow."""
        if scope["type"] == "lifespan":
            await _shadow(receive, send)
        elif self._node is None or self._loop is None:
            await _starting(send)
        elif asyncio.get_running_loop() is self._loop:
            await self._node.operators(scope, receive, send)
        else:
            await carry(self._node.operators, self._loop, scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            node = await _opened(self._build())
        except Exception as error:
            _log.exception("node.start-failed")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        interpreter.settle()
        self._loop = asyncio.get_running_loop()
        self._node = node
        _log.info("node.ready")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._node = None
        await node.close()
        _log.info("node.stopped")
        await send({"type": "lifespan.shutdown.complete"})


async def _opened(node: Node) -> Node:
    try:
        await node.open()
    except BaseException:
        # What was opened before the part that could not be is let go.
        await node.close()
        raise
    return node


async def carry(
    app: AsgiApp, there: asyncio.AbstractEventLoop, scope: Scope, receive: Receive, send: Send
) -> None:
    """Run one request of this loop's server on another loop, its messages going to and fro."""
    here = asyncio.get_running_loop()

    def back(call: Awaitable[Any]) -> Awaitable[Any]:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(_awaited(call), here)
        return asyncio.wrap_future(future)

    async def receive_from_here() -> Message:
        message: Message = await back(receive())
        return message

    async def send_to_here(message: Message) -> None:
        await back(send(message))

    request = app(scope, receive_from_here, send_to_here)
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(request), there))


async def _awaited(call: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever the call gives
    return await call


async def _shadow(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _starting(send: Send) -> None:
    body = msgspec.json.encode({"type": "about:blank", "title": "Starting", "status": 503})
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
