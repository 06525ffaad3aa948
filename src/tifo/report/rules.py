"""What a report says, by what the lake says: rows in, figures out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tifo.report import incidents, sentences, twice
from tifo.report.document import (
    VERSION,
    Break,
    Delivery,
    Flow,
    Minute,
    Pathway,
    Quality,
    Refusals,
    Refused,
    Report,
    Share,
)
from tifo.report.gathering import Facts, Rows
from tifo.report.ports import Row
from tifo.report.terms import Cdn, Terms

MINUTE_S = 60
HOUR_S = 3_600
BYTE_BITS = 8
GIGABYTE = 1e9
CENTS, THOUSAND = 100, 1_000

SHARES_MAX = 12
"""ISPs that are told by name; the others are one line."""

DELIVERIES_MAX = 200
"""Creatives that are told by name: those that were decided most often."""

OTHERS = "others"
COUNTED = ("decided", "shown", "completed", "failed")
"""What is counted of slots, in the order of the rows."""


def report(event: str, facts: Facts, terms: Terms) -> Report:
    """The whole document of one event, which may be empty."""
    sessions, accounts, began, ended, median_stay, watched_s = facts.totals
    minutes = tuple(Minute(at, viewers, starts, most) for at, viewers, starts, most, _ in facts.minutes)
    flows = flows_of(facts.flows, facts.bitrates)
    pathways = by_pathway(flows, facts.places, facts.quality, {one.pathway: one for one in terms.cdns})
    peak = max(minutes, key=lambda one: one.viewers, default=None)
    rush = max(facts.minutes, key=lambda row: int(row[3]), default=None)
    start_ms, rebuffer, errors = _overall(facts)
    shares = shares_of(facts.groups)
    breaks = breaks_of(facts.breaks, facts.slots)
    deliveries = deliveries_of(facts.slots, terms.cpm_cents)
    document = Report(
        version=VERSION,
        event=event,
        title=terms.title or event,
        began_at=began,
        ended_at=ended,
        sessions=sessions,
        accounts=accounts,
        peak_viewers=peak.viewers if peak else 0,
        peak_at=peak.at if peak else None,
        forecast_viewers=terms.forecast_viewers,
        peak_starts_per_s=rush[3] if rush else 0,
        peak_starts_at=rush[4] if rush else None,
        viewer_hours=watched_s / HOUR_S,
        median_stay_s=median_stay,
        gigabytes=_sum(one.gigabytes for one in pathways),
        cost=_sum(one.cost for one in pathways),
        earned=_sum(one.earned for one in deliveries),
        currency=terms.currency,
        start_p95_ms=start_ms,
        rebuffer_ratio=rebuffer,
        error_ratio=errors,
        summary=(),
        not_known=(),
        by_pathway=pathways,
        by_isp=shares["isp"],
        by_device=shares["device"],
        by_end=shares["end"],
        quality=qualities(facts.quality, facts.places, shares["isp"]),
        breaks=breaks,
        deliveries=deliveries,
        refusals=refusals_of(facts.refusals, facts.refused),
        incidents=incidents.incidents(facts.acts, facts.anomalies, flows),
        twice=twice.twice(flows, facts.rungs, terms, rush[3] if rush else 0, breaks),
        minutes=minutes,
        flows=flows,
    )
    return sentences.told(document, terms)


def _sum(values: Iterable[float | None]) -> float | None:
    """Of what is known; None when nothing is."""
    known = [one for one in values if one is not None]
    return sum(known) if known else None


# --- CDNs -------------------------------------------------------------------------------------------------


def flows_of(watched: Rows, bitrates: Rows) -> tuple[Flow, ...]:
    """What each CDN carried in each minute: seconds watched times the bitrate that was reported there then.

    Where nobody reported in that minute, it is the mean bitrate of the whole event.
    """
    there = {(at, pathway): bps for at, pathway, bps, _ in bitrates}
    count = sum(row[3] for row in bitrates)
    mean = sum(row[2] * row[3] for row in bitrates) / count if count else None
    found = []
    for at, pathway, seconds in watched:
        viewers, bitrate = seconds / MINUTE_S, there.get((at, pathway), mean)
        found.append(Flow(at, pathway, viewers, None if bitrate is None else viewers * bitrate))
    return tuple(found)


def by_pathway(
    flows: Sequence[Flow], places: Rows, quality: Rows, cdns: Mapping[str, Cdn]
) -> tuple[Pathway, ...]:
    """Each CDN, the one with most sessions first."""
    stayed = {row[0]: row for row in places if row[1] is None}
    had = {row[0]: row for row in quality if row[1] is None and row[0] is not None}
    own: defaultdict[str, list[Flow]] = defaultdict(list)
    for one in flows:
        own[one.pathway].append(one)
    found = [_pathway(row, own[name], had.get(name), cdns.get(name)) for name, row in stayed.items()]
    return tuple(sorted(found, key=lambda one: (-one.sessions, one.pathway)))


def _pathway(stayed: Row, flows: Sequence[Flow], had: Row | None, cdn: Cdn | None) -> Pathway:
    name, _, sessions, seconds = stayed
    known = [one.bps for one in flows if one.bps is not None]
    gigabytes = sum(known) * MINUTE_S / BYTE_BITS / GIGABYTE if known else None
    price = cdn.cost_per_gb if cdn else None
    return Pathway(
        pathway=name,
        sessions=sessions,
        peak_viewers=round(max((one.viewers for one in flows), default=0.0)),
        viewer_hours=seconds / HOUR_S,
        gigabytes=gigabytes,
        cost=None if gigabytes is None or price is None else gigabytes * price,
        start_p95_ms=had[3] if had else None,
        rebuffer_ratio=_rebuffer(had, stayed) if had else None,
        error_ratio=had[5] / had[2] if had else None,
    )


def _rebuffer(had: Row, stayed: Row | None) -> float | None:
    """Time spent waiting of the time watched: those who reported stayed as long as the others there did."""
    watched_s = had[2] * stayed[3] / stayed[2] if stayed and stayed[2] else 0.0
    return min(1.0, had[4] / 1_000 / watched_s) if watched_s else None


def _overall(facts: Facts) -> tuple[float | None, float | None, float | None]:
    """Start-up, rebuffering and errors of everybody who reported."""
    every = next((row for row in facts.quality if row[0] is None), None)
    if every is None or not every[2]:
        return None, None, None
    stays = [row for row in facts.places if row[1] is None]
    whole = ("", None, sum(row[2] for row in stays), sum(row[3] for row in stays))
    return every[3], _rebuffer(every, whole), every[5] / every[2]


def qualities(quality: Rows, places: Rows, isps: Sequence[Share]) -> tuple[Quality, ...]:
    """What viewers of the largest ISPs had on each CDN."""
    stayed = {(row[0], row[1]): row for row in places if row[1] is not None}
    rank = {one.name: n for n, one in enumerate(isps) if one.name != OTHERS}
    rows = [row for row in quality if row[1] in rank]
    found = [
        Quality(row[0], row[1], row[2], row[3], _rebuffer(row, stayed.get((row[0], row[1]))), row[5] / row[2])
        for row in rows
    ]
    return tuple(sorted(found, key=lambda one: (rank[one.isp], one.pathway)))


# --- who, ads, refusals ----------------------------------------------------------------------------------


def shares_of(groups: Rows) -> Mapping[str, tuple[Share, ...]]:
    """Sessions by ISP, device and end; the small ones of each together."""
    found: dict[str, list[Share]] = {"isp": [], "device": [], "end": []}
    for what, name, sessions in groups:
        found[what].append(Share(name, sessions))
    return {what: _largest(shares) for what, shares in found.items()}


def _largest(shares: Sequence[Share]) -> tuple[Share, ...]:
    rest = sum(one.sessions for one in shares[SHARES_MAX:])
    return (*shares[:SHARES_MAX], *([Share(OTHERS, rest)] if rest else []))


def breaks_of(breaks: Rows, slots: Rows) -> tuple[Break, ...]:
    """Each break in its order, with what became of its slots."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for break_id, line_item, _, decided, shown, completed, failed in slots:
        told = {"slots": decided, "shown": shown, "completed": completed, "failed": failed}
        sums[break_id].update(told | {"filled": decided if line_item else 0})
    return tuple(
        Break(
            break_id, at, asked, per_s, sums[break_id]["slots"], sums[break_id]["filled"],
            sums[break_id]["shown"], sums[break_id]["completed"], sums[break_id]["failed"],
        )
        for break_id, at, asked, per_s in breaks
    )  # fmt: skip


def deliveries_of(slots: Rows, cpm_cents: Mapping[str, int]) -> tuple[Delivery, ...]:
    """Each creative of each line item over all breaks, the most decided first and the house last."""
    sums: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for _, line_item, creative, *counts in slots:
        sums[line_item, creative].update(dict(zip(COUNTED, counts, strict=True)))
    found = [
        Delivery(
            line_item,
            creative,
            decided=one["decided"],
            shown=one["shown"],
            completed=one["completed"],
            failed=one["failed"],
            earned=_earned(one["shown"], cpm_cents.get(line_item)),
        )
        for (line_item, creative), one in sums.items()
    ]
    found.sort(key=lambda one: (not one.line_item, -one.decided, one.line_item, one.creative))
    return tuple(found[:DELIVERIES_MAX])


def _earned(shown: int, cpm_cents: int | None) -> float | None:
    return shown * cpm_cents / CENTS / THOUSAND if cpm_cents else None


def refusals_of(by_minute: Rows, by_code: Rows) -> Refusals:
    """Starts that were not let in."""
    return Refusals(
        total=sum(row[1] for row in by_code),
        by_code=tuple(Refused(*row[:3]) for row in by_code),
        by_minute=tuple((at, code, count) for at, code, count in by_minute),
    )
