"""The probes: an HTTP address that answers, a file that is there, a process that stays alive."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from tifo.supervisor.parts import Probe

STATUS_LINE_BYTES_MAX = 1024
"""Bytes of an answer's first line that a probe reads."""


@dataclass(frozen=True, slots=True)
class HttpProbe(Probe):
    """Ready when `GET url` (http only) answers with `status`. One connection for each check."""

    url: str
    status: int = 200

    def clear(self) -> None:
        """Nothing of an earlier process outlives it on the network."""

    async def check(self, alive_s: float) -> str:
        """Empty on the wanted status; else the status it had, or why there was no answer."""
        try:
            line = await _status_line(urlsplit(self.url))
        except (OSError, ValueError) as error:
            return f"{self.url}: {error}"
        _, _, rest = line.partition(" ")
        if rest.startswith(f"{self.status} ") or rest == str(self.status):
            return ""
        return f"{self.url} answered {rest or 'nothing'}"


@dataclass(frozen=True, slots=True)
class FileProbe(Probe):
    """Ready when the part has made the file `path`; the supervisor removes it before each start."""

    path: Path

    def clear(self) -> None:
        """Remove the file that an earlier process made."""
        self.path.unlink(missing_ok=True)

    async def check(self, alive_s: float) -> str:
        """Empty when the file is there."""
        return "" if _exists(self.path) else f"{self.path.name} is not there yet"


@dataclass(frozen=True, slots=True)
class AliveProbe(Probe):
    """Ready when the process has been alive for `after_s` seconds: for parts with nothing to ask."""

    after_s: float

    def clear(self) -> None:
        """Nothing is kept."""

    async def check(self, alive_s: float) -> str:
        """Empty once the process is old enough."""
        return "" if alive_s >= self.after_s else f"not yet alive for {self.after_s:g} s"


async def _status_line(url: SplitResult) -> str:
    reader, writer = await asyncio.open_connection(url.hostname, url.port or 80, limit=STATUS_LINE_BYTES_MAX)
    try:
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode("ascii")
        )
        return (await reader.readline()).decode("latin-1").strip()
    finally:
        writer.close()


def _exists(path: Path) -> bool:
    return path.exists()
