"""The edge of many machines: the same limits and refusals, and clusters of services behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tifo.edge.application import CORS_HEADERS, CORS_METHODS, EVENT_STREAM
from tifo.edge.clusters import ServiceCluster, service_cluster
from tifo.edge.envoy import Json, extension
from tifo.edge.filters import CORS, body_filter, cors_filters, cors_policy, rate_filters, router_filter
from tifo.edge.listeners import bootstrap, connection_manager, listener
from tifo.edge.problems import local_replies
from tifo.edge.routes import RouteRules, route_table
from tifo.edge.settings import EdgeSettings
from tifo.serving.routes import Credential, Route

ANSWER_S_MAX = 10
"""Seconds a service may take for an answer, its retry included."""

TRY_S_MAX = 4
"""Seconds one try may take, where a second one is allowed."""

RETRIES_MAX = 1

OTHER_HOST = extension(
    "envoy.retry_host_predicates.previous_hosts",
    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
)
OTHER_HOST_TRIES_MAX = 20
"""Times that the balancer draws until it finds a process which was not asked yet: draws are at random."""

KEPT = frozenset({"ads"})
"""Services that remember what a session's account has seen: its requests go to the same process."""

_BY_TOKEN = {
    "header": {
        "header_name": ":path",
        "regex_rewrite": {
            "pattern": {"regex": r"^(/v1/[^/]+/[^/]+)/.*$"}, "substitution": r"\1",
        },
    }
}  # fmt: skip
"""The path up to its token, which is the same for all breaks of a playlist."""

_RUNNING_VIEWERS = frozenset({Credential.PLAYBACK, Credential.PATH})


@dataclass(frozen=True, slots=True)
class Service:
    """One service: where its processes are found (DNS names or addresses, with ports), what they answer.

    `folders` are routes whose path is a prefix: the pages' files. `health_path` switches active health
    checks on; by default a process is judged by its answers alone.
    """

    name: str
    addresses: tuple[tuple[str, int], ...]
    routes: tuple[Route, ...] = ()
    folders: tuple[Route, ...] = ()
    health_path: str = ""


@dataclass(frozen=True, slots=True)
class Front:
    """The viewers' listener in front of services. `unlimited` are routes that are never answered 429."""

    settings: EdgeSettings
    services: tuple[Service, ...]
    admin_socket: Path
    unlimited: frozenset[str] = frozenset()


def front_config(front: Front) -> Json:
    """Envoy's configuration for the viewers' listener in front of services on other machines."""
    settings = front.settings
    manager = connection_manager(
        "viewers",
        settings,
        virtual_host={
            "routes": _routes(front),
            "typed_per_filter_config": {CORS: cors_policy(settings.cors_origins, CORS_METHODS, CORS_HEADERS)},
        },
        filters=_filters(settings),
        replies=local_replies(cors=True),
        streaming=any(route.media == EVENT_STREAM for route in _all_routes(front)),
    )
    listeners = [listener("viewers", settings.host, settings.port, manager, settings.limits)]
    clusters = [service_cluster(_cluster(service)) for service in front.services]
    return bootstrap("front", front.admin_socket, settings.limits, listeners, clusters)


def _filters(settings: EdgeSettings) -> list[Json]:
    return [
        *cors_filters(settings.cors_origins),
        *rate_filters(settings.rate, "viewers"),
        body_filter(settings.limits.body_bytes_max),
        router_filter(),
    ]


def _routes(front: Front) -> list[Json]:
    owners = {
        route.name: service.name
        for service in front.services
        for route in (*service.routes, *service.folders)
    }
    rules = RouteRules(
        action=lambda route: _forward(route, owners),
        unlimited=front.unlimited,
        folders=tuple(folder for service in front.services for folder in service.folders),
        cors=True,
    )
    return route_table(_all_routes(front), rules)


def _all_routes(front: Front) -> tuple[Route, ...]:
    return tuple(route for service in front.services for route in service.routes)


def _forward(route: Route, owners: Mapping[str, str]) -> Json:
    # Priorities are separate pools: a wave of newcomers cannot fill the one that renewals use.
    priority = "HIGH" if route.credential in _RUNNING_VIEWERS else "DEFAULT"
    cluster = owners[route.name]
    kept = {"hash_policy": [_BY_TOKEN]} if cluster in KEPT and route.credential is Credential.PATH else {}
    return {"route": {"cluster": cluster, "priority": priority, **_patience(route), **kept}}


def _patience(route: Route) -> Json:
    if route.media == EVENT_STREAM:
        return {"timeout": "0s"}
    return {"timeout": f"{ANSWER_S_MAX}s", "retry_policy": _retry(route)}


def _retry(route: Route) -> Json:
    """What is tried once more, on another process: everything that reached none; where it does no harm
    twice, also what was lost on the way. A player's own calls, heartbeat and end, are of that sort."""
    policy = {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": RETRIES_MAX,
        "retry_host_predicate": [OTHER_HOST],
        "host_selection_retry_max_attempts": OTHER_HOST_TRIES_MAX,
    }
    if route.method == "GET":
        return {
            **policy,
            "retry_on": "connect-failure,refused-stream,reset,retriable-status-codes",
            "retriable_status_codes": [503],
            "per_try_timeout": f"{TRY_S_MAX}s",
        }
    if route.credential is Credential.PLAYBACK:
        return {**policy, "retry_on": "connect-failure,refused-stream,reset"}
    return policy


def _cluster(service: Service) -> ServiceCluster:
    return ServiceCluster(service.name, service.addresses, service.health_path, service.name in KEPT)
