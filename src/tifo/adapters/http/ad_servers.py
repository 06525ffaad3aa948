"""Ad servers of others, asked over HTTP: whatever they answer, it has its bounds."""

import zlib
from collections.abc import Mapping

import httpx

from tifo.adapters.http.others import Others, bounded_body
from tifo.kernel.errors import Unavailable
from tifo.services.ads.ports import ANSWER_BYTES_MAX, AdAnswer, AdServers

PART = "ad server"
CALL_S_MAX = 10.0
"""Seconds between two bytes of an answer; whoever asks has a shorter deadline for the whole."""

CONNECTIONS_MAX = 1_024
"""Of all ad servers together."""

_ACCEPT = "application/xml, text/xml, */*;q=0.5"
_NO_AD = 204


class HttpAdServers(AdServers):
    """One exchange each: redirects and wrappers are followed by whoever asks."""

    def __init__(self, ca_file: str = "") -> None:
        self._others = Others(_ACCEPT, CONNECTIONS_MAX, CALL_S_MAX, ca_file)

    async def ask(self, url: str, headers: Mapping[str, str]) -> AdAnswer:
        """Ask once."""
        try:
            async with self._others.client.stream("GET", url, headers=headers) as response:
                return await _answer(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ValueError(str(error)) from None
        except (httpx.HTTPError, httpx.CookieConflict, zlib.error) as error:
            raise Unavailable(PART, f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._others.close()


async def _answer(response: httpx.Response) -> AdAnswer:
    if response.has_redirect_location:
        return AdAnswer(b"", response.headers["location"])
    if response.status_code == _NO_AD:
        return AdAnswer(b"")
    if response.status_code != 200:
        raise Unavailable(PART, f"it answered {response.status_code}")
    return AdAnswer(await bounded_body(response, PART, ANSWER_BYTES_MAX))
