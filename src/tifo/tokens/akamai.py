"""Akamai's edge authorisation token, version 2: `st=..~exp=..~acl=..~id=..~hmac=..`.

A folder is an access list (`acl=/live/demo/*`), a single file an address that is signed and not written.
No field names the key, so a token is held against each of them.
"""

import re
from collections.abc import Iterator, Mapping

from tifo.tokens.granting import Renewed, granted, opens, read_grant, readable
from tifo.tokens.hmacs import Hmac
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant
from tifo.tokens.texts import percent_decoded

DELIMITER = "~"
ACL_DELIMITER = "!"
FIELDS = ("st", "exp", "acl", "id", "data")
"""What a token may say, in this order. `ip` is not among them: a viewer's address changes on the way."""

_ESCAPED_EARLY = re.compile(r"[^A-Za-z0-9_.~-]")
_CODE = re.compile(r"(?:[0-9a-f]{2})+")
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")


class AkamaiTokens(Renewed):
    """Tokens of one property; `salt` and `escape_early` are as the property's behaviour has them."""

    def __init__(
        self, keys: Keyring, algorithm: str = "sha256", salt: str = "", escape_early: bool = False
    ) -> None:
        self._keys = {kid: Hmac(secret, algorithm) for kid, secret in keys.secrets.items()}
        self._key = self._keys[keys.current]
        self._salt = f"{DELIMITER}salt={salt}" if salt else ""
        self._escape_early = escape_early

    def sign(self, grant: Grant) -> str:
        """The value of the token's parameter."""
        acl = f"~acl={grant.prefix}*" if grant.folder else ""
        session = f"~id={self._escaped(grant.session)}" if grant.session else ""
        begin = f"st={grant.begin}~" if grant.begin else ""
        fields = f"{begin}exp={grant.end}{acl}{session}"
        address = "" if grant.folder else grant.prefix
        return f"{fields}~hmac={self._key.digest(self._signed(fields, address)).hex()}"

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants; of an access list, the entry that opens the path."""
        plain, there = readable(token), percent_decoded(path)
        # What was escaped early is signed as it is written, so the token is first tried as it came.
        for text in (token, plain) if plain != token else (token,):
            fields, _, code = text.rpartition("~hmac=")
            if self._ours(fields, code, there):
                return granted(self._grant(_fields(fields), there), path, now)
        raise TokenRefused("signature" if "~hmac=" in plain else "malformed")

    def _ours(self, fields: str, code: str, path: str) -> bool:
        if not _CODE.fullmatch(code):
            return False
        address = "" if "~acl=" in fields else path
        signed, found = self._signed(fields, address), bytes.fromhex(code)
        return any(key.signed(signed, found) for key in self._keys.values())

    def _signed(self, fields: str, address: str) -> bytes:
        url = f"~url={self._escaped(address)}" if address else ""
        return f"{fields}{url}{self._salt}".encode()

    def _escaped(self, text: str) -> str:
        return _ESCAPED_EARLY.sub(_escape, text) if self._escape_early else text

    def _grant(self, fields: Mapping[str, str], path: str) -> Grant:
        begin, end = fields.get("st", "0"), fields["exp"]
        if not _NUMBER.fullmatch(end) or not (begin == "0" or _NUMBER.fullmatch(begin)):
            raise TokenRefused("claims")
        session = fields.get("id", "")
        if self._escape_early:
            session = percent_decoded(session)
        return read_grant(session, _opened(fields, path), int(begin), int(end))


def _escape(found: re.Match[str]) -> str:
    return "+" if found[0] == " " else "".join(f"%{byte:02x}" for byte in found[0].encode())


def _fields(text: str) -> Mapping[str, str]:
    pairs = [one.partition("=")[::2] for one in text.split(DELIMITER)]
    names = [name for name, _ in pairs]
    if names != [name for name in FIELDS if name in names] or "exp" not in names:
        raise TokenRefused("claims")
    return dict(pairs)


def _opened(fields: Mapping[str, str], path: str) -> str:
    if "acl" not in fields:
        return path
    for prefix in _prefixes(fields["acl"]):
        if opens(prefix, path):
            return prefix
    raise TokenRefused("path")


def _prefixes(acl: str) -> Iterator[str]:
    """What an access list opens; an entry with a wildcard that is not a whole folder opens nothing here."""
    for entry in acl.split(ACL_DELIMITER):
        prefix = entry.removesuffix("*")
        if "*" not in prefix and "?" not in prefix and prefix.endswith("/") == entry.endswith("*"):
            yield prefix
