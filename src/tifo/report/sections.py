"""The sections of a report's page: each a heading, a picture or a table, and what it means in a sentence."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from tifo.report import pictures
from tifo.report.document import Flow, Incident, Quality, Report, Share
from tifo.report.markup import Markup, element, joined
from tifo.report.pictures import Mark, Measure, Series
from tifo.report.tables import table
from tifo.report.wording import (
    ELSEWHERE,
    clock,
    clock_s,
    many,
    rate,
    rate_short,
    seconds,
    share,
    short,
    volume,
    whole,
)

POOR_REBUFFER, FAIR_REBUFFER = 0.02, 0.005
POOR_START_MS, FAIR_START_MS = 5_000.0, 2_500.0
POOR_ERRORS, FAIR_ERRORS = 0.05, 0.01
"""From which a cell of the quality table is coloured as poor, or as fair."""

MARKS_MAX = 20
"""Incidents with a number in the picture of the audience."""

TITLES = {"cdn": "CDN", "anomaly": "anomaly", "operator": "operator"}


def sections(report: Report, zone: tzinfo) -> Markup:
    """Every section that has something to say."""
    return joined(
        _audience(report, zone), _traffic(report, zone), _quality(report), _breaks(report, zone),
        _refusals(report, zone), _timeline(report, zone), _costs(report), _twice(report, zone), _who(report),
    )  # fmt: skip


def _section(heading: str, *inside: Markup | str, cls: str = "") -> Markup:
    return element("section", element("h2", heading), *inside, cls=cls)


# --- the audience ------------------------------------------------------------------------------------------


def _audience(report: Report, zone: tzinfo) -> Markup | str:
    if not report.minutes:
        return ""
    times = [one.at for one in report.minutes]
    viewers = Series("viewers", tuple(float(one.viewers) for one in report.minutes))
    rates = Series("starts", tuple(float(one.starts_per_s) for one in report.minutes))
    level = ("forecast", float(report.forecast_viewers)) if report.forecast_viewers else None
    return _section(
        "The audience",
        pictures.curve(
            "Viewers by minute", times, viewers, short, zone, level=level, marks=marks(report, zone)
        ),
        element("p", "Viewers in each minute. Numbers are incidents, listed further down.", cls="quiet"),
        element("h3", "Arrivals"),
        pictures.bars("Most session starts in one second of each minute", times, [rates], short, zone),
        element("p", "Session starts in the busiest second of each minute.", cls="quiet"),
    )


def numbered(report: Report) -> list[Incident]:
    """The incidents that have a number: what nobody decided."""
    return [one for one in report.incidents if one.kind != "operator"][:MARKS_MAX]


def marks(report: Report, zone: tzinfo) -> list[Mark]:
    """Incidents in the picture, numbered; what operators did without a number."""
    numbers = {id(one): f"{n}" for n, one in enumerate(numbered(report), 1)}
    return [
        Mark(one.at, numbers.get(id(one), ""), f"{clock(one.at, zone)} {one.title} {one.text}", one.kind)
        for one in report.incidents
        if one.kind == "operator" or id(one) in numbers
    ]


# --- CDNs -----------------------------------------------------------------------------------------------


def _traffic(report: Report, zone: tzinfo) -> Markup | str:
    if not report.flows:
        return ""
    known = report.gigabytes is not None
    times, series = flow_series(report.flows, known=known)
    title = "Traffic by CDN" if known else "Viewers by CDN"
    return _section(
        title,
        pictures.stacked(title, times, series, rate_short if known else short, zone),
        element(
            "p",
            "Estimated from viewers and their bitrates." if known else "No bitrate was reported.",
            cls="quiet",
        ),
    )


def flow_series(flows: Sequence[Flow], *, known: bool) -> tuple[list[float], list[Series]]:
    """A series for each CDN: bits/s where they are known, else viewers."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for one in flows:
        values[one.pathway].append((one.bps or 0.0) if known else one.viewers)
    names = sorted(values, key=lambda name: (not name, name))
    series = [Series(name or ELSEWHERE, tuple(values[name])) for name in names if any(values[name])]
    return sorted({one.at for one in flows}), series or [Series(ELSEWHERE, tuple(values[names[0]]))]


