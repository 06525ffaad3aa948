"""The provider's public keys: which of a JWK set (RFC 7517) may verify a signature here."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from tifo.kernel.errors import Unavailable

KEYS_MAX = 64
RSA_BITS_MIN = 2048
"""Shorter RSA keys may not sign (RFC 7518, section 3.3)."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""What may be allowed to sign: public-key algorithms of RFC 7518, no shared secrets and not `none`."""

_PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
_KINDS: Mapping[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """One public key; `alg` is empty where the set does not bind it to one algorithm."""

    jwk: RSAKey | ECKey
    alg: str
    thumbprint: str


Keys = Mapping[str, VerifyingKey]
"""Keys by key id."""


class _Jwk(msgspec.Struct):
    kty: str = ""
    kid: str = ""
    use: str = "sig"
    alg: str = ""
    key_ops: tuple[str, ...] = ("verify",)
    n: str = ""
    e: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""


class _Set(msgspec.Struct):
    keys: tuple[msgspec.Raw, ...]


def read_keys(part: str, text: bytes) -> Keys:
    """The keys that may verify; raises `Unavailable` when there is none.

    Secrets, keys for encryption, keys that are too short and what does not read at all are passed over,
    so that one odd key does not take the others away.
    """
    try:
        listed = msgspec.json.decode(text, type=_Set).keys[:KEYS_MAX]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unavailable(part, f"its keys do not read: {error}") from None
    found = dict(filter(None, map(_key, listed)))
    if not found:
        raise Unavailable(part, f"none of its {len(listed)} keys may verify a signature")
    return MappingProxyType(found)


def _key(raw: msgspec.Raw) -> tuple[str, VerifyingKey] | None:
    try:
        told = msgspec.json.decode(raw, type=_Jwk)
        if told.use != "sig" or "verify" not in told.key_ops or told.kty not in _KINDS:
            return None
        public: dict[str, Any] = {name: getattr(told, name) for name in _PUBLIC[told.kty]}
        jwk = _KINDS[told.kty].import_key({"kty": told.kty, **public})
        if isinstance(jwk, RSAKey) and jwk.public_key.key_size < RSA_BITS_MIN:
            return None
        return told.kid, VerifyingKey(jwk, told.alg, jwk.thumbprint())
    except (msgspec.DecodeError, UnicodeDecodeError, JoseError, ValueError, TypeError):
        return None
