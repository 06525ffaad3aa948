"""A node's decisions: budgets shared by parts, caps by account, and the same pod for who asks again."""

from collections.abc import Mapping, Sequence

import pytest
from ads_world import NOW, item
from ads_world import inventory as inventory_of

from tifo.adapters.memory.budgets import MemoryBudgetStore
from tifo.api.breaks import Break
from tifo.api.inventory import Campaign, Cap, Inventory
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Unavailable
from tifo.services.ads.budgets import ASKS_MAX, PART_MIN, WAIT_S_MAX, Ledger
from tifo.services.ads.deciding import KEPT_S, Decider
from tifo.services.ads.exposures import Exposures
from tifo.services.ads.index import Index
from tifo.services.ads.model import Viewer
from tifo.services.ads.ports import Ask, BudgetStore
from tifo.services.ads.settings import AdsSettings

BREAK = Break("brk-1", NOW, 10.0)
SETTINGS = AdsSettings(part_count_max=100)
LONG = {"starts": NOW - 86_400, "ends": NOW + 86_400}


class Watched(BudgetStore):
    """The budgets of all nodes, with what was asked of them; may be gone."""

    def __init__(self) -> None:
        self.store, self.asked, self.gone = MemoryBudgetStore(), [], False

    async def take(self, asks: Sequence[Ask], now: float) -> tuple[int, ...]:
        if self.gone:
            raise Unavailable("budgets", "gone")
        self.asked.append(tuple(asks))
        return await self.store.take(asks, now)

    async def taken(self, budgets: Sequence[str]) -> tuple[int, ...]:
        if self.gone:
            raise Unavailable("budgets", "gone")
        return await self.store.taken(budgets)

    async def give_back(self, unused: Mapping[str, int]) -> None:
        if self.gone:
            raise Unavailable("budgets", "gone")
        await self.store.give_back(unused)

    async def close(self) -> None:
        await self.store.close()


class Node:
    """One of several that decide."""

    def __init__(self, store: BudgetStore, clock: ManualClock, inventory: Inventory) -> None:
        self.ledger = Ledger(store, clock, SETTINGS)
        self.decider = Decider(self.ledger, clock)
        self.decider.use(Index(inventory))
        self.viewers = 0

    def show(self, count: int = 1, account: str = "") -> int:
        """How many of so many new viewers are shown an ad."""
        shown = 0
        for _ in range(count):
            self.viewers += 1
            name = f"ses_{id(self)}_{self.viewers}"
            shown += len(self.decider.pod(Viewer(name, account or name, "final", "tv"), BREAK).items)
        return shown


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store() -> Watched:
    return Watched()


def bought(impressions: int, **more: object) -> Inventory:
    return inventory_of(item("ad", impressions=impressions, **{**LONG, "pace": "asap", **more}))


def node(store, clock, inventory: Inventory) -> Node:
    return Node(store, clock, inventory)


async def test_nothing_is_shown_before_a_part_was_taken(store, clock) -> None:
    one = node(store, clock, bought(100_000))
    assert one.show(5) == 0
    await one.ledger.look()
    assert one.show(50) == PART_MIN


async def test_parts_grow_with_what_is_spent_up_to_their_limit(store, clock) -> None:
    one = node(store, clock, bought(1_000_000))
    shown = []
    for _ in range(7):
        await one.ledger.look()
        shown.append(one.show(500))
    assert shown == [10, 20, 40, 80, 100, 100, 100]


async def test_part_that_is_hardly_used_is_left_alone(store, clock) -> None:
    one = node(store, clock, bought(100_000))
    for _ in range(5):
        await one.ledger.look()
        one.show(1)
    assert len(store.asked) == 1


async def test_budget_is_never_overspent_by_many_nodes(store, clock) -> None:
    inventory = bought(50_000, campaign="camp")
    nodes = [node(store, clock, inventory) for _ in range(5)]
    shown = 0
    for _ in range(300):
        for one in nodes:
            await one.ledger.look()
            shown += one.show(60)
        clock.advance(WAIT_S_MAX)
    assert shown == 50_000


async def test_budget_of_the_campaign_limits_its_line_items(store, clock) -> None:
    camp = Campaign("camp", "camp", impressions=30)
    one = node(store, clock, inventory_of(item("ad", campaign="camp", **LONG), campaigns=(camp,)))
    shown = 0
    for _ in range(60):
        await one.ledger.look()
        shown += one.show(5)
        clock.advance(WAIT_S_MAX)
    assert shown == 30


async def test_small_budget_is_shared_in_small_parts(store, clock) -> None:
    one = node(store, clock, bought(3_000))
    await one.ledger.look()
    assert one.show(50) == 3


async def test_node_that_dies_loses_no_more_than_its_part(store, clock) -> None:
    lost = node(store, clock, bought(1_000_000))
    for _ in range(8):
        await lost.ledger.look()
        lost.show(500)
    await lost.ledger.look()
    assert lost.ledger.left["l:ad"] <= SETTINGS.part_count_max


async def test_store_that_is_gone_leaves_what_the_node_holds(store, clock) -> None:
    one = node(store, clock, bought(100_000))
    await one.ledger.look()
    store.gone = True
    one.show(6)
    with pytest.raises(Unavailable):
        await one.ledger.look()
    assert one.show(50) == PART_MIN - 6
    store.gone = False
    await one.ledger.look()
    assert one.show(50) > 0


