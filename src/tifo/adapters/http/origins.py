"""A live origin somewhere on the web, which may be slow, wrong or hostile: every answer has its bounds."""

import asyncio
import zlib
from urllib.parse import urljoin

import httpx

from tifo.adapters.http.others import Others, bounded_body
from tifo.kernel.errors import Unavailable
from tifo.kernel.web import web_address
from tifo.services.video.ports import DOCUMENT_BYTES_MAX, Document, OriginDocuments

PART = "origin"
READ_S_MAX = 5.0
"""Seconds for a whole document, with its redirects."""

REDIRECTS_MAX = 3
CONNECTIONS_MAX = 20

_ACCEPT = "application/vnd.apple.mpegurl, application/dash+xml, application/xml;q=0.9, */*;q=0.5"


class HttpOrigins(OriginDocuments):
    """Follows redirects on the origin's own server."""

    def __init__(self, ca_file: str = "") -> None:
        self._others = Others(_ACCEPT, CONNECTIONS_MAX, READ_S_MAX, ca_file)

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
        await self._others.close()

    async def _follow(self, url: str) -> Document:
        server = web_address(url).server
        for _ in range(REDIRECTS_MAX + 1):
            async with self._others.client.stream("GET", url) as response:
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
    return Document(url, media_type, await bounded_body(response, PART, DOCUMENT_BYTES_MAX))
