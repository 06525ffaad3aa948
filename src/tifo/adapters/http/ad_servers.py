"""Ad servers of others, asked over HTTP: whatever they answer, it has its bounds."""

import ssl
import zlib
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from tifo.adapters.http.bodies import bounded_body
from tifo.kernel.errors import Unavailable
from tifo.services.ads.ports import ANSWER_BYTES_MAX, AdAnswer, AdServers

PART = "ad server"
CALL_S_MAX = 10.0
"""Seconds between two bytes of an answer; whoever asks has a shorter deadline for the whole."""

CONNECTIONS_MAX = 500
_NO_AD = 204


class HttpAdServers(AdServers):
    """Keeps no cookies, for they would be those of all viewers together, and believes the CAs of `ca_file`
    (empty: those of the machine)."""

    def __init__(self, ca_file: str = "") -> None:
        self._client = httpx.AsyncClient(
            headers={"Accept": "application/xml, text/xml, */*;q=0.5", "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            timeout=CALL_S_MAX,
            trust_env=False,
            verify=ssl.create_default_context(cafile=ca_file or None),
        )

    async def ask(self, url: str, headers: Mapping[str, str]) -> AdAnswer:
        """Ask once."""
        try:
            async with self._client.stream("GET", url, headers=headers) as response:
                return await _answer(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ValueError(str(error)) from None
        except (httpx.HTTPError, httpx.CookieConflict, zlib.error) as error:
            raise Unavailable(PART, f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _answer(response: httpx.Response) -> AdAnswer:
    if response.has_redirect_location:
        return AdAnswer(b"", response.headers["location"])
    if response.status_code == _NO_AD:
        return AdAnswer(b"")
    if response.status_code != 200:
        raise Unavailable(PART, f"it answered {response.status_code}")
    return AdAnswer(await bounded_body(response, PART, ANSWER_BYTES_MAX))