async def test_budget_without_anything_left_is_asked_less_and_less(store, clock) -> None:
    one = node(store, clock, bought(1_000))
    await store.take([Ask("l:ad", 1_000, 1_000)], NOW)
    for _ in range(400):
        await one.ledger.look()
        clock.advance(SETTINGS.part_s)
    assert len(store.asked) <= 8 + 400 * SETTINGS.part_s / WAIT_S_MAX


async def test_many_budgets_are_asked_for_some_at_a_time(store, clock) -> None:
    count = 2 * ASKS_MAX + 1
    items = (item(f"ad{n}", impressions=100_000, pace="asap", **LONG) for n in range(count))
    one = node(store, clock, inventory_of(*items))
    for _ in range(4):
        await one.ledger.look()
    assert [len(asked) for asked in store.asked] == [ASKS_MAX, ASKS_MAX, 1]
    assert set(one.ledger.left.values()) == {PART_MIN}
    assert one.ledger.funded & one.decider.index.active == one.decider.index.active


async def test_idle_part_goes_back_and_so_does_that_of_a_node_that_stops(store, clock) -> None:
    idle, other = (node(store, clock, bought(10_000)) for _ in range(2))
    await idle.ledger.look()
    await other.ledger.look()
    clock.advance(SETTINGS.pace_s + 1)
    other.show(1)
    await idle.ledger.look()
    assert "l:ad" not in idle.ledger.left
    await idle.ledger.close()
    await other.ledger.close()
    assert await store.take([Ask("l:ad", 10_000, 10_000)], clock.now()) == (10_000 - 1,)


async def test_budget_that_left_the_inventory_goes_back(store, clock) -> None:
    one = node(store, clock, bought(10_000))
    await one.ledger.look()
    one.decider.use(Index(Inventory()))
    await one.ledger.look()
    assert not one.ledger.left
    assert await store.take([Ask("l:ad", 10_000, 10_000)], clock.now()) == (10_000,)


async def test_pace_holds_for_all_nodes_together(store, clock) -> None:
    flight = {"starts": NOW, "ends": NOW + 36_000, "pace": "even"}
    nodes = [node(store, clock, bought(36_000, **flight)) for _ in range(3)]
    shown = []
    for _ in range(20):
        clock.advance(60)
        shown.append(0)
        for _ in range(10):
            for one in nodes:
                await one.ledger.look()
                shown[-1] += one.show(40)
            clock.advance(SETTINGS.part_s)
    assert sum(shown) == pytest.approx(clock.now() - NOW, rel=0.1)
    assert max(shown[2:]) < 2 * 63


async def test_who_asks_again_gets_the_same_and_spends_nothing(store, clock) -> None:
    one = node(store, clock, bought(100_000))
    await one.ledger.look()
    viewer = Viewer("ses_1", "demo", "final", "tv")
    first = one.decider.pod(viewer, BREAK)
    one.decider.use(Index(Inventory()))
    assert one.decider.pod(viewer, BREAK) is first
    assert one.ledger.left["l:ad"] == PART_MIN - 1


async def test_pod_is_forgotten_when_its_break_is_long_over(store, clock) -> None:
    one = node(store, clock, bought(100_000))
    await one.ledger.look()
    viewer = Viewer("ses_1", "demo", "final", "tv")
    first = one.decider.pod(viewer, BREAK)
    clock.advance(BREAK.duration_s + KEPT_S - 1)
    one.show()
    assert one.decider.pod(viewer, BREAK) is first
    clock.advance(2)
    one.show()
    assert one.decider.pod(viewer, BREAK) is not first


async def test_no_more_pods_are_remembered_than_may_be(store, clock) -> None:
    ledger = Ledger(store, clock, SETTINGS)
    decider = Decider(ledger, clock, pods_max=3)
    viewers = [Viewer(f"ses_{n}", "demo", "final", "tv") for n in range(5)]
    pods = [decider.pod(one, BREAK) for one in viewers]
    again = [decider.pod(one, BREAK) is pod for one, pod in zip(viewers[2:], pods[2:], strict=True)]
    assert again == [True, True, True]
    assert decider.pod(viewers[0], BREAK) is not pods[0]


async def test_account_is_capped_over_breaks_and_sessions(store, clock) -> None:
    one = node(store, clock, inventory_of(item("ad", caps=(Cap(2, 3_600),), **LONG)))
    assert one.show(5, account="demo") == 2
    assert one.show(1, account="other") == 1
    clock.advance(3_601)
    assert one.show(5, account="demo") == 2


async def test_explanation_changes_nothing(store, clock) -> None:
    one = node(store, clock, bought(100_000))
    viewer = Viewer("ses_1", "demo", "final", "tv")
    assert one.decider.explain(viewer, BREAK)[1] == {"ad": "budget"}
    await one.ledger.look()
    for _ in range(2 * PART_MIN):
        decision, told = one.decider.explain(viewer, BREAK)
        assert told == {"ad": "chosen"}
    assert [pick.kind for pick in decision.picks] == ["ad"]


async def test_line_items_begin_and_end_by_the_clock(store, clock) -> None:
    one = node(store, clock, inventory_of(item("ad", starts=NOW + 5, ends=NOW + 10)))
    assert one.show() == 0
    clock.advance(6)
    assert one.show() == 1
    clock.advance(5)
    assert one.show() == 0


def test_accounts_served_least_lately_are_forgotten() -> None:
    index = Index(inventory_of(item("ad", caps=(Cap(1, 60),))))
    seen = Exposures(accounts_max=2)
    for account in ("a", "b", "a", "c"):
        seen.add(account, index.items, NOW)
    assert [bool(seen.seen(account)) for account in "abc"] == [True, False, True]
