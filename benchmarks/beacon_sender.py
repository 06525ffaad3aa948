"""Calls beacons as players do who never give up: `python -m benchmarks.beacon_sender HOST:PORT FILE PER_S`.

Each path of the file is called at its time until it is answered 204, and one in `AGAIN_EVERY` once more after
that. It prints what it met.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

CONNECTIONS = 32
AGAIN_EVERY = 3
RETRY_S = 0.05
ANSWER_S_MAX = 2.0
"""Seconds until a call that has no answer is made again, on a new connection."""
GIVEN_UP_S_MAX = 60.0
ACCEPTED = b"HTTP/1.1 204"


class Met(msgspec.Struct, frozen=True):
    """Beacons that were accepted, calls of them in all, calls without a 204, and how long all of it took."""

    accepted: int
    calls: int
    failed: int
    seconds: float


@dataclass(slots=True)
class _Tally:
    accepted: int = 0
    calls: int = 0
    failed: int = 0


@dataclass(slots=True)
class Line:
    """One connection, made when it is needed."""

    host: str
    port: int
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None)

    async def calls(self, path: str) -> bool:
        """Whether it was answered 204; whatever else happens, the connection is not used again."""
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self.host, self.port)
                reader, writer = self._streams
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            head = b""
        if head.startswith(ACCEPTED):
            return True
        self.close()
        return False

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def send(host: str, port: int, paths: list[str], per_s: float) -> Met:
    """Call all of them; the time that a beacon is due does not wait for those before, as long as lines are
    free."""
    tally, began = _Tally(), time.monotonic()
    ahead = iter(enumerate(paths))
    await asyncio.gather(
        *(_on_line(Line(host, port), ahead, per_s, began, tally) for _ in range(CONNECTIONS))
    )
    return Met(tally.accepted, tally.calls, tally.failed, time.monotonic() - began)


async def _on_line(
    line: Line, ahead: Iterator[tuple[int, str]], per_s: float, began: float, tally: _Tally
) -> None:
    for n, path in ahead:
        await asyncio.sleep(max(0.0, began + n / per_s - time.monotonic()))
        for _ in range(1 if n % AGAIN_EVERY else 2):
            await _until_accepted(line, path, tally)
        tally.accepted += 1
    line.close()


async def _until_accepted(line: Line, path: str, tally: _Tally) -> None:
    async with asyncio.timeout(GIVEN_UP_S_MAX):
        while True:
            tally.calls += 1
            if await line.calls(path):
                return
            tally.failed += 1
            await asyncio.sleep(RETRY_S)


def main(place: str, file: Path, per_s: float) -> None:
    """Send, and print what was met as JSON."""
    host, _, port = place.partition(":")
    met = asyncio.run(send(host, int(port), file.read_text().split(), per_s))
    sys.stdout.buffer.write(msgspec.json.encode(met))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
