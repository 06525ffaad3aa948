"""One node behind two listeners whose servers run them on loops of their own, in threads of their own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from patience import WITHIN_S_MAX

from tifo.serving.asgi import AsgiApp, Host, Message, Receive, Scope, Send, carry

HTTP: Scope = {"type": "http", "method": "GET", "path": "/"}


class Elsewhere:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    async def run(self, call: Awaitable[object]) -> object:
        async def awaited() -> object:
            return await call

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaited(), self.loop))

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    elsewhere = Elsewhere()
    yield elsewhere
    elsewhere.close()


class Caller:
    """What a server gives to an application: a body to receive, and a list of what was sent."""

    def __init__(self, *body: bytes) -> None:
        self._body = list(body) or [b""]
        self.sent: list[Message] = []
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def receive(self) -> Message:
        self.loops.add(asyncio.get_running_loop())
        if not self._body:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self._body.pop(0), "more_body": bool(self._body)}

    async def send(self, message: Message) -> None:
        self.loops.add(asyncio.get_running_loop())
        self.sent.append(message)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


async def answer(send: Send, body: bytes, *, status: int = 200, more: bool = False) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body, "more_body": more})


class Node:
    """Answers with the name of its listener and what it received, on the loop that opened it only."""

    def __init__(self) -> None:
        self.opened_on: asyncio.AbstractEventLoop | None = None
        self.closed = False
        self.fails = False
        self.viewers: AsgiApp = self._answering(b"viewers")
        self.operators: AsgiApp = self._answering(b"operators")

    async def open(self) -> None:
        self.opened_on = asyncio.get_running_loop()
        if self.fails:
            raise RuntimeError("no disk")

    async def close(self) -> None:
        self.closed = True

    def _answering(self, name: bytes) -> AsgiApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            assert asyncio.get_running_loop() is self.opened_on
            body = b""
            while (message := await receive())["type"] == "http.request":
                body += message["body"]
                if not message["more_body"]:
                    break
            await answer(send, name + b" " + body)

        return app


class Life:
    """The lifespan of a host, as a server drives it."""

    def __init__(self, app: AsgiApp) -> None:
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        self._said = asyncio.Event()
        self._task = asyncio.ensure_future(app({"type": "lifespan"}, self._inbox.get, self._send))

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        self._said.set()

    async def say(self, what: str) -> str:
        self._said.clear()
        await self._inbox.put({"type": what})
        async with asyncio.timeout(WITHIN_S_MAX):
            await self._said.wait()
        return str(self.sent[-1]["type"])


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
async def host(node: Node) -> AsyncIterator[Host]:
    host = Host(lambda: node)
    life = Life(host.viewers)
    assert await life.say("lifespan.startup") == "lifespan.startup.complete"
    yield host
    assert await life.say("lifespan.shutdown") == "lifespan.shutdown.complete"
    assert node.closed


async def test_viewers_are_served_on_the_loop_that_opened_the_node(host: Host) -> None:
    caller = Caller(b"a", b"b")
    await host.viewers(HTTP, caller.receive, caller.send)
    assert (caller.status, caller.body) == (200, b"viewers ab")


async def test_operators_on_the_same_loop_are_served_directly(host: Host) -> None:
    caller = Caller()
    await host.operators(HTTP, caller.receive, caller.send)
    assert caller.body == b"operators "


async def test_operators_on_another_loop_are_carried_over(host: Host, elsewhere: Elsewhere) -> None:
    caller = Caller(b"a", b"b")
    await elsewhere.run(host.operators(HTTP, caller.receive, caller.send))
    assert (caller.status, caller.body) == (200, b"operators ab")
    assert caller.loops == {elsewhere.loop}


async def test_many_requests_are_carried_at_once(host: Host, elsewhere: Elsewhere) -> None:
    callers = [Caller(str(n).encode()) for n in range(100)]
    await asyncio.gather(
        *(elsewhere.run(host.operators(HTTP, one.receive, one.send)) for one in callers[::2]),
        *(host.viewers(HTTP, one.receive, one.send) for one in callers[1::2]),
    )
    assert [one.body.split()[1] for one in callers] == [str(n).encode() for n in range(100)]


@pytest.mark.parametrize("listener", ["viewers", "operators"])
async def test_request_before_the_node_is_open_is_asked_to_come_back(node: Node, listener: str) -> None:
    caller = Caller()
    await getattr(Host(lambda: node), listener)(HTTP, caller.receive, caller.send)
    assert caller.status == 503
    assert dict(caller.sent[0]["headers"])[b"retry-after"] == b"1"


async def test_operators_lifespan_lives_in_the_viewers_shadow(node: Node) -> None:
    life = Life(Host(lambda: node).operators)
    assert await life.say("lifespan.startup") == "lifespan.startup.complete"
    assert await life.say("lifespan.shutdown") == "lifespan.shutdown.complete"
    assert node.opened_on is None


async def test_node_that_cannot_be_opened_says_why_and_lets_go(node: Node, logged) -> None:
    node.fails = True
    life = Life(Host(lambda: node).viewers)
    assert await life.say("lifespan.startup") == "lifespan.startup.failed"
    assert life.sent[-1]["message"] == "no disk"
    assert node.closed
    assert [entry["event"] for entry in logged] == ["node.start-failed"]
    logged.clear()


async def carried(app: AsgiApp, caller: Caller, elsewhere: Elsewhere) -> None:
    """`app` runs on this test's loop for a caller on the other one."""
    here = asyncio.get_running_loop()
    await elsewhere.run(carry(app, here, HTTP, caller.receive, caller.send))


async def test_answer_streams_while_it_is_made(elsewhere: Elsewhere, until) -> None:
    onward = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, b"first ", more=True)
        await onward.wait()
        await send({"type": "http.response.body", "body": b"second"})

    caller = Caller()
    request = asyncio.ensure_future(carried(app, caller, elsewhere))
    await until(lambda: caller.body == b"first ")
    onward.set()
    await request
    assert caller.body == b"first second"


async def test_error_of_the_application_reaches_the_server(elsewhere: Elsewhere) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("over there")

    with pytest.raises(LookupError, match="over there"):
        await carried(app, Caller(), elsewhere)


class Gone(Caller):
    """A client that goes away after the first part of the answer."""

    async def send(self, message: Message) -> None:
        if len(self.sent) == 2:
            raise OSError("client disconnected")
        await super().send(message)


def endless(tidied: Callable[[], None]) -> AsgiApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await answer(send, b"x", more=True)
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            tidied()

    return app


async def test_client_that_goes_away_ends_the_stream_over_there(elsewhere: Elsewhere) -> None:
    tidied = threading.Event()
    with pytest.raises(OSError, match="disconnected"):
        await carried(endless(tidied.set), Gone(), elsewhere)
    assert tidied.is_set()


async def test_request_that_the_server_cancels_ends_over_there(elsewhere: Elsewhere, until) -> None:
    tidied = threading.Event()
    caller = Caller()
    request = asyncio.run_coroutine_threadsafe(
        carry(endless(tidied.set), asyncio.get_running_loop(), HTTP, caller.receive, caller.send),
        elsewhere.loop,
    )
    await until(lambda: len(caller.sent) > 3)
    request.cancel()
    await until(tidied.is_set)
