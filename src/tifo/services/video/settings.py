import msgspec


class VideoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Video: how long a signed address lasts, and how live origins elsewhere are read."""

    address_ttl_s: int = 6 * 3600
    """Seconds a signed CDN address is valid: as long as the playback token that it was given for."""
    origin_refresh_s: float = 2.0
    """Seconds between two readings of an origin's playlist or MPD, a fifth more or less; up to five times as
    long while it fails."""
    origin_stale_s: int = 6 * 3600
    """Seconds for which what an origin said last is played while it cannot be read."""
