"""The contract of the inventory store, over every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import dynamodb_local
import pytest

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.inventory import DynamoInventoryStore
from tifo.adapters.sqlite.inventory import SqliteInventoryStore
from tifo.api.inventory import CreativeEntry, Inventory
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.services.ads.ports import INVENTORY_BYTES_MAX, InventoryConflict, InventoryStore, KeptInventory
from tifo.telemetry.stores import StoreMeter

Opener = Callable[[], InventoryStore]

DYNAMODB = pytest.param(
    "dynamodb", marks=pytest.mark.skipif(bool(dynamodb_local.MISSING), reason=dynamodb_local.NOT_RUN)
)


def named(name: str) -> Inventory:
    return Inventory(creatives=(CreativeEntry(name, 10),))


def large(name: str) -> Inventory:
    """Of some megabytes, which do not pack well."""
    ids = SystemIds()
    return Inventory(
        creatives=tuple(
            CreativeEntry(ids.new(name), 10, title="".join(ids.code() for _ in range(12)))
            for _ in range(15_000)
        )
    )


@pytest.fixture(params=["sqlite", DYNAMODB])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "sqlite":
        return lambda: SqliteInventoryStore(tmp_path / "inventory.db")
    address = TableAddress.parse(request.getfixturevalue("dynamodb_table"))
    clock = SystemClock()
    return lambda: DynamoInventoryStore(
        address, StoreMeter("inventory", "dynamodb", clock), clock, SystemIds()
    )


@pytest.fixture
async def store(reopen: Opener) -> AsyncIterator[InventoryStore]:
    store = reopen()
    yield store
    await store.close()


async def test_before_all_there_is_the_empty_one(store: InventoryStore) -> None:
    assert await store.read() == KeptInventory(0, Inventory())
    assert await store.revision() == 0


async def test_inventory_comes_back_whole_with_its_revision(reopen: Opener, store: InventoryStore) -> None:
    assert await store.put(named("a"), on=0) == 1
    assert await store.put(named("b"), on=1) == 2
    other = reopen()
    assert await other.read() == KeptInventory(2, named("b"))
    assert await other.revision() == 2
    await other.close()


async def test_large_one_comes_back_whole(store: InventoryStore) -> None:
    inventory = large("cr")
    await store.put(inventory, on=0)
    assert (await store.read()).inventory == inventory


async def test_too_large_one_is_refused(store: InventoryStore) -> None:
    title = "x" * 200
    many = (CreativeEntry("cr", 10, title),) * (INVENTORY_BYTES_MAX // 200)
    with pytest.raises(ValueError, match="at most"):
        await store.put(Inventory(creatives=many), on=0)
    assert await store.revision() == 0


@pytest.mark.parametrize("on", [0, 2, -1])
async def test_another_revision_is_refused_with_the_one_that_stands_there(store, on: int) -> None:
    await store.put(named("a"), on=0)
    with pytest.raises(InventoryConflict) as caught:
        await store.put(named("b"), on=on)
    assert caught.value.found == 1
    assert await store.read() == KeptInventory(1, named("a"))


async def test_of_many_on_one_revision_one_succeeds(reopen: Opener) -> None:
    stores = [reopen() for _ in range(4)]
    await stores[0].put(named("first"), on=0)
    told = await asyncio.gather(
        *(one.put(named(f"n{n}"), on=1) for n, one in enumerate(stores)), return_exceptions=True
    )
    won = [n for n, answer in enumerate(told) if answer == 2]
    assert len(won) == 1
    assert sum(isinstance(one, InventoryConflict) for one in told) == 3
    assert await stores[0].read() == KeptInventory(2, named(f"n{won[0]}"))
    for one in stores:
        await one.close()


async def test_who_reads_while_it_changes_has_all_of_one(reopen: Opener) -> None:
    writer, reader = reopen(), reopen()
    await writer.put(named("r1"), on=0)

    async def write() -> None:
        for revision in range(1, 12):
            await writer.put(named(f"r{revision + 1}"), on=revision)

    writing = asyncio.create_task(write())
    while not writing.done():
        kept = await reader.read()
        assert kept.inventory == named(f"r{kept.revision}")
    await writing
    await writer.close()
    await reader.close()
