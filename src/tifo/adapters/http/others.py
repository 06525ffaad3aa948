"""What servers of others are asked with, and how much of what they answer is read, however it is packed."""

import ssl
import zlib
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from tifo.kernel.errors import Unavailable

_GZIP = 16 + zlib.MAX_WBITS


def client_of_others(
    accept: str, connections_max: int, silent_s_max: float, ca_file: str
) -> httpx.AsyncClient:
    """Keeps no cookies, for they would be those of all viewers together, and believes the CAs of `ca_file`
    (empty: those of the machine). `silent_s_max` is seconds between two bytes."""
    return httpx.AsyncClient(
        headers={"Accept": accept, "Accept-Encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        limits=httpx.Limits(max_connections=connections_max),
        timeout=silent_s_max,
        trust_env=False,
        verify=ssl.create_default_context(cafile=ca_file or None),
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
