"""A listener with its connection manager, and the file that holds listeners and clusters together."""

from collections.abc import Iterable
from pathlib import Path

from tifo.edge.access_log import access_logs
from tifo.edge.envoy import Json, address, extension
from tifo.edge.limits import connection_manager_limits, overload_manager, runtime
from tifo.edge.settings import EdgeLimits, EdgeSettings
from tifo.kernel.hosts import LOCALHOST

SOCKET_MODE = 0o600
"""The admin socket shows keys: its owner only."""


"""The one name a listener may have: Envoy binds addresses only."""


def listener(name: str, host: str, port: int, connection_manager: Json, limits: EdgeLimits) -> Json:
    """A plain TCP listener that fails to start, instead of sharing, when its port is taken."""
    return {
        "name": name,
        "address": address("127.0.0.1" if host == LOCALHOST else host, port),
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": limits.connection_buffer_bytes_max,
        "filter_chains": [{"filters": [connection_manager]}],
    }


def connection_manager(
    name: str,
    settings: EdgeSettings,
    *,
    virtual_host: Json,
    filters: Iterable[Json],
    replies: Json,
    streaming: bool = False,
    log_fields: Json | None = None,
) -> Json:
    """The HTTP connection manager of the listener `name`."""
    return extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        server_name="tifo",
        use_remote_address=True,
        xff_num_trusted_hops=settings.proxies_trusted,
        # An edge in front of us has given the request its id, and said it to the viewer.
        preserve_external_request_id=settings.proxies_trusted > 0,
        always_set_request_id_in_response=True,
        # Without a provider, this only writes the decision into the request id, for the services to read.
        tracing=_tracing(settings.trace_sampling_percent),
        access_log=access_logs(settings.access_log, name, log_fields),
        local_reply_config=replies,
        route_config={"name": name, "virtual_hosts": [{"name": name, "domains": ["*"], **virtual_host}]},
        http_filters=list(filters),
        **connection_manager_limits(settings.limits, streaming=streaming),
    )


def _tracing(share: float) -> Json:
    # A client's x-client-trace-id would force a trace: only our own draw counts.
    nothing = {"value": 0}
    return {
        "random_sampling": {"value": share},
        "client_sampling": nothing,
        "overall_sampling": {"value": 100},
    }


def bootstrap(
    node: str,
    admin_socket: str | Path,
    limits: EdgeLimits,
    listeners: Iterable[Json],
    clusters: Iterable[Json] = (),
) -> Json:
    """The whole configuration of one Envoy process."""
    return {
        "node": {"id": node, "cluster": "tifo"},
        "admin": {"address": {"pipe": {"path": str(admin_socket), "mode": SOCKET_MODE}}},
        "layered_runtime": runtime(limits),
        "overload_manager": overload_manager(limits),
        "static_resources": {"listeners": list(listeners), "clusters": list(clusters)},
    }
