"""Who an account is: our own issuer's access token, and the grace token for a login provider's outage."""

from tifo.tokens.jws import Claims, JwsCodec
from tifo.tokens.keys import Keyring

AUDIENCE = "access"
GRACE_AUDIENCE = "grace"


class AccessClaims(Claims, frozen=True, kw_only=True):
    """`sub` is the account."""

    sub: str


class GraceClaims(Claims, frozen=True, kw_only=True):
    """`sub` is the account, which had logged in on the device `dev` at `nbf`."""

    sub: str
    dev: str


AccessTokens = JwsCodec[AccessClaims]
GraceTokens = JwsCodec[GraceClaims]


def access_tokens(keys: Keyring) -> AccessTokens:
    """The codec of our own issuer."""
    return JwsCodec(keys, AccessClaims, AUDIENCE)


def grace_tokens(keys: Keyring) -> GraceTokens:
    """The codec of grace tokens; the audience keeps them from being access tokens of the same keys."""
    return JwsCodec(keys, GraceClaims, GRACE_AUDIENCE)
