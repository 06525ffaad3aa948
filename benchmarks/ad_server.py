"""An ad server of somebody else, slow and with a limit that it holds itself to.

`python -m benchmarks.ad_server PORT SLOW_S PER_S_MAX SECONDS` answers each request after `SLOW_S` with an ad
of so many seconds, refuses what is more than `PER_S_MAX` in any second, and says at `/seen` what came.
"""

import asyncio
import contextlib
import sys
import time
from collections import deque

import msgspec

SEEN = b"/seen"
HEAD_BYTES_MAX = 16 * 1024
SECOND_S = 1.0

_VAST = """<?xml version="1.0"?><VAST version="4.2"><Ad id="1"><InLine><AdSystem>slow</AdSystem>
<AdTitle>An ad of somebody else</AdTitle>
<Impression><![CDATA[https://partner.example/seen?n={n}]]></Impression>
<Creatives><Creative><Linear><Duration>{duration}</Duration><TrackingEvents>
<Tracking event="complete"><![CDATA[https://partner.example/complete?n={n}]]></Tracking></TrackingEvents>
<MediaFiles><MediaFile delivery="streaming" type="application/x-mpegURL" width="1920" height="1080">
<![CDATA[https://cdn.partner.example/{n}/master.m3u8]]></MediaFile></MediaFiles>
</Linear></Creative></Creatives></InLine></Ad></VAST>"""


class Seen(msgspec.Struct, frozen=True):
    """Requests that came, the most in any second, and those that were refused for it."""

    asked: int
    most_in_a_second: int
    refused: int


class Limit:
    """Takes at most so many requests in any second, wherever it begins."""

    def __init__(self, per_s_max: int) -> None:
        self._per_s_max = per_s_max
        self._last: deque[float] = deque()
        self._asked = self._most = self._refused = 0

    def takes(self, now: float) -> bool:
        """Whether one more is taken at `now`, in seconds of a clock that never goes back."""
        while self._last and self._last[0] <= now - SECOND_S:
            self._last.popleft()
        self._last.append(now)
        self._asked += 1
        self._most = max(self._most, len(self._last))
        within = len(self._last) <= self._per_s_max
        self._refused += not within
        return within

    @property
    def seen(self) -> Seen:
        """So far."""
        return Seen(self._asked, self._most, self._refused)


class SlowServer:
    """HTTP/1.1 with connections that are kept open, for one client that writes well."""

    def __init__(self, slow_s: float, limit: Limit, seconds: int) -> None:
        self._slow_s = slow_s
        self._limit = limit
        self._seconds = seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer on one connection until the client hangs up."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._answer(head.split(b" ", 2)[1]))
                await writer.drain()
        writer.close()

    async def _answer(self, path: bytes) -> bytes:
        if path == SEEN:
            return _response("200 OK", msgspec.json.encode(self._limit.seen))
        if not self._limit.takes(time.monotonic()):
            return _response("429 Too Many Requests", b"")
        number = self._limit.seen.asked
        await asyncio.sleep(self._slow_s)
        return _response("200 OK", vast(number, self._seconds))


def vast(number: int, seconds: int) -> bytes:
    """An ad of so many seconds, under two minutes, that is like no other."""
    return _VAST.format(n=number, duration=f"00:{seconds // 60:02}:{seconds % 60:02}").encode()


def _response(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def main(port: int, slow_s: float, per_s_max: int, seconds: int) -> None:
    """Serve on loopback until the process is ended."""
    slow = SlowServer(slow_s, Limit(per_s_max), seconds)
    server = await asyncio.start_server(slow.serve, "127.0.0.1", port, limit=HEAD_BYTES_MAX, backlog=1_000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
