"""What each route costs: buckets, quantiles, and the node's report."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tifo.telemetry.requests import BOUNDS_S, REPORT_WINDOW, RequestMetrics


def scraped(metrics: RequestMetrics) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(metrics)
    lines = generate_latest(registry).decode().splitlines()
    return {key: float(value) for key, _, value in (x.rpartition(" ") for x in lines if x[0] != "#")}


def labels(status: int, **more: str) -> str:
    all_labels = {
        **more,
        "http_request_method": "GET",
        "http_response_status_code": status,
        "http_route": "a",
    }
    return ",".join(f'{name}="{value}"' for name, value in sorted(all_labels.items()))


def test_request_stands_in_its_bucket_and_in_every_larger_one() -> None:
    metrics = RequestMetrics()
    metrics.observer("a", "GET")(0.003, 200)
    found = scraped(metrics)
    name = "http_server_request_duration_seconds"
    counts = [value for key, value in found.items() if key.startswith(f"{name}_bucket")]
    assert counts == [float(bound >= 0.003) for bound in BOUNDS_S] + [1.0]
    assert found[f"{name}_count{{{labels(200)}}}"] == 1
    assert found[f"{name}_sum{{{labels(200)}}}"] == pytest.approx(0.003)


def test_request_of_exactly_a_bound_is_below_it() -> None:
    metrics = RequestMetrics()
    metrics.observer("a", "GET")(0.005, 200)
    (report,) = metrics.report(1.0)
    assert report.p50_ms == 5.0


def test_request_above_every_bound_is_counted() -> None:
    metrics = RequestMetrics()
    metrics.observer("a", "GET")(99.0, 200)
    assert [value for key, value in scraped(metrics).items() if 'le="+Inf"' in key] == [1.0]


def test_statuses_are_counted_apart() -> None:
    metrics = RequestMetrics()
    observe = metrics.observer("a", "GET")
    for status in (200, 200, 404, 503):
        observe(0.001, status)
    found = scraped(metrics)
    counts = {s: found[f"http_server_request_duration_seconds_count{{{labels(s)}}}"] for s in (200, 404, 503)}
    assert counts == {200: 2, 404: 1, 503: 1}


def test_nothing_happened_is_no_report() -> None:
    metrics = RequestMetrics()
    metrics.observer("a", "GET")
    assert metrics.report(1.0) == ()


def test_report_counts_only_server_errors_as_errors() -> None:
    metrics = RequestMetrics()
    observe = metrics.observer("a", "GET")
    for status in (200, 404, 429, 500, 503):
        observe(0.001, status)
    (report,) = metrics.report(1.0)
    assert (report.requests_per_s, report.errors_per_s) == (5.0, 2.0)


def test_report_gives_the_bound_that_holds_the_quantile() -> None:
    metrics = RequestMetrics()
    observe = metrics.observer("a", "GET")
    for _ in range(98):
        observe(0.0008, 200)
    for _ in range(2):
        observe(0.2, 200)
    (report,) = metrics.report(1.0)
    assert (report.p50_ms, report.p99_ms) == (1.0, 250.0)


def test_busiest_route_is_reported_first() -> None:
    metrics = RequestMetrics()
    for route, count in (("a", 1), ("b", 9), ("c", 3)):
        for _ in range(count):
            metrics.observer(route, "GET")(0.001, 200)
    assert [report.route for report in metrics.report(1.0)] == ["b", "c", "a"]


def test_rate_is_of_the_time_since_the_first_report_of_the_window() -> None:
    metrics = RequestMetrics()
    observe = metrics.observer("a", "GET")
    for _ in range(10):
        observe(0.001, 200)
    assert [one.requests_per_s for one in metrics.report(2.0)] == [5.0]
    assert [one.requests_per_s for one in metrics.report(2.0)] == [2.5]


def test_what_happened_before_the_window_is_in_no_report() -> None:
    metrics = RequestMetrics()
    observe = metrics.observer("a", "GET")
    observe(5.0, 500)
    for _ in range(REPORT_WINDOW):
        metrics.report(1.0)
    assert metrics.report(1.0) == ()
    observe(0.001, 200)
    (report,) = metrics.report(1.0)
    assert (report.errors_per_s, report.p99_ms) == (0.0, 1.0)
