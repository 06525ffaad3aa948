"""What one connection and one process take: time-outs, sizes, HTTP/2 floods, overload."""

from tifo.edge.envoy import Json, extension, message, seconds
from tifo.edge.settings import EdgeLimits

_HEAP = "envoy.resource_monitors.fixed_heap"
_CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections"

RE2_PROGRAM_SIZE_MAX = 20_000
"""Instructions of one compiled expression: a bounded token shape needs some thousands, the default is 100."""

DELAYED_CLOSE_S = 1
"""Seconds between the last byte of a refusal and the close of its connection."""


def connection_manager_limits(limits: EdgeLimits, *, streaming: bool) -> Json:
    """The limits of one listener's connection manager.

    `streaming` is for a listener that has event streams: their answers have no end.
    """
    return {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "max_request_headers_kb": limits.headers_kib_max,
        "request_headers_timeout": seconds(limits.headers_wait_s_max),
        "request_timeout": seconds(limits.request_wait_s_max),
        "stream_idle_timeout": seconds(limits.stream_idle_s_max),
        "delayed_close_timeout": seconds(DELAYED_CLOSE_S),
        "common_http_protocol_options": _any_protocol(limits, streaming=streaming),
        "http2_protocol_options": _http2(limits),
    }


def _any_protocol(limits: EdgeLimits, *, streaming: bool) -> Json:
    duration = {} if streaming else {"max_stream_duration": seconds(limits.stream_duration_s_max)}
    return {
        "idle_timeout": seconds(limits.connection_idle_s_max),
        "max_connection_duration": seconds(limits.connection_duration_s_max),
        "max_requests_per_connection": limits.connection_requests_max,
        "max_headers_count": limits.headers_count_max,
        "headers_with_underscores_action": "REJECT_REQUEST",
        **duration,
    }


def _http2(limits: EdgeLimits) -> Json:
    return {
        "max_concurrent_streams": limits.streams_max,
        "initial_stream_window_size": 65_536,
        "initial_connection_window_size": 1_048_576,
        "max_outbound_frames": 10_000,
        "max_outbound_control_frames": 500,
        "max_consecutive_inbound_frames_with_empty_payload": 1,
        "max_inbound_priority_frames_per_stream": 10,
        "max_inbound_window_update_frames_per_data_frame_sent": 10,
    }


def runtime(limits: EdgeLimits) -> Json:
    """The switches that Envoy reads from its runtime instead of its configuration."""
    values = {
        "overload": {
            "premature_reset_total_stream_count": limits.resets_max,
            "premature_reset_min_stream_lifetime_seconds": 1,
        },
        "http": {"max_requests_per_io_cycle": 4},
        "re2": {
            "max_program_size": {"error_level": RE2_PROGRAM_SIZE_MAX, "warn_level": RE2_PROGRAM_SIZE_MAX}
        },
    }
    return {"layers": [{"name": "limits", "static_layer": values}]}


def overload_manager(limits: EdgeLimits) -> Json:
    """What gives way first when memory or connections run out: idle connections, then newcomers."""
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [_heap_monitor(limits), _connection_monitor(limits)],
        "actions": [_shorter_timers(), *_heap_actions()],
        "loadshed_points": [
            _shed("tcp_listener_accept", 0.95),
            _shed("http2_server_go_away_on_dispatch", 0.95),
        ],
    }


def _heap_monitor(limits: EdgeLimits) -> Json:
    kind = "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"
    return extension(_HEAP, kind, max_heap_size_bytes=limits.heap_bytes_max)


def _connection_monitor(limits: EdgeLimits) -> Json:
    kind = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    return extension(_CONNECTIONS, kind, max_active_downstream_connections=limits.connections_max)


def _shorter_timers() -> Json:
    return {
        "name": "envoy.overload_actions.reduce_timeouts",
        "triggers": [{"name": _HEAP, "scaled": {"scaling_threshold": 0.7, "saturation_threshold": 0.95}}],
        "typed_config": message(
            "envoy.config.overload.v3.ScaleTimersOverloadActionConfig",
            timer_scale_factors=[
                {"timer": "HTTP_DOWNSTREAM_CONNECTION_IDLE", "min_timeout": "2s"},
                {"timer": "HTTP_DOWNSTREAM_STREAM_IDLE", "min_timeout": "2s"},
            ],
        ),
    }


def _heap_actions() -> list[Json]:
    thresholds = {"shrink_heap": 0.9, "disable_http_keepalive": 0.92, "stop_accepting_requests": 0.98}
    return [
        {"name": f"envoy.overload_actions.{name}", "triggers": [_above(share)]}
        for name, share in thresholds.items()
    ]


def _shed(point: str, share: float) -> Json:
    return {"name": f"envoy.load_shed_points.{point}", "triggers": [_above(share)]}


def _above(share: float) -> Json:
    return {"name": _HEAP, "threshold": {"value": share}}
