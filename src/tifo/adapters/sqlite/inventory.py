"""The ad inventory in one SQLite table: the one in force, and those before it."""

import sqlite3
from pathlib import Path

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.api.inventory import Inventory
from tifo.kernel.errors import Unavailable
from tifo.services.ads.ports import (
    INVENTORY_BYTES_MAX,
    InventoryConflict,
    InventoryStore,
    KeptInventory,
)

REVISIONS_MAX = 20
"""Inventories that are kept, for a person to look at; only the last is ever read."""

_SCHEMA = "CREATE TABLE IF NOT EXISTS inventory (revision INTEGER PRIMARY KEY, body BLOB NOT NULL);"


class SqliteInventoryStore(InventoryStore):
    """Caveat: one file, hence one machine."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, "inventory", _SCHEMA)

    async def revision(self) -> int:
        """The highest."""
        return await self._database.run(_revision)

    async def read(self) -> KeptInventory:
        """The row with the highest."""
        row = await self._database.run(
            lambda c: c.execute(
                "SELECT revision, body FROM inventory ORDER BY revision DESC LIMIT 1"
            ).fetchone()
        )
        if row is None:
            return KeptInventory(0, Inventory())
        try:
            return KeptInventory(row[0], msgspec.json.decode(row[1], type=Inventory))
        except msgspec.DecodeError as error:
            raise Unavailable("inventory", f"it does not read: {error}") from error

    async def put(self, inventory: Inventory, on: int) -> int:
        """Another row, and those that are too old away."""
        body = msgspec.json.encode(inventory)
        if len(body) > INVENTORY_BYTES_MAX:
            raise ValueError(f"{len(body)} bytes of an inventory, at most {INVENTORY_BYTES_MAX}")

        def work(connection: sqlite3.Connection) -> int:
            connection.execute("BEGIN IMMEDIATE")
            found = _revision(connection)
            if found == on:
                connection.execute("INSERT INTO inventory VALUES (?, ?)", (on + 1, body))
                connection.execute("DELETE FROM inventory WHERE revision <= ?", (on + 1 - REVISIONS_MAX,))
            return found

        found = await self._database.run(work)
        if found != on:
            raise InventoryConflict(found)
        return on + 1

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()


def _revision(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("SELECT coalesce(max(revision), 0) FROM inventory").fetchone()[0]
    return found
