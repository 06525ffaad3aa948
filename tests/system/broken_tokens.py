"""Tokens that are not as they should be, in every way in which they are not."""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any

from players import CLOCK


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_in(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def signed(keys: Mapping[str, Any], claims: Mapping[str, Any], **header: str) -> str:
    """A token as its issuer would sign it, with whatever claims and header."""
    kid = keys["current"]
    head = {"alg": "HS256", "kid": kid, "typ": "JWT", **header}
    body = ".".join(text_of(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    key = bytes.fromhex(keys["secrets"][kid])
    return f"{body}.{text_of(hmac.digest(key, body.encode(), 'sha256'))}"


def broken(good: str, keys: Mapping[str, Any]) -> dict[str, str]:
    """A good token, broken in each way in which tokens are; `keys` signed it."""
    head, body, signature = good.split(".")
    claims, now = claims_in(good), int(CLOCK.now())
    other = {"current": keys["current"], "secrets": {keys["current"]: "ab" * 32}}
    return {
        "truncated": good[:-7],
        "without a signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "signature of another": f"{head}.{body}.{signature[::-1]}",
        "signed by another key": signed(other, claims),
        "unknown key": signed(keys, claims, kid="k-unknown"),
        "algorithm none": signed(keys, claims, alg="none"),
        "another algorithm": signed(keys, claims, alg="HS512"),
        "expired": signed(keys, {**claims, "exp": now - 60}),
        "not yet valid": signed(keys, {**claims, "nbf": now + 3600}),
        "of another audience": signed(keys, {**claims, "aud": "another"}),
        "without claims": signed(keys, {}),
        "claims of wrong types": signed(keys, {**claims, "exp": "tomorrow"}),
        "very long": signed(keys, {**claims, "more": "x" * 3000}),
        "no token": "nothing-of-the-kind",
        "bytes": "%00%ff%fe",
    }
