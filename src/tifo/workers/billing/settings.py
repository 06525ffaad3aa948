import msgspec


class BillingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Billing: which beacons count, and for how long figures are kept."""

    poll_s: float = 0.25
    """Seconds between two polls of an event log that had nothing new."""
    late_s_max: int = 1_800
    """Seconds after the first decision of its slot past which a beacon is counted apart, as late."""
    behind_s_max: int = 3_600
    """Seconds that a record may be behind the newest of its partition of the event log. An older one may have
    been counted and forgotten: it is left out, and said so."""
    figures_s: int = 34_560_000
    """Seconds that figures are kept; 400 days."""
