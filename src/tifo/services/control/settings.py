import msgspec


class ControlSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cockpit: how often it looks, and how far back its curves go."""

    sample_s: float = 1.0
    """Seconds between two samples."""
    history_samples: int = 900
    """Samples that a cockpit gets when it opens."""
    audit_entries: int = 200
    """Entries of the audit trail that are shown."""
    break_lead_s: float = 4.0
    """Seconds from an operator's word to the earliest start of a break, for players must read of it first."""
    break_s: float = 60.0
    """Seconds that a break lasts of which neither the operator nor the cue says it."""
