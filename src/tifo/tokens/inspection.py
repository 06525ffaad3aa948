"""What a token says, read without a key: for people who look for a fault. Nothing here is proved."""

from collections.abc import Callable, Mapping

import cbor2
import msgspec

from tifo.tokens.cloudfront import from_policy
from tifo.tokens.fastly import SEPARATOR, SLASH
from tifo.tokens.granting import readable
from tifo.tokens.jws import TokenRefused
from tifo.tokens.texts import from_base64url

Said = Mapping[str, object]

CLAIMS = {
    1: "iss", 2: "sub", 3: "aud", 4: "exp", 5: "nbf", 6: "iat", 7: "cti", 8: "cnf", 282: "geohash",
    308: "catreplay", 309: "catpor", 310: "catv", 311: "catnip", 312: "catu", 313: "catm", 314: "catalpn",
    315: "cath", 316: "catgeoiso3166", 317: "catgeocoord", 318: "catgeoalt", 319: "cattpk",
    320: "catifdata", 321: "catdpop", 322: "catif", 323: "catr",
}  # fmt: skip
"""The claims of CTA-5007-B by key."""


def said_by(token: str, form: str) -> Said:
    """What a token of a format says; raises `TokenRefused` (malformed) where it says nothing at all."""
    try:
        return INSPECT[form](readable(token))
    except (AttributeError, IndexError, TypeError, ValueError, cbor2.CBORDecodeError):
        raise TokenRefused("malformed") from None


def _jws(token: str) -> Said:
    head, body, _ = token.split(".")
    return {"header": _json(head), "claims": _json(body)}


def _json(text: str) -> object:
    return msgspec.json.decode(from_base64url(text.encode()))


def _cat(token: str) -> Said:
    message = cbor2.loads(from_base64url(token.encode()))
    tags = []
    while isinstance(message, cbor2.CBORTag):
        tags.append(message.tag)
        message = message.value
    protected, header, payload, _ = message
    claims = {CLAIMS.get(key, str(key)): _plain(value) for key, value in cbor2.loads(payload).items()}
    return {"tags": tags, "header": _plain({**cbor2.loads(protected), **header}), "claims": claims}


def _plain(value: object) -> object:
    """CBOR's values in JSON's: bytes as the text they are, or in hexadecimal."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode() if value.isascii() else value.hex()
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _fields(token: str, delimiter: str = "~") -> Said:
    return dict(_pair(one) for one in token.split(delimiter))


def _pair(text: str) -> tuple[str, object]:
    name, separator, value = text.partition("=")
    if not separator and name != "FullPath":
        raise ValueError(name)
    return name, value


def _cloudfront(token: str) -> Said:
    fields = dict(_fields(token, "&"))
    if isinstance(policy := fields.get("Policy"), str):
        fields["Policy"] = msgspec.json.decode(from_policy(policy))
    return fields


def _nginx(token: str) -> Said:
    code, end, session = token.split(".", 2)
    return {"md5": code, "exp": int(end), "session": session}


def _fastly(token: str) -> Said:
    kid, begin, end, session, path, code = token.split(SEPARATOR)
    told = {"kid": kid, "begin": int(begin), "end": int(end), "session": session}
    return {**told, "path": path.replace(SLASH, "/"), "hmac": code}


INSPECT: Mapping[str, Callable[[str], Said]] = {
    "path-jws": _jws,
    "cat": _cat,
    "akamai": _fields,
    "cloudfront": _cloudfront,
    "media-cdn": _fields,
    "uri-signing": _jws,
    "nginx": _nginx,
    "fastly": _fastly,
}
"""One reader for each format."""
