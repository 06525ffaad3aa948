import msgspec


class AdsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ads: how long a decision's addresses last."""

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
