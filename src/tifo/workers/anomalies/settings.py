import msgspec


class AnomaliesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Anomalies: what is not as it should be with those who watch."""

    look_s: float = 5.0
    """Seconds between two looks at what insight says."""
    min_viewers: int = 100
    """Viewers below whom a group is too small to say anything of."""
    confirm_s: float = 30.0
    """Seconds for which something must look wrong before it is told."""
    over_s: float = 60.0
    """Seconds for which it must look right again before that is told."""
    lost_share: float = 0.3
    """Share of a group's viewers who are gone within a minute at which it is lost, if others are not."""
    low_share: float = 0.5
    """Share of the expected viewers below which too few are there."""
    high_share: float = 1.3
    """The same, above which more are there than anybody planned for."""
    settled_s: float = 600.0
    """Seconds after the start of an event, and before its end, in which viewers still come and already go."""
    playless_share: float = 0.2
    """Share of the sessions that renew and never play, from which on they are no viewers."""
    strays_share: float = 0.02
    """Sessions that play and do not live, by those that live, from which on somebody plays for free."""
    network_count_max: int = 600
    """Starts from one network (256 neighbours in IPv4) within a minute below which it is nothing."""
    network_share: float = 0.1
    """Share of all starts of that minute that it must have as well: providers share addresses among many."""
