"""The access log: one JSON object on each line, without anything that could carry a token."""

from tifo.edge.envoy import Json, extension, percent
from tifo.edge.settings import AccessLog

FIELDS: Json = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "method": "%REQ(:METHOD)%",
    "route": "%ROUTE_NAME%",
    "status": "%RESPONSE_CODE%",
    "duration_ms": "%DURATION%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
}
"""A line's fields; the listener's name is added to each."""


def access_logs(log: AccessLog, listener: str, extra: Json | None = None) -> list[Json]:
    """The access logs of one listener: none or one, with `extra` fields."""
    if not log.path:
        return []
    fields = {"listener": listener, **FIELDS, **(extra or {})}
    logger = extension(
        "envoy.access_loggers.file",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path=log.path,
        log_format={"json_format": fields},
    )
    return [logger if log.sample_percent >= 100 else {**logger, "filter": _sampled(log.sample_percent)}]


def _sampled(share: float) -> Json:
    return {"or_filter": {"filters": [_failed(), _drawn(share)]}}


def _failed() -> Json:
    comparison = {"op": "GE", "value": {"default_value": 500, "runtime_key": "edge.log.status_min"}}
    return {"status_code_filter": {"comparison": comparison}}


def _drawn(share: float) -> Json:
    return {
        "runtime_filter": {
            "runtime_key": "edge.log.share",
            "percent_sampled": percent(share),
            "use_independent_randomness": True,
        }
    }
