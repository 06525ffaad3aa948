import msgspec


class SteeringSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steering: how often players ask which CDN to use."""

    ttl_s: int = 10
    """Seconds between two questions of one player, before jitter."""
    lean_ttl_s: int = 60
    """Seconds between them while the posture is `lean`: steering answers fewer, and never refuses one."""
    ttl_jitter: float = 0.1
    """Share of the TTL by which it varies from player to player, so that they do not ask together."""
    asks_per_s_max: int = 3000
    """Questions a second on one node: where its part of the viewers would ask more, they ask less often."""
    ttl_s_max: int = 120
    """Seconds between two questions of one player at most, however many ask."""
    drain_per_s: float = 0.02
    """Share of a draining CDN's viewers who are taken off it each second while the loop is silent."""
