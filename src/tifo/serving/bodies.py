"""Reading what a request carries, bounded and typed."""

from typing import TypedDict, TypeVar

import msgspec
from falcon.asgi import Request

from tifo.api.sessions import PAGE_SESSIONS_MAX
from tifo.kernel.errors import Refusal
from tifo.kernel.limits import ID_LENGTH_MAX
from tifo.serving.routes import LeanRequest, Query

T = TypeVar("T")

OPERATOR_NAME_LENGTH_MAX = 64
"""Characters of an operator's name in the audit trail."""

SESSION_QUERY = (
    Query("account", "only this account's sessions"),
    Query("event", "only sessions that watch this event"),
    Query("after", "`next` of the page before"),
    Query("limit", f"sessions on a page, at most {PAGE_SESSIONS_MAX}", int),
)
"""What `session_query` reads."""


async def read_json(request: Request, kind: type[T], bytes_max: int) -> T:
    """The JSON body as `kind`; raises `Refusal` (unsupported-media-type, too-large, bad-request, invalid)."""
    content_type = (request.content_type or "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Refusal("unsupported-media-type", "Send the body as application/json.")
    body = await read_bytes(request, bytes_max)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Refusal("invalid", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("bad-request", f"The body is not JSON: {error}") from None


async def read_bytes(request: Request, bytes_max: int) -> bytes:
    """The body, at most `bytes_max` bytes; raises `Refusal("too-large")`."""
    if (request.content_length or 0) > bytes_max:
        raise Refusal("too-large", f"The body may have {bytes_max} bytes.")
    body: bytes = await request.stream.read(bytes_max + 1)
    if len(body) > bytes_max:
        raise Refusal("too-large", f"The body may have {bytes_max} bytes.")
    return body


def bearer(request: Request | LeanRequest) -> str:
    """The bearer token, or an empty text when there is none."""
    value = request.get_header("Authorization") or ""
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def operator(request: Request) -> str:
    """Who acts, as the proxy in front of the operators' port says it; `operator` where nothing does."""
    return (request.get_header("X-Operator") or "operator")[:OPERATOR_NAME_LENGTH_MAX]


class SessionQuery(TypedDict):
    """Which sessions an operator asks for."""

    account: str
    event: str
    after: str
    limit: int


def session_query(request: Request) -> SessionQuery:
    """`?account=&event=&after=&limit=`; raises `Refusal("invalid")` for a limit that is no number."""
    text = request.get_param("limit") or str(PAGE_SESSIONS_MAX)
    if not text.isdecimal() or len(text) > 4:
        raise Refusal("invalid", "limit is a whole number.")
    return SessionQuery(
        account=_text(request, "account"),
        event=_text(request, "event"),
        after=_text(request, "after"),
        limit=int(text),
    )


def _text(request: Request, name: str) -> str:
    return (request.get_param(name) or "")[:ID_LENGTH_MAX]
