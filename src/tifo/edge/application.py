"""The `edge` process of one machine: two listeners, each with the Python application behind its limits."""

from dataclasses import dataclass, replace
from pathlib import Path

from tifo.edge.binary import python_module_path
from tifo.edge.envoy import Json
from tifo.edge.filters import (
    CORS,
    body_filter,
    cors_filters,
    cors_policy,
    python_filter,
    rate_filters,
    router_filter,
)
from tifo.edge.listeners import bootstrap, connection_manager, listener
from tifo.edge.problems import local_replies
from tifo.edge.routes import RouteRules, route_table
from tifo.edge.settings import EdgeSettings
from tifo.kernel.hosts import is_loopback
from tifo.serving.routes import Credential, Route

EVENT_STREAM = "text/event-stream"
CORS_METHODS = ("GET", "POST", "DELETE")
CORS_HEADERS = ("authorization", "content-type")


@dataclass(frozen=True, slots=True)
class Application:
    """One ASGI application, `package.module:attribute`, and the routes it answers.

    `folders` are routes whose path is a prefix (`/assets/`). `unlimited` are names of routes that are
    never answered 429.
    """

    app: str
    routes: tuple[Route, ...]
    folders: tuple[Route, ...] = ()
    unlimited: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ApplicationEdge:
    """An Envoy with Python inside: the viewers' listener, the operators', or both."""

    settings: EdgeSettings
    admin_socket: Path
    viewers: Application | None = None
    operators: Application | None = None


def application_config(edge: ApplicationEdge) -> Json:
    """Envoy's configuration for the edge and the application in one process."""
    listeners = [*_viewers(edge), *_operators(edge)]
    return bootstrap("edge", edge.admin_socket, edge.settings.limits, listeners)


def _viewers(edge: ApplicationEdge) -> list[Json]:
    if edge.viewers is None:
        return []
    settings = edge.settings
    policy = cors_policy(settings.cors_origins, CORS_METHODS, CORS_HEADERS)
    manager = connection_manager(
        "viewers",
        settings,
        virtual_host={
            "routes": _routes(edge.viewers, RouteRules(_python, cors=True)),
            "typed_per_filter_config": {CORS: policy},
        },
        filters=[*cors_filters(settings.cors_origins), *_filters("viewers", edge.viewers, settings)],
        replies=local_replies(cors=True),
        streaming=_streams(edge.viewers),
    )
    return [listener("viewers", settings.host, settings.port, manager, settings.limits)]


def _operators(edge: ApplicationEdge) -> list[Json]:
    if edge.operators is None:
        return []
    settings = edge.settings
    manager = connection_manager(
        "operators",
        settings,
        virtual_host={
            "routes": _routes(
                edge.operators, RouteRules(_python, open_credentials=open_credentials(settings))
            )
        },
        filters=_filters("operators", edge.operators, settings),
        replies=local_replies({401: "bad-credentials"}, cors=False),
        streaming=_streams(edge.operators),
    )
    return [listener("operators", settings.operator_host, settings.operator_port, manager, settings.limits)]


def open_credentials(settings: EdgeSettings) -> frozenset[Credential]:
    """The credentials that are not asked for: the operators' own, as long as only this machine can call."""
    return frozenset({Credential.OPERATOR}) if is_loopback(settings.operator_host) else frozenset()


def _filters(name: str, application: Application, settings: EdgeSettings) -> list[Json]:
    return [
        *rate_filters(settings.rate, name),
        body_filter(settings.limits.body_bytes_max),
        python_filter(application.app, python_module_path()),
        router_filter(),
    ]


def _routes(application: Application, rules: RouteRules) -> list[Json]:
    rules = replace(rules, unlimited=application.unlimited, folders=application.folders)
    return route_table(application.routes, rules)


def _python(_: Route) -> Json:
    return {"non_forwarding_action": {}}


def _streams(application: Application) -> bool:
    return any(route.media == EVENT_STREAM for route in application.routes)
