import msgspec


class ChannelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The live test channel: one encoder, and the origin that serves what it encodes."""

    name: str = "demo"
    """The channel's name in its addresses, `/live/<name>/...`."""
    host: str = "127.0.0.1"
    """The address the origin listens on."""
    port: int = 8085
    """Where the origin listens."""
    window_segments: int = 15
    """Segments in a playlist; twice as many are kept."""
    break_every_s: int = 180
    """Seconds from the start of a break to the start of the next; 0 for no breaks."""
    break_duration_s: int = 20
    """Seconds that a break lasts."""
    break_notice_s: int = 20
    """Seconds before its start from which a break stands in the playlists: until then it may be changed."""