def _quality(report: Report) -> Markup | str:
    if not report.quality:
        return ""
    cdns = sorted({one.pathway for one in report.quality})
    cells = {(one.isp, one.pathway): one for one in report.quality}
    isps = list(dict.fromkeys(one.isp for one in report.quality))
    rows = [[isp or ELSEWHERE, *(_cell(cells.get((isp, cdn))) for cdn in cdns)] for isp in isps]
    return _section(
        "Quality by CDN and ISP",
        element(
            "p",
            "First picture of 19 in 20, and below it the share of time spent waiting and of sessions with "
            "errors, by players that reported.",
        ),
        table(["ISP", *(cdn or ELSEWHERE for cdn in cdns)], rows),
    )


def _cell(one: Quality | None) -> Markup:
    if one is None:
        return element("td", "-")
    below = (f"{share(one.rebuffer_ratio)} waiting", f"{share(one.error_ratio)} errors")
    told = [element("small", each) for each in below]
    return element("td", seconds(one.start_p95_ms), told, cls=grade(one))


def grade(one: Quality) -> str:
    """How it was: poor, fair or fine, by the worst of its figures."""
    figures = (
        (one.rebuffer_ratio or 0.0, FAIR_REBUFFER, POOR_REBUFFER),
        (one.start_p95_ms or 0.0, FAIR_START_MS, POOR_START_MS),
        (one.error_ratio, FAIR_ERRORS, POOR_ERRORS),
    )
    if any(value >= poor for value, _, poor in figures):
        return "poor"
    return "fair" if any(value >= fair for value, fair, _ in figures) else "fine"


def _costs(report: Report) -> Markup | str:
    rows = [
        [
            one.pathway or ELSEWHERE, whole(one.sessions), whole(one.peak_viewers), whole(one.viewer_hours),
            volume(one.gigabytes), "-" if one.cost is None else f"{one.cost:,.2f}",
        ]
        for one in report.by_pathway
    ]  # fmt: skip
    if not rows:
        return ""
    total = ["All", whole(report.sessions), whole(report.peak_viewers), whole(report.viewer_hours),
             volume(report.gigabytes), "-" if report.cost is None else f"{report.cost:,.2f}"]  # fmt: skip
    return _section(
        "CDNs and what they cost",
        table(
            ["CDN", "Sessions", "Most viewers", "Hours watched", "Carried, about", "Cost, about"],
            [*rows, total],
        ),
        element(
            "p",
            "A session that moved counts at each CDN. How this is estimated stands at the end.",
            cls="quiet",
        ),
    )


# --- ads ------------------------------------------------------------------------------------------------


def _breaks(report: Report, zone: tzinfo) -> Markup | str:
    if not report.breaks:
        return ""
    funnel = {
        "slots": sum(one.slots for one in report.breaks),
        "by line items": sum(one.filled for one in report.breaks),
        "shown": sum(one.shown for one in report.breaks),
        "to the end": sum(one.completed for one in report.breaks),
    }  # fmt: skip
    slots = funnel["slots"] or 1
    bars = [Measure(name, count, f"{count:,} ({share(count / slots)})") for name, count in funnel.items()]
    rows = [
        [clock_s(one.at, zone), one.id, whole(one.asked), whole(one.slots), share(_of(one.filled, one.slots)),
         whole(one.shown), share(_of(one.completed, one.shown)), whole(one.failed)]
        for one in report.breaks
    ]  # fmt: skip
    deliveries = [
        [one.line_item or "house", one.creative, whole(one.decided), whole(one.shown),
         share(_of(one.completed, one.shown)), whole(one.failed),
         "-" if one.earned is None else f"{one.earned:,.2f} {report.currency}"]
        for one in report.deliveries
    ]  # fmt: skip
    return _section(
        "Ad breaks",
        pictures.measures("What became of the slots", bars),
        table(
            ["From", "Break", "Asked by", "Slots", "Filled", "Shown", "To the end", "Failed"],
            rows,
            texts=(0, 1),
        ),
        element("h3", "By line item and creative"),
        table(
            ["Line item", "Creative", "Decided", "Shown", "To the end", "Failed", "Worth"],
            deliveries,
            texts=(0, 1),
        ),
        cls="long",
    )


def _of(part: int, of: int) -> float:
    return part / of if of else 0.0


# --- what went wrong, and who did what ------------------------------------------------------------------


def _refusals(report: Report, zone: tzinfo) -> Markup | str:
    refusals = report.refusals
    if not refusals.total:
        return ""
    series = refusal_series(report)
    first = min(at for at, _, _ in refusals.by_minute)
    times = [first + 60.0 * n for n in range(len(series[0].values))]
    rows = [[one.code, whole(one.starts), whole(one.accounts)] for one in refusals.by_code]
    return _section(
        "Refused starts",
        pictures.bars("Refused starts by minute and reason", times, series, short, zone),
        table(["Reason", "Starts", "Accounts"], rows),
    )


