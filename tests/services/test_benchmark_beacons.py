"""The benchmarks' sender of beacons: it calls until it is answered 204, some of them once more."""

import asyncio
from collections import Counter

from benchmarks.beacon_sender import AGAIN_EVERY, send

PATHS = [f"/v1/ads/t/{n}" for n in range(12)]


class Edge:
    """Hangs up at first, then refuses, then accepts."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(4_096):
            path = head.split(b" ")[1].decode()
            self.calls[path] += 1
            if self.calls[path] == 1:
                break
            status = "503 Service Unavailable" if self.calls[path] == 2 else "204 No Content"
            writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
            await writer.drain()
        writer.close()


async def test_beacon_is_called_until_it_is_accepted() -> None:
    edge = Edge()
    server = await asyncio.start_server(edge.serve, "127.0.0.1", 0)
    async with server:
        met = await send("127.0.0.1", server.sockets[0].getsockname()[1], PATHS, 1_000)
    again = len(PATHS) // AGAIN_EVERY
    assert (met.accepted, met.failed) == (len(PATHS), 2 * len(PATHS))
    assert met.calls == 3 * len(PATHS) + again == edge.calls.total()
    assert sorted(edge.calls.values()) == [3] * (len(PATHS) - again) + [4] * again
