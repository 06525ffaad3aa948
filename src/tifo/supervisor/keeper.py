"""One part's life: started when it may, probed, restarted with back-off, ended."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.ids import Ids
from tifo.supervisor import rules
from tifo.supervisor.logs import PartLog
from tifo.supervisor.parts import Part, PartState, State
from tifo.supervisor.processes import Guard, ask_to_end, kill, spawn
from tifo.supervisor.rules import Health, Timing

Ended = set[asyncio.Task[Any]]


class Keeper:
    """Keeps one part running until it is asked to stop.

    `needs_met` returns when the part may start. `closing` is set once nothing may be started any more;
    `stop` ends this part's process. `changed` is told after each change of `state`. `why` is what the
    newest probe said.
    """

    def __init__(
        self,
        part: Part,
        *,
        log: PartLog,
        guard: Guard,
        clock: Clock,
        ids: Ids,
        timing: Timing,
        needs_met: Callable[[Part], Awaitable[None]],
        closing: asyncio.Event,
        changed: Callable[[], None],
    ) -> None:
        self.log = log
        self.state = PartState(part.name, State.STOPPED, None, 0, clock.now(), "")
        self.was_ready = False
        self.why = ""
        self._part = part
        self._guard = guard
        self._clock = clock
        self._ids = ids
        self._timing = timing
        self._needs_met = needs_met
        self._closing = closing
        self._changed = changed
        self._stop = asyncio.Event()
        self._failures = 0
        self._ready_at: float | None = None
        self._restarts: deque[float] = deque(maxlen=rules.RESTARTS_PER_WINDOW_MAX)

    async def keep(self) -> None:
        """Run the part until stopped. Raises only what is a defect of a probe or of `changed`."""
        self._tell(State.STARTING)
        while not self._closing.is_set():
            await _first_of(self._needs_met(self._part), self._closing.wait())
            if self._closing.is_set():
                break
            error = await self._live()
            if not self._closing.is_set():
                await self._back_off(error)
            if not self._closing.is_set():
                self._count_restart()
        self._tell(State.STOPPED)

    def stop(self) -> None:
        """Ask the process to end; `keep` returns when it has. `closing` is set before."""
        self._stop.set()

    async def _live(self) -> str:
        self._ready_at = None
        try:
            process = await self._spawn()
        except OSError as error:
            return f"could not be started: {error}"
        try:
            self._guard.add(process.pid)
            self._tell(State.STARTING, pid=process.pid)
            given_up = await self._watch(process)
            said = given_up if process.returncode is None else rules.ending(process.returncode)
            await ask_to_end(process, self._timing.grace_s)
            return rules.with_log(said, self.log.tail())
        finally:
            # Also when cancelled or after a defect, when there is no time to be polite.
            await kill(process)
            self._guard.remove(process.pid)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._part.ready.clear()
        with self.log.open(f"{rfc3339(self._clock.now())} start of {self._part.name}") as log:
            return await spawn(self._part, log)

    async def _watch(self, process: asyncio.subprocess.Process) -> str:
        """Until the process has exited, must be restarted (says why), or is asked to stop."""
        ended: Ended = {asyncio.create_task(process.wait()), asyncio.create_task(self._stop.wait())}
        health = Health(started_at=self._clock.monotonic())
        try:
            while not await _any_of(ended, self._pause_s(health)):
                health = await self._probed(health, ended)
                if why := rules.given_up(health, self._clock.monotonic(), self._timing):
                    return why
            return ""
        finally:
            for task in ended:
                task.cancel()

    async def _probed(self, health: Health, ended: Ended) -> Health:
        why = await self._ask(health, ended)
        health = rules.observed(health, why, self._clock.monotonic())
        self.why = why
        if health.ready_at is not None and self._ready_at is None:
            self._ready_at = health.ready_at
            self.was_ready = True
            self._tell(State.RUNNING, pid=self.state.pid, error="")
        with suppress(OSError):  # a full disk must not end a part that works
            self.log.rotate()
        return health

    async def _ask(self, health: Health, ended: Ended) -> str:
        alive_s = self._clock.monotonic() - health.started_at
        probe = asyncio.create_task(self._part.ready.check(alive_s))
        try:
            await asyncio.wait(
                {probe, *ended}, timeout=self._timing.probe_s_max, return_when=asyncio.FIRST_COMPLETED
            )
            return probe.result() if probe.done() else f"no answer within {self._timing.probe_s_max:g} s"
        finally:
            probe.cancel()

    def _pause_s(self, health: Health) -> float:
        if health.ready_at is not None:
            return self._timing.probe_every_s
        return min(rules.PROBE_STARTING_EVERY_S, self._timing.probe_every_s)

    async def _back_off(self, error: str) -> None:
        now = self._clock.monotonic()
        ran_s = 0.0 if self._ready_at is None else now - self._ready_at
        self._failures = rules.failures_in_a_row(self._failures, ran_s, self._timing)
        wait_s = max(
            rules.backoff_s(self._failures, self._ids.fraction(), self._timing),
            rules.window_wait_s(self._restarts, now),
        )
        self._tell(State.BACKING_OFF, error=error)
        await _first_of(asyncio.sleep(wait_s), self._closing.wait())

    def _count_restart(self) -> None:
        self._restarts.append(self._clock.monotonic())
        self.state = replace(self.state, restarts=self.state.restarts + 1)
        self._tell(State.STARTING)

    def _tell(self, state: State, *, pid: int | None = None, error: str | None = None) -> None:
        self.state = replace(
            self.state,
            state=state,
            pid=pid,
            since=self.state.since if state is self.state.state else self._clock.now(),
            error=self.state.error if error is None else error,
        )
        self._changed()


async def _any_of(tasks: Ended, within_s: float) -> bool:
    done, _ = await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


async def _first_of(*waits: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