def refusal_series(report: Report) -> list[Series]:
    """A series for each of the most frequent codes, the others together, minute after minute."""
    refusals = report.refusals
    codes = [one.code for one in refusals.by_code]
    named = codes if len(codes) <= pictures.COLOURS else codes[: pictures.COLOURS - 1]
    first, last = min(row[0] for row in refusals.by_minute), max(row[0] for row in refusals.by_minute)
    values = {name: [0.0] * (round((last - first) / 60) + 1) for name in (*named, "others")}
    for at, code, count in refusals.by_minute:
        values[code if code in named else "others"][round((at - first) / 60)] += count
    return [Series(name, tuple(course)) for name, course in values.items() if any(course)]


def _timeline(report: Report, zone: tzinfo) -> Markup | str:
    if not report.incidents:
        return ""
    numbers = {id(one): f"{n}" for n, one in enumerate(numbered(report), 1)}
    rows = [[numbers.get(id(one), ""), *_told(one, zone)] for one in report.incidents]
    return _section(
        "What happened, and who did what",
        table(["", "When", "", "What", "How", "Who"], rows, texts=(0, 1, 2, 3, 4, 5)),
        cls="long timeline",
    )


def _told(one: Incident, zone: tzinfo) -> Iterator[Markup | str]:
    until = f" to {clock_s(one.until, zone)}" if one.until is not None and one.kind == "anomaly" else ""
    yield f"{clock_s(one.at, zone)}{until}"
    yield element("span", TITLES[one.kind], cls=f"badge {one.kind}")
    yield one.title
    yield one.text
    yield one.who


# --- twice the audience ------------------------------------------------------------------------------------


def _twice(report: Report, zone: tzinfo) -> Markup | str:
    twice = report.twice
    if not report.sessions:
        return ""
    rows = []
    for one in twice.cdns:
        full = (
            f"full from {clock(one.full_at, zone)}, {many(one.full_minutes, 'minute')}"
            if one.full_at
            else "has room"
        )
        rows.append(Measure(one.pathway, one.asked_bps, f"{rate(one.asked_bps)}, {full}", one.capacity_bps))
    inside: list[Markup | str] = [
        element(
            "p",
            "Every minute's demand doubled, shared between CDNs as it was that night. The line is what a CDN "
            "may carry by the settings.",
        )
    ]
    if rows:
        inside.append(pictures.measures("Demand at twice the audience, and what CDNs may carry", rows))
    inside += [element("p", one) for one in _in_words(report, zone)]
    return _section("At twice the audience", *inside)


def _in_words(report: Report, zone: tzinfo) -> Iterator[str]:
    twice = report.twice
    if twice.asked_bps is not None:
        yield f"Together the CDNs would have been asked for {rate(twice.asked_bps)} at the most."
    if twice.all_full_at is not None:
        yield (
            f"From {clock(twice.all_full_at, zone)} that would have been more than all of them together may "
            f"carry, {rate(twice.capacity_bps)}: no steering could have made room."
        )
    if twice.asked_bps and twice.capped_bps is not None:
        saved = 1 - twice.capped_bps / twice.asked_bps
        yield (
            f"Leaving out the best rendition (no more than {rate(twice.capped_to_bps)}) would have "
            f"saved {share(saved)}: {rate(twice.capped_bps)} at the most."
        )
    yield _against("Session starts", twice.starts_per_s, twice.starts_capacity_per_s)
    if report.breaks:
        yield _against("Requests for ad pods", twice.pods_per_s, twice.pods_capacity_per_s)


def _against(what: str, per_s: int, capacity_per_s: float | None) -> str:
    if capacity_per_s is None:
        return f"{what} would have come at {per_s:,}/s at the most; what the nodes carry is not known."
    verdict = "more than" if per_s > capacity_per_s else "within"
    return (
        f"{what} would have come at {per_s:,}/s at the most, {verdict} the "
        f"{capacity_per_s:,.0f}/s that was measured."
    )


def _who(report: Report) -> Markup | str:
    if not report.sessions:
        return ""
    parts = (("ISP", report.by_isp), ("Device", report.by_device), ("How it ended", report.by_end))
    tables = [table([name, "Sessions", "Share"], _shares(shares, report.sessions)) for name, shares in parts]
    return _section("Who watched", element("div", tables, cls="columns"))


def _shares(shares: Sequence[Share], sessions: int) -> list[list[str]]:
    return [[one.name or ELSEWHERE, whole(one.sessions), share(one.sessions / sessions)] for one in shares]
