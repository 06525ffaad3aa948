"""A cluster of one service's processes: how many requests it may hold, and when a process is left out."""

from dataclasses import dataclass

from tifo.edge.envoy import Json, address

CONNECT_MS_MAX = 500
CONNECTIONS_MAX = 1_024
REQUESTS_MAX = 4_096
WAITING_REQUESTS_MAX = 1_024
RETRY_SHARE_MAX = 20
"""Percent of the requests under way that may be retries: a service that is down is not asked twice."""

FAILURES_MAX = 5
"""Answers of 500 and above, one after the other, after which a process is left out."""

EJECTION_S = 10
EJECTED_SHARE_MAX = 50
"""Percent of the processes that may be left out at once."""


KEPT_LOAD_MAX = 150
"""Percent of the mean load at which a process that sessions are kept on passes new requests to the next."""


@dataclass(frozen=True, slots=True)
class ServiceCluster:
    """A service's processes behind one name, at `addresses` (host and port; each address that a name
    resolves to is one process); an empty `health_path` means no active health checks. With `keeps` requests
    of the same hash go to the same process."""

    name: str
    addresses: tuple[tuple[str, int], ...]
    health_path: str = ""
    keeps: bool = False


def service_cluster(cluster: ServiceCluster) -> Json:
    """Envoy's cluster for a service."""
    endpoints = [{"endpoint": {"address": address(*one)}} for one in cluster.addresses]
    return {
        "name": cluster.name,
        "type": "STRICT_DNS",
        **_balancer(keeps=cluster.keeps),
        "connect_timeout": f"{CONNECT_MS_MAX / 1000:g}s",
        "load_assignment": {"cluster_name": cluster.name, "endpoints": [{"lb_endpoints": endpoints}]},
        "circuit_breakers": {"thresholds": [_thresholds("DEFAULT"), _thresholds("HIGH")]},
        "outlier_detection": _outliers(),
        **_health(cluster.health_path),
    }


def _balancer(*, keeps: bool) -> Json:
    if not keeps:
        return {"lb_policy": "LEAST_REQUEST"}
    bounded = {"consistent_hashing_lb_config": {"hash_balance_factor": KEPT_LOAD_MAX}}
    return {"lb_policy": "MAGLEV", "common_lb_config": bounded}


def _thresholds(priority: str) -> Json:
    return {
        "priority": priority,
        "max_connections": CONNECTIONS_MAX,
        "max_requests": REQUESTS_MAX,
        "max_pending_requests": WAITING_REQUESTS_MAX,
        "retry_budget": {"budget_percent": {"value": RETRY_SHARE_MAX}, "min_retry_concurrency": 3},
    }


def _outliers() -> Json:
    return {
        "consecutive_5xx": FAILURES_MAX,
        "interval": "2s",
        "base_ejection_time": f"{EJECTION_S}s",
        "max_ejection_percent": EJECTED_SHARE_MAX,
    }


def _health(path: str) -> Json:
    if not path:
        return {}
    check = {
        "timeout": "1s",
        "interval": "5s",
        "unhealthy_threshold": 3,
        "healthy_threshold": 1,
        "http_health_check": {"path": path},
    }
    return {"health_checks": [check]}
