import msgspec


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What we say of ourselves, and to whom."""

    log_level: str = "info"
    """debug, info, warning or error."""
    otlp_endpoint: str = ""
    """Where spans of sampled requests go (OTLP over HTTP, `.../v1/traces`); empty sends none."""
    report_s: float = 1.0
    """Seconds between two reports of this node to the board."""
