import msgspec


class SessionsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sessions: how often players report, how long a slot is held, how many streams an account has."""

    heartbeat_s: int = 5
    """Seconds between a player's heartbeats."""
    lease_s: int = 30
    """Seconds a session keeps its slot after its last renewal; a heartbeat renews past half of it."""
    token_ttl_s: int = 6 * 3600
    """Seconds a playback token is valid: longer than any match, and renewed past half of it."""
    stream_limit: int = 4
    """Sessions at once per account, where the account's profile does not say otherwise."""
    takeover_s: int = 120
    """Seconds a one-time take-over code is valid."""
    sweep_s: int = 1
    """Seconds between two sweeps for lapsed leases."""
