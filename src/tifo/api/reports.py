"""What processes say of themselves: written to the board by each, shown by the control service."""

from typing import Literal

import msgspec


class RouteReport(msgspec.Struct, frozen=True):
    """One route of one node over its last second; latencies in milliseconds."""

    route: str
    method: str
    requests_per_s: float
    errors_per_s: float
    p50_ms: float
    p99_ms: float


class PartReport(msgspec.Struct, frozen=True):
    """One process of `tifo up`; `since` is epoch seconds."""

    name: str
    state: Literal["starting", "running", "backing-off", "stopped"]
    pid: int | None
    restarts: int
    since: float
    error: str


class GroupLag(msgspec.Struct, frozen=True):
    """How many records of a topic a group has not handled yet."""

    group: str
    topic: str
    lag: int
