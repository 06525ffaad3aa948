"""What a report says by what the lake says: figures, sentences, and what would have been at twice the
audience."""

import msgspec
import pytest

from tifo.report import incidents, rules, twice, wording
from tifo.report.document import Flow, Report
from tifo.report.gathering import Facts
from tifo.report.terms import Cdn, Terms

AT = 1_795_629_600.0
"""2026-11-25T18:00:00Z"""

NOBODY = Facts(
    totals=(0, 0, None, None, None, 0),
    quality=((None, None, 0, None, None, 0),),
    **dict.fromkeys(set(Facts._fields) - {"totals", "quality"}, ()),
)
GIGABIT = 1e9
CDNS = (Cdn("cdn-a", 3 * GIGABIT, 0.01), Cdn("cdn-b", 10 * GIGABIT, None))


def course(pathway: str, *viewers: float, bps: float | None = 1e6) -> list[Flow]:
    return [
        Flow(AT + 60 * n, pathway, one, None if bps is None else one * bps) for n, one in enumerate(viewers)
    ]


def a_match() -> Facts:
    """1,000 and then 2,000 viewers on one CDN, at 1 Mbit/s; a break, refusals, an operator."""
    return NOBODY._replace(
        totals=(2_000, 1_900, AT, AT + 120, 90.0, 180_000.0),
        minutes=((AT, 1_000, 1_000, 40, AT + 7), (AT + 60, 2_000, 1_000, 30, AT + 61)),
        flows=((AT, "cdn-a", 60_000.0), (AT + 60, "cdn-a", 120_000.0)),
        places=(("cdn-a", None, 2_000, 180_000.0), ("cdn-a", "AS64500 One", 2_000, 180_000.0)),
        bitrates=((AT, "cdn-a", 1e6, 10), (AT + 60, "cdn-a", 1e6, 10)),
        rungs=((1.5e6, 60), (0.5e6, 40)),
        quality=((None, None, 100, 900.0, 90_000.0, 5), ("cdn-a", None, 100, 900.0, 90_000.0, 5),
                 ("cdn-a", "AS64500 One", 100, 900.0, 450_000.0, 5)),
        groups=(("isp", "AS64500 One", 2_000), ("device", "tv", 2_000), ("end", "", 2_000)),
        breaks=(("brk-1", AT + 30, 500, 400),),
        slots=(("brk-1", "brew", "cr-1", 500, 490, 441, 2), ("brk-1", "", "house-1", 500, 500, 500, 0)),
        refusals=((AT, "stream-limit", 30), (AT + 60, "not-entitled", 10)),
        refused=(("stream-limit", 30, 12, AT, AT + 9), ("not-entitled", 10, 10, AT + 60, AT + 70)),
        acts=((AT + 20, "ana", "posture", "guarded", ""),),
        anomalies=((AT + 40, None, "strays", "", "many"),),
    )  # fmt: skip


def reported(facts: Facts = NOBODY, **terms: object) -> Report:
    return rules.report("final", facts, Terms(**terms))


# --- figures --------------------------------------------------------------------------------------------


def test_an_event_that_nobody_watched_has_a_report() -> None:
    report = reported()
    assert (report.sessions, report.peak_viewers, report.peak_at, report.gigabytes) == (0, 0, None, None)
    assert report.summary == ("Nobody watched.", "No start was refused.")


def test_headline_figures() -> None:
    report = reported(a_match(), forecast_viewers=4_000, title="The final", cdns=CDNS)
    assert (report.title, report.sessions, report.accounts) == ("The final", 2_000, 1_900)
    assert (report.peak_viewers, report.peak_at) == (2_000, AT + 60)
    assert (report.peak_starts_per_s, report.peak_starts_at) == (40, AT + 7)
    assert report.viewer_hours == pytest.approx(50)
    assert (report.error_ratio, report.refusals.total) == (0.05, 40)


def test_bytes_are_viewers_times_bitrate_times_time_and_cost_is_by_the_gigabyte() -> None:
    (cdn,) = reported(a_match(), cdns=CDNS).by_pathway
    assert cdn.gigabytes == pytest.approx((1_000 + 2_000) * 1e6 * 60 / 8 / 1e9)
    assert cdn.cost == pytest.approx((cdn.gigabytes or 0) * 0.01)
    assert reported(a_match()).cost is None


def test_a_minute_without_a_report_has_the_mean_bitrate() -> None:
    flows = rules.flows_of(((AT, "cdn-a", 60.0), (AT, "cdn-b", 60.0)), ((AT, "cdn-a", 4e6, 3),))
    assert [one.bps for one in flows] == [4e6, 4e6]
    assert rules.flows_of(((AT, "cdn-a", 60.0),), ())[0].bps is None


def test_waiting_is_of_the_time_that_those_watched_who_reported() -> None:
    report = reported(a_match())
    assert report.rebuffer_ratio == pytest.approx(90 / (100 * 90))
    assert report.quality[0].rebuffer_ratio == pytest.approx(450 / (100 * 90))


def test_small_isps_are_told_together() -> None:
    groups = tuple(("isp", f"AS{n}", 100 - n) for n in range(20))
    shares = rules.shares_of(groups)["isp"]
    assert len(shares) == rules.SHARES_MAX + 1
    assert (shares[-1].name, shares[-1].sessions) == (rules.OTHERS, sum(100 - n for n in range(12, 20)))


