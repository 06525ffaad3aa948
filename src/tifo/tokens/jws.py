"""Compact JWS with HMAC-SHA-256 (RFC 7515, RFC 7518 section 3.2), made for the hot path.

A header is one constant text per key id, so that reading a token is a table look-up, one HMAC and one
decode into a typed value; nothing is parsed before the signature holds. Algorithms are never
negotiated: a header that is not one of ours is refused.
"""

import hmac
from binascii import a2b_base64, b2a_base64
from hashlib import sha256
from typing import Generic, TypeVar

import msgspec

from tifo.kernel.errors import TifoError
from tifo.kernel.limits import TOKEN_LENGTH_MAX
from tifo.tokens.keys import Keyring

CLOCK_SKEW_S = 5
"""How far a node's clock may be behind the one that signed."""

BLOCK_BYTES = 64
"""SHA-256's block."""

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


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


class _Key:
    """HMAC-SHA-256 (RFC 2104) with the key's two blocks hashed once.

    The library's HMAC sets itself up anew at each call, which for a token costs more than the hashing.
    """

    def __init__(self, secret: bytes) -> None:
        block = (sha256(secret).digest() if len(secret) > BLOCK_BYTES else secret).ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def signature(self, signed: bytes) -> bytes:
        """The third part of the token whose first two are `signed`."""
        inner = self._inner.copy()
        inner.update(signed)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return _text(outer.digest())


class JwsCodec(Generic[C]):
    """Signs and verifies one kind of token: one audience, one type of claims."""

    def __init__(self, keys: Keyring, claims: type[C], audience: str) -> None:
        heads = {kid: _head(kid) for kid in keys.secrets}
        self._key_by_head = {heads[kid]: _Key(secret) for kid, secret in keys.secrets.items()}
        self._head = heads[keys.current]
        self._key = self._key_by_head[self._head]
        self._audience = audience
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(claims).decode

    def sign(self, claims: C) -> str:
        """The token's compact form."""
        signed = self._head + b"." + _text(self._encode(claims))
        return (signed + b"." + self._key.signature(signed)).decode()

    def verify(self, token: str, now: float) -> C:
        """The claims of a token that is ours and in force at `now`; raises `TokenRefused`."""
        if not token or len(token) > TOKEN_LENGTH_MAX or not token.isascii():
            raise TokenRefused("malformed" if token else "empty")
        signed, _, signature = token.encode().rpartition(b".")
        head, _, body = signed.partition(b".")
        key = self._key_by_head.get(head)
        if key is None:
            raise TokenRefused(_why_unknown(head))
        if not hmac.compare_digest(key.signature(signed), signature):
            raise TokenRefused("signature")
        return self._in_force(self._read(body), now)

    def _read(self, body: bytes) -> C:
        try:
            return self._decode(_bytes(body))
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
    return _text(msgspec.json.encode({"alg": "HS256", "kid": kid, "typ": "JWT"}))


def _text(raw: bytes) -> bytes:
    """Base64url without padding (RFC 7515, section 2)."""
    return b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    return a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4))


class _Header(msgspec.Struct):
    alg: str = ""
    kid: str = ""


def _why_unknown(head: bytes) -> str:
    """Only for the word in the refusal: the token is refused whatever this finds."""
    try:
        header = msgspec.json.decode(_bytes(head), type=_Header)
    except ValueError:
        return "malformed"
    return "algorithm" if header.alg != "HS256" else "unknown-key"
