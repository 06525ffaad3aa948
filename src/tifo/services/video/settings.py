import msgspec


class VideoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Video: how long a signed address lasts, when players renew theirs, and how live origins are read."""

    address_ttl_s: int = 6 * 3600
    """Seconds a signed CDN address is valid for a player that cannot renew: as long as the playback token
    that it was given for. As short as `renewed_ttl_s`, everybody has to renew."""
    renewed_ttl_s: int = 600
    """Seconds it is valid for a player that renews: what the address of a kicked session is good for at the
    most, and, less `renew_s`, how long who watches goes on without any of us at the least."""
    renew_s: int = 60
    """Seconds after which a player that renews asks for new addresses, up to a tenth early."""
    origin_refresh_s: float = 2.0
    """Seconds between two readings of an origin's playlist or MPD, a fifth more or less; up to five times as
    long while it fails."""
    origin_stale_s: int = 6 * 3600
    """Seconds for which what an origin said last is played while it cannot be read."""
