import msgspec


class VideoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Video: how long a signed address lasts."""

    address_ttl_s: int = 6 * 3600
    """Seconds a signed CDN address is valid: as long as the playback token that it was given for."""
