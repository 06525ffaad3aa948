"""What every test has: a clock that stands still, ids that count, and an eye on the log."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from patience import WITHIN_S_MAX
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tifo.adapters.redis import lane, link
from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SequentialIds

REDIS_S_MAX = 3.0
"""Seconds that an exchange with Redis may take here; tests of one that is stopped pay them."""

Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """`await until(condition)`: lets the others run until it is met, `WITHIN_S_MAX` at the most."""

    async def wait(met: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S_MAX):
            while not met():  # noqa: ASYNC110 - it may be about a file or a thread
                await asyncio.sleep(0.005)

    return wait


@pytest.fixture(autouse=True)
def patient_with_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that waits for the processor of a busy machine is not lost: that is for a quiet one to say."""
    monkeypatch.setattr(link, "EXCHANGE_S_MAX", REDIS_S_MAX)
    monkeypatch.setattr(lane, "WAIT_S_MAX", 2 * REDIS_S_MAX)


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
