import asyncio
import socket
import time
from pathlib import Path

import httpx
import pytest

from tifo.api.breaks import BreakSchedule
from tifo.channel.live import ClockWentBack
from tifo.channel.service import run
from tifo.channel.settings import ChannelSettings
from tifo.kernel.clock import SystemClock
from tifo.supervisor.rules import GRACE_S

WAIT_S_MAX = 60
BREAKS = BreakSchedule(180, 20)


@pytest.fixture
def settings() -> ChannelSettings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return ChannelSettings(port=probe.getsockname()[1])


async def healthy(settings: ChannelSettings) -> None:
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as http,
        asyncio.timeout(WAIT_S_MAX),
    ):
        while not await _answers(http):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("moment", ["at once", "while it encodes its ads"])
async def test_it_ends_soon_after_it_is_told_to(
    settings: ChannelSettings, tmp_path: Path, moment: str
) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(run(settings, BREAKS, creatives=tmp_path, clock=SystemClock(), stop=stop))
    if moment != "at once":
        await healthy(settings)
    stop.set()
    begin = time.monotonic()
    await running
    assert time.monotonic() - begin < GRACE_S


async def test_an_encoder_that_dies_ends_the_service_with_its_error(
    settings: ChannelSettings, tmp_path: Path
) -> None:
    clock = SetBack()
    running = asyncio.create_task(
        run(settings, BREAKS, creatives=tmp_path, clock=clock, stop=asyncio.Event())
    )
    await healthy(settings)
    clock.back_s = 3600
    with pytest.raises(ClockWentBack):
        await asyncio.wait_for(running, WAIT_S_MAX)


async def test_the_port_is_free_again_afterwards(settings: ChannelSettings, tmp_path: Path) -> None:
    for _ in range(2):
        stop = asyncio.Event()
        running = asyncio.create_task(
            run(settings, BREAKS, creatives=tmp_path, clock=SystemClock(), stop=stop)
        )
        await healthy(settings)
        stop.set()
        await running


async def test_a_cancelled_service_leaves_nothing_behind(settings: ChannelSettings, tmp_path: Path) -> None:
    running = asyncio.create_task(
        run(settings, BREAKS, creatives=tmp_path, clock=SystemClock(), stop=asyncio.Event())
    )
    await healthy(settings)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://127.0.0.1:{settings.port}/healthz")


class SetBack(SystemClock):
    """The machine's clock, until somebody sets it back."""

    back_s = 0.0

    def now(self) -> float:
        return super().now() - self.back_s
