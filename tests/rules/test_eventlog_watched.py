"""When a worker that reads the log gets on, and when it does not."""

import pytest

from tifo.eventlog.watched import Progress
from tifo.kernel.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def progress(clock: ManualClock) -> Progress:
    return Progress(clock)


def test_a_log_that_was_not_read_yet_is_not_taken_for_one_that_answers(progress: Progress) -> None:
    assert progress.failing == "the event log was not read yet"
    progress.polled(0)
    assert progress.failing == ""


def test_a_worker_that_finds_nothing_new_gets_on(progress: Progress, clock: ManualClock) -> None:
    clock.advance(30)
    progress.polled(0)
    assert progress.silent_s() == 0


def test_what_was_polled_has_to_be_committed(progress: Progress, clock: ManualClock) -> None:
    progress.polled(5)
    clock.advance(30)
    progress.polled(0)
    assert progress.silent_s() == 30
    progress.committed()
    assert progress.silent_s() == 0


def test_who_joins_anew_owes_nothing_but_has_not_got_on_either(
    progress: Progress, clock: ManualClock
) -> None:
    progress.polled(5)
    clock.advance(30)
    progress.joined()
    assert progress.silent_s() == 30
    progress.polled(0)
    assert progress.silent_s() == 0


def test_a_log_that_fails_is_told_at_once_and_until_it_answers(progress: Progress) -> None:
    progress.polled(0)
    progress.failed()
    assert progress.failing == "the event log does not answer"
    progress.polled(5)
    assert progress.failing == ""
    progress.failed()
    progress.committed()
    assert progress.failing == ""
