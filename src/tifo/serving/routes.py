"""How a service says what it answers: one table, read by Falcon, Envoy, the metrics and OpenAPI."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from falcon.asgi import Request, Response

Handler = Callable[..., Awaitable[None]]
"""`async def handler(request, response, **path_parameters)`; a refusal is raised, never returned."""

Handlers = Mapping[str, Handler]
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


__all__ = ["Credential", "Handler", "Handlers", "Listener", "Query", "Request", "Response", "Route"]
