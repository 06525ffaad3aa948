"""The local CDNs' token format: a JWS as the first part of the path, `/t/<jws>/live/...`.

Relative addresses in a playlist inherit it, and a query that a player rewrites cannot break it.
The CDN checks the signature, the audience (itself), the times, and that the path begins with one of
the prefixes in `p`.
"""

from collections.abc import Sequence

from tifo.tokens.jws import Claims, JwsCodec
from tifo.tokens.keys import Keyring

ISSUER = "tifo"


class PathClaims(Claims, frozen=True, kw_only=True):
    """`sub` is the session, `p` the path prefixes the token opens."""

    iss: str
    sub: str
    p: tuple[str, ...]


class PathSigner:
    """Signs addresses for one CDN (`pathway`), whose listener stands at `base_url`."""

    def __init__(self, pathway: str, base_url: str, keys: Keyring) -> None:
        self._pathway = pathway
        self._base_url = base_url.rstrip("/")
        self._codec = JwsCodec(keys, PathClaims, pathway)

    def base(self, session: str, prefixes: Sequence[str], begin: int, end: int) -> str:
        """The address that paths under `prefixes` are appended to; valid in [begin, end), epoch seconds."""
        claims = PathClaims(iss=ISSUER, aud=self._pathway, sub=session, nbf=begin, exp=end, p=tuple(prefixes))
        return f"{self._base_url}/t/{self._codec.sign(claims)}"