def test_breaks_and_deliveries() -> None:
    report = reported(a_match())
    (brk,) = report.breaks
    assert (brk.asked, brk.slots, brk.filled, brk.shown, brk.completed, brk.failed) == (
        500,
        1_000,
        500,
        990,
        941,
        2,
    )
    assert [(one.line_item, one.creative) for one in report.deliveries] == [("brew", "cr-1"), ("", "house-1")]
    assert report.earned is None
    assert "What the ads of brew earned" in " ".join(report.not_known)


def test_ads_are_worth_what_their_line_item_costs_a_thousand_shown() -> None:
    report = reported(a_match(), cpm_cents={"brew": 1_500}, currency="EUR")
    assert [one.earned for one in report.deliveries] == [pytest.approx(490 * 15 / 1_000), None]
    assert "that is worth 7.35 EUR" in " ".join(report.summary)


# --- incidents --------------------------------------------------------------------------------------------


def test_a_cdn_that_loses_viewers_who_stay_is_told_with_who_gained() -> None:
    flows = [*course("cdn-a", 100, 100, 90, 60, 60), *course("cdn-b", 50, 50, 60, 90, 90)]
    (loss,) = incidents.losses(flows)
    assert (loss.title, loss.at, loss.until) == ("cdn-a", AT + 120, AT + 240)
    assert loss.text == (
        "lost 40% of its viewers within 2 minutes, from 100 to 60, while the audience stayed; most "
        "went to cdn-b"
    )


@pytest.mark.parametrize(
    "flows",
    [
        [*course("cdn-a", 100, 50), *course("cdn-b", 100, 50)],
        course("cdn-a", 10, 5),
        [*course("cdn-a", 100, 97, 94, 91, 88, 85, 82), *course("cdn-b", 0, 3, 6, 9, 12, 15, 18)],
    ],
    ids=["everybody-leaves", "few", "slowly"],
)
def test_no_loss_is_told_where_none_was(flows: list[Flow]) -> None:
    assert not list(incidents.losses(flows))


def test_everything_is_on_one_line_of_time() -> None:
    report = reported(a_match())
    assert [(one.kind, one.title, one.who) for one in report.incidents] == [
        ("operator", "posture guarded", "ana"), ("anomaly", "strays", ""),
    ]  # fmt: skip


# --- twice the audience ------------------------------------------------------------------------------------


def test_twice_says_which_minute_which_cdn_and_what_a_cap_saves() -> None:
    found = reported(a_match(), cdns=CDNS, starts_capacity_per_s=100.0, pods_capacity_per_s=900.0).twice
    assert found.asked_bps == 4 * GIGABIT
    full = {one.pathway: (one.full_at, one.full_minutes, one.asked_bps) for one in found.cdns}
    assert full == {"cdn-a": (AT + 60, 1, 4 * GIGABIT), "cdn-b": (None, 0, 0)}
    assert (found.capacity_bps, found.all_full_at) == (13 * GIGABIT, None)
    assert (found.capped_to_bps, found.capped_bps) == (0.5e6, pytest.approx(4 * GIGABIT * 50 / 110))
    assert (found.starts_per_s, found.pods_per_s) == (80, 800)


def test_twice_without_capacities_says_what_it_can() -> None:
    found = reported(a_match()).twice
    assert (found.cdns, found.capacity_bps, found.asked_bps) == ((), None, 4 * GIGABIT)
    assert "no capacity is stated" in " ".join(reported(a_match()).not_known)


@pytest.mark.parametrize(
    ("rungs", "to"),
    [
        ((), None),
        (((3e6, 10),), None),
        (((3e6, 10), (2.9e6, 10)), None),
        (((3e6, 500), (1e6, 500), (9e6, 1)), 1e6),
    ],
    ids=["none", "one", "nearly-one", "a-stray-report"],
)
def test_a_cap_needs_two_renditions(rungs, to: float | None) -> None:
    assert twice.cap(rungs)[0] == to


# --- words ----------------------------------------------------------------------------------------------


def test_sentences_say_what_happened() -> None:
    report = reported(a_match(), forecast_viewers=4_000, cdns=CDNS, starts_capacity_per_s=70.0)
    text = " ".join(report.summary)
    assert "the most at once were 2,000 viewers at 18:01, 50% of the 4,000 that were expected" in text
    assert "40 starts were refused, most of them (30) with stream-limit; the worst minute was 18:00." in text
    assert "line items filled 50%" in text
    assert "At twice the audience cdn-a would have been full at 18:01" in text
    assert "Twice the arrivals, 80 starts/s, would have been more than the 70" in text


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (wording.rate(3.6e12), "3.60 Tbit/s"), (wording.rate_short(2e10), "20 Gb/s"),
        (wording.rate(None), "not known"),
        (wording.volume(1_500.0), "1.50 TB"), (wording.share(0.00123), "0.12%"), (wording.share(0.31), "31%"),
        (wording.short(2_400_000), "2.40 M"), (wording.stay(45), "45 s"), (wording.stay(9_000), "2 h 30 min"),
        (wording.many(1, "start was", "starts were"), "1 start was"),
    ],
)  # fmt: skip
def test_figures_in_words(told: str, says: str) -> None:
    assert told == says


def test_the_document_survives_json() -> None:
    report = reported(a_match(), cdns=CDNS)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
