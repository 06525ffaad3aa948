"""Compact JWS with HMAC-SHA-256 (RFC 7515, RFC 7518 section 3.2), made for the hot path.

A header is one constant text per key id, so that reading a token is a table look-up, one HMAC and one
decode into a typed value; nothing is parsed before the signature holds. Algorithms are never
negotiated: a header that is not one of ours is refused.
"""

import hmac
from typing import Generic, TypeVar

import msgspec

from tifo.kernel.errors import TifoError
from tifo.kernel.limits import TOKEN_LENGTH_MAX
from tifo.tokens.hmacs import Hmac
from tifo.tokens.keys import Keyring
from tifo.tokens.texts import from_base64url, to_base64url

CLOCK_SKEW_S = 5
"""How far a node's clock may be behind the one that signed."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What every token of ours says: for whom (`aud`), from when and until when (epoch seconds)."""

    aud: str
    nbf: int
    exp: int


C = TypeVar("C", bound=Claims)


class TokenRefused(TifoError):
    """A token that is not accepted; `reason` is one stable word, safe to show and to count."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JwsCodec(Generic[C]):
    """Signs and verifies one kind of token: one audience, one type of claims."""

    def __init__(self, keys: Keyring, claims: type[C], audience: str) -> None:
        heads = {kid: _head(kid) for kid in keys.secrets}
        self._key_by_head = {heads[kid]: Hmac(secret) for kid, secret in keys.secrets.items()}
        self._head = heads[keys.current]
        self._key = self._key_by_head[self._head]
        self._audience = audience
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(claims).decode

    def sign(self, claims: C) -> str:
        """The token's compact form."""
        signed = self._head + b"." + to_base64url(self._encode(claims))
        return (signed + b"." + _signature(self._key, signed)).decode()

    def verify(self, token: str, now: float) -> C:
        """The claims of a token that is ours and in force at `now`; raises `TokenRefused`."""
        if not token or len(token) > TOKEN_LENGTH_MAX or not token.isascii():
            raise TokenRefused("malformed" if token else "empty")
        signed, _, signature = token.encode().rpartition(b".")
        head, _, body = signed.partition(b".")
        key = self._key_by_head.get(head)
        if key is None:
            raise TokenRefused(_why_unknown(head))
        if not hmac.compare_digest(_signature(key, signed), signature):
            raise TokenRefused("signature")
        return self._in_force(self._read(body), now)

    def _read(self, body: bytes) -> C:
        try:
            return self._decode(from_base64url(body))
        except ValueError:
            # Signed by us, yet of another kind: the claims of one token do not fit the type of another.
            raise TokenRefused("claims") from None

    def _in_force(self, claims: C, now: float) -> C:
        if claims.aud != self._audience:
            raise TokenRefused("audience")
        if now >= claims.exp:
            raise TokenRefused("expired")
        if now < claims.nbf - CLOCK_SKEW_S:
            raise TokenRefused("not-yet-valid")
        return claims


def _head(kid: str) -> bytes:
    return to_base64url(msgspec.json.encode({"alg": "HS256", "kid": kid, "typ": "JWT"}))


def _signature(key: Hmac, signed: bytes) -> bytes:
    """The third part of the token whose first two are `signed`."""
    return to_base64url(key.digest(signed))


class _Header(msgspec.Struct):
    alg: str = ""
    kid: str = ""


def _why_unknown(head: bytes) -> str:
    """Only for the word in the refusal: the token is refused whatever this finds."""
    try:
        header = msgspec.json.decode(from_base64url(head), type=_Header)
    except ValueError:
        return "malformed"
    return "algorithm" if header.alg != "HS256" else "unknown-key"
