"""What a node decides, counted."""

from tifo.api.creatives import Creative
from tifo.services.ads.model import Decision, Pick
from tifo.services.ads.tally import Tally
from tifo.telemetry.requests import REPORT_WINDOW


def pick(seconds: int, kind: str) -> Pick:
    return Pick(Creative(f"{kind}-{seconds}", "", seconds), None, kind)  # type: ignore[arg-type]


POD = Decision((pick(20, "ad"), pick(10, "house"), pick(5, "slate")), 2.5)
EMPTY = Decision((), 30.0)


def test_nothing_is_told_of_nothing() -> None:
    told = Tally().report(1.0)
    assert (told.pods_per_s, told.refused_per_s, told.p50_ms, told.p99_ms) == (0.0, 0.0, 0.0, 0.0)
    assert told.seconds == {"ad": 0.0, "house": 0.0, "slate": 0.0, "nothing": 0.0}


def test_pods_and_the_seconds_that_fill_them_are_rates() -> None:
    tally = Tally()
    for decision in (POD, POD, EMPTY):
        tally.answered(decision.picks, decision.rest_s)
    tally.refused()
    told = tally.report(2.0)
    assert (told.pods_per_s, told.refused_per_s) == (1.5, 0.5)
    assert told.seconds == {"ad": 20.0, "house": 10.0, "slate": 5.0, "nothing": 17.5}


def test_pod_that_was_known_is_a_pod_and_no_decision() -> None:
    tally = Tally()
    tally.decided(0.00004)
    for _ in range(100):
        tally.answered(POD.picks, POD.rest_s)
    told = tally.report(1.0)
    assert (told.pods_per_s, told.p50_ms, told.p99_ms) == (100.0, 0.05, 0.05)


def test_times_are_the_upper_bounds_of_their_buckets() -> None:
    tally = Tally()
    for took_s in (0.00006, 0.00006, 0.00006, 0.004, 7.0):
        tally.decided(took_s)
    told = tally.report(1.0)
    assert (told.p50_ms, told.p99_ms) == (0.1, 100.0)


def test_reports_look_back_over_a_few_and_no_more() -> None:
    tally = Tally()
    tally.answered(POD.picks, POD.rest_s)
    told = [tally.report(1.0).pods_per_s for _ in range(REPORT_WINDOW + 1)]
    assert (told[0], told[1], told[-1]) == (1.0, 0.5, 0.0)
