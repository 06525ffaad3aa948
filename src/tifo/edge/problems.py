"""What the edge says when it refuses: the same problem documents (RFC 9457) as the services write."""

from collections.abc import Mapping
from types import MappingProxyType

from tifo.edge.envoy import Json, header
from tifo.kernel.errors import CODES, PROBLEM_TYPES

_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        400: "bad-request",
        401: "bad-token",
        403: "not-entitled",
        404: "not-found",
        405: "method-not-allowed",
        408: "slow-request",
        413: "too-large",
        426: "upgrade-required",
        429: "too-many-requests",
        431: "headers-too-large",
        500: "internal",
        502: "unavailable",
        503: "unavailable",
        504: "timeout",
    }
)

_HEADERS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "bad-token": (("www-authenticate", "Bearer"),),
        "bad-credentials": (("www-authenticate", "Bearer"),),
        "too-many-requests": (("retry-after", "1"),),
        "unavailable": (("retry-after", "1"),),
    }
)

EXPOSED_HEADERS = "Age, Content-Length, Retry-After, X-Request-Id"
"""Headers that a page of another origin may read."""


def local_replies(meanings: Mapping[int, str] = MappingProxyType({}), *, cors: bool) -> Json:
    """Envoy's own refusals as problem documents.

    `meanings` are codes by status where a listener's filters mean something of their own. With `cors` a
    page of another origin may read them: a player has to see why it was refused.
    """
    codes = {**_BY_STATUS, **meanings}
    return {"mappers": [_mapper(status, code, cors=cors) for status, code in codes.items()]}


def _mapper(status: int, code: str, *, cors: bool) -> Json:
    extra = (*_HEADERS.get(code, ()), ("cache-control", "no-store"))
    if cors:
        extra = (
            *extra,
            ("access-control-allow-origin", "*"),
            ("access-control-expose-headers", EXPOSED_HEADERS),
        )
    return {
        "filter": _status_is(status),
        "status_code": CODES[code].status,
        "body_format_override": {
            "json_format": _document(code),
            "omit_empty_values": True,
            "content_type": "application/problem+json",
        },
        "headers_to_add": [header(key, value) for key, value in extra],
    }


def _document(code: str) -> Json:
    return {
        "type": PROBLEM_TYPES + code,
        "title": CODES[code].title,
        "status": CODES[code].status,
        "code": code,
        "request_id": "%REQ(X-REQUEST-ID)%",
    }


def _status_is(status: int) -> Json:
    # The runtime key is mandatory in Envoy's schema; nothing sets it.
    comparison = {"op": "EQ", "value": {"default_value": status, "runtime_key": f"edge.reply.{status}"}}
    return {"status_code_filter": {"comparison": comparison}}
