"""Common Access Token (CTA-5007-B): a CBOR Web Token (RFC 8392) in COSE (RFC 9052), base64url.

Written with both tags, `61(17([...]))` for HS256 and `61(18([...]))` for ES256, and read with or without
the outer one. A COSE header is one constant run of bytes per key id, so nothing is parsed before the
signature holds. Any claim that is not processed here refuses the token, as the specification asks.
"""

from collections.abc import Mapping
from typing import Any

import cbor2

from tifo.tokens.granting import Renewed, granted, read_grant, readable
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant
from tifo.tokens.signing_keys import KEYS, SigningKey
from tifo.tokens.texts import from_base64url, to_base64url

ISS, EXP, NBF, IAT, CTI = 1, 4, 5, 6, 7
CATV, CATU = 310, 312
KNOWN = frozenset({ISS, EXP, NBF, IAT, CTI, CATV, CATU})

VERSION = 1
PATH = 3
EXACT, PREFIX = 0, 1
"""A part of the address, and how it is matched, inside `catu`."""

_CWT_TAG = b"\xd8\x3d"
_PROTECTED = {"HS256": b"\xa1\x01\x05", "ES256": b"\xa1\x01\x26"}
_COSE_TAG = {"HS256": b"\xd1", "ES256": b"\xd2"}
_CONTEXT = {"HS256": "MAC0", "ES256": "Signature1"}


def cose_head(algorithm: str) -> bytes:
    """How a token begins, up to its key id: the COSE tag, the protected header, the key of the other one."""
    return _COSE_TAG[algorithm] + b"\x84" + cbor2.dumps(_PROTECTED[algorithm]) + b"\xa1\x04"


def cose_signed_head(algorithm: str) -> bytes:
    """What stands before the payload in what is signed (RFC 9052, sections 4.4 and 6.3)."""
    return b"\x84" + cbor2.dumps(_CONTEXT[algorithm]) + cbor2.dumps(_PROTECTED[algorithm]) + b"\x40"


class CatTokens(Renewed):
    """Tokens of one issuer; `keys` hold secrets for HS256 and PEM texts for ES256."""

    def __init__(self, keys: Keyring, issuer: str, algorithm: str = "HS256") -> None:
        self._issuer = issuer
        self._algorithm = algorithm
        self._begins = cose_head(algorithm)
        self._signed_head = cose_signed_head(algorithm)
        self._keys = {
            self._begins + cbor2.dumps(kid.encode()): KEYS[algorithm](key)
            for kid, key in keys.secrets.items()
        }
        self._head = self._begins + cbor2.dumps(keys.current.encode())
        self._key = self._keys[self._head]

    def sign(self, grant: Grant) -> str:
        """The token in base64url."""
        payload = cbor2.dumps(cbor2.dumps(self._claims(grant)))
        signature = cbor2.dumps(self._key.sign(self._signed_head + payload))
        return to_base64url(_CWT_TAG + self._head + payload + signature).decode()

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants."""
        try:
            raw = from_base64url(readable(token).encode()).removeprefix(_CWT_TAG)
        except ValueError:
            raise TokenRefused("malformed") from None
        head, key = self._found(raw)
        at = len(raw) - key.SIGNATURE_BYTES
        payload, signature = raw[len(head) : at - 2], raw[at:]
        if raw[at - 2 : at] != bytes((0x58, key.SIGNATURE_BYTES)):
            raise TokenRefused("malformed")
        if not key.signed(self._signed_head + payload, signature):
            raise TokenRefused("signature")
        return granted(self._grant(payload), path, now)

    def _claims(self, grant: Grant) -> dict[int, object]:
        return {
            ISS: self._issuer,
            EXP: grant.end,
            NBF: grant.begin,
            IAT: grant.begin,
            CTI: grant.session.encode(),
            CATV: VERSION,
            CATU: {PATH: {PREFIX if grant.folder else EXACT: grant.prefix}},
        }

    def _found(self, raw: bytes) -> tuple[bytes, SigningKey]:
        for head, key in self._keys.items():
            if raw.startswith(head):
                return head, key
        if raw.startswith(self._begins):
            raise TokenRefused("unknown-key")
        raise TokenRefused("algorithm" if raw[:1] in _COSE_TAG.values() else "malformed")

    def _grant(self, payload: bytes) -> Grant:
        """What signed claims grant; every one of them is looked at."""
        try:
            claims: dict[int, Any] = cbor2.loads(cbor2.loads(payload))
            if claims.keys() - KNOWN or claims.get(CATV, VERSION) != VERSION:
                raise TokenRefused("claims")
            if claims[ISS] != self._issuer:
                raise TokenRefused("issuer")
            return _grant(claims)
        except (AttributeError, KeyError, TypeError, ValueError, cbor2.CBORDecodeError):
            raise TokenRefused("claims") from None


def _grant(claims: Mapping[int, Any]) -> Grant:
    ((part, matches),) = claims[CATU].items()
    ((match, prefix),) = matches.items()
    folder = prefix.endswith("/")
    # A prefix that ends inside a name is a grant we never make, and would open its neighbours.
    if part != PATH or match != (PREFIX if folder else EXACT):
        raise TokenRefused("claims")
    begin, end = int(claims.get(NBF, 0)), int(claims[EXP])
    return read_grant(claims.get(CTI, b"").decode(), prefix, begin, end)
