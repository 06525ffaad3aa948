"""CloudFront's signed addresses and cookies: a policy, its signature, and the id of the key pair.

A folder is opened by a custom policy with a wildcard, a single file without a beginning by a canned one,
whose text is not sent. Neither has a place for the session.
"""

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tifo.tokens.granting import Renewed, granted, read_grant, readable
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.pem import private_key, public_key
from tifo.tokens.ports import Grant
from tifo.tokens.texts import percent_decoded

CANNED = frozenset({"Expires", "Signature", "Key-Pair-Id"})
CUSTOM = frozenset({"Policy", "Signature", "Key-Pair-Id"})
HASH = "Hash-Algorithm"

_HASHES: Mapping[str, SHA1 | SHA256] = {"SHA1": SHA1(), "SHA256": SHA256()}  # noqa: S303 - CloudFront's own
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")
_TO_QUERY = str.maketrans("+=/", "-_~")
_FROM_QUERY = str.maketrans("-_~", "+=/")


class CloudFrontKey:
    """One key pair, RSA or P-256."""

    def __init__(self, pem: bytes, algorithm: str) -> None:
        private, public = private_key(pem), public_key(pem)
        if not isinstance(public, RSAPublicKey | EllipticCurvePublicKey):
            raise ValueError("CloudFront takes RSA and P-256 keys")
        self._private = private if isinstance(private, RSAPrivateKey | EllipticCurvePrivateKey) else None
        self._public = public
        self._hash = _HASHES[algorithm]

    def sign(self, policy: bytes) -> bytes:
        """The signature of a policy; raises `ValueError` for a key that can only verify."""
        if self._private is None:
            raise ValueError("the current key is public: it cannot sign")
        if isinstance(self._private, RSAPrivateKey):
            return self._private.sign(policy, PKCS1v15(), self._hash)
        return self._private.sign(policy, ECDSA(self._hash))

    def signed(self, policy: bytes, signature: bytes) -> bool:
        """Whether this key's owner signed it."""
        try:
            if isinstance(self._public, RSAPublicKey):
                self._public.verify(signature, policy, PKCS1v15(), self._hash)
            else:
                self._public.verify(signature, policy, ECDSA(self._hash))
        except InvalidSignature:
            return False
        return True


class _When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: int = msgspec.field(name="AWS:EpochTime")


class _Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    before: _When = msgspec.field(name="DateLessThan")
    after: _When | None = msgspec.field(name="DateGreaterThan", default=None)


class _Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    resource: str = msgspec.field(name="Resource")
    condition: _Condition = msgspec.field(name="Condition")


class _Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    statements: tuple[_Statement] = msgspec.field(name="Statement")


class CloudFrontTokens(Renewed):
    """Tokens of the distribution at `base_url`; `algorithm` is SHA1 or SHA256, key ids are AWS's."""

    def __init__(self, base_url: str, keys: Keyring, algorithm: str = "SHA1") -> None:
        self._base_url = base_url.rstrip("/")
        self._keys = {kid: CloudFrontKey(pem, algorithm) for kid, pem in keys.secrets.items()}
        self._current = keys.current
        self._hash = {} if algorithm == "SHA1" else {HASH: algorithm}

    def sign(self, grant: Grant) -> str:
        """The whole query, without its question mark."""
        return "&".join(f"{name}={value}" for name, value in self._fields(grant).items())

    def cookies(self, grant: Grant) -> Mapping[str, str]:
        """The same as cookies, which also reach what a playlist names by relative addresses."""
        return {f"CloudFront-{name}": value for name, value in self._fields(grant).items()}

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants."""
        fields = self._read(readable(token))
        if "Expires" in fields:
            grant = _of_file(percent_decoded(path), fields["Expires"])
            self._check(fields, self._policy(grant))
        else:
            policy = from_policy(fields["Policy"])
            self._check(fields, policy)
            grant = self._granted_by(policy)
        return granted(grant, path, now)

    def _fields(self, grant: Grant) -> dict[str, str]:
        policy = self._policy(grant)
        canned = not grant.folder and not grant.begin
        first = {"Expires": str(grant.end)} if canned else {"Policy": _text(policy)}
        signature = _text(self._keys[self._current].sign(policy))
        return {**first, "Signature": signature, "Key-Pair-Id": self._current, **self._hash}

    def _policy(self, grant: Grant) -> bytes:
        resource = self._base_url + grant.prefix + ("*" if grant.folder else "")
        after = _When(grant.begin) if grant.begin else None
        statement = _Statement(resource, _Condition(_When(grant.end), after))
        return msgspec.json.encode(_Policy((statement,)))

    def _read(self, token: str) -> dict[str, str]:
        pairs = [one.partition("=")[::2] for one in token.split("&")]
        fields = dict(pairs)
        told = {HASH: fields.pop(HASH)} if HASH in fields else {}
        if fields.keys() not in (CANNED, CUSTOM) or len(pairs) != len(fields) + len(told):
            raise TokenRefused("malformed")
        if told != self._hash:
            raise TokenRefused("algorithm")
        return fields

    def _check(self, fields: Mapping[str, str], policy: bytes) -> None:
        key = self._keys.get(fields["Key-Pair-Id"])
        if key is None:
            raise TokenRefused("unknown-key")
        if not key.signed(policy, from_policy(fields["Signature"])):
            raise TokenRefused("signature")

    def _granted_by(self, policy: bytes) -> Grant:
        try:
            (statement,) = msgspec.json.decode(policy, type=_Policy).statements
        except msgspec.DecodeError:
            raise TokenRefused("claims") from None
        resource, when = statement.resource, statement.condition
        prefix = resource.removeprefix(self._base_url).removesuffix("*")
        # A wildcard that is not a whole folder, or another host, is a grant we never make.
        if resource != self._base_url + prefix + ("*" if prefix.endswith("/") else ""):
            raise TokenRefused("claims")
        return read_grant("", prefix, when.after.at if when.after else 0, when.before.at)


def _of_file(path: str, end: str) -> Grant:
    """What a canned policy grants: the path that is asked for, or nothing."""
    if not _NUMBER.fullmatch(end) or path.endswith("/"):
        raise TokenRefused("malformed")
    return read_grant("", path, 0, int(end))


def _text(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode().translate(_TO_QUERY)


def from_policy(text: str) -> bytes:
    """What CloudFront's base64 holds; raises `TokenRefused` for another spelling of it."""
    try:
        raw = a2b_base64(text.translate(_FROM_QUERY))
    except ValueError:
        raise TokenRefused("malformed") from None
    if _text(raw) != text:
        raise TokenRefused("malformed")
    return raw
