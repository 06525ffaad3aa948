"""What an access token of the provider must say (RFC 9068, RFC 7519), once its signature holds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import Any

from tifo.kernel.errors import Refusal
from tifo.kernel.limits import ID_LENGTH_MAX
from tifo.services.accounts.ports import Identity

Claims = Mapping[str, Any]

_PLAIN = frozenset(ascii_letters + digits + "._@-")


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose tokens are taken, for whom they must be, and what they must hold."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    account_claim: str = "sub"
    scopes: tuple[str, ...] = ()
    leeway_s: float = 30.0


def refused(reason: str) -> Refusal:
    """The refusal of a token, with its reason in one stable word."""
    return Refusal("bad-token", "Log in again.", members={"reason": reason})


def identity_of(claims: Claims, terms: Terms, now: float) -> Identity:
    """Who the token is; raises `Refusal` (bad-token). Whether its time is over is for the caller."""
    if claims.get("iss") != terms.issuer:
        raise refused("issuer")
    if not _is_for(claims.get("aud"), terms.audience):
        raise refused("audience")
    expires_at = _time(claims, "exp")
    if expires_at is None:
        raise refused("claims")
    if now < (_time(claims, "nbf") or 0.0) - terms.leeway_s:
        raise refused("not-yet-valid")
    if not frozenset(terms.scopes) <= _scopes(claims):
        raise refused("scope")
    account = claims.get(terms.account_claim)
    return Identity(
        account=account_id(account if isinstance(account, str) else ""),
        issued_at=_time(claims, "iat") or 0.0,
        expires_at=expires_at + terms.leeway_s,
    )


def account_id(subject: str) -> str:
    """A provider's name for an account as an id of ours: other characters are `:` and their bytes in hex.

    Two names never become one: a colon is written in hex as well. Raises `Refusal` (bad-token) for a name
    that is empty or too long.
    """
    account = "".join(one if one in _PLAIN else _escaped(one) for one in subject[: ID_LENGTH_MAX + 1])
    if not 0 < len(account) <= ID_LENGTH_MAX:
        raise refused("account")
    return account


def _escaped(character: str) -> str:
    return "".join(f":{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def _is_for(audience: object, ours: str) -> bool:
    return ours in audience if isinstance(audience, list) else audience == ours


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refused("claims")
    return float(value)


def _scopes(claims: Claims) -> frozenset[str]:
    """`scope` is one text (RFC 8693), `scp` a list where providers have their own way."""
    told = claims.get("scope", claims.get("scp", ""))
    words = told.split(" ") if isinstance(told, str) else told
    return frozenset(one for one in words if isinstance(one, str)) if isinstance(words, list) else frozenset()
