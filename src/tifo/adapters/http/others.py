"""What servers of others are asked with, and how much of what they answer is read, however it is packed."""

import ssl
import zlib
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from math import ceil

import httpx

from tifo.kernel.errors import Unavailable

POOL_CONNECTIONS_MAX = 32
"""Connections of one client: for every question and every answer it looks at each of them, with a call of the
system; with hundreds of slow ones that is more work than all else."""

_GZIP = 16 + zlib.MAX_WBITS


class Others:
    """The clients that an adapter asks servers of others with, `connections_max` connections in all.

    They keep no cookies, for they would be those of all viewers together, and believe the CAs of `ca_file`
    (empty: those of the machine). `silent_s_max` is seconds between two bytes. They are made for the first
    question: reading the CAs takes longer than many another part of a start, and most nodes ask nobody.
    """

    def __init__(self, accept: str, connections_max: int, silent_s_max: float, ca_file: str) -> None:
        self._accept = accept
        self._connections_max = connections_max
        self._silent_s_max = silent_s_max
        self._ca_file = ca_file
        self._turn = 0

    @property
    def client(self) -> httpx.AsyncClient:
        """The one whose turn it is; a question goes out by it at once."""
        self._turn += 1
        return self._clients[self._turn % len(self._clients)]

    async def close(self) -> None:
        """Close the connections, if there were any."""
        if "_clients" in vars(self):
            for client in self._clients:
                await client.aclose()

    @cached_property
    def _clients(self) -> tuple[httpx.AsyncClient, ...]:
        trusted = ssl.create_default_context(cafile=self._ca_file or None)
        return tuple(self._made(trusted) for _ in range(ceil(self._connections_max / POOL_CONNECTIONS_MAX)))

    def _made(self, trusted: ssl.SSLContext) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"Accept": self._accept, "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            limits=httpx.Limits(max_connections=POOL_CONNECTIONS_MAX),
            timeout=self._silent_s_max,
            trust_env=False,
            verify=trusted,
        )


async def bounded_body(response: httpx.Response, part: str, bytes_max: int) -> bytes:
    """The body, unpacked where it is packed by gzip; raises `Unavailable` of `part` for any other coding,
    for one that is cut off and for one that is longer. `zlib.error` passes through."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise Unavailable(part, f"its answer is encoded ({coding!r:.40}), though nobody asked for that")
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        _refuse_long(len(read), part, bytes_max)
    return _unpacked(bytes(read), part, bytes_max) if coding == "gzip" else bytes(read)


def _unpacked(body: bytes, part: str, bytes_max: int) -> bytes:
    """Never more than one byte above the limit is unpacked: a few bytes may stand for gigabytes."""
    unpacking = zlib.decompressobj(_GZIP)
    whole = unpacking.decompress(body, bytes_max + 1)
    _refuse_long(len(whole), part, bytes_max)
    if not unpacking.eof:
        raise Unavailable(part, "its answer is cut off")
    return whole


def _refuse_long(length: int, part: str, bytes_max: int) -> None:
    if length > bytes_max:
        raise Unavailable(part, f"its answer has more than {bytes_max} bytes")
