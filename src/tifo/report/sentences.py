"""What happened in plain sentences, and what nobody can know, by the figures of a report."""

from collections.abc import Iterator

import msgspec

from tifo.report.document import Report
from tifo.report.terms import Terms
from tifo.report.wording import clock, clock_s, many, rate, seconds, share, volume, whole

LOSSES_MAX = 5
"""CDNs that lost viewers, told in the summary; the line of time has all."""

POOR_REBUFFER_RATIO = 0.02
"""Share of the time watched spent waiting from which it is worth a sentence."""

REPORTING_MIN = 20
"""Sessions that reported of a CDN at an ISP before it is called the worst."""


def told(report: Report, terms: Terms) -> Report:
    """The report with its sentences."""
    return msgspec.structs.replace(
        report, summary=tuple(_summary(report, terms)), not_known=tuple(_not_known(report, terms))
    )


def _summary(report: Report, terms: Terms) -> Iterator[str]:
    yield from _audience(report, terms)
    yield from _cdns(report, terms)
    yield from _quality(report)
    yield from _ads(report)
    yield from _turned_away(report, terms)
    yield from _control(report, terms)
    yield from _twice(report, terms)


def _audience(report: Report, terms: Terms) -> Iterator[str]:
    if not report.sessions:
        yield "Nobody watched."
        return
    forecast = ""
    if report.forecast_viewers:
        forecast = f", {share(report.peak_viewers / report.forecast_viewers)} of the "
        forecast += f"{report.forecast_viewers:,} that were expected"
    yield (
        f"{many(report.accounts, 'account')} watched in {many(report.sessions, 'session')}; the most at once "
        f"were {many(report.peak_viewers, 'viewer')} at {clock(report.peak_at, terms.zone)}{forecast}."
    )
    yield (
        f"They came fastest at {clock_s(report.peak_starts_at, terms.zone)}: "
        f"{many(report.peak_starts_per_s, 'start')} in one second."
    )


def _cdns(report: Report, terms: Terms) -> Iterator[str]:
    named = [one for one in report.by_pathway if one.pathway]
    if named and report.gigabytes is not None:
        cost = (
            ""
            if report.cost is None
            else f", for an estimated {report.cost:,.2f} at the prices of the settings"
        )
        yield f"{many(len(named), 'CDN')} carried about {volume(report.gigabytes)}{cost}."
    losses = [one for one in report.incidents if one.kind == "cdn"]
    for one in losses[:LOSSES_MAX]:
        yield f"At {clock(one.at, terms.zone)} {one.title} {one.text}."


def _quality(report: Report) -> Iterator[str]:
    if report.start_p95_ms is not None:
        yield (
            "Of those whose players reported, 19 in 20 saw the first picture within "
            f"{seconds(report.start_p95_ms)}; {share(report.rebuffer_ratio)} of the time was spent waiting."
        )
    judged = [one for one in report.quality if one.reporting >= REPORTING_MIN and one.rebuffer_ratio]
    worst = max(judged, key=lambda one: one.rebuffer_ratio or 0.0, default=None)
    if worst and (worst.rebuffer_ratio or 0.0) >= POOR_REBUFFER_RATIO:
        yield (
            f"Worst off were viewers of {worst.isp or 'no known ISP'} on {worst.pathway or 'a CDN not told'}:"
            f" {share(worst.rebuffer_ratio)} of their time was spent waiting."
        )


def _ads(report: Report) -> Iterator[str]:
    slots = sum(one.slots for one in report.breaks)
    if not slots:
        return
    filled, shown = sum(one.filled for one in report.breaks), sum(one.shown for one in report.breaks)
    completed = sum(one.completed for one in report.breaks)
    ends = f", and {share(completed / shown)} of these to the end" if shown else ""
    yield (
        f"{many(len(report.breaks), 'ad break')} had {many(slots, 'slot')}: line items filled "
        f"{share(filled / slots)}, the house the rest; {whole(shown)} were shown{ends}."
    )
    if report.earned is not None:
        yield f"At the prices of the inventory that is worth {report.earned:,.2f} {report.currency}."


def _turned_away(report: Report, terms: Terms) -> Iterator[str]:
    refusals = report.refusals
    if not refusals.total:
        yield "No start was refused."
        return
    first = refusals.by_code[0]
    at, _, _ = max(refusals.by_minute, key=lambda row: row[2])
    yield (
        f"{many(refusals.total, 'start was', 'starts were')} refused, most of them ({first.starts:,}) with "
        f"{first.code}; the worst minute was {clock(at, terms.zone)}."
    )


def _control(report: Report, terms: Terms) -> Iterator[str]:
    acts = [one for one in report.incidents if one.kind == "operator"]
    odd = [one for one in report.incidents if one.kind == "anomaly"]
    if acts:
        operators = len({one.who for one in acts})
        yield (
            f"{many(operators, 'operator')} acted {many(len(acts), 'time')}, first at "
            f"{clock(acts[0].at, terms.zone)} ({acts[0].title})."
        )
    if odd:
        yield (
            f"{many(len(odd), 'time')} something looked wrong, first at "
            f"{clock(odd[0].at, terms.zone)} ({odd[0].title})."
        )


def _twice(report: Report, terms: Terms) -> Iterator[str]:
    twice = report.twice
    full = [one for one in twice.cdns if one.full_at is not None]
    if full:
        first = min(full, key=lambda one: one.full_at or 0.0)
        yield (
            f"At twice the audience {first.pathway} would have been full at "
            f"{clock(first.full_at, terms.zone)}, asked for up to "
            f"{rate(first.asked_bps)} of its {rate(first.capacity_bps)}."
        )
    elif twice.cdns:
        yield "At twice the audience no CDN of a known capacity would have been full."
    if twice.starts_capacity_per_s and twice.starts_per_s > twice.starts_capacity_per_s:
        yield (
            f"Twice the arrivals, {twice.starts_per_s:,} starts/s, would have been more than the "
            f"{twice.starts_capacity_per_s:,.0f} that the nodes were measured to carry."
        )


def _not_known(report: Report, terms: Terms) -> Iterator[str]:
    if report.forecast_viewers is None:
        yield "How many were expected: the calendar has no forecast (forecast_viewers) for this event."
    if report.gigabytes is None:
        yield "What the CDNs carried: no player reported a bitrate (CMCD br)."
    unpriced = [
        one.pathway or "those not told"
        for one in report.by_pathway
        if one.gigabytes is not None and one.cost is None and one.viewer_hours
    ]
    if unpriced:
        yield f"What {', '.join(unpriced)} cost: no price is stated (steering_loop.cdns, cost_per_gb)."
    if not report.twice.cdns:
        yield (
            "When CDNs would be full: no capacity is stated (steering_loop.cdns, gbps), or no "
            "bitrate reported."
        )
    if report.twice.starts_capacity_per_s is None:
        yield (
            "Whether the nodes had carried twice the arrivals: say what they were measured to "
            "(--starts-per-s)."
        )
    if report.breaks and report.twice.pods_capacity_per_s is None:
        yield "Whether they had carried twice the ads: no figure is stated (ads.capacity_per_s)."
    items = {one.line_item for one in report.deliveries if one.line_item and one.shown and one.earned is None}
    if items:
        yield f"What the ads of {', '.join(sorted(items))} earned: no price is stated (cpm_cents)."
    yield "What CDNs were asked for by others than our viewers' players, such as bots: only their logs say."
