"""What nginx's `secure_link` checks: `<md5>.<end>.<session>`, in the path or in one query parameter.

nginx is told `secure_link_md5 "$secure_link_expires $session $prefix SECRET"`. SECRET is the key in
hexadecimal; `$prefix` is the folder that its location matched, since the token does not say which one it
opens. MD5 is all that this module of nginx knows; the secret stands at the end, where nothing can be
appended to it.
"""

import hashlib
import re
from collections.abc import Iterator
from hmac import compare_digest

from tifo.tokens.granting import Renewed, granted, read_grant, readable
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant
from tifo.tokens.texts import percent_decoded, to_base64url

FOLDERS_MAX = 8
"""Folders of a path, from the root down, that a token is held against."""

_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([1-9][0-9]{0,11})\.([A-Za-z0-9._:@-]*)")


class NginxTokens(Renewed):
    """Tokens of one server."""

    def __init__(self, keys: Keyring) -> None:
        self._secrets = {kid: secret.hex() for kid, secret in keys.secrets.items()}
        self._secret = self._secrets[keys.current]

    def sign(self, grant: Grant) -> str:
        """The token; raises `ValueError` for a single file, which no folder of a location matches."""
        if not grant.folder:
            raise ValueError("this format opens folders only")
        said = f"{grant.end} {grant.session} {grant.prefix}"
        return f"{_code(said, self._secret).decode()}.{grant.end}.{grant.session}"

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants, the outermost folder of the path that it opens."""
        found = _TOKEN.fullmatch(readable(token))
        if found is None:
            raise TokenRefused("malformed")
        code, end, session = found.groups()
        for prefix in _folders(percent_decoded(path)):
            if self._signed(f"{end} {session} {prefix}", code.encode()):
                return granted(read_grant(session, prefix, 0, int(end)), path, now)
        raise TokenRefused("signature")

    def _signed(self, said: str, code: bytes) -> bool:
        return any(compare_digest(_code(said, secret), code) for secret in self._secrets.values())


def _code(said: str, secret: str) -> bytes:
    return to_base64url(hashlib.md5(f"{said} {secret}".encode(), usedforsecurity=False).digest())


def _folders(path: str) -> Iterator[str]:
    at = 0
    for _ in range(FOLDERS_MAX):
        if not (end := path.find("/", at) + 1):
            return
        yield path[:end]
        at = end
