"""One error tree, and the one table from a stable code to an HTTP status (RFC 9457)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Code:
    """What a stable code means to a client: its HTTP status and its title."""

    status: int
    title: str


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "bad-request": Code(400, "The request is not well formed"),
        "bad-token": Code(401, "The token is missing or not valid"),
        "bad-credentials": Code(401, "The operator's token is missing or not valid"),
        "not-entitled": Code(403, "The account may not watch this event"),
        "foreign-page": Code(403, "A page of another origin may not act here"),
        "not-found": Code(404, "There is nothing at this address"),
        "method-not-allowed": Code(405, "The address does not answer this method"),
        "slow-request": Code(408, "The request took too long to arrive"),
        "stream-limit": Code(409, "The account already watches on as many devices as it may"),
        "bad-takeover": Code(409, "The take-over code was used, has expired or belongs to another account"),
        "break-overlap": Code(409, "Another break is announced or running at that time"),
        "inventory-changed": Code(409, "Another ad inventory was put in force meanwhile"),
        "ended": Code(410, "The session has ended"),
        "kicked": Code(410, "The session was ended by an operator"),
        "event-over": Code(410, "The event is over"),
        "too-large": Code(413, "The request's body is larger than this address takes"),
        "unsupported-media-type": Code(415, "The body's media type is not one this address takes"),
        "invalid": Code(422, "A field of the request is not valid"),
        "upgrade-required": Code(426, "The address speaks HTTP/1.1 and HTTP/2"),
        "too-many-requests": Code(429, "Too many requests"),
        "headers-too-large": Code(431, "The request's headers are too large"),
        "internal": Code(500, "Something went wrong on our side"),
        "unavailable": Code(503, "A part this request needs is not available"),
        "origin-unavailable": Code(503, "The event's origin does not give what can be played"),
        "waiting-room": Code(503, "The event is full for the moment"),
        "timeout": Code(504, "A part this request needs did not answer in time"),
    }
)

PROBLEM_TYPES = "urn:tifo:problem:"
"""A problem's `type` is this and its code: a name, for there is no page behind it."""


class TifoError(Exception):
    """The root of every error that this package raises on purpose."""


class Refusal(TifoError):
    """A request that is answered with a problem document.

    `code` is a key of `CODES`; `detail` is a sentence for the person who reads it; `members` are the
    problem's extension members (JSON values); `retry_after_s` becomes the `Retry-After` header.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        members: Mapping[str, Any] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.members: Mapping[str, Any] = members or {}
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return CODES[self.code].status


class Unavailable(Refusal):
    """A store or a service behind a port did not do its work; raised by adapters only.

    Whoever calls the port decides whether that refuses the request or is survived.
    """

    def __init__(self, part: str, why: str, *, retry_after_s: int = 1) -> None:
        super().__init__("unavailable", f"{part} is not available", retry_after_s=retry_after_s)
        self.part = part
        self.why = why


class SettingsError(TifoError):
    """Settings that cannot be used; `problems` has one sentence for each thing to mend."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
