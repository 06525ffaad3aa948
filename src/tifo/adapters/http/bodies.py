"""Bodies of others, never longer than they may be, however they are packed."""

import zlib

import httpx

from tifo.kernel.errors import Unavailable

_GZIP = 16 + zlib.MAX_WBITS


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
