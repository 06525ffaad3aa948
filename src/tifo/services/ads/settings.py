import msgspec


class AdsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ads: how long a decision's addresses last, and how budgets are shared."""

    address_ttl_s: int = 900
    """Seconds the signed addresses of creatives are valid: a break and a generous pause."""
    beacon_ttl_s: int = 3600
    """Seconds a tracking address counts."""
    early_s: int = 120
    """Seconds before its start from which a break may be asked for."""
    late_s: int = 60
    """Seconds after its end until which it may: players are some segments behind, and join late."""
    vmap_ahead_s: int = 3600
    """Seconds ahead of which VMAP lists the breaks."""
    part_s: float = 0.25
    """Seconds between two looks at what this node holds of each budget."""
    part_count_max: int = 2_000
    """Impressions of one budget that this node holds at the most: what is lost of it when the node dies."""
    pace_s: float = 600.0
    """Seconds of an even delivery that may gather between breaks; parts unused for as long go back."""
    capacity_per_s: float = 0.0
    """Pods a second that this node was measured to carry, for the cockpit to compare with; 0 is not known."""
