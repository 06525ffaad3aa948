"""What a part does again and again beside its requests, and goes on doing whatever happens to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from tifo.kernel.errors import Unavailable

_log = structlog.get_logger(__name__)


class Background:
    """Does `do` every `every_s` seconds from `open` to `close`.

    What it raises is logged when it begins and when it is over, with `effect`: what an operator has to
    know about the time in between. `Unavailable` is told in a line; anything else is a fault of ours,
    told with its traceback. Neither ends the loop.
    """

    def __init__(self, name: str, every_s: float, do: Callable[[], Awaitable[None]], effect: str) -> None:
        self._name = name
        self._every_s = every_s
        self._do = do
        self._effect = effect
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def failing(self) -> bool:
        """Whether the last time failed."""
        return self._failing

    async def open(self) -> None:
        """Begin: the first time is `every_s` from now."""
        self._task = asyncio.create_task(self._keep_doing(), name=self._name)

    async def close(self) -> None:
        """Stop; what is under way is cancelled."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_doing(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._do()
            except Exception as error:
                self._say_failing(error)
            else:
                self._say_back()

    def _say_failing(self, error: Exception) -> None:
        if not self._failing:
            known = isinstance(error, Unavailable)
            why = error.why if isinstance(error, Unavailable) else repr(error)
            _log.warning(f"{self._name}.failing", why=why, effect=self._effect, exc_info=not known)
        self._failing = True

    def _say_back(self) -> None:
        if self._failing:
            _log.info(f"{self._name}.back")
        self._failing = False


@contextlib.asynccontextmanager
async def going_on(*parts: Background) -> AsyncIterator[None]:
    """All of them while the caller is in here; they stop with it, whatever ends it."""
    async with contextlib.AsyncExitStack() as stack:
        for one in parts:
            await one.open()
            stack.push_async_callback(one.close)
        yield


async def rest(event: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until the event is set.

    Not `wait_for`, which before Python 3.12 loses a cancellation that comes with the event.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
