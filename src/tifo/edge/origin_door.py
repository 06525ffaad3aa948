"""The way from a cache to its origin: a listener inside the process that times out, retries and explains.

Envoy's cache filter fetches with a client of its own, which knows no route: no time-out, no retry, no
problem document. So its cluster is this inner listener, whose ordinary router has all three.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tifo.edge.envoy import Json, address, extension, seconds
from tifo.edge.filters import router_filter
from tifo.edge.mounts import Mount, mount_cluster, mount_filters, mount_routes
from tifo.edge.problems import local_replies

ORIGIN_DOOR = "origin-door"
ORIGIN_CONNECT_MS_MAX = 1_000
ORIGIN_ANSWER_S_MAX = 10
ORIGIN_RETRIES_MAX = 1

_ABOUT_THE_VIEWER = ("x-forwarded-for", "x-forwarded-proto", "x-envoy-external-address", "x-envoy-internal")
_NEGOTIATING = ("accept-encoding", "accept-language", "origin", "user-agent")
"""What an origin elsewhere might make its answer depend on, which all viewers share."""


@dataclass(frozen=True, slots=True)
class OriginDoor:
    """The parts of a configuration that make the inner listener; its cluster is `ORIGIN_DOOR`."""

    listener: Json
    clusters: list[Json]
    bootstrap: Json


def origin_door(host: str, port: int, mounts: Sequence[Mount] = (), ca_file: str = "") -> OriginDoor:
    """The inner listener to the origin at `host` and `port`, and to those that are mounted beside it."""
    manager = _manager(mounts)
    connecting = {"connect_timeout": seconds(ORIGIN_CONNECT_MS_MAX / 1000)}
    return OriginDoor(
        listener={"name": ORIGIN_DOOR, "internal_listener": {}, "filter_chains": [{"filters": [manager]}]},
        clusters=[
            _door_cluster(),
            {**_origin_cluster(host, port), **connecting},
            *({**mount_cluster(one, ca_file), **connecting} for one in mounts),
        ],
        bootstrap={"bootstrap_extensions": [_internal_listeners()]},
    )


def _manager(mounts: Sequence[Mount]) -> Json:
    return extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=ORIGIN_DOOR,
        preserve_external_request_id=True,
        local_reply_config=local_replies(cors=False),
        route_config={"name": ORIGIN_DOOR, "virtual_hosts": [_virtual_host(mounts)]},
        http_filters=[*mount_filters(mounts), router_filter()],
        server_header_transformation="PASS_THROUGH",
    )


def _virtual_host(mounts: Sequence[Mount]) -> Json:
    asking = _asking()
    mounted = [
        {**route, "request_headers_to_remove": [*_ABOUT_THE_VIEWER, *_NEGOTIATING]}
        for mount in mounts
        for route in mount_routes(mount, asking)
    ]
    return {"name": ORIGIN_DOOR, "domains": ["*"], "routes": [*mounted, _route(asking)]}


def _asking() -> Json:
    retry = {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": ORIGIN_RETRIES_MAX,
    }
    return {"timeout": seconds(ORIGIN_ANSWER_S_MAX), "retry_policy": retry}


def _route(asking: Json) -> Json:
    return {
        "name": "origin",
        "match": {"prefix": "/"},
        "route": {"cluster": "origin", **asking},
        "request_headers_to_remove": list(_ABOUT_THE_VIEWER),
    }


def _door_cluster() -> Json:
    inside = {"envoy_internal_address": {"server_listener_name": ORIGIN_DOOR}}
    return _cluster(ORIGIN_DOOR, "STATIC", {"address": inside})


def _origin_cluster(host: str, port: int) -> Json:
    return _cluster("origin", "STRICT_DNS", {"address": address(host, port)})


def _cluster(name: str, kind: str, endpoint: Json) -> Json:
    endpoints = [{"lb_endpoints": [{"endpoint": endpoint}]}]
    return {"name": name, "type": kind, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def _internal_listeners() -> Json:
    return extension(
        "envoy.bootstrap.internal_listener",
        "envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
    )
