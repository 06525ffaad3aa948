"""Caps over many nodes: what one showed, another knows before the next break."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import redis_server
from ads_world import NOW, item
from ads_world import inventory as inventory_of
from hypothesis import given, settings
from hypothesis import strategies as st
from store_ways import ways_to

from tifo.adapters.memory.budgets import MemoryBudgetStore
from tifo.adapters.memory.exposures import MemoryExposureStore
from tifo.adapters.redis.exposures import RedisExposureStore
from tifo.adapters.sqlite.exposures import SqliteExposureStore
from tifo.api.breaks import Break, Breaks
from tifo.api.inventory import Campaign, Cap, Inventory
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Unavailable
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.deciding import Decider, Lever
from tifo.services.ads.index import Index
from tifo.services.ads.model import Viewer
from tifo.services.ads.ports import ExposureStore, Mark
from tifo.services.ads.settings import AdsSettings
from tifo.services.ads.shared_exposures import ACCOUNTS_PER_READ, READS_MAX, SharedExposures
from tifo.telemetry.metrics import EXPOSURES

SETTINGS = AdsSettings()
LONG = {"starts": NOW - 86_400, "ends": NOW + 30 * 86_400}
DAY, WEEK = 86_400, 604_800
EVERY_S = 600.0


class Book(Breaks):
    """A break of ten seconds every ten minutes; the first is on."""

    def between(self, begin: float, end: float) -> tuple[Break, ...]:
        first, last = int((begin - NOW) // EVERY_S), int((end - NOW) // EVERY_S)
        breaks = (self._nth(n) for n in range(max(0, first), last + 1))
        return tuple(one for one in breaks if one.overlaps(begin, end))

    def find(self, break_id: str) -> Break | None:
        return self._nth(int(break_id.removeprefix("brk-")))

    def _nth(self, n: int) -> Break:
        return Break(f"brk-{n}", NOW + n * EVERY_S, 10.0)


BOOK = Book()


class Levers:
    """Says whom ads are decided for."""

    in_force: Lever = "personal"


class Watched(ExposureStore):
    """The store of all nodes, with what was read of it; may be gone."""

    def __init__(self, store: ExposureStore) -> None:
        self.store, self.read_of, self.gone = store, [], False

    async def add(self, marks: Sequence[Mark], now: float) -> None:
        if self.gone:
            raise Unavailable("exposures", "gone")
        await self.store.add(marks, now)

    async def read(self, accounts: Sequence[str], now: float) -> tuple[Mapping[str, Sequence[float]], ...]:
        if self.gone:
            raise Unavailable("exposures", "gone")
        self.read_of.append(tuple(accounts))
        return await self.store.read(accounts, now)

    async def close(self) -> None:
        await self.store.close()


class Node:
    """One of several that decide for the same accounts."""

    def __init__(self, store: ExposureStore, clock: ManualClock, inventory: Inventory) -> None:
        self.clock = clock
        self.decider = Decider(Ledger(MemoryBudgetStore(), clock, SETTINGS), clock)
        self.decider.use(Index(inventory))
        self.levers = Levers()
        self.shared = SharedExposures(store, self.decider, BOOK, self.levers, clock, SETTINGS)

    def arrive(self, *accounts: str) -> None:
        for account in accounts:
            self.decider.present.arrived(account)

    def show(self, account: str = "demo", device: str = "tv") -> list[str]:
        """The line items of the account's pod of the break that is on."""
        (brk,) = BOOK.between(self.clock.now(), self.clock.now() + 1)
        self.arrive(account)
        viewer = Viewer(f"ses-{account}-{device}-{id(self)}", account, "final", "tv")
        pod = self.decider.pod(viewer, brk, self.levers.in_force)
        return [one.id for one in pod.items]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.RedisServer]:
    """A real Redis."""
    if not redis_server.installed():
        pytest.skip(redis_server.NOT_RUN)
    with redis_server.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(params=["sqlite", "redis"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ExposureStore]:
    """Each node's way to the same store."""
    return ways_to("exposures", request, tmp_path, SqliteExposureStore, RedisExposureStore)


@pytest.fixture
def store() -> Watched:
    return Watched(MemoryExposureStore())


MakeNode = Callable[[Inventory], Node]


@pytest.fixture
async def node(stores: Callable[[], ExposureStore], clock: ManualClock) -> AsyncIterator[MakeNode]:
    nodes = []

    def make(inventory: Inventory) -> Node:
        nodes.append(Node(stores(), clock, inventory))
        return nodes[-1]

    yield make
    for one in nodes:
        await one.shared.close()


def capped(times: int, per_s: int = DAY) -> Inventory:
    return inventory_of(item("ad", caps=(Cap(times, per_s),), **LONG))


async def until_next_break(clock: ManualClock, *nodes: Node) -> None:
    """Each node looks once a second, as it does."""
    await to(clock, (int((clock.now() - NOW) // EVERY_S) + 1) * EVERY_S, *nodes)


async def look(node: Node) -> None:
    """Again while a loaded machine does not answer in time."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await node.shared.look()
            except Unavailable:
                await asyncio.sleep(0.2)


async def to(clock: ManualClock, after_s: float, *nodes: Node) -> None:
    """Skips the quiet minutes: from two minutes before, second by second."""
    clock.advance(max(0.0, NOW + after_s - 120 - clock.now()))
    while clock.now() < NOW + after_s:
        for one in nodes:
            await look(one)
        clock.advance(1)


def counted(outcome: str) -> float:
    return EXPOSURES.labels(outcome)._value.get()


async def test_account_is_capped_over_the_nodes_that_serve_it(node: MakeNode, clock) -> None:
    one, other = node(capped(2)), node(capped(2))
    one.arrive("demo")
    other.arrive("demo")
    assert one.show() == ["ad"]
    await until_next_break(clock, one, other)
    assert other.show() == ["ad"]
    await until_next_break(clock, one, other)
    assert one.show() == other.show() == []
    assert one.show("somebody") == ["ad"]


async def test_account_that_arrives_is_read_within_a_look(node: MakeNode, clock) -> None:
    one, other = node(capped(1)), node(capped(1))
    one.show()
    await look(one)
    other.arrive("demo")
    await look(other)
    assert other.show() == []


async def test_node_that_restarts_knows_what_was_seen(node: MakeNode, clock) -> None:
    before = node(capped(1))
    before.show()
    await look(before)
    after = node(capped(1))
    after.arrive("demo")
    await look(after)
    assert after.show() == []


async def test_node_that_stops_tells_the_rest(node: MakeNode, stores, clock) -> None:
    stopped = Node(stores(), clock, capped(1))
    stopped.show()
    await stopped.shared.close()
    after = node(capped(1))
    after.arrive("demo")
    await look(after)
    assert after.show() == []


async def test_campaign_is_capped_over_its_line_items_and_nodes(node: MakeNode, clock) -> None:
    camp = Campaign("camp", "camp", caps=(Cap(1, WEEK),))
    items = [item(name, campaign="camp", **LONG) for name in ("a", "b")]
    inventory = inventory_of(*items, campaigns=(camp,))
    one, other = node(inventory), node(inventory)
    other.arrive("demo")
    assert len(one.show()) == 1
    await until_next_break(clock, one, other)
    assert other.show() == []
    await to(clock, 1008 * EVERY_S, one, other)  # a week later
    assert len(other.show()) == 1


async def test_window_is_over_on_every_node(node: MakeNode, clock) -> None:
    one, other = node(capped(1, DAY)), node(capped(1, DAY))
    one.show()
    other.arrive("demo")
    await to(clock, 143 * EVERY_S, one, other)
    assert other.show() == []
    await to(clock, 144 * EVERY_S, one, other)
    assert other.show() == ["ad"]


async def test_devices_in_the_same_break_see_no_more_than_one_each_above_the_cap(
    node: MakeNode, clock
) -> None:
    nodes = [node(capped(2)) for _ in range(3)]
    shown = 0
    for _ in range(4):
        for one in nodes:
            clock.advance(0.001)
            shown += len(one.show())
        await until_next_break(clock, *nodes)
    assert shown == len(nodes)  # each node let one in before it knew of the others


@settings(max_examples=40, deadline=None)
@given(
    times=st.integers(1, 3),
    asked=st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=3, unique_by=lambda one: one[0]),
        max_size=5,
    ),
)
async def test_excess_is_bounded_by_devices_at_once_and_nodes_that_had_not_read(
    times: int, asked: list[list[tuple[int, bool]]]
) -> None:
    clock, shared = ManualClock(NOW), Watched(MemoryExposureStore())
    nodes = [Node(shared, clock, capped(times)) for _ in range(3)]
    for one in nodes:
        one.arrive("demo")
    await until_next_break(clock, *nodes)
    shown = anew = 0
    for devices in asked:
        for n, restarts in devices:
            clock.advance(0.001)
            if restarts:
                await nodes[n].shared.close()
                nodes[n] = Node(shared, clock, capped(times))
                anew += 1
            shown += len(nodes[n].show())
        await until_next_break(clock, *nodes)
    at_once = max(map(len, asked), default=0)
    assert shown <= times + max(0, at_once - 1) + anew


async def test_store_that_is_gone_leaves_what_the_node_counts(store, clock) -> None:
    one, other = (Node(store, clock, capped(1)) for _ in range(2))
    store.gone = True
    assert one.show() == other.show() == ["ad"]
    with pytest.raises(Unavailable):
        await one.shared.look()
    assert one.show(device="phone") == []
    store.gone = False
    await one.shared.look()
    assert (await store.read(["demo"], NOW))[0] == {"l:ad/1/86400": (NOW,)}


async def test_arrivals_are_read_once_the_store_is_back(store, clock) -> None:
    one = Node(store, clock, capped(1))
    one.arrive("demo")
    store.gone = True
    with pytest.raises(Unavailable):
        await one.shared.look()
    store.gone = False
    await one.shared.look()
    assert store.read_of == [("demo",)]


async def test_each_account_is_read_once_before_a_break_whatever_devices_it_has(store, clock) -> None:
    one = Node(store, clock, capped(1))
    accounts = [f"viewer-{n}" for n in range(2 * ACCOUNTS_PER_READ + 5)]
    for _ in range(3):
        one.arrive(*accounts)
    await one.shared.look()
    assert [len(read) for read in store.read_of] == [ACCOUNTS_PER_READ, ACCOUNTS_PER_READ, 5]
    store.read_of.clear()
    one.show("viewer-0")
    await until_next_break(clock, one)
    assert sorted(account for read in store.read_of for account in read) == sorted(accounts)
    assert [len(read) for read in store.read_of] == [ACCOUNTS_PER_READ, ACCOUNTS_PER_READ, 5]


async def test_look_reads_no_more_than_it_may(store, clock) -> None:
    one = Node(store, clock, capped(1))
    one.arrive(*(f"viewer-{n}" for n in range((READS_MAX + 1) * ACCOUNTS_PER_READ)))
    await one.shared.look()
    assert len(store.read_of) == READS_MAX


async def test_who_is_gone_for_long_is_not_read(store, clock) -> None:
    one = Node(store, clock, capped(1))
    one.arrive("demo")
    for _ in range(2):
        clock.advance(SETTINGS.present_s)
        await one.shared.look()
    store.read_of.clear()
    await until_next_break(clock, one)
    assert store.read_of == []


@pytest.mark.parametrize("lever", ["cohort", "house", "none"])
async def test_nothing_is_read_where_caps_are_not_of_accounts(store, clock, lever) -> None:
    one = Node(store, clock, capped(1))
    one.levers.in_force = lever
    one.arrive("demo")
    await until_next_break(clock, one)
    assert store.read_of == []


async def test_nothing_is_asked_without_caps(store, clock) -> None:
    one = Node(store, clock, inventory_of(item("ad", **LONG)))
    assert one.show() == ["ad"]
    await until_next_break(clock, one)
    assert store.read_of == []
    assert not one.decider.exposures.unsaved


async def test_cohorts_of_two_nodes_are_two(store, clock) -> None:
    one, other = (Node(store, clock, capped(1)) for _ in range(2))
    for each in (one, other):
        each.levers.in_force = "cohort"
        assert each.show() == ["ad"]
        await each.shared.look()
    assert not one.decider.exposures.unsaved


async def test_unread_when_the_break_begins_is_counted(store, clock) -> None:
    one = Node(store, clock, capped(1))
    one.show()
    await one.shared.look()
    before = counted("unread")
    clock.advance(EVERY_S - 89)
    await one.shared.look()
    clock.advance(89)
    await one.shared.look()
    assert counted("unread") == before + 1
