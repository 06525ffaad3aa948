"""The page of a report: one file that loads nothing, for a screen, light or dark, and for paper."""

from collections.abc import Iterator
from datetime import tzinfo
from importlib.resources import files

from tifo.report import sections
from tifo.report.document import Report
from tifo.report.markup import Markup, element
from tifo.report.wording import clock, clock_s, day, many, seconds, share, short, stay, volume

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Nothing is loaded and nothing runs, whatever a name in it says."""


def page(report: Report, zone: tzinfo, zone_name: str) -> str:
    """The whole HTML document; times are told in `zone`."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", f"{report.title}: the report"),
        element("style", Markup(files("tifo.report").joinpath("page.css").read_text("utf-8"))),
    )
    main = element(
        "main",
        element("h1", report.title),
        element("p", _when(report, zone, zone_name), cls="when"),
        _figures(report, zone),
        element("ul", [element("li", one) for one in report.summary], cls="summary"),
        sections.sections(report, zone),
        _footer(report),
    )
    return f"<!doctype html>\n{element('html', head, element('body', main), lang='en')}\n"


def _when(report: Report, zone: tzinfo, zone_name: str) -> str:
    if report.began_at is None:
        return f"Event {report.event}. Nobody watched."
    span = f"{clock(report.began_at, zone)} to {clock(report.ended_at, zone)} {zone_name}"
    return f"{day(report.began_at, zone)}, {span}. Event {report.event}."


def _figures(report: Report, zone: tzinfo) -> Markup:
    return element("dl", [_figure(*one) for one in _headline(report, zone)], cls="figures")


def _figure(key: str, name: str, value: str, more: str) -> Markup:
    told = element("dd", value, element("small", more or Markup("&#160;")), data_figure=key)
    return element("div", element("dt", name), told)


def _headline(report: Report, zone: tzinfo) -> Iterator[tuple[str, str, str, str]]:
    expected = "no forecast"
    if report.forecast_viewers:
        expected = f"{share(report.peak_viewers / report.forecast_viewers)} of the forecast"
    yield "peak_viewers", "Most viewers at once", short(report.peak_viewers), expected
    yield "sessions", "Sessions", short(report.sessions), f"of {many(report.accounts, 'account')}"
    at = f"at {clock_s(report.peak_starts_at, zone)}" if report.peak_starts_at else ""
    yield "peak_starts_per_s", "Fastest arrival", f"{report.peak_starts_per_s:,}/s", at
    yield "median_stay_s", "Half stayed longer than", stay(report.median_stay_s), ""
    yield "start_p95_ms", "First picture, 19 in 20", seconds(report.start_p95_ms), _waiting(report)
    shown = sum(one.shown for one in report.breaks)
    yield (
        "shown",
        "Ads shown",
        short(shown),
        f"in {many(len(report.breaks), 'break')}" if report.breaks else "no break",
    )
    refused = report.refusals.total
    yield "refusals", "Starts refused", short(refused), _of_starts(refused, report.sessions)
    cost = "no price is stated" if report.cost is None else f"about {report.cost:,.0f} in CDN fees"
    yield "gigabytes", "Carried by CDNs", volume(report.gigabytes), cost


def _waiting(report: Report) -> str:
    return "" if report.rebuffer_ratio is None else f"{share(report.rebuffer_ratio)} of the time waiting"


def _of_starts(refused: int, sessions: int) -> str:
    return f"{share(refused / (refused + sessions))} of all starts" if refused + sessions else ""


def _footer(report: Report) -> Markup:
    return element(
        "footer",
        element("h3", "What this does not know"),
        element("ul", [element("li", one) for one in report.not_known]),
        element("h3", "How it is estimated"),
        element(
            "p",
            "Viewers of a minute are the sessions that lived in it. What a CDN carried is the time "
            "that viewers were on it, by what their players said when they asked for their steering, "
            "times the bitrate that players there reported in that minute (CMCD br); where none did, "
            "the mean of the event. Cost is that in gigabytes of 10^9 bytes times cost_per_gb of the "
            "settings: no tariff steps, no taxes, no ad creatives. Quality is of those whose players "
            "reported.",
        ),
        element("p", "Made by tifo report from the lake of events."),
    )
