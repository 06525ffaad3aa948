"""A live origin on loopback that answers as it is told, well or not."""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

HLS = "application/vnd.apple.mpegurl"
DASH = "application/dash+xml"


@dataclass(frozen=True)
class Answer:
    """One answer. `held` is waited for before it begins, `promised` is a Content-Length that is not true."""

    body: bytes = b""
    status: str = "200 OK"
    headers: Mapping[str, str] = field(default_factory=dict)
    held: asyncio.Event | None = None
    promised: int | None = None


class LiveOrigin:
    """What it says by path; what it does not know is not found."""

    def __init__(self) -> None:
        self.base = ""
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[bytes] = []

    def says(self, path: str, body: bytes | str, media_type: str = HLS, **more: object) -> str:
        """Let a path answer; its address."""
        told = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": media_type, **more.pop("headers", {})}  # type: ignore[dict-item]
        self.answers[path] = Answer(told, headers=headers, **more)  # type: ignore[arg-type]
        return self.base + path

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split()[1].decode()
            self.asked[path] += 1
            self.headers.append(head)
            await self._write(writer, self.answers.get(path, Answer(b"no", "404 Not Found")))
        writer.close()

    async def _write(self, writer: asyncio.StreamWriter, told: Answer) -> None:
        if told.held is not None:
            await told.held.wait()
        length = len(told.body) if told.promised is None else told.promised
        lines = {"Content-Length": str(length), "Connection": "close", **told.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {told.status}\r\n{head}\r\n".encode() + told.body)
        await writer.drain()


@contextlib.asynccontextmanager
async def live_origin(context: ssl.SSLContext | None = None) -> AsyncIterator[LiveOrigin]:
    """A running one, over TLS with a context."""
    origin = LiveOrigin()
    server = await asyncio.start_server(origin.answer, "127.0.0.1", 0, ssl=context)
    scheme, host = ("http", "127.0.0.1") if context is None else ("https", "localhost")
    origin.base = f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield origin
        for told in origin.answers.values():
            if told.held is not None:
                told.held.set()
