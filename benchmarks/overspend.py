"""Eight nodes that spend the same budgets to their end: what is shown of what was bought, and what it costs.

Each node is a process with the decisions, the inventory and the parts of budgets that a service has, and no
HTTP before them: so they spend faster than eight whole services on this core could. The peer asks Redis for
every pod.
"""

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import redis as client

from benchmarks import ads, store
from benchmarks.counting import Counts as Asked
from benchmarks.counting import counting
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.overspend_node import Counts, Plan
from benchmarks.runner import Effort, Progress
from benchmarks.store import Redis
from tifo import stores
from tifo.api.inventory import Inventory
from tifo.kernel.clock import SystemClock
from tifo.services.ads.budgets import PARTS_OF_A_BUDGET
from tifo.services.ads.ports import Ask, BudgetStore
from tifo.services.ads.settings import AdsSettings
from tifo.settings import Settings, StoresSettings

NODES = 8
ITEMS = 100
GOAL = 1_000_000
"""Impressions that were bought of each, most of them shown before."""
LEFT = 6_000
"""Impressions that are left of each: the end of a budget is where nodes get into each other's way."""
STARTING_S = 8.0
"""About how long it takes until all nodes are ready, on one core."""
READY_S_MAX = 180.0
DIES_AFTER_S = 1.5
END_S_MAX = 120.0
TICK_S = 0.5

COLUMNS = (
    Column("pods/s"),
    Column("impressions decided"),
    Column("of what was left, %", digits=2),
    Column("overspent (bound: 0)"),
    Column("taken and lost"),
    Column("bound of what a death loses"),
    Column("commands per 1,000 pods", digits=1, compared=True),
    Column("round trips per 1,000 pods", digits=2, compared=True),
    Column("commands/s"),
    Column("nodes' CPU, us a pod", compared=True),
    Column("Redis CPU, us a pod", digits=1, compared=True),
)


@dataclass(frozen=True, slots=True)
class Way:
    """How nodes ask; whether one of them is killed meanwhile."""

    title: str
    how: str
    seconds: float
    dies: bool = False


