"""Counts what goes between a contender and its Redis, from outside of both: a proxy that reads along."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

READ_BYTES = 256 * 1024
STOP_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Commands, and round trips: times that a connection which waits for nothing begins to ask."""

    commands: int
    round_trips: int

    def since(self, before: "Counts") -> "Counts":
        return Counts(self.commands - before.commands, self.round_trips - before.round_trips)


class Messages:
    """Finds the ends of RESP2 messages in a stream of bytes: requests are arrays, replies anything."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._bulk_bytes = 0
        self._open: list[int] = []

    def feed(self, data: bytes) -> int:
        """How many messages ended in what came."""
        self._rest += data
        ended = 0
        while (part := self._part()) is not None:
            ended += self._take(part)
        return ended

    def _part(self) -> bytes | None:
        """The next line, or the bulk string that the line before announced; None until all of it came."""
        size = self._bulk_bytes or self._rest.find(b"\r\n") + 2
        if size < 2 or len(self._rest) < size:
            return None
        part = b"" if self._bulk_bytes else bytes(self._rest[: size - 2])
        del self._rest[:size]
        self._bulk_bytes = 0
        return part

    def _take(self, part: bytes) -> int:
        kind, size = part[:1], int(part[1:]) if part[:1] in (b"*", b"$") else 0
        if kind == b"$" and size >= 0:
            self._bulk_bytes = size + 2
            return 0
        if kind == b"*" and size > 0:
            self._open.append(size)
            return 0
        return self._value_ended()

    def _value_ended(self) -> int:
        """1 when the message ended with it, 0 when an array goes on."""
        while self._open:
            self._open[-1] -= 1
            if self._open[-1]:
                return 0
            self._open.pop()
        return 1


class CountingProxy:
    """Listens on a free port of loopback and passes everything on to a Redis."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._to = (place.hostname or "", place.port or 0)
        self._commands = 0
        self._round_trips = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """How the contender reaches it."""
        assert self._server is not None
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def counts(self) -> Counts:
        """So far."""
        return Counts(self._commands, self._round_trips)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=READ_BYTES)

    async def close(self) -> None:
        """Hang up on both sides, and wait until that has been noticed."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            store_reader, store_writer = await asyncio.open_connection(*self._to, limit=READ_BYTES)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, store_writer}
        waiting = _Waiting()
        await asyncio.gather(
            self._pass_on(reader, store_writer, waiting, Messages(), asked=True),
            self._pass_on(store_reader, writer, waiting, Messages(), asked=False),
        )

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        waiting: "_Waiting",
        messages: Messages,
        *,
        asked: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(READ_BYTES):
                ended = messages.feed(data)
                if asked:
                    self._count(ended, waiting)
                else:
                    waiting.answers -= ended
                writer.write(data)
                await writer.drain()
        writer.close()

    def _count(self, commands: int, waiting: "_Waiting") -> None:
        self._commands += commands
        if commands and not waiting.answers:
            self._round_trips += 1
        waiting.answers += commands


@dataclass(slots=True)
class _Waiting:
    """Answers that one connection waits for."""

    answers: int = 0


@contextlib.contextmanager
def counting(url: str) -> Iterator[CountingProxy]:
    """A proxy in front of the Redis at `url`, on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="counting", daemon=True)
    thread.start()
    proxy = CountingProxy(url)
    try:
        asyncio.run_coroutine_threadsafe(proxy.open(), loop).result(STOP_S_MAX)
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result(STOP_S_MAX)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S_MAX)
        loop.close()
