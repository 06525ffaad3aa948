"""What came of asking an outside ad server, as the cockpit is told."""

from tifo.services.ads.outside_tally import WINDOW_S, OutsideTally


def test_what_came_back_what_did_not_and_what_was_not_asked_are_told_apart() -> None:
    tally = OutsideTally("tally-test")
    for outcome in ("fetched", "no-ad", "wrong-length", "timeout", "failed", "over", "late", "unasked"):
        tally.count(outcome)
    tally.count("shown")  # is of a place in a pod, and no request
    told = tally.report(1.0, 20.0, failing=True)
    assert (told.asked, told.answered, told.fetched, told.timed_out, told.failed) == (5, 3, 1, 1, 1)
    assert (told.shaped, told.unasked, told.failing, told.requests_per_s) == (2, 1, True, 20.0)


def test_old_figures_leave_the_window() -> None:
    tally = OutsideTally("tally-test")
    tally.count("timeout")
    told = [tally.report(1.0, 20.0, failing=False).timed_out for _ in range(WINDOW_S + 1)]
    assert told == [1] * WINDOW_S + [0]