WAYS = (
    Way("Tifo: parts taken ahead", "parts", 20.0),
    Way("a DECR for every ad, a round trip for every pod", "each", 45.0),
    Way("Tifo, one of the nodes killed", "parts", 20.0, dies=True),
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What all nodes did: impressions `left` at first, `shown`, and `gone` as the store says, by line item.

    `pods` are those with an ad, and `seconds` until the last of them. `cpu_us` and `store_us` are processor
    time of the nodes and of Redis, `asked` what Redis was asked; `part_max` a node holds at the most.
    """

    left: Mapping[str, int]
    shown: Mapping[str, int]
    gone: Mapping[str, int]
    deaths: int
    part_max: int
    pods: int
    seconds: float
    cpu_us: float
    store_us: float
    asked: Asked

    @property
    def overspent(self) -> int:
        """Impressions past what was left to show, of all line items."""
        return sum(max(0, count - self.left[item]) for item, count in self.shown.items())

    @property
    def lost(self) -> int:
        """Impressions that were taken and neither shown nor given back."""
        return sum(max(0, min(gone, self.left[item]) - self.shown[item]) for item, gone in self.gone.items())

    @property
    def lost_max(self) -> int:
        """What deaths may cost at the most, as decision 0015 states it."""
        return self.deaths * self.part_max * len(self.left)

    def row(self, title: str) -> Row:
        """As the table has it."""
        shown, thousands = sum(self.shown.values()), self.pods / 1_000
        values = (
            self.pods / self.seconds,
            shown,
            100 * shown / sum(self.left.values()),
            *(self.overspent, self.lost, self.lost_max),
            *(self.asked.commands / thousands, self.asked.round_trips / thousands),
            self.asked.commands / self.seconds,
            *(self.cpu_us / self.pods, self.store_us / self.pods),
        )
        return Row(title, tuple(map(float, values)))


def part_max(goal: int) -> int:
    """Impressions of a budget that one node holds at the most."""
    return min(AdsSettings().part_count_max, max(1, goal // PARTS_OF_A_BUDGET))


class Overspend:
    """A Redis and eight nodes for each way."""

    name = "ads-overspend"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes, whatever the effort."""
        return sum(STARTING_S + way.seconds for way in WAYS)

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """One row for each way."""
        rows = []
        for way in WAYS:
            progress.doing(f"{self.name}: {way.title}")
            spent = _spent(way, max(1, round(LEFT * effort.scale)), cores, progress)
            if not spent.pods:
                raise CannotMeasure("no node decided a pod with an ad")
            rows.append(spent.row(way.title))
        return Found(findings=(_finding(effort.scale, tuple(rows)),))


def _finding(scale: float, rows: tuple[Row, ...]) -> Finding:
    return Finding(
        name=Overspend.name,
        title=f"Budgets spent to their end by {NODES} nodes at full load, over one Redis",
        parameters={
            "line items": str(ITEMS),
            "left of each": f"{LEFT * scale:,.0f} of {GOAL:,}",
            "break": f"{ads.BREAK_S} s",
            "nodes": f"{NODES} processes on one core, without HTTP",
            "Redis": "on the other",
        },
        columns=COLUMNS,
        rows=rows,
    )


def _inventory() -> Inventory:
    whole = ads.inventory(SystemClock().now())
    items = whole.line_items[:ITEMS]
    bought = tuple(msgspec.structs.replace(one, impressions=GOAL, caps=()) for one in items)
    return msgspec.structs.replace(whole, line_items=bought)


def _spent(way: Way, left_each: int, cores: Cores, progress: Progress) -> Spent:
    with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name, store.redis(cores.generator) as redis:
        inventory = _inventory()
        left = {one.id: left_each for one in inventory.line_items}
        if way.how == "each":
            _put(redis.url, left)
        else:
            asyncio.run(_take(redis.url, left))
        with counting(redis.url) as proxy:
            plan = Plan(name, proxy.url, way.how, way.seconds, ads.BREAK_S, inventory)
            used_s, before = redis.servers.cpu_s(), proxy.counts()
            _run(plan, cores.server, progress, dies=way.dies)
            asked, store_s = proxy.counts().since(before), redis.servers.cpu_s() - used_s
        gone = _counted(redis, left) if way.how == "each" else asyncio.run(_taken(redis.url, left))
        counts = [Counts(Path(name), left, node) for node in _names()]
    return Spent(
        left=left,
        shown={item: sum(one.shown()[item] for one in counts) for item in left},
        gone=gone,
        deaths=int(way.dies),
        part_max=part_max(GOAL),
        pods=sum(one.pods for one in counts),
        seconds=max(one.wall_us for one in counts) / 1e6,
        cpu_us=float(sum(one.cpu_us for one in counts)),
        store_us=1e6 * store_s,
        asked=asked,
    )


def _names() -> Iterator[str]:
    return (f"node-{n}" for n in range(NODES))


def _run(plan: Plan, core: int, progress: Progress, *, dies: bool) -> None:
    """All nodes until the plan's end; the first is killed on the way there where one `dies`."""
    file = Path(plan.folder) / "plan.json"
    file.write_bytes(msgspec.json.encode(plan))
    command = ("taskset", "--cpu-list", str(core), sys.executable, "-m", "benchmarks.overspend_node")
    with (Path(plan.folder) / "nodes.log").open("wb") as log:
        nodes = [subprocess.Popen((*command, str(file), node), stdout=log, stderr=log) for node in _names()]
    try:
        _begin(plan, nodes, progress)
        if dies:
            _wait(nodes[:1], DIES_AFTER_S, progress)
            nodes[0].send_signal(signal.SIGKILL)
        if not _wait(nodes, plan.seconds + END_S_MAX, progress):
            raise CannotMeasure("a node did not end in time")
    finally:
        for node in nodes:
            node.kill()
            node.wait()
    if any(node.returncode for node in nodes[dies:]):
        raise CannotMeasure("a node failed")


def _begin(plan: Plan, nodes: Sequence[subprocess.Popen[bytes]], progress: Progress) -> None:
    """Have all begin at once, when all are ready."""
    ready = [Path(plan.folder) / f"{node}.ready" for node in _names()]
    deadline = time.monotonic() + READY_S_MAX
    while not all(one.exists() for one in ready):
        if time.monotonic() > deadline or any(node.poll() is not None for node in nodes):
            raise CannotMeasure("the nodes did not get ready")
        time.sleep(TICK_S)
        progress.advance(TICK_S)
    draft = plan.start.with_suffix(".new")
    draft.write_text(str(SystemClock().now() + TICK_S))
    draft.rename(plan.start)


def _wait(nodes: Sequence[subprocess.Popen[bytes]], seconds: float, progress: Progress) -> bool:
    """Whether all of these ended within so many seconds."""
    deadline = time.monotonic() + seconds
    while any(node.poll() is None for node in nodes):
        if time.monotonic() > deadline:
            return False
        time.sleep(TICK_S)
        progress.advance(TICK_S)
    return True


async def _take(url: str, left: Mapping[str, int]) -> None:
    """What was shown before: all but what is left."""
    budgets = _budgets(url)
    asks = [Ask(_key(item), GOAL - count, GOAL) for item, count in left.items()]
    await budgets.take(asks, SystemClock().now())
    await budgets.close()


async def _taken(url: str, left: Mapping[str, int]) -> dict[str, int]:
    """What was taken of what was left."""
    budgets = _budgets(url)
    taken = await budgets.taken([_key(item) for item in left])
    await budgets.close()
    return {item: count - (GOAL - left[item]) for item, count in zip(left, taken, strict=True)}


def _budgets(url: str) -> BudgetStore:
    return stores.budget_store(Settings(stores=StoresSettings(budgets=url)))


def _put(url: str, left: Mapping[str, int]) -> None:
    with closing(client.Redis.from_url(url)) as connection:
        connection.mset({_key(item): count for item, count in left.items()})


def _counted(redis: Redis, left: Mapping[str, int]) -> dict[str, int]:
    """What was taken of the counters that each pod asks for."""
    with closing(client.Redis.from_url(redis.url)) as connection:
        return {item: count - int(connection.get(_key(item)) or 0) for item, count in left.items()}


def _key(item: str) -> str:
    """The budget of a line item, as the index calls it."""
    return f"l:{item}"
