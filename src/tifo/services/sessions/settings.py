from typing import Literal

import msgspec


class SessionsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sessions: how often players report, how long a slot is held, how many streams an account has."""

    heartbeat_s: int = 5
    """Seconds between a player's heartbeats."""
    lean_heartbeat_s: int = 60
    """Seconds between heartbeats while the posture is `lean`; leases grow with them."""
    heartbeat_early_percent: int = 10
    """Each answer asks for its next heartbeat up to so much early, so that a crowd spreads."""
    lease_s: int = 30
    """Seconds a session keeps its slot after its last renewal; a heartbeat renews past half of it."""
    gather_s: float = 1.0
    """Seconds for which renewals are gathered before the store is told; a lost process loses no more."""
    token_ttl_s: int = 6 * 3600
    """Seconds a playback token is valid: longer than any match, and renewed past half of it."""
    stream_limit: int = 4
    """Sessions at once per account, where the account's profile does not say otherwise."""
    limits_by_kind: dict[str, int] = {}
    """Sessions at once per account on one kind of device, such as `tv = 2`; the stream limit holds too."""
    when_full: Literal["refuse", "end-oldest"] = "refuse"
    """What a start does that finds no free slot: `refuse` it with what runs and a take-over code, or
    `end-oldest`."""
    store_lost: Literal["let-in", "refuse"] = "let-in"
    """What a start gets while the store does not answer: `let-in` on a lease of this node alone, or
    `refuse`. Who is watching goes on in either case."""
    take_back_s: int = 600
    """Seconds of silence after which a session is still taken back without asking for a free slot, by a
    node or a store that has just begun."""
    takeover_s: int = 120
    """Seconds a one-time take-over code is valid."""
    asn_file: str = ""
    """A MaxMind-format file of ISPs by address (GeoLite2-ASN or another), read again when it is replaced;
    empty counts nobody by ISP. None is shipped."""
    sweep_s: int = 1
    """Seconds between two sweeps for lapsed leases."""
