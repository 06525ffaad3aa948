import msgspec


class EdgeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the edge takes from one request, one connection and one client, before any of our code runs."""

    headers_kib_max: int = 16
    """KiB of all request headers together, the address included; more is 431."""
    headers_count_max: int = 60
    """Request headers; more is 431."""
    headers_wait_s_max: int = 5
    """Seconds a client may take to send its headers; longer is 408."""
    request_wait_s_max: int = 15
    """Seconds a client may take to send its request, the body included; longer is 408."""
    stream_idle_s_max: int = 30
    """Seconds without a byte in either direction on one request."""
    stream_duration_s_max: int = 60
    """Seconds one request and its answer may take; event streams are not cut."""
    connection_idle_s_max: int = 75
    """Seconds a connection may stand unused: longer than two heartbeats, so that players keep theirs."""
    connection_duration_s_max: int = 900
    """Seconds after which a connection is drained, so that new processes get their share of clients."""
    connection_requests_max: int = 10_000
    """Requests on one connection, after which it is drained."""
    connection_buffer_bytes_max: int = 32 * 1024
    """Bytes buffered for one connection in each direction."""
    connections_max: int = 20_000
    """Connections of all clients at once; more are closed on arrival."""
    body_bytes_max: int = 64 * 1024
    """Bytes of any request's body; a route's own limit may be smaller, never larger."""
    streams_max: int = 100
    """HTTP/2 streams at once on one connection."""
    resets_max: int = 100
    """HTTP/2 streams reset early on one connection; from half of them on, it is closed."""
    heap_bytes_max: int = 1024 * 1024 * 1024
    """Bytes of Envoy's heap; new connections stop at 95 % and requests at 98 %."""


class ClientRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token bucket of each client address (IPv4 /32, IPv6 /64); an empty one answers 429.

    One address can be a whole mobile operator's exit, so this stops floods and leaves fairness between
    viewers to the accounts.
    """

    requests_per_s: int = 500
    """Requests each second and address in the long run; 0 switches the limit off."""
    burst_requests: int = 2_000
    """Requests an address that was silent may send at once."""
    addresses_max: int = 200_000
    """Addresses remembered; beyond it the least recently seen is forgotten and starts with a full bucket."""


class AccessLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One JSON line for a request; never with an address's path, query or token."""

    path: str = ""
    """A file, or `/dev/stdout`; empty writes none."""
    sample_percent: float = 100.0
    """Share of the requests that are written; answers of 500 and above always are."""


class EdgeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The edge: where it listens, what it refuses, what it writes down."""

    host: str = "127.0.0.1"
    """The address of the viewers' port."""
    port: int = 8080
    """The viewers' port."""
    operator_host: str = "127.0.0.1"
    """The address of the operators' port; outside loopback, operators carry a token."""
    operator_port: int = 8090
    """The operators' port."""
    concurrency: int = 1
    """Envoy's worker threads. Python runs on one core for each process: scale out with processes."""
    proxies_trusted: int = 0
    """Proxies in front whose `X-Forwarded-For` and `X-Request-Id` are believed; 0 takes the socket's address.
    Services behind `tifo serve front` believe it besides."""
    cors_origins: tuple[str, ...] = ("*",)
    """Origins whose pages may call the viewers' port; `*` is every one (no cookies are ever used)."""
    limits: EdgeLimits = EdgeLimits()
    rate: ClientRate = ClientRate()
    access_log: AccessLog = AccessLog()
    trace_sampling_percent: float = 1.0
    """Share of requests that are traced; the decision is in the request id and services follow it."""
