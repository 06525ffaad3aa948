"""Fastly's, as VCL can check them: `<key>,<begin>,<end>,<session>,<path>,<hmac>`.

The code is HMAC-SHA-256 in hexadecimal; everything before the last comma is signed as it stands. The path's
slashes are written `~`, so that the token is one folder of an address, which a playlist's relative addresses
inherit; a `~` at its end says that everything below is open. HMAC's key is the secret's hexadecimal text,
not its bytes: a text of VCL ends at the first zero byte, and one random key in eight has one.
"""

import re

from tifo.tokens.granting import Renewed, granted, read_grant, readable
from tifo.tokens.hmacs import Hmac
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant

SEPARATOR = ","
SLASH = "~"

PATTERN = (
    r"(([A-Za-z0-9_-]{1,64}),(0|[1-9][0-9]{0,11}),([1-9][0-9]{0,11}),([A-Za-z0-9._:@-]{0,64})"
    r",(~[A-Za-z0-9._:@~-]{0,255})),([0-9a-f]{64})"
)
"""What is signed (key id, begin, end, session, path) and its code: for Python and for PCRE alike."""

_TOKEN = re.compile(PATTERN)
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class FastlyTokens(Renewed):
    """Tokens of one service; raises `ValueError` for a key id that no token can name."""

    def __init__(self, keys: Keyring) -> None:
        if unfit := [kid for kid in keys.secrets if not _KEY_ID.fullmatch(kid)]:
            raise ValueError(f"{unfit[0]!r} is no key id here; use letters, digits, _ and -")
        self._keys = {kid: Hmac(secret.hex().encode()) for kid, secret in keys.secrets.items()}
        self._current = keys.current

    def sign(self, grant: Grant) -> str:
        """The token."""
        path = grant.prefix.replace("/", SLASH)
        said = f"{self._current},{grant.begin},{grant.end},{grant.session},{path}"
        return f"{said},{self._keys[self._current].digest(said.encode()).hex()}"

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants."""
        found = _TOKEN.fullmatch(readable(token))
        if found is None:
            raise TokenRefused("malformed")
        said, kid, begin, end, session, written, code = found.groups()
        if kid not in self._keys:
            raise TokenRefused("unknown-key")
        if not self._keys[kid].signed(said.encode(), bytes.fromhex(code)):
            raise TokenRefused("signature")
        return granted(read_grant(session, written.replace(SLASH, "/"), int(begin), int(end)), path, now)
