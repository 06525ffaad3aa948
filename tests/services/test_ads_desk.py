"""The ad inventory in force: put there by operators, followed by every node, kept while the store is gone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path

import httpx
import msgspec
import pytest
from ads_world import NOW, item
from ads_world import inventory as inventory_of

from tifo.adapters.memory.budgets import MemoryBudgetStore
from tifo.adapters.sqlite.inventory import SqliteInventoryStore
from tifo.api.breaks import Break
from tifo.api.events import OperatorActed
from tifo.api.inventory import Inventory
from tifo.board.entries import AD_LEVER, POSTURE, AdLeverState, PostureState
from tifo.board.view import BoardView
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.ads import operator_routes
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.changes import Source
from tifo.services.ads.deciding import Decider
from tifo.services.ads.desk import ASK_S, InventoryDesk
from tifo.services.ads.model import Viewer
from tifo.services.ads.ports import KeptInventory
from tifo.services.ads.settings import AdsSettings
from tifo.serving.responders import application
from tifo.serving.routes import Listener
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing

LONG = {"starts": NOW - 86_400, "ends": NOW + 86_400}
ONE = inventory_of(item("ad", **LONG))
DOCUMENT = msgspec.json.decode(msgspec.json.encode(ONE))
SOURCE = Source("spring.toml", "ab" * 32)
VIEWER = Viewer("ses_1", "demo", "final", "tv")


class Store(SqliteInventoryStore):
    """May be gone, and counts how often it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gone, self.reads = False, 0

    async def revision(self) -> int:
        if self.gone:
            raise Unavailable("inventory", "gone")
        return await super().revision()

    async def read(self) -> KeptInventory:
        self.reads += 1
        return await super().read()


class Node:
    """What decides, the desk that tells it what with, and its view of the board."""

    def __init__(self, path: Path, board, publisher, clock, audit) -> None:
        self.store, self.view = Store(path), BoardView(board, clock)
        self.decider = Decider(Ledger(MemoryBudgetStore(), clock, AdsSettings()), clock)
        self.desk = InventoryDesk(self.store, self.decider, self.view, publisher, audit, clock)

    def shown(self) -> list[str]:
        decision, _ = self.decider.explain(VIEWER, Break("brk-1", NOW, 10.0))
        return [one.id for one in decision.items]


@pytest.fixture
async def nodes(tmp_path: Path, board, publisher, clock, audit) -> AsyncIterator[tuple[Node, Node]]:
    async with AsyncExitStack() as stack:
        pair = tuple(Node(tmp_path / "inventory.db", board, publisher, clock, audit) for _ in range(2))
        for one in pair:
            await one.desk.open()
            stack.push_async_callback(one.desk.close)
        yield pair  # type: ignore[misc]


async def test_new_inventory_is_in_force_here_at_once_and_elsewhere_with_the_board(nodes) -> None:
    here, there = nodes
    assert await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE) == 1
    assert here.shown() == ["ad"]
    assert there.shown() == []
    await there.view.refresh()
    await there.desk.look()
    assert there.shown() == ["ad"]
    assert there.desk.kept == KeptInventory(1, ONE)


async def test_since_when_it_is_in_force_is_the_same_on_every_node(nodes, clock) -> None:
    here, there = nodes
    assert here.desk.since == clock.now()
    clock.advance(60)
    await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    at = clock.now()
    clock.advance(5)
    await there.view.refresh()
    await there.desk.look()
    assert (here.desk.since, there.desk.since) == (at, at)


async def test_what_the_board_does_not_tell_is_asked_for_now_and_then(nodes, clock, monkeypatch) -> None:
    here, there = nodes

    async def gone(*_: object) -> None:
        raise Unavailable("board", "gone")

    monkeypatch.setattr(here.view, "write", gone)
    await here.desk.load("ada", DOCUMENT, on=None, source=SOURCE)
    await there.desk.look()
    assert there.shown() == []
    clock.advance(ASK_S)
    await there.desk.look()
    assert there.shown() == ["ad"]


async def test_inventory_that_did_not_change_is_not_read_again(nodes, clock) -> None:
    here, _ = nodes
    await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    for _ in range(5):
        clock.advance(ASK_S)
        await here.desk.look()
    assert here.store.reads == 0


async def test_last_inventory_stays_in_force_while_the_store_is_gone(nodes, clock) -> None:
    here, _ = nodes
    await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    here.store.gone = True
    clock.advance(ASK_S)
    with pytest.raises(Unavailable):
        await here.desk.look()
    assert here.shown() == ["ad"]


