"""URI Signing for CDN interconnection (RFC 9246): a compact JWS whose `cdniuc` says what it opens.

The session is `sub`: `jti` would have the CDN take each token once only, and a player asks for many segments
with one. The container is a regular expression of one shape, the address of one folder.
"""

import re

import msgspec

from tifo.tokens.granting import Renewed, granted, read_grant, readable
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant
from tifo.tokens.signing_keys import KEYS, SigningKey
from tifo.tokens.texts import from_base64url, to_base64url

VERSION = 1
BELOW = ".*"
"""What stands after the folder in a container."""

_SPECIAL = re.compile(r"[^A-Za-z0-9/:_@-]")
_ESCAPED = re.compile(r"\\(.)")


class UriClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The claims of section 2.1 that are processed; another one refuses the token."""

    iss: str
    exp: int
    cdniuc: str
    sub: str = ""
    nbf: int = 0
    cdniv: int = VERSION


class UriHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The header, in any order; what would change how a token is read (`crit`) is no field of it."""

    alg: str
    kid: str
    typ: str = ""


class UriSigning(Renewed):
    """Tokens of one issuer for the CDN at `base_url`, in HS256 or ES256."""

    def __init__(self, base_url: str, keys: Keyring, issuer: str, algorithm: str = "ES256") -> None:
        self._keys = {kid: KEYS[algorithm](key) for kid, key in keys.secrets.items()}
        self._key = self._keys[keys.current]
        self._algorithm = algorithm
        self._head = to_base64url(msgspec.json.encode(UriHeader(algorithm, keys.current)))
        self._issuer = issuer
        self._container = "regex:" + _escaped(base_url.rstrip("/"))
        self._header = msgspec.json.Decoder(UriHeader).decode
        self._claims = msgspec.json.Decoder(UriClaims).decode

    def sign(self, grant: Grant) -> str:
        """The JWS; raises `ValueError` for a single file, whose end an expression need not be held to."""
        if not grant.folder:
            raise ValueError("this format opens folders only")
        container = f"{self._container}{_escaped(grant.prefix)}{BELOW}"
        claims = UriClaims(self._issuer, grant.end, container, grant.session, grant.begin)
        signed = self._head + b"." + to_base64url(msgspec.json.encode(claims))
        return (signed + b"." + to_base64url(self._key.sign(signed))).decode()

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants."""
        signed, _, signature = readable(token).encode().rpartition(b".")
        head, _, body = signed.partition(b".")
        try:
            ours = self._found(head).signed(signed, from_base64url(signature))
        except ValueError:
            raise TokenRefused("malformed") from None
        if not ours:
            raise TokenRefused("signature")
        return granted(self._grant(body), path, now)

    def _found(self, head: bytes) -> SigningKey:
        header = self._header(from_base64url(head))
        if header.alg != self._algorithm:
            raise TokenRefused("algorithm")
        if header.kid not in self._keys:
            raise TokenRefused("unknown-key")
        return self._keys[header.kid]

    def _grant(self, body: bytes) -> Grant:
        try:
            claims = self._claims(from_base64url(body))
        except ValueError:
            raise TokenRefused("claims") from None
        if claims.iss != self._issuer:
            raise TokenRefused("issuer")
        escaped = claims.cdniuc.removeprefix(self._container).removesuffix(BELOW)
        prefix = _ESCAPED.sub(r"\1", escaped)
        # Only an expression that we would have written says what it opens without being run.
        written = f"{self._container}{_escaped(prefix)}{BELOW}"
        if claims.cdniuc != written or claims.cdniv != VERSION or not prefix.endswith("/"):
            raise TokenRefused("claims")
        return read_grant(claims.sub, prefix, claims.nbf, claims.exp)


def _escaped(text: str) -> str:
    """The text as an expression of POSIX and of PCRE that matches it alone."""
    return _SPECIAL.sub(r"\\\g<0>", text)
