"""The login provider outside: its tokens are verified by signature alone, its keys are kept in memory."""

import asyncio
import contextlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cachebox import LRUCache
from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from joserfc.util import urlsafe_b64decode

from tifo.adapters.oidc.claims import Terms, identity_of, refused
from tifo.adapters.oidc.client import PART, ProviderClient
from tifo.adapters.oidc.keys import Keys, VerifyingKey, read_keys
from tifo.kernel.background import Background
from tifo.kernel.bulkhead import Bulkhead
from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError, Unavailable
from tifo.kernel.ids import Ids
from tifo.services.accounts.ports import Identity, IdentityProvider

TOKEN_BYTES_MAX = 8 * 1024
"""Bytes of an access token that is looked at: providers put more into theirs than we do."""

SEARCHERS_MAX = 1_000
"""Requests that wait at once while the keys are fetched for a key that is not known yet."""

_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""Token types that may be an access token (RFC 9068, section 4; RFC 8725, section 3.11)."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the keys come from, and how long they are believed.

    `jwks_uri` is empty where discovery says it; `health_uri` is asked as well where it is set; `keys_file`
    holds until the provider has answered once. Keys are fetched every `refresh_s`, believed for `stale_s`
    after the last good answer, and looked for because of an unknown key id at most every `search_s`.
    """

    jwks_uri: str = ""
    health_uri: str = ""
    keys_file: str = ""
    refresh_s: float = 20.0
    stale_s: float = 24 * 3600.0
    search_s: float = 10.0
    tokens_entries_max: int = 50_000


class _Header(msgspec.Struct):
    alg: str
    kid: str = ""
    typ: str = ""


class OidcProvider(IdentityProvider):
    """An OpenID Connect provider.

    It is asked for its keys in the background, never about a viewer. While it is gone its last good keys
    stay in force.
    """

    def __init__(self, terms: Terms, sources: Sources, bulkhead: Bulkhead, clock: Clock, ids: Ids) -> None:
        self._terms = terms
        self._sources = sources
        self._bulkhead = bulkhead
        self._clock = clock
        self._client = ProviderClient(terms.issuer, sources.jwks_uri)
        self._registry = jws.JWSRegistry(algorithms=list(terms.algorithms))
        self._keys: Keys = {}
        self._keys_at = 0.0
        self._verified: LRUCache[bytes, Identity] = LRUCache(sources.tokens_entries_max)
        self._search: asyncio.Task[None] | None = None
        self._search_from = clock.monotonic()
        self._searchers = 0
        # Nodes that were started together do not ask together.
        every_s = sources.refresh_s * (0.75 + ids.fraction() / 2)
        effect = "the last good keys stay in force, and nobody can log in anew"
        self._background = Background("login-provider", every_s, self._refresh, effect)

    @property
    def failing(self) -> bool:
        """Whether the provider has failed several times in a row."""
        return self._bulkhead.failing

    async def open(self) -> None:
        """Fetch the keys and begin to keep them fresh; a provider that is gone keeps nobody from starting.

        Raises `SettingsError` for a file of keys that cannot be used.
        """
        if self._sources.keys_file:
            self._adopt(_keys_of(Path(self._sources.keys_file)))
        with contextlib.suppress(Unavailable):
            await self._refresh()
        await self._background.open()

    async def close(self) -> None:
        """Stop fetching and close the connections."""
        await self._background.close()
        if self._search is not None:
            self._search.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._search
        await self._client.close()

    async def identify(self, token: str) -> Identity:
        """Who the token is, by its signature; remembered, so that a device that comes back costs nothing."""
        if len(token) > TOKEN_BYTES_MAX or not token.isascii():
            raise refused("malformed")
        digest = sha256(token.encode()).digest()
        known: Identity | None = self._verified.get(digest)
        if known is not None and self._keys_in_force():
            return known
        header = self._header(token)
        key = await self._key(header)
        identity = identity_of(self._claims(token, key), self._terms, self._clock.now())
        self._verified[digest] = identity
        return identity

    def _header(self, token: str) -> _Header:
        """Read before the signature holds, for what it says chooses among our keys and algorithms only."""
        try:
            text = urlsafe_b64decode(token.partition(".")[0].encode())
            header = msgspec.json.decode(text, type=_Header)
        except ValueError:
            raise refused("malformed") from None
        if header.alg not in self._terms.algorithms:
            raise refused("algorithm")
        if header.typ.lower() not in _TYPES:
            raise refused("type")
        return header

    async def _key(self, header: _Header) -> VerifyingKey:
        key = self._known_key(header)
        if key is None:
            await self._look_again()
            key = self._known_key(header)
        if key is None and not self._keys_in_force():
            raise Unavailable(PART, "no keys of it are known")
        if key is None:
            raise refused("unknown-key")
        if key.alg not in ("", header.alg):
            raise refused("algorithm")
        return key

    def _known_key(self, header: _Header) -> VerifyingKey | None:
        keys = self._keys if self._keys_in_force() else {}
        if not header.kid and len(keys) == 1:
            return next(iter(keys.values()))
        return keys.get(header.kid)

    def _claims(self, token: str, key: VerifyingKey) -> dict[str, Any]:
        try:
            signed = jws.deserialize_compact(token.encode(), key.jwk, registry=self._registry)
            return msgspec.json.decode(signed.payload or b"", type=dict[str, Any])
        except BadSignatureError:
            raise refused("signature") from None
        except (JoseError, ValueError):
            # Also a key of another kind than the algorithm's.
            raise refused("malformed") from None

    def _keys_in_force(self) -> bool:
        age_s = self._clock.monotonic() - self._keys_at
        return bool(self._keys) and age_s < self._sources.stale_s

    async def _look_again(self) -> None:
        """Fetch the keys because of one that is not known: seldom, whatever anybody sends."""
        if self._search is None:
            now = self._clock.monotonic()
            if now < self._search_from:
                return
            self._search_from = now + self._sources.search_s
            self._search = asyncio.create_task(self._refresh_quietly(), name="login-provider-search")
        if self._searchers >= SEARCHERS_MAX:
            return
        self._searchers += 1
        try:
            await asyncio.shield(self._search)
        finally:
            self._searchers -= 1

    async def _refresh_quietly(self) -> None:
        try:
            with contextlib.suppress(Unavailable):
                await self._refresh()
        finally:
            self._search = None

    async def _refresh(self) -> None:
        await self._bulkhead.call(self._ask)

    async def _ask(self) -> None:
        # New keys are good whatever becomes of the rest.
        self._adopt(await self._client.keys())
        if self._sources.health_uri:
            await self._client.probe(self._sources.health_uri)

    def _adopt(self, keys: Keys) -> None:
        """A key that was taken away takes the tokens with it that it had signed."""
        if _prints(keys) != _prints(self._keys):
            self._verified.clear()
        self._keys = keys
        self._keys_at = self._clock.monotonic()


def _prints(keys: Keys) -> dict[str, tuple[str, str]]:
    return {kid: (key.thumbprint, key.alg) for kid, key in keys.items()}


def _keys_of(file: Path) -> Keys:
    try:
        return read_keys(PART, file.read_bytes())
    except OSError as error:
        raise SettingsError((f"accounts.oidc.keys_file: {error}",)) from None
    except Unavailable as error:
        raise SettingsError((f"accounts.oidc.keys_file: {file}: {error.why}",)) from None
