"""How a service says what it answers: one table, read by Falcon, Envoy, the metrics and OpenAPI."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from falcon.asgi import Request, Response

Handler = Callable[..., Awaitable[None]]
"""`async def handler(request, response, **path_parameters)`; a refusal is raised, never returned."""


class LeanRequest(NamedTuple):
    """What came: the parameters of the path in order, the headers, and the query as it was written.

    `remote_addr` is who is connected, empty where that is not known.
    """

    method: str
    parameters: tuple[str, ...]
    headers: Sequence[tuple[bytes, bytes]]
    query: bytes
    remote_addr: str = ""

    def get_header(self, name: str) -> str | None:
        """The first header of that name, or None."""
        wanted = name.lower().encode()
        for key, value in self.headers:
            if key == wanted:
                return value.decode("latin-1")
        return None


class LeanAnswer(NamedTuple):
    """What is answered: 200, these headers and the body's length, the body."""

    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


LeanHandler = Callable[[LeanRequest], Awaitable[LeanAnswer]]


class Lean(NamedTuple):
    """Marks, in a service's table of handlers, one that is called past the framework (`serving.lean`)."""

    handle: LeanHandler


PlainHandlers = Mapping[str, Handler]
"""Handlers of the framework's kind by route name."""

Handlers = Mapping[str, Handler | Lean]
"""A service's handlers by route name."""


class Credential(StrEnum):
    """What a route asks its caller to carry."""

    NONE = "none"
    ACCESS = "access token"
    PLAYBACK = "playback token"
    PATH = "playback token in the path"
    OPERATOR = "operator token"


class Listener(StrEnum):
    """The port a route stands on; operators' pages are never on the viewers' port."""

    VIEWERS = "viewers"
    OPERATORS = "operators"


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter that may be left out; `meaning` states its unit."""

    name: str
    meaning: str
    kind: type[Any] = str


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the HTTP API.

    `name` is its label in metrics, logs and Envoy's routes, so addresses that carry tokens need never
    be written down. `path` has `{parameters}` of one segment each. `body` and `answer` are msgspec
    types or None, and a body is JSON unless `body_media` says otherwise; `media` is the answer's media
    type; `problems` are the codes of `tifo.kernel.errors` it may refuse with.
    """

    name: str
    method: str
    path: str
    summary: str
    credential: Credential = Credential.NONE
    listener: Listener = Listener.VIEWERS
    query: tuple[Query, ...] = ()
    body: type[Any] | None = None
    body_media: tuple[str, ...] = ("application/json",)
    answer: type[Any] | None = None
    media: str = "application/json"
    status: int = 200
    body_bytes_max: int = 0
    problems: tuple[str, ...] = ()


operators_route = partial(Route, listener=Listener.OPERATORS, credential=Credential.OPERATOR)
"""A route of the operators' port, for those who carry their token."""


__all__ = [
    "Credential",
    "Handler",
    "Handlers",
    "Lean",
    "LeanAnswer",
    "LeanHandler",
    "LeanRequest",
    "Listener",
    "PlainHandlers",
    "Request",
    "Response",
    "Route",
    "operators_route",
]
