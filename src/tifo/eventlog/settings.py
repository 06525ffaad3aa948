import msgspec


class EventLogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node does with events that the event log does not take."""

    spool_folder: str = ""
    """Where they wait on this node's disk; empty is `spool/NODE` of the data folder while `stores.eventlog`
    is a Kafka, and nowhere while it is a file. It must outlive the process, and is one process's alone."""
    spool_mib_max: int = 1_024
    """MiB of them. When they are full, the oldest telemetry makes room; money is refused, not dropped."""
    spool_drain_per_s: float = 5_000.0
    """Records that a node sends each second once the log is back; more where more arrive."""
