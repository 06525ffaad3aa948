"""What is asked of the provider itself: where its keys are, its keys, and whether it is there."""

import httpx
import msgspec

from tifo.adapters.oidc.keys import Keys, read_keys
from tifo.kernel.errors import Unavailable

PART = "login provider"
ANSWER_BYTES_MAX = 256 * 1024
CONNECTIONS_MAX = 4
SILENCE_S_MAX = 10.0
"""Seconds without a byte; the time of a whole call is the bulkhead's."""

_WELL_KNOWN = "/.well-known/openid-configuration"


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class ProviderClient:
    """Asks plainly; how often, how many at once and how long is for the bulkhead around it."""

    def __init__(self, issuer: str, jwks_uri: str) -> None:
        self._issuer = issuer
        self._jwks_uri = jwks_uri
        self._client = httpx.AsyncClient(
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            timeout=SILENCE_S_MAX,
            trust_env=False,
        )

    async def keys(self) -> Keys:
        """The keys of now; raises `Unavailable`."""
        return read_keys(PART, await self._get(self._jwks_uri or await self._discovered()))

    async def probe(self, address: str) -> None:
        """That the address answers well; raises `Unavailable`."""
        await self._get(address)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _discovered(self) -> str:
        """Looked up each time, so that a provider may move its keys."""
        text = await self._get(self._issuer.rstrip("/") + _WELL_KNOWN)
        try:
            told = msgspec.json.decode(text, type=_Discovery)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unavailable(PART, f"its discovery document does not read: {error}") from None
        if told.issuer != self._issuer:
            raise Unavailable(PART, "its discovery document is another issuer's")
        if self._issuer.startswith("https:") and not told.jwks_uri.startswith("https:"):
            raise Unavailable(PART, "its discovery document leads to keys in the clear")
        return told.jwks_uri

    async def _get(self, address: str) -> bytes:
        try:
            async with self._client.stream("GET", address) as response:
                if not response.is_success:
                    raise Unavailable(PART, f"it answered {response.status_code}")
                return await _bounded(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(PART, f"{type(error).__name__}: {error}") from error


async def _bounded(response: httpx.Response) -> bytes:
    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) > ANSWER_BYTES_MAX:
            raise Unavailable(PART, f"its answer has more than {ANSWER_BYTES_MAX} bytes")
    return bytes(read)
