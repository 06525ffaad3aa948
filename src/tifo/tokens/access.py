"""The access token: who an account is, as its login provider says it."""

from tifo.tokens.jws import Claims, JwsCodec
from tifo.tokens.keys import Keyring

AUDIENCE = "access"


class AccessClaims(Claims, frozen=True, kw_only=True):
    """`sub` is the account."""

    sub: str


AccessTokens = JwsCodec[AccessClaims]


def access_tokens(keys: Keyring) -> AccessTokens:
    """The codec of the laptop's own issuer."""
    return JwsCodec(keys, AccessClaims, AUDIENCE)
