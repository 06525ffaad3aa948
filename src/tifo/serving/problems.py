"""Problem documents (RFC 9457): the one form in which a request is refused."""

from typing import NamedTuple

import msgspec
from falcon.asgi import Request, Response

from tifo.kernel.errors import CODES, PROBLEM_TYPES, Refusal

MEDIA_TYPE = "application/problem+json"


class Problem(NamedTuple):
    """A refusal as it goes out."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def problem(refusal: Refusal, request_id: str | None) -> Problem:
    """The refusal's document: type, title, status, code, and the request id to quote."""
    code = CODES[refusal.code]
    document: dict[str, object] = {
        "type": PROBLEM_TYPES + refusal.code,
        "title": code.title,
        "status": code.status,
        "code": refusal.code,
    }
    if refusal.detail:
        document["detail"] = refusal.detail
    if request_id:
        document["request_id"] = request_id
    document.update(refusal.members)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after_s))
    return Problem(code.status, headers, msgspec.json.encode(document))


def write_problem(request: Request, response: Response, refusal: Refusal) -> None:
    """Answer a request of the framework's with the refusal's document."""
    status, headers, body = problem(refusal, request.get_header("X-Request-Id"))
    response.status = status
    response.data = body
    for name, value in headers:
        response.set_header(name.decode(), value.decode())
