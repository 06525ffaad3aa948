"""A live origin somewhere on the web, which may be slow, wrong or hostile: every answer has its bounds."""

import asyncio
import ssl
import zlib
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urljoin

import httpx

from tifo.kernel.errors import Unavailable
from tifo.kernel.web import web_address
from tifo.services.video.ports import DOCUMENT_BYTES_MAX, Document, OriginDocuments

PART = "origin"
READ_S_MAX = 5.0
"""Seconds for a whole document, with its redirects."""

REDIRECTS_MAX = 3
CONNECTIONS_MAX = 20

_GZIP = 16 + zlib.MAX_WBITS
_ACCEPT = "application/vnd.apple.mpegurl, application/dash+xml, application/xml;q=0.9, */*;q=0.5"


class HttpOrigins(OriginDocuments):
    """Follows redirects on the origin's own server, keeps no cookies, and believes the CAs of `ca_file`
    (empty: those of the machine)."""

    def __init__(self, ca_file: str = "") -> None:
        self._client = httpx.AsyncClient(
            headers={"Accept": _ACCEPT, "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            timeout=READ_S_MAX,
            trust_env=False,
            verify=ssl.create_default_context(cafile=ca_file or None),
        )

    async def read(self, url: str) -> Document:
        """Read it in `READ_S_MAX`."""
        try:
            async with asyncio.timeout(READ_S_MAX):
                return await self._follow(url)
        except TimeoutError:
            raise Unavailable(PART, f"it gave no whole answer in {READ_S_MAX:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, zlib.error, ValueError) as error:
            raise Unavailable(PART, f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _follow(self, url: str) -> Document:
        server = web_address(url).server
        for _ in range(REDIRECTS_MAX + 1):
            async with self._client.stream("GET", url) as response:
                if not response.has_redirect_location:
                    return await _document(url, response)
                url = urljoin(url, response.headers["location"])
            if web_address(url).server != server:
                raise Unavailable(PART, f"it redirects to another server, {web_address(url).authority}")
        raise Unavailable(PART, f"it redirects more than {REDIRECTS_MAX} times")


async def _document(url: str, response: httpx.Response) -> Document:
    if response.status_code != 200:
        raise Unavailable(PART, f"it answered {response.status_code}")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip()
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise Unavailable(PART, f"its answer is encoded ({coding!r:.40}), though nobody asked for that")
    body = await _bounded(response)
    return Document(url, media_type, _unpacked(body) if coding == "gzip" else body)


async def _bounded(response: httpx.Response) -> bytes:
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        _refuse_long(len(read))
    return bytes(read)


def _unpacked(body: bytes) -> bytes:
    """Never more than one byte above the limit is unpacked: a few bytes may stand for gigabytes."""
    unpacking = zlib.decompressobj(_GZIP)
    whole = unpacking.decompress(body, DOCUMENT_BYTES_MAX + 1)
    _refuse_long(len(whole))
    if not unpacking.eof:
        raise Unavailable(PART, "its answer is cut off")
    return whole


def _refuse_long(length: int) -> None:
    if length > DOCUMENT_BYTES_MAX:
        raise Unavailable(PART, f"its answer has more than {DOCUMENT_BYTES_MAX} bytes")
