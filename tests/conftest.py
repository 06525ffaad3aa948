"""What every test has: a clock that stands still, ids that count, and an eye on the log."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from patience import WITHIN_S_MAX
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SequentialIds

Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """`await until(condition)`: lets the others run until it is met, `WITHIN_S_MAX` at the most."""

    async def wait(met: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S_MAX):
            while not met():  # noqa: ASYNC110 - it may be about a file or a thread
                await asyncio.sleep(0.005)

    return wait


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
