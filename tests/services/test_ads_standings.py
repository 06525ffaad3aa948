"""What a node says of ads: its pods, and how far the line items are by what all nodes have taken."""

from collections.abc import Mapping, Sequence

import msgspec
import pytest
from ads_world import NOW, item
from ads_world import inventory as inventory_of

from tifo.adapters.memory.budgets import MemoryBudgetStore
from tifo.adapters.sqlite.inventory import SqliteInventoryStore
from tifo.api.breaks import Break
from tifo.api.inventory import Daypart, Inventory
from tifo.api.reports import LineItemReport
from tifo.board.view import BoardView
from tifo.kernel.errors import Unavailable
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.changes import Source
from tifo.services.ads.deciding import Decider
from tifo.services.ads.desk import InventoryDesk
from tifo.services.ads.model import Viewer
from tifo.services.ads.settings import AdsSettings
from tifo.services.ads.standings import LISTED_MAX, Standings

DAY = 86_400
SETTINGS = AdsSettings(capacity_per_s=800.0, pace_s=600.0)
LONG = {"starts": NOW - DAY, "ends": NOW + DAY}


class Budgets(MemoryBudgetStore):
    """May be gone."""

    gone = False

    async def taken(self, budgets: Sequence[str]) -> tuple[int, ...]:
        if self.gone:
            raise Unavailable("budgets", "gone")
        return await super().taken(budgets)


class Node:
    """What decides, and what tells of it."""

    def __init__(self, store: Budgets, inventories, board, publisher, clock, audit, outside) -> None:
        self.clock = clock
        self.ledger = Ledger(store, clock, SETTINGS)
        self.decider = Decider(self.ledger, clock)
        view = BoardView(board, clock)
        self.desk = InventoryDesk(inventories, self.decider, view, publisher, audit, clock)
        self.standings = Standings(self.desk, self.decider, outside, self.ledger, clock, SETTINGS)

    async def load(self, inventory: Inventory) -> None:
        document = msgspec.json.decode(msgspec.json.encode(inventory))
        await self.desk.load("ada", document, None, Source("", ""))

    def show(self, count: int) -> None:
        for n in range(count):
            viewer = Viewer(f"ses_{id(self)}_{n}", f"fan-{n}", "final", "tv")
            pod = self.decider.pod(viewer, Break("brk-1", NOW, 20.0))
            self.decider.tally.answered(pod.picks, pod.rest_s)

    async def told(self) -> Mapping[str, LineItemReport]:
        await self.standings.look()
        return {one.id: one for one in self.standings.report(1.0).items}


@pytest.fixture
def store() -> Budgets:
    return Budgets()


@pytest.fixture
def node(store, tmp_path, board, publisher, clock, audit, no_outside) -> Node:
    clock.advance(NOW - clock.now())
    inventories = SqliteInventoryStore(tmp_path / "inventory.db")
    return Node(store, inventories, board, publisher, clock, audit, no_outside)


@pytest.fixture
def bought() -> Inventory:
    return inventory_of(item("ad", impressions=10_000, pace="asap", **LONG), item("free", **LONG))


async def test_node_tells_its_pods_and_the_inventory_in_force(node: Node, bought, clock) -> None:
    assert node.standings.report(1.0).revision == 0
    await node.load(bought)
    clock.advance(30)
    node.show(4)
    told = node.standings.report(1.0)
    assert (told.revision, told.since, told.line_items, told.capacity_per_s) == (1, NOW, 2, 800.0)
    assert told.pods_per_s == 2.0  # of the two seconds since the first report
    assert sum(told.seconds.values()) == 2.0 * 20


async def test_what_was_taken_is_of_all_nodes_and_what_is_held_of_this_one(node: Node, bought, store) -> None:
    await node.load(bought)
    other = Ledger(store, node.clock, SETTINGS)
    other.follow(node.decider.index)
    await other.look()
    await node.ledger.look()
    node.show(4)
    assert set(told := await node.told()) == {"ad"}
    assert (told["ad"].goal, told["ad"].taken, told["ad"].held) == (10_000, 20, 6)


async def test_due_counts_the_hours_of_the_flight_alone(node: Node) -> None:
    whole = item("all-day", impressions=1_000, **LONG)
    never = item(
        "no-hour", impressions=1_000, starts=NOW, ends=NOW + 60, dayparts=(Daypart("03:00", "03:01"),)
    )
    await node.load(inventory_of(whole, never))
    told = await node.told()
    assert (told["all-day"].due, told["all-day"].gathers) == (500, round(1_000 * 600 / (2 * DAY)))
    assert told["no-hour"].due == 0


async def test_budgets_stand_as_they_were_while_the_store_is_gone(node: Node, bought, store) -> None:
    await node.load(bought)
    await node.ledger.look()
    before = await node.told()
    store.gone = True
    with pytest.raises(Unavailable):
        await node.standings.look()
    assert {one.id: one for one in node.standings.report(1.0).items} == before


async def test_of_many_line_items_the_largest_that_run_are_told(node: Node) -> None:
    running = [item(f"i-{n:03}", impressions=n + 1, **LONG) for n in range(LISTED_MAX + 5)]
    later = item("later", impressions=1_000_000, starts=NOW + 10, ends=NOW + DAY)
    await node.load(inventory_of(*running, later))
    told = await node.told()
    assert len(told) == LISTED_MAX
    assert "later" not in told
    assert set(told) == {f"i-{n:03}" for n in range(5, LISTED_MAX + 5)}
