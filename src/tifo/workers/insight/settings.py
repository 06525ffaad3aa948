import msgspec


class InsightSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Insight: what is made of the stream of events."""

    poll_s: float = 0.25
    """Seconds between two polls of an event log that had nothing new."""
    report_s: float = 1.0
    """Seconds between two reports to the board."""
    rate_window_s: int = 5
    """Seconds over which starts and events per second are averaged."""
    silent_s: int = 60
    """Seconds after its last sign of life for which a session is counted; a longer lease goes before."""
    memory_s: int = 180
    """Seconds of the log that a worker reads again for a share that comes to it; longer than any lease."""
    qoe_window_s: int = 30
    """Seconds over which start-up times, rebuffering, errors and traffic are told."""
