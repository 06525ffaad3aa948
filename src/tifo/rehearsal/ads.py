"""The rehearsal `ads`: two breaks, and at each of them everybody who watches asks for a pod at once.

Viewers come by the curve before the first break. At a break each asks for the pod once, at a moment of the
spike's seconds that no answer moves, and then reports what it plays: the impression at once, quartiles and
completes over the ads' lengths.
"""

from dataclasses import replace

from tifo.rehearsal import curve
from tifo.rehearsal.curve import Match, Size, Spike
from tifo.rehearsal.found import Found, p99, percent
from tifo.rehearsal.generator import POD_S_MAX
from tifo.rehearsal.scenario import Kind, Objective, Rate, Scenario
from tifo.rehearsal.sessions import HEARTBEAT, HELD, LET_IN, START

REFERENCE_VIEWERS = 2_400_000
"""Who watches the reference at once."""
SPREAD_S = 2.0
"""Seconds within which all of them ask."""
REFERENCE_PER_S = REFERENCE_VIEWERS / SPREAD_S
SPIKES = 2
BREAK_S = 20.0
"""Seconds of a break where nobody says how long it is: what the test channel's last as it ships."""
BETWEEN_S = 5.0
"""Seconds from the end of a break to the next one that is planned: what it started has its answers."""
PLAYED_S = 2.0
"""Seconds from the end of the last break to the whistle: who asked last has played it to its end."""
SHORT_PERCENT_MAX = 5.0
"""How far the pods in the spikes' seconds may stay below plan; the generator's own delay may make as many."""


def match(size: Size) -> Match:
    """The part of the audience, by the curve, and the breaks one after the other as soon as all are there."""
    viewers = round(REFERENCE_VIEWERS * size.scale)
    made = curve.spread(size, viewers)
    apart_s = size.break_s + size.spread_s + BETWEEN_S
    starts = [made.plateau_at_s + n * apart_s for n in range(SPIKES)]
    return with_spikes(made, tuple(Spike(at_s, size.spread_s, size.break_s) for at_s in starts))


def with_spikes(made: Match, spikes: tuple[Spike, ...]) -> Match:
    """The match with these breaks, and the whistle when the last of them is over."""
    last = spikes[-1]
    over_s = last.at_s + last.spread_s + last.length_s + PLAYED_S
    return replace(made, spikes=spikes, whistle_at_s=over_s)


def in_words(size: Size) -> str:
    """One sentence that says what is played, and what of the reference it leaves out."""
    made = match(size)
    what = (
        f"{made.viewers:,} viewers come in {size.minutes:g} min, and in each of {SPIKES} breaks all of them "
        f"ask for their pod within {size.spread_s:g} s, {made.viewers / size.spread_s:,.0f} a second"
    )
    less = [f"{size.scale:g} of its audience"] if size.scale != 1 else []
    if size.spread_s != SPREAD_S:
        less.append(f"spikes of {size.spread_s:g} s for its {SPREAD_S:g}")
    if not less:
        return f"The reference's audience in full: {what}."
    reference = f"{REFERENCE_VIEWERS:,} viewers, {REFERENCE_PER_S:,.0f} pods/s"
    return f"Not the whole reference ({reference}) but {', '.join(less)}: {what}."


def planned(match: Match) -> int:
    """The pods that are to be asked for, in all breaks."""
    return match.viewers * len(match.spikes)


def asked_per_s(found: Found, match: Match) -> float:
    """Pods that were asked for in a second of the spikes."""
    return found.pods_in_window / sum(spike.spread_s for spike in match.spikes)


ADS = Scenario(
    name="ads",
    objectives=(
        *LET_IN,
        Objective(
            "pods_short", "pods asked for in the spikes' seconds, below plan", SHORT_PERCENT_MAX, "%",
            lambda found, match: percent(max(0, planned(match) - found.pods_in_window), planned(match)),
        ),
        Objective(
            "pods_failed", "pods without a legal asset list", 0.1, "%",
            lambda found, _: percent(found.pods_failed, found.pods),
        ),
        Objective(
            "pods_late", f"pods that were not there inside {POD_S_MAX:g} s", 0.1, "%",
            lambda found, _: percent(found.pods - found.pods_in_time, found.pods),
        ),
        Objective("pod_p99", "a pod, p99", 500, "ms", lambda found, _: p99(found.pod_ms)),
        Objective(
            "pods_empty", "legal asset lists without an ad", 1, "%",
            lambda found, _: percent(found.pods_empty, found.pods - found.pods_failed),
        ),
        Objective(
            "beacons_failed", "beacons without a good answer", 0.1, "%",
            lambda found, _: percent(found.beacons_failed, found.beacons),
        ),
        *HELD,
    ),
    kinds=(
        START,
        Kind("pod", lambda found: (found.pods, found.pods_failed, found.pod_ms)),
        Kind("beacon", lambda found: (found.beacons, found.beacons_failed, found.beacon_ms)),
        HEARTBEAT,
    ),
    rate=Rate("pods", REFERENCE_PER_S, asked_per_s),
    without={
        "calendar": (),
        "sessions": ("starts_failed", "start_p99", "heartbeat_p99", "heartbeats_lost", "wrongly_ended"),
    },
    match=match,
    in_words=in_words,
    takes_breaks=True,
)  # fmt: skip
