"""Google Media CDN's tokens: `PathGlobs=..~Starts=..~Expires=..~SessionID=..~hmac=..` or `..~Signature=..`.

A folder is a glob, a single file `FullPath`, whose path is signed and not written. No field names the key,
so a token is held against each of them.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tifo.tokens.granting import Renewed, granted, read_grant, readable
from tifo.tokens.hmacs import Hmac
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.pem import private_key, public_key
from tifo.tokens.ports import Grant
from tifo.tokens.texts import from_base64url, percent_decoded, to_base64url

FIELDS = ("FullPath", "PathGlobs", "Starts", "Expires", "SessionID")
"""What a token may say, in this order, the first two instead of each other.

`Headers` and `IPRanges` tie a token to what changes on the way, and `URLPrefix` to one host.
"""

_CODE = re.compile(r"(?:[0-9a-f]{2})+")
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")


class MediaCdnKey(Protocol):
    """One key; `FIELD` is what its signatures are called."""

    FIELD: str

    @abstractmethod
    def sign(self, said: str) -> str:
        """The signature of a text, as it stands in the token."""
        raise NotImplementedError

    @abstractmethod
    def signed(self, said: str, signature: str) -> bool:
        """Whether this key signed the text; false for what is no signature at all."""
        raise NotImplementedError


class CodeKey(MediaCdnKey):
    """HMAC with SHA-1 or SHA-256, in hexadecimal."""

    FIELD = "hmac"

    def __init__(self, secret: bytes, algorithm: str) -> None:
        self._hmac = Hmac(secret, algorithm)

    def sign(self, said: str) -> str:
        """The code of a text."""
        return self._hmac.digest(said.encode()).hex()

    def signed(self, said: str, signature: str) -> bool:
        """Whether the code is this key's."""
        return bool(_CODE.fullmatch(signature)) and self._hmac.signed(said.encode(), bytes.fromhex(signature))


class PairKey(MediaCdnKey):
    """Ed25519, in base64url."""

    FIELD = "Signature"

    def __init__(self, pem: bytes, _: str) -> None:
        private, public = private_key(pem), public_key(pem)
        if not isinstance(public, Ed25519PublicKey):
            raise ValueError("not an Ed25519 key")
        self._private = private if isinstance(private, Ed25519PrivateKey) else None
        self._public = public

    def sign(self, said: str) -> str:
        """The signature of a text; raises `ValueError` for a key that can only verify."""
        if self._private is None:
            raise ValueError("the current key is public: it cannot sign")
        return to_base64url(self._private.sign(said.encode())).decode()

    def signed(self, said: str, signature: str) -> bool:
        """Whether this key's owner signed the text."""
        try:
            self._public.verify(from_base64url(signature.encode()), said.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class MediaCdnTokens(Renewed):
    """Tokens of one service; `algorithm` is ed25519, sha256 or sha1."""

    def __init__(self, keys: Keyring, algorithm: str = "ed25519") -> None:
        self._kind = PairKey if algorithm == "ed25519" else CodeKey
        self._keys = {kid: self._kind(key, algorithm) for kid, key in keys.secrets.items()}
        self._key = self._keys[keys.current]

    def sign(self, grant: Grant) -> str:
        """The value of the token's parameter."""
        begin = f"~Starts={grant.begin}" if grant.begin else ""
        session = f"~SessionID={grant.session}" if grant.session else ""
        where = f"PathGlobs={grant.prefix}*" if grant.folder else "FullPath"
        said = f"{where}{begin}~Expires={grant.end}{session}"
        return f"{said}~{self._kind.FIELD}={self._key.sign(_signed(said, grant.prefix))}"

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants."""
        said, found, signature = readable(token).rpartition(f"~{self._kind.FIELD}=")
        if not found:
            raise TokenRefused("malformed")
        plain = percent_decoded(path)
        signed = _signed(said, plain)
        if not any(key.signed(signed, signature) for key in self._keys.values()):
            raise TokenRefused("signature")
        return granted(_grant(_fields(said), plain), path, now)


def _signed(said: str, path: str) -> str:
    return f"FullPath={path}{said.removeprefix('FullPath')}" if said.startswith("FullPath~") else said


def _fields(said: str) -> Mapping[str, str]:
    pairs = [one.partition("=")[::2] for one in said.split("~")]
    names = [name for name, _ in pairs]
    where = {"FullPath", "PathGlobs"} & set(names)
    if len(where) != 1 or names != [name for name in FIELDS if name in names] or "Expires" not in names:
        raise TokenRefused("claims")
    return dict(pairs)


def _grant(fields: Mapping[str, str], path: str) -> Grant:
    begin, end = fields.get("Starts", "0"), fields["Expires"]
    prefix = fields["PathGlobs"].removesuffix("*") if "PathGlobs" in fields else path
    # A glob that is not a whole folder is one that we never sign; a file that ends in a slash is none.
    whole = fields["PathGlobs"] == f"{prefix}*" if "PathGlobs" in fields else True
    numbers = _NUMBER.fullmatch(end) and (begin == "0" or _NUMBER.fullmatch(begin))
    if not whole or not numbers or prefix.endswith("/") != ("PathGlobs" in fields):
        raise TokenRefused("claims")
    return read_grant(fields.get("SessionID", ""), prefix, int(begin), int(end))
