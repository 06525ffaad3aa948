"""Problem documents (RFC 9457): the one form in which a request is refused."""

import msgspec
from falcon.asgi import Request, Response

from tifo.kernel.errors import CODES, PROBLEM_TYPES, Refusal

MEDIA_TYPE = "application/problem+json"


def write_problem(request: Request, response: Response, refusal: Refusal) -> None:
    """Answer with the refusal's document: type, title, status, code, and the request id to quote."""
    code = CODES[refusal.code]
    document: dict[str, object] = {
        "type": PROBLEM_TYPES + refusal.code,
        "title": code.title,
        "status": code.status,
        "code": refusal.code,
    }
    if refusal.detail:
        document["detail"] = refusal.detail
    if request_id := request.get_header("X-Request-Id"):
        document["request_id"] = request_id
    document.update(refusal.members)
    response.status = code.status
    response.content_type = MEDIA_TYPE
    response.data = msgspec.json.encode(document)
    response.set_header("Cache-Control", "no-store")
    if refusal.retry_after_s is not None:
        response.set_header("Retry-After", str(refusal.retry_after_s))
