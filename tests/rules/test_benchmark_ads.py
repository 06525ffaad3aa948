"""What the benchmarks of the ad break say of what they measured, and the outside server that they ask."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks.ad_break import COLUMNS, Crowd, notes, outcomes_of, shares_of
from benchmarks.ad_server import Limit, Seen, vast
from benchmarks.ads_rehearsal import COLUMNS as REHEARSAL_COLUMNS
from benchmarks.ads_rehearsal import row
from benchmarks.beacon_deaths import Booked, told
from benchmarks.counting import Counts as Asked
from benchmarks.open_model import Paced, Pods
from benchmarks.overspend import COLUMNS as SPENT_COLUMNS
from benchmarks.overspend import Spent, part_max
from benchmarks.overspend_node import Counts, Watch
from benchmarks.rehearsal import SENDERS, Ran
from prometheus_client import generate_latest

from tifo.services.ads.outside_vast import OutsideAd, first_fitting
from tifo.telemetry.metrics import OUTSIDE_ADS, REGISTRY


def crowd(
    viewers: int = 100, in_time: int = 100, refused: int = 0, late_us: int = 900, error: str = ""
) -> Crowd:
    seconds = {"partner": 1_000.0, "creative-7": 2_000.0, "house": 750.0, "slate": 250.0}
    got = Paced(
        requests=viewers, duration_us=2_000_000, p50_us=2_000, p99_us=9_000, max_us=12_000,
        late_p99_us=late_us, refused=0, broken=0, dropped=0, cpu_s=0.2, first_error=error,
        pods=Pods(100, in_time, seconds),
    )  # fmt: skip
    return Crowd(viewers, got, Seen(50, 20, refused), 0.5, {"fetched": 50, "house": 1})


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (crowd(), "pass"),
        (crowd(late_us=200_000), "pass, though the generator was late"),
        (crowd(in_time=99), "fail"),
        (crowd(refused=1), "fail"),
        (crowd(in_time=99, late_us=200_000), "the generator was the bottleneck"),
    ],
)
def test_crowd_passes_when_all_its_pods_are_legal_and_in_time(found: Crowd, verdict: str) -> None:
    assert found.verdict == verdict
    assert found.row.title == f"100 viewers: {verdict}"
    assert len(found.row.values) == len(COLUMNS)


def test_time_of_a_break_is_shared_out_by_who_fills_it() -> None:
    assert shares_of(crowd().got.pods.seconds) == {
        "partner": 0.25,
        "sold": 0.5,
        "house": 0.1875,
        "slate": 0.0625,
    }
    assert set(shares_of({}).values()) == {0.0}


def test_largest_crowd_that_passes_is_named() -> None:
    failed = crowd(viewers=400, in_time=3, error="503")
    assert notes((crowd(), crowd(viewers=200, in_time=200), failed)) == (
        "The largest crowd that passes: 200 viewers.",
        "100 viewers, outside ads: fetched 50, house 1",
        "200 viewers, outside ads: fetched 50, house 1",
        "400 viewers, outside ads: fetched 50, house 1",
        "400 viewers: 503",
    )
    assert notes((failed,))[0] == "No crowd passed."


def test_outcomes_are_read_from_metrics() -> None:
    OUTSIDE_ADS.labels("benchmark", "fetched").inc(3)
    assert outcomes_of(generate_latest(REGISTRY).decode())["fetched"] >= 3
    assert outcomes_of("") == {}


def test_outside_server_refuses_what_is_above_its_limit_in_any_second() -> None:
    limit = Limit(3)
    assert [limit.takes(at) for at in (0.0, 0.6, 0.7, 0.9)] == [True, True, True, False]
    # The one that was refused is asked for all the same; the first is out of the second that ends here.
    assert [limit.takes(1.0), limit.takes(1.95)] == [False, True]
    assert limit.seen == Seen(asked=6, most_in_a_second=4, refused=2)


def test_outside_server_answers_with_an_ad_of_the_length_that_it_was_told() -> None:
    found = first_fitting(vast(7, 95), 95)
    assert isinstance(found, OutsideAd)
    assert (found.duration_s, found.url) == (95, "https://cdn.partner.example/7/master.m3u8")
    assert found.told.impressions == ("https://partner.example/seen?n=7",)


def spent(**changes: Any) -> Spent:
    told = {
        "left": {"a": 3_000, "b": 3_000}, "shown": {"a": 3_000, "b": 2_000},
        "gone": {"a": 3_000, "b": 2_000}, "deaths": 0, "part_max": 5, "pods": 2_000, "seconds": 10.0,
        "cpu_us": 80_000.0, "store_us": 4_000.0, "asked": Asked(500, 20),
    }  # fmt: skip
    return Spent(**(told | changes))


def test_what_was_left_is_held_against_what_was_shown() -> None:
    assert (spent().overspent, spent().lost, spent().lost_max) == (0, 0, 0)
    assert spent(shown={"a": 3_004, "b": 2_000}).overspent == 4
    row = spent().row("parts")
    assert dict(zip([one.title for one in SPENT_COLUMNS], row.values, strict=True)) == {
        "pods/s": 200, "impressions decided": 5_000, "of what was left, %": pytest.approx(100 * 5 / 6),
        "overspent (bound: 0)": 0, "taken and lost": 0, "bound of what a death loses": 0,
        "commands per 1,000 pods": 250, "round trips per 1,000 pods": 10, "commands/s": 50,
        "nodes' CPU, us a pod": 40, "Redis CPU, us a pod": 2,
    }  # fmt: skip


def test_what_a_death_costs_is_held_against_its_bound() -> None:
    died = spent(deaths=1, shown={"a": 2_998, "b": 1_999})
    assert (died.lost, died.lost_max) == (3, 10)
    assert (part_max(3_000), part_max(100), part_max(10_000_000)) == (3, 1, 2_000)
    # A counter that each pod takes from goes below nothing: what it gave is no more than there was.
    assert spent(gone={"a": 3_040, "b": 2_000}).lost == 0


def test_counts_of_a_node_outlive_it_and_leave_out_pods_without_an_ad(tmp_path: Path) -> None:
    counts = Counts(tmp_path, ("a", "b"), "node-1")
    watch = Watch(counts)
    for items in (["b"], ["a", "b"], []):
        counts.add(items)
    watch.note(0)
    took = counts.wall_us
    watch.note(counts.pods)
    del counts
    again = Counts(tmp_path, ("a", "b"), "node-1")
    assert (again.pods, again.wall_us, again.shown()) == (2, took, {"a": 1, "b": 2})


def test_books_are_held_against_what_was_accepted() -> None:
    wanted = {("x", "decided"): 3, ("x", "impression"): 3, ("y", "impression"): 2}
    assert (Booked(wanted, wanted).lost(), Booked(wanted, wanted).twice()) == (0, 0)
    # What is missing of one and too much of another does not make up for each other.
    booked = Booked(wanted, {("x", "decided"): 2, ("x", "impression"): 2, ("y", "impression"): 3})
    assert (booked.lost(), booked.twice(), booked.count()) == (1, 1, 5)
    assert (booked.lost(decisions=True), booked.twice(decisions=True), booked.count(decisions=True)) == (
        1,
        0,
        2,
    )


def test_beacons_of_an_asset_are_those_that_come_by_its_time() -> None:
    tracking = [
        {"type": "impression", "offset": 0, "urls": ["http://edge/v1/ads/t/a.1.impression"]},
        {"type": "error", "urls": ["http://edge/v1/ads/t/a.1.error?code=[ERRORCODE]"]},
    ]
    payload = {"identifiers": [{"scheme": "tifo", "value": "x"}], "tracking": tracking}
    assert list(told({"X-AD-CREATIVE-SIGNALING": {"payload": [payload]}})) == [
        (("x", "decided"), ""),
        (("x", "impression"), "/v1/ads/t/a.1.impression"),
    ]


def test_rehearsal_of_ads_is_one_row() -> None:
    times = {"p50": 1.0, "p99": 7.0}
    figures = {
        "arrivals": 10, "pods": 20, "pods_in_time": 20, "pods_empty": 0, "pods_failed": 1, "beacons": 90,
        "beacons_failed": 2, "broken": 0, "pod_ms": times, "beacon_ms": times, "spike_late_ms": times,
    }  # fmt: skip
    said = {
        "verdict": "fail", "generator": {"state": "ok"}, "figures": figures,
        "capacity": {"per_s": 5.0, "cores_for_reference": None},
    }  # fmt: skip
    found = row(SENDERS[0], Ran(said, ((0.0, 0.0), (2.0, 1.0), (4.0, 1.5))))
    assert found.title == "lighter generator: fail"
    assert len(found.values) == len(REHEARSAL_COLUMNS)
    assert found.values[9:] == (3.0, 7.0, 50.0, None)
