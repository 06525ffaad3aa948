"""The supervisor: starts the parts of one instance, keeps them running, stops them all."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tifo.kernel.clock import Clock
from tifo.kernel.errors import TifoError
from tifo.kernel.ids import Ids
from tifo.supervisor import rules
from tifo.supervisor.keeper import Keeper
from tifo.supervisor.logs import PartLog
from tifo.supervisor.parts import Part, PartState
from tifo.supervisor.processes import Guard
from tifo.supervisor.rules import Timing

GUARD_EVERY_S = 1.0
"""Seconds between two looks whether the guard is alive."""


class NotReady(TifoError):
    """A part did not become ready: `part` is its name, the text has the end of its log."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(text)
        self.part = part


class Supervisor:
    """Runs `parts` as processes of this machine; each writes to `logs/<name>.log`.

    `on_change` is called in the event loop with the state of every part, in the order given, after each
    change; it must be quick and must not raise. Start it in a thread that outlives it (the main thread):
    Linux kills the parts when the thread that started them ends. On the system's signals, call
    `request_stop`. A part that leaves its process group is not followed.

    Raises PartsError when the parts' names or needs do not fit together.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        logs: Path,
        clock: Clock,
        ids: Ids,
        on_change: Callable[[tuple[PartState, ...]], None],
        timing: Timing | None = None,
    ) -> None:
        self._layers = rules.layers(parts)
        self._parts = tuple(parts)
        self._on_change = on_change
        self._guard = Guard()
        self._closing = asyncio.Event()
        self._changed = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._guarding: asyncio.Task[None] | None = None
        self._keepers = {
            part.name: Keeper(
                part,
                log=PartLog(logs / f"{part.name}.log"),
                guard=self._guard,
                clock=clock,
                ids=ids,
                timing=timing or Timing(),
                needs_met=self._needs_met,
                closing=self._closing,
                changed=self._tell,
            )
            for part in parts
        }

    @property
    def states(self) -> tuple[PartState, ...]:
        """Every part as it is now, in the order given."""
        return tuple(keeper.state for keeper in self._keepers.values())

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._closing.is_set()

    async def start(self) -> None:
        """Begin to start the parts, each when those it needs are running; does not wait for them.

        Once only. Raises OSError when this machine can start no process.
        """
        self._guard.ensure()
        self._guarding = asyncio.create_task(self._keep_guard())
        for name, keeper in self._keepers.items():
            self._tasks[name] = asyncio.create_task(keeper.keep(), name=f"part {name}")

    async def wait_ready(self, timeout_s: float) -> None:
        """Return when every part is running.

        Raises NotReady after `timeout_s` seconds, or at once when a part keeps failing without ever
        having been ready, or when the supervisor is stopped meanwhile. The parts are left as they are.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._until(self._settled)
        except TimeoutError:
            raise self._not_ready(f"after {timeout_s:g} s") from None
        if self._missing():
            raise self._not_ready("")

    async def run(self) -> None:
        """Return when a stop was asked for and every part has ended; starts the parts if need be."""
        if not self._tasks:
            await self.start()
        try:
            await self._until_closing_or_defect()
        finally:
            await self.stop()
        # Every exception is looked at: asyncio complains of those that nobody asked for.
        if defects := [defect for task in self._tasks.values() if (defect := task.exception())]:
            raise defects[0]

    def request_stop(self) -> None:
        """Ask `run` to end; for signal handlers. May be repeated."""
        self._closing.set()
        self._wake()

    async def stop(self) -> None:
        """End every part, those that are needed after those that need them; may be repeated.

        Takes at most the grace period and two short waits for each layer of needs. Afterwards no
        process is left.
        """
        self.request_stop()
        for layer in reversed(self._layers):
            await self._stop_layer(layer)
        if self._guarding is not None:
            self._guarding.cancel()
        self._guard.close()

    async def _stop_layer(self, names: Iterable[str]) -> None:
        for name in names:
            self._keepers[name].stop()
        if tasks := [self._tasks[name] for name in names if name in self._tasks]:
            await asyncio.wait(tasks)

    async def _until_closing_or_defect(self) -> None:
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({closing, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()

    async def _keep_guard(self) -> None:
        while True:
            await asyncio.sleep(GUARD_EVERY_S)
            self._guard.ensure()

    async def _needs_met(self, part: Part) -> None:
        await self._until(lambda: rules.may_start(part, {s.name: s.state for s in self.states}))

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _settled(self) -> bool:
        hopeless = any(
            not keeper.was_ready and keeper.state.restarts >= rules.FAILED_STARTS_MAX
            for keeper in self._keepers.values()
        )
        return hopeless or self._closing.is_set() or not self._missing()

    def _missing(self) -> PartState | None:
        return rules.culprit(self._parts, {state.name: state for state in self.states})

    def _not_ready(self, when: str) -> NotReady:
        missing = self._missing() or self.states[0]
        keeper = self._keepers[missing.name]
        why = missing.error or rules.with_log(keeper.why or "not started", keeper.log.tail())
        said = f"{missing.name} is not ready {when}".rstrip()
        return NotReady(missing.name, f"{said}: {why}\n({keeper.log.path})")

    def _tell(self) -> None:
        self._wake()
        self._on_change(self.states)

    def _wake(self) -> None:
        # Whoever waits now is woken, and waits on the next event if its condition does not hold yet.
        self._changed.set()
        self._changed = asyncio.Event()
