import msgspec

BPS_PER_GBPS = 1e9


class CdnTermsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one CDN may carry and costs, as the contract with it says."""

    id: str
    """The pathway's."""
    gbps: float = 0.0
    """Gbit/s that it may carry; 0 is not stated, and never full."""
    cost_per_gb: float = 0.0
    """What a gigabyte costs there, in any currency: those of the same cost are filled together."""
    warm_up_s: float = 0.0
    """Seconds for which it gets little before it takes load, so that its caches fill."""
    isp_gbps: dict[str, float] = {}
    """Gbit/s that it may carry into one ISP, by AS number: `AS64500 = 40.0`."""


class SteeringLoopSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The steering loop: how full CDNs are made, how fast viewers are moved, and when quality is capped."""

    cdns: tuple[CdnTermsSettings, ...] = ()
    """Each CDN whose capacity or cost is known."""
    step_s: float = 1.0
    """Seconds between two decisions."""
    frozen_s: float = 10.0
    """Seconds without a decision after which the cockpit says that the last one is frozen."""
    target_load: float = 0.85
    """Share of a CDN's capacity up to which it is filled before the next one is."""
    move_per_s: float = 0.02
    """Share of all traffic that may be moved each second; away from a dead or full CDN it moves at once."""
    dead_band: float = 0.02
    """Share of all traffic that it must be worth to begin a move."""
    dwell_s: float = 10.0
    """Seconds of rest between two moves."""
    rise_s: float = 3.0
    """Seconds over which a rise of the demand is believed."""
    fall_s: float = 30.0
    """Seconds over which a fall of the demand is believed."""
    warm_up_share: float = 0.02
    """Share of all traffic that a CDN gets while it warms up or is tried again."""
    forecast_s: float = 900.0
    """Seconds before and after the start of an event for which its forecast audience is expected to come."""
    warm_at_load: float = 0.9
    """Share of the target load of the cheaper CDNs at which the next ones begin to warm up."""
    dead_error_ratio: float = 0.5
    """Share of a CDN's sessions with errors at which it is dead."""
    poor_error_ratio: float = 0.15
    """Share of its sessions at one ISP with errors at which a CDN is avoided there."""
    poor_rebuffer_ratio: float = 0.1
    """Share of the playing time spent waiting at one ISP at which a CDN is avoided there."""
    full_rebuffer_ratio: float = 0.02
    """Share of the playing time spent waiting at which a CDN, or its way into an ISP, carries less than is
    stated: what it carried then counts from then on."""
    back_off_share: float = 0.8
    """Share of what was carried then that counts."""
    learned_from_share: float = 0.1
    """Share of what is stated below which nothing is learned, for it is not the load that is bad."""
    settle_s: float = 45.0
    """Seconds for which the effect of a lesson is awaited before the next: players ask, then report."""
    probe_after_s: float = 120.0
    """Seconds after a lesson before the figure grows again; twice as many each time that it was too much."""
    probe_per_s: float = 0.002
    """Share of itself by which it grows each second, as long as it is used and nobody waits."""
    judged_viewers: int = 20
    """Viewers that a CDN must have, in all or at the ISP, before it is judged."""
    confirm_s: float = 3.0
    """Seconds that a CDN must look bad before it is believed to be."""
    retry_s: float = 60.0
    """Seconds after which a CDN that was bad is tried again; twice as many each time that it still is."""
    retry_s_max: float = 900.0
    """Seconds that pass between two such trials, or before a lesson is put to the test, at most."""
    trial_s: float = 30.0
    """Seconds that a CDN must be good on trial before it gets its traffic back."""
    cap_load: float = 0.95
    """Share of all capacity together at which the best renditions are left out of playlists."""
    cap_dwell_s: float = 20.0
    """Seconds after a cap for which its effect is awaited before the next."""
    uncap_load: float = 0.7
    """Share of all capacity that the demand must stay below, were the next better rendition back."""
    uncap_s: float = 60.0
    """Seconds for which it must stay below."""
