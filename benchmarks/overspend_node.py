"""One of the nodes that decide pods from shared budgets: `python -m benchmarks.overspend_node PLAN NODE`.

It counts in a file that outlives it, whatever ends it.
"""

import asyncio
import itertools
import mmap
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import redis.asyncio as redis

from tifo import stores
from tifo.api.breaks import Break
from tifo.api.inventory import Inventory
from tifo.kernel.clock import SystemClock
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.deciding import Decider
from tifo.services.ads.decision import decide
from tifo.services.ads.exposures import NOTHING
from tifo.services.ads.index import Index
from tifo.services.ads.model import Item, State, Viewer
from tifo.services.ads.settings import AdsSettings
from tifo.settings import Settings, StoresSettings

PODS_A_TURN = 20
"""Pods that are decided before anything else of the process has its turn: some milliseconds."""
PODS_KEPT = 1_000
"""Every viewer asks once: none of its decisions is wanted again."""
ASKERS = 16
"""Pods that wait for Redis at once where each asks it."""
CELL_BYTES = 8
READY_POLL_S = 0.05


class Plan(msgspec.Struct, frozen=True):
    """What all nodes are told: for how long they decide, of what inventory, and `how`.

    `how` is `parts`, as Tifo does, or `each`, where Redis is asked for every pod.
    """

    folder: str
    redis: str
    how: str
    seconds: float
    break_s: int
    inventory: Inventory

    @property
    def start(self) -> Path:
        """The file that says when all begin, in epoch seconds; it is there once all are ready."""
        return Path(self.folder) / "start"


class Counts:
    """Pods with an ad, impressions of each line item, and how long both took, in a file that all can read.

    What comes after the last of them, when nothing is left to sell, is not in it.
    """

    def __init__(self, folder: Path, items: Iterable[str], node: str) -> None:
        self._places = {item: n for n, item in enumerate(items, 3)}
        file, size = folder / f"{node}.counts", CELL_BYTES * (3 + len(self._places))
        if not file.exists():
            file.write_bytes(bytes(size))
        with file.open("r+b") as opened:
            self._cells = memoryview(mmap.mmap(opened.fileno(), size)).cast("Q")

    def add(self, items: Sequence[str]) -> None:
        """One pod that shows these line items."""
        self._cells[0] += bool(items)
        for item in items:
            self._cells[self._places[item]] += 1

    def took(self, cpu_ns: int, wall_ns: int) -> None:
        """So much processor time, and time, since the first pod."""
        self._cells[1], self._cells[2] = cpu_ns // 1_000, wall_ns // 1_000

    @property
    def pods(self) -> int:
        """So far."""
        return self._cells[0]

    @property
    def cpu_us(self) -> int:
        """So far."""
        return self._cells[1]

    @property
    def wall_us(self) -> int:
        """So far."""
        return self._cells[2]

    def shown(self) -> dict[str, int]:
        """Impressions by line item."""
        return {item: self._cells[place] for item, place in self._places.items()}


class Watch:
    """Tells the counts how long they took, from the first pod on."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._cpu_ns, self._wall_ns = time.process_time_ns(), time.monotonic_ns()

    def note(self, pods_before: int) -> None:
        """Until now, if any pod with an ad has come."""
        if self._counts.pods > pods_before:
            self._counts.took(time.process_time_ns() - self._cpu_ns, time.monotonic_ns() - self._wall_ns)


def viewers(node: str) -> Iterator[Viewer]:
    """No two are alike, nor one of another node."""
    return (Viewer(f"ses_{node}_{n}", f"acc_{node}_{n}", "final", "tv") for n in itertools.count())


def the_break(plan: Plan) -> Break:
    """The one that all are asked for."""
    return Break("brk-1", SystemClock().now(), float(plan.break_s))


async def until_of(plan: Plan, node: str) -> float:
    """Say that this node is ready, and wait for the others; until when it decides, in epoch seconds."""
    (Path(plan.folder) / f"{node}.ready").touch()
    begins = await asyncio.to_thread(_begins, plan)
    await asyncio.sleep(begins - SystemClock().now())
    return begins + plan.seconds


def _begins(plan: Plan) -> float:
    """Wait for the runner's word."""
    while not plan.start.exists():
        time.sleep(READY_POLL_S)
    return float(plan.start.read_text())


async def by_parts(plan: Plan, node: str, counts: Counts) -> None:
    """As a node of Tifo does: from parts of the budgets that it took before."""
    clock, brk, crowd = SystemClock(), the_break(plan), viewers(node)
    settings = Settings(stores=StoresSettings(budgets=plan.redis))
    ledger = Ledger(stores.budget_store(settings), clock, AdsSettings())
    decider = Decider(ledger, clock, pods_max=PODS_KEPT)
    decider.use(Index(plan.inventory))
    await ledger.open()
    until = await until_of(plan, node)
    watch = Watch(counts)
    while clock.now() < until:
        before = counts.pods
        for viewer in itertools.islice(crowd, PODS_A_TURN):
            counts.add([item.id for item in decider.pod(viewer, brk).items])
        watch.note(before)
        await asyncio.sleep(0)
    await ledger.close()


@dataclass(slots=True)
class Asking:
    """As many would do it: one round trip for each pod, a DECR for each of its ads.

    What Redis says is spent is remembered, so that nobody asks for it again.
    """

    client: redis.Redis
    index: Index
    running: int
    left: dict[str, int]
    funded: int = -1

    async def pod(self, viewer: Viewer, brk: Break) -> list[Item]:
        """The line items that are shown; the house has the places of the others."""
        state = State(SystemClock().now(), self.running, self.left, NOTHING, self.funded)
        items = decide(self.index, viewer, brk, state).items
        if not items:
            return []
        keys = [key for item in items for key in item.budgets]
        pipeline = self.client.pipeline(transaction=False)
        for key in keys:
            pipeline.decr(key)
        left = dict(zip(keys, await pipeline.execute(), strict=True))
        for key in (key for key, count in left.items() if count <= 0):
            self.left[key] = 0
            self.funded &= ~self.index.budgeted[key]
        return [item for item in items if all(left[key] >= 0 for key in item.budgets)]


async def by_asking(plan: Plan, node: str, counts: Counts) -> None:
    """Ask for each pod, some at once."""
    clock, brk, crowd = SystemClock(), the_break(plan), viewers(node)
    index = Index(plan.inventory)
    client = redis.Redis.from_url(plan.redis, protocol=2)  # what the proxy that counts can read
    asking = Asking(client, index, index.running(clock.now()), dict.fromkeys(index.budgets, 1))

    async def ask() -> None:
        while clock.now() < until:
            before = counts.pods
            counts.add([item.id for item in await asking.pod(next(crowd), brk)])
            watch.note(before)
            await asyncio.sleep(0)

    until = await until_of(plan, node)
    watch = Watch(counts)
    await asyncio.gather(*(ask() for _ in range(ASKERS)))
    await client.aclose()


def main(plan_file: Path, node: str) -> None:
    """Decide until the plan says."""
    plan = msgspec.json.decode(plan_file.read_bytes(), type=Plan)
    counts = Counts(Path(plan.folder), (one.id for one in plan.inventory.line_items), node)
    how = by_parts if plan.how == "parts" else by_asking
    asyncio.run(how(plan, node, counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
