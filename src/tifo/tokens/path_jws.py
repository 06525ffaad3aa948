"""The local CDNs' token format: a JWS as the first part of the path, `/t/<jws>/live/...`.

Relative addresses in a playlist inherit it, and a query that a player rewrites cannot break it.
The CDN checks the signature, the audience (itself), the times, and that the path begins with one of
the prefixes in `p`.
"""

from tifo.tokens.granting import Renewed, granted, read_grant, readable
from tifo.tokens.jws import Claims, JwsCodec, TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant

ISSUER = "tifo"


class PathClaims(Claims, frozen=True, kw_only=True):
    """`sub` is the session, `p` the path prefixes the token opens."""

    iss: str
    sub: str
    p: tuple[str, ...]


class PathJws(Renewed):
    """Tokens for one CDN (`pathway`)."""

    def __init__(self, pathway: str, keys: Keyring) -> None:
        self._pathway = pathway
        self._codec = JwsCodec(keys, PathClaims, pathway)

    def sign(self, grant: Grant) -> str:
        """The compact JWS; raises `ValueError` for a single file, since the CDN compares beginnings."""
        if not grant.folder:
            raise ValueError("this format opens folders only")
        claims = PathClaims(
            iss=ISSUER,
            aud=self._pathway,
            sub=grant.session,
            nbf=grant.begin,
            exp=grant.end,
            p=(grant.prefix,),
        )
        return self._codec.sign(claims)

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants."""
        claims = self._codec.verify(readable(token), now)
        if claims.iss != ISSUER or len(claims.p) != 1:
            raise TokenRefused("claims")
        return granted(read_grant(claims.sub, claims.p[0], claims.nbf, claims.exp), path, now)
