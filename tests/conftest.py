"""What every test has: a clock that stands still, ids that count, and an eye on the log."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SequentialIds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    """What is logged in this process. An error fails the test; one that expects it takes it off the list."""
    with capture_logs() as entries:
        yield entries
    assert not [one for one in entries if one["log_level"] in ("error", "critical")]
