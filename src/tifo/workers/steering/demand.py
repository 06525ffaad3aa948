"""How much there is to carry, and which renditions it must do without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

from tifo.workers.steering.settings import SteeringLoopSettings


def smoothed(
    before: Mapping[str, float],
    now_bps: Mapping[str, float],
    elapsed_s: float,
    settings: SteeringLoopSettings,
) -> dict[str, float]:
    """The demand of each ISP: a rise is believed sooner than a fall, for it is the one that overloads."""
    after: dict[str, float] = {}
    for isp in {**before, **now_bps}:
        old, new = before.get(isp, now_bps.get(isp, 0.0)), now_bps.get(isp, 0.0)
        over_s = settings.rise_s if new > old else settings.fall_s
        after[isp] = new + (old - new) * exp(-elapsed_s / over_s)
    return {isp: bps for isp, bps in after.items() if bps >= 1.0}


@dataclass(frozen=True, slots=True)
class Cap:
    """The best bandwidth that playlists offer; 0 caps nothing. `low_since`: since when more would fit."""

    bps: int = 0
    at: float = 0.0
    low_since: float | None = None


def next_caps(
    caps: Mapping[str, Cap],
    ladder: Sequence[int],
    loads: Mapping[str, float],
    now: float,
    settings: SteeringLoopSettings,
) -> dict[str, Cap]:
    """The cap of each ISP for the load of the ways into it; that of everybody for the load of all CDNs."""
    return {isp: next_cap(caps.get(isp, Cap()), ladder, load, now, settings) for isp, load in loads.items()}


def next_cap(cap: Cap, ladder: Sequence[int], load: float, now: float, settings: SteeringLoopSettings) -> Cap:
    """The cap for a load, as a share of all capacity together, that was measured under the cap before.

    It takes as much off at once as would do if everybody had the best rendition, and waits for the effect;
    it gives back one step at a time, when that would fit if everybody took it.
    """
    if len(ladder) < 2:
        return cap
    steps = sorted(ladder)
    top = cap.bps or steps[-1]
    if load > settings.cap_load:
        if top <= steps[0] or (cap.bps and now - cap.at < settings.cap_dwell_s):
            return Cap(cap.bps, cap.at)
        fitting = [one for one in steps if one < top and load * one / top <= settings.target_load]
        return Cap(max(fitting, default=steps[0]), now)
    better = next((one for one in steps if one > top), 0)
    if not cap.bps or load * better / top > settings.uncap_load:
        return Cap(cap.bps, cap.at)
    since = now if cap.low_since is None else cap.low_since
    if now - since < settings.uncap_s:
        return Cap(cap.bps, cap.at, since)
    return Cap(0 if better >= steps[-1] else better, now)
