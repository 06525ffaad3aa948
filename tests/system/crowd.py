"""A crowd that watches while something dies: each viewer does what the watch page does."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpx

from tifo.kernel.ids import SystemIds

RETRY_S = 1.0
"""Seconds a viewer waits after a call that failed, as the watch page does; the next wait is twice as long."""

CALL_S_MAX = 60.0
"""Seconds a viewer waits for an answer: what is slow for all on a busy machine has not failed."""

START_TRIES_MAX = 3
ARRIVAL = "arrival"

chance = SystemIds().fraction


@dataclass
class Viewer:
    """One device that watches."""

    account: str
    device: str
    session: str = ""
    token: str = ""
    grace_token: str = ""
    heartbeat_s: float = 1.0
    started_at: float = 0.0
    heard_at: float = 0.0
    silence_s: float = 0.0
    """The longest time between two good answers."""
    stopped: str = ""
    """The code with which the platform ended it."""


@dataclass
class Seen:
    """What all viewers saw together, from `begin` on."""

    beats: int = 0
    beats_failed: int = 0
    beat_ms: list[float] = field(default_factory=list)
    starts: int = 0
    start_ms: list[float] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)

    def refused(self, code: str) -> None:
        self.refusals[code] = self.refusals.get(code, 0) + 1


class Crowd:
    """Viewers at one address. `log_in` gives an access token for an account."""

    def __init__(self, base: str, log_in: Callable[[str], Awaitable[str]] | None = None) -> None:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
        self.client = httpx.AsyncClient(base_url=base, timeout=CALL_S_MAX, limits=limits, trust_env=False)
        self.viewers: list[Viewer] = []
        self.seen = Seen()
        self._log_in = log_in or self._dev_log_in
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = 0
        self._closing = asyncio.Event()

    @property
    def watching(self) -> list[Viewer]:
        return [one for one in self.viewers if not one.stopped]

    @property
    def stopped(self) -> dict[str, str]:
        """Who was ended by the platform, and how: nobody should be."""
        return {one.session: one.stopped for one in self.viewers if one.stopped}

    def forget(self) -> None:
        """Begin to count anew; who watches goes on."""
        self.seen = Seen()
        for one in self.viewers:
            one.silence_s, one.heard_at = 0.0, monotonic()

    async def gather(self, count: int) -> None:
        """As many new viewers, each of an account of its own, let in."""
        await asyncio.gather(*(self.arrive() for _ in range(count)))

    async def arrive(self, account: str = "", device: str = "sofa") -> Viewer | None:
        """One viewer: logs in, starts, and watches from then on; None for one that was not let in."""
        self._arrived += 1
        viewer = Viewer(account or f"fan-{id(self):x}-{self._arrived}", device)
        for tried in range(START_TRIES_MAX):
            if await self._start(viewer):
                self.viewers.append(viewer)
                self._go(self._watch(viewer), "watching")
                return viewer
            await self._pause(RETRY_S * 2**tried * (0.5 + chance()))
        return None

    async def start_again(self, viewer: Viewer, access_token: str) -> httpx.Response:
        """The same device starts anew, as after a reload."""
        body = {"event": "demo", "device": {"id": viewer.device, "kind": "tv"}}
        headers = {"authorization": f"Bearer {access_token}"}
        return await self.client.post("/v1/sessions", json=body, headers=headers)

    @contextlib.asynccontextmanager
    async def arriving(self, per_s: float) -> AsyncIterator[None]:
        """New viewers all the time, whatever becomes of those before them."""

        over = asyncio.Event()

        async def come() -> None:
            while not over.is_set():
                self._go(self._arrive_alone(), ARRIVAL)
                await asyncio.sleep(1 / per_s)

        coming = asyncio.create_task(come())
        try:
            yield
        finally:
            over.set()
            await coming
            await asyncio.gather(*(task for task in self._tasks if task.get_name() == ARRIVAL))

    async def close(self) -> None:
        """Let every call that is under way end: a cancelled one leaves its connection open."""
        self._closing.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.aclose()

    async def watch(self, seconds: float) -> None:
        """The crowd watches for so long."""
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def figures(self) -> dict[str, Any]:
        """What is written into the table."""
        seen = self.seen
        return {
            "viewers": len(self.viewers),
            "stopped": len(self.stopped),
            "heartbeats": seen.beats,
            "heartbeats_failed": seen.beats_failed,
            "heartbeat_p99_ms": percentile(seen.beat_ms, 0.99),
            "longest_silence_s": round(max((one.silence_s for one in self.viewers), default=0.0), 1),
            "starts": seen.starts,
            "start_p99_ms": percentile(seen.start_ms, 0.99),
            "refusals": dict(sorted(seen.refusals.items())),
        }

    def _go(self, coroutine: Any, name: str) -> None:
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _arrive_alone(self) -> None:
        await self.arrive()

    async def _dev_log_in(self, account: str) -> str:
        answer = await self.client.post("/v1/dev/login", json={"account": account})
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    async def _start(self, viewer: Viewer) -> bool:
        began = monotonic()
        try:
            answer = await self.start_again(viewer, await self._log_in(viewer.account))
        except httpx.HTTPError as error:
            self.seen.refused(type(error).__name__)
            return False
        if answer.status_code != 201:
            self.seen.refused(answer.json()["code"])
            return False
        self.seen.starts += 1
        self.seen.start_ms.append(1000 * (monotonic() - began))
        self._take(viewer, answer.json())
        viewer.started_at = viewer.heard_at = monotonic()
        return True

    def _take(self, viewer: Viewer, said: dict[str, Any]) -> None:
        viewer.session = said.get("session", viewer.session)
        viewer.token = said.get("token", viewer.token)
        viewer.grace_token = said.get("grace_token", viewer.grace_token)
        viewer.heartbeat_s = said["heartbeat_s"]

    async def _watch(self, viewer: Viewer) -> None:
        failures = 0
        wait_s = viewer.heartbeat_s * (0.5 + 0.5 * chance())
        while not viewer.stopped:
            await self._pause(wait_s)
            if self._closing.is_set():
                return
            if await self._beat(viewer):
                failures, wait_s = 0, viewer.heartbeat_s
            else:
                wait_s = min(RETRY_S * 2**failures, viewer.heartbeat_s) * (0.5 + chance() / 2)
                failures += 1

    async def _beat(self, viewer: Viewer) -> bool:
        began = monotonic()
        headers = {"authorization": f"Bearer {viewer.token}"}
        self.seen.beats += 1
        try:
            answer = await self.client.post(f"/v1/sessions/{viewer.session}/heartbeat", headers=headers)
        except httpx.HTTPError:
            self.seen.beats_failed += 1
            return False
        if answer.status_code in (401, 410):
            viewer.stopped = answer.json()["code"]
            return False
        if answer.status_code != 200:
            self.seen.beats_failed += 1
            return False
        self.seen.beat_ms.append(1000 * (monotonic() - began))
        viewer.silence_s = max(viewer.silence_s, monotonic() - viewer.heard_at)
        viewer.heard_at = monotonic()
        self._take(viewer, answer.json())
        return True


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of them lies; 0 for none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)))], 1) if ordered else 0.0