async def test_node_starts_without_the_store_and_follows_later(
    tmp_path, board, publisher, clock, audit, nodes
) -> None:
    await nodes[0].desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    late = Node(tmp_path / "inventory.db", board, publisher, clock, audit)
    late.store.gone = True
    await late.desk.open()
    assert late.shown() == []
    late.store.gone = False
    clock.advance(ASK_S)
    await late.desk.look()
    assert late.shown() == ["ad"]
    await late.desk.close()


async def test_unsound_inventory_changes_nothing_and_says_all(nodes) -> None:
    here, _ = nodes
    await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    with pytest.raises(Refusal) as caught:
        await here.desk.load("ada", {"zone": "Nowhere", "house": ["gone"]}, on=1, source=SOURCE)
    assert caught.value.code == "invalid"
    assert [one["path"] for one in caught.value.members["problems"]] == ["zone", "house[0]"]
    assert here.desk.kept.revision == 1


async def test_inventory_on_another_revision_is_refused(nodes) -> None:
    here, there = nodes
    await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    with pytest.raises(Refusal, match="inventory-changed"):
        await there.desk.load("bob", {}, on=0, source=SOURCE)
    assert (await here.store.read()).inventory == ONE


async def test_line_item_is_switched_off_and_on(nodes) -> None:
    here, there = nodes
    await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    assert await there.desk.switch("bob", "ad", active=False) == 2
    assert there.shown() == []
    assert await there.desk.switch("bob", "ad", active=True) == 3
    assert there.shown() == ["ad"]
    with pytest.raises(Refusal, match="not-found"):
        await there.desk.switch("bob", "gone", active=True)


async def test_trail_has_who_loaded_which_file_and_what_it_changed(nodes, told, audit) -> None:
    here, there = nodes
    await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    await there.desk.load("bob", {}, on=None, source=Source("", "cd" * 32))
    first, second = (
        f"revision 1 from spring.toml, sha256 {'ab' * 32}; line items: 1 added; campaigns: 1 added; "
        "creatives: 1 added",
        f"revision 2 from sha256 {'cd' * 32}; line items: 1 removed; campaigns: 1 removed; "
        "creatives: 1 removed",
    )
    assert [(one.operator, one.detail) for one in await audit.latest(9)] == [("bob", second), ("ada", first)]
    assert await told() == [
        OperatorActed(operator="ada", action="ad-inventory", target="inventory", detail=first),
        OperatorActed(operator="bob", action="ad-inventory", target="inventory", detail=second),
    ]


async def test_refused_inventory_and_a_switch_are_no_loads_in_the_trail(nodes, audit) -> None:
    here, _ = nodes
    await here.desk.load("ada", DOCUMENT, on=0, source=SOURCE)
    await here.desk.switch("bob", "ad", active=False)
    with pytest.raises(Refusal):
        await here.desk.load("eve", {"zone": "Nowhere"}, on=None, source=SOURCE)
    assert [one.operator for one in await audit.latest(9)] == ["ada"]


async def test_trail_that_is_gone_holds_no_inventory_up(nodes, audit, monkeypatch) -> None:
    async def gone(_: object) -> None:
        raise Unavailable("audit", "gone")

    monkeypatch.setattr(audit, "note", gone)
    assert await nodes[0].desk.load("ada", DOCUMENT, on=0, source=SOURCE) == 1


# --- over HTTP ----------------------------------------------------------------------------------------


@pytest.fixture
async def http(nodes, levers, clock) -> AsyncIterator[httpx.AsyncClient]:
    here, _ = nodes
    handlers = operator_routes.handlers(here.desk, here.decider, levers, clock)
    app = application(
        Listener.OPERATORS, operator_routes.ROUTES, handlers, RequestMetrics(), Tracing("", "t")
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://tifo.test") as client:
        yield client


async def test_inventory_is_loaded_and_read_over_http(http) -> None:
    assert (await http.get("/v1/control/ads/inventory")).json() == {"revision": 0, "inventory": {}}
    loaded = await http.put("/v1/control/ads/inventory?on=0", json=DOCUMENT)
    assert loaded.json() == {"revision": 1}
    answer = (await http.get("/v1/control/ads/inventory")).json()
    assert answer == {"revision": 1, "inventory": DOCUMENT}
    conflict = await http.put("/v1/control/ads/inventory?on=0", json={})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "inventory-changed")


