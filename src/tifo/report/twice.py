"""What would have been with twice the audience: every minute's demand doubled, shared between CDNs as it
was."""

from collections import defaultdict
from collections.abc import Sequence

from tifo.report.document import Break, Flow, Full, Twice
from tifo.report.gathering import Rows
from tifo.report.terms import Terms

TIMES = 2
RUNG_SHARE_MIN = 0.02
"""Share of all reports that a bitrate must have to be a rendition, and no passing mean of two."""

RUNG_APART = 1.15
"""How many times the bitrate of one rendition that of the next better one is, at least."""


def twice(
    flows: Sequence[Flow], rungs: Rows, terms: Terms, starts_per_s: int, breaks: Sequence[Break]
) -> Twice:
    """Which CDN would have been full and when, what a cap would have saved, and whether nodes had room."""
    asked: defaultdict[float, float] = defaultdict(float)
    for one in flows:
        asked[one.at] += TIMES * (one.bps or 0.0)
    known = any(one.bps is not None for one in flows)
    most = max(asked.values(), default=0.0) if known else None
    capped_to, kept = cap(rungs)
    stated = [one.capacity_bps for one in terms.cdns if one.capacity_bps]
    room = sum(stated) if stated and len(stated) == len(terms.cdns) else None
    return Twice(
        asked_bps=most,
        capped_bps=most * kept if most is not None and kept is not None else None,
        capped_to_bps=capped_to,
        capacity_bps=room,
        all_full_at=next((at for at in sorted(asked) if room and known and asked[at] > room), None),
        cdns=fulls(flows, terms) if known else (),
        starts_per_s=TIMES * starts_per_s,
        starts_capacity_per_s=terms.starts_capacity_per_s,
        pods_per_s=TIMES * max((one.asked_per_s for one in breaks), default=0),
        pods_capacity_per_s=terms.pods_capacity_per_s,
    )


def fulls(flows: Sequence[Flow], terms: Terms) -> tuple[Full, ...]:
    """Each CDN with a stated capacity."""
    found = []
    for cdn in terms.cdns:
        if not cdn.capacity_bps:
            continue
        course = [(one.at, TIMES * (one.bps or 0.0)) for one in flows if one.pathway == cdn.pathway]
        over = [at for at, bps in course if bps > cdn.capacity_bps]
        most = max((bps for _, bps in course), default=0.0)
        found.append(Full(cdn.pathway, cdn.capacity_bps, most, min(over, default=None), len(over)))
    return tuple(found)


def cap(rungs: Rows) -> tuple[float | None, float | None]:
    """The bitrate of the second best rendition, and the share of the traffic that is left without the best.

    None where players reported of fewer than two.
    """
    reports = sum(count for _, count in rungs)
    common = sorted(bps for bps, count in rungs if count >= RUNG_SHARE_MIN * reports)
    lower = [bps for bps in common if bps * RUNG_APART <= common[-1]]
    if not lower:
        return None, None
    before = sum(bps * count for bps, count in rungs)
    after = sum(min(bps, lower[-1]) * count for bps, count in rungs)
    return lower[-1], after / before
