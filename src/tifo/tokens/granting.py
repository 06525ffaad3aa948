"""What every format does alike: when to renew, how a token is taken in, what a grant opens."""

from tifo.kernel.limits import TOKEN_LENGTH_MAX
from tifo.tokens.jws import CLOCK_SKEW_S, TokenRefused
from tifo.tokens.ports import Grant, UrlTokens
from tifo.tokens.texts import percent_decoded

RENEW_BEFORE_END = 1 / 3
"""The share of a token's life that is left when it is renewed."""


class Renewed(UrlTokens):
    """Renews as every format of ours does."""

    def renew_at(self, grant: Grant) -> float:
        """At two thirds of its life."""
        return grant.end - (grant.end - grant.begin) * RENEW_BEFORE_END


def readable(token: str) -> str:
    """The token as it was signed, its percent-encoding undone; raises `TokenRefused` for what is none."""
    if not token or len(token) > TOKEN_LENGTH_MAX or not token.isascii():
        raise TokenRefused("malformed" if token else "empty")
    return percent_decoded(token)


def granted(grant: Grant, path: str, now: float) -> Grant:
    """The grant, where it is in force and opens the path; raises `TokenRefused`."""
    if now >= grant.end:
        raise TokenRefused("expired")
    if now < grant.begin - CLOCK_SKEW_S:
        raise TokenRefused("not-yet-valid")
    if not opens(grant.prefix, path):
        raise TokenRefused("path")
    return grant


def opens(prefix: str, path: str) -> bool:
    """Whether a token for `prefix` opens `path`; a path that climbs is opened by none."""
    plain = percent_decoded(path)
    if ".." in plain and ".." in plain.split("/"):
        return False
    return plain.startswith(prefix) if prefix.endswith("/") else plain == prefix


def read_grant(session: str, prefix: str, begin: int, end: int) -> Grant:
    """A grant of what a signed token says; raises `TokenRefused` where that is none."""
    try:
        return Grant(session, prefix, begin, end)
    except ValueError:
        raise TokenRefused("claims") from None