async def test_problems_are_in_the_refusal_and_in_the_check(http) -> None:
    wrong = {"zone": "Nowhere"}
    refused = await http.put("/v1/control/ads/inventory", json=wrong)
    assert refused.status_code == 422
    checked = (await http.post("/v1/control/ads/check", json=wrong)).json()
    assert checked["problems"] == refused.json()["problems"]
    assert (await http.post("/v1/control/ads/check", json=DOCUMENT)).json() == {"problems": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "inventory", b"{", 400),
        ("PUT", "inventory?on=x", b"{}", 422),
        ("PUT", "line-items/gone", b'{"active":true}', 404),
        ("PUT", "line-items/ad", b'{"active":1}', 422),
        ("GET", "explain?duration_s=901", b"", 422),
        ("GET", "explain?duration_s=-1", b"", 422),
        ("GET", "explain?lever=all", b"", 422),
        ("PUT", "inventory?sha256=AB", b"{}", 422),
        ("PUT", "inventory?file=a%0Ab", b"{}", 422),
    ],
)
async def test_bad_request_is_refused(http, method: str, path: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await http.request(method, f"/v1/control/ads/{path}", content=body, headers=headers)
    assert answer.status_code == status


async def test_explanation_names_every_line_item(http) -> None:
    some = inventory_of(item("ad", **LONG), item("off", active=False, **LONG))
    await http.put("/v1/control/ads/inventory", json=msgspec.to_builtins(some))
    answer = await http.get("/v1/control/ads/explain?event=final&device_kind=tv&duration_s=20")
    said = answer.json()
    assert [one["kind"] for one in said["pod"]] == ["ad", "house"]
    assert said["rest_s"] == 0
    assert said["line_items"] == [
        {"line_item": "ad", "verdict": "chosen", "why": "it is in the pod"},
        {"line_item": "off", "verdict": "inactive", "why": "it is switched off"},
    ]


async def test_line_item_is_switched_over_http(http) -> None:
    await http.put("/v1/control/ads/inventory", json=DOCUMENT)
    answer = await http.put("/v1/control/ads/line-items/ad", json={"active": False})
    assert answer.json() == {"revision": 2}
    said = (await http.get("/v1/control/ads/inventory")).json()["inventory"]
    assert said["line_items"][0]["active"] is False
    assert Inventory() != msgspec.convert(said, Inventory)


async def test_hash_of_the_body_stands_where_no_file_is_named(http, audit) -> None:
    body = b"{}"
    headers = {"Content-Type": "application/json", "X-Operator": "ada"}
    await http.put("/v1/control/ads/inventory", content=body, headers=headers)
    (entry,) = await audit.latest(9)
    assert (entry.operator, entry.detail) == (
        "ada",
        f"revision 1 from sha256 {sha256(body).hexdigest()}; nothing changed",
    )


async def explained(http, query: str = "") -> tuple[str, str, str, list[str]]:
    """The lever, whose word is in force, what became of `ad`, and the creatives of the pod."""
    path = f"/v1/control/ads/explain?event=final&device_kind=tv&duration_s=10{query}"
    answer = (await http.get(path)).json()
    creatives = [one["creative"] for one in answer["pod"]]
    return answer["lever"], answer["in_force"]["by"], answer["line_items"][0]["verdict"], creatives


async def test_explanation_goes_by_the_lever_in_force(http, view) -> None:
    await http.put("/v1/control/ads/inventory", json=DOCUMENT)
    assert await explained(http) == ("personal", "nobody", "chosen", ["cr-ad"])
    await view.write(POSTURE, msgspec.json.encode(PostureState("lean")))
    assert await explained(http) == ("cohort", "posture", "chosen", ["cr-ad"])
    await view.write(AD_LEVER, msgspec.json.encode(AdLeverState("house", "ada", NOW)))
    lever, by, verdict, (creative,) = await explained(http)
    assert (lever, by, verdict, creative != "cr-ad") == ("house", "operator", "lever", True)


async def test_explanation_of_another_lever_says_which_one_is_in_force(http, view) -> None:
    await http.put("/v1/control/ads/inventory", json=DOCUMENT)
    await view.write(AD_LEVER, msgspec.json.encode(AdLeverState("none", "ada", NOW)))
    assert await explained(http) == ("none", "operator", "lever", [])
    assert await explained(http, "&lever=personal") == ("personal", "operator", "chosen", ["cr-ad"])
    answer = (await http.get("/v1/control/ads/explain?event=final&device_kind=tv")).json()
    assert answer["rest_s"] == 60
