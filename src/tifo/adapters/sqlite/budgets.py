"""Budgets in one SQLite table."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from tifo.adapters.sqlite.database import Database
from tifo.services.ads.pacing import Meter, granted, returned
from tifo.services.ads.ports import Ask, BudgetStore

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS budgets"
    " (budget TEXT PRIMARY KEY, taken INTEGER NOT NULL, gathered REAL NOT NULL, at REAL NOT NULL);"
)


class SqliteBudgetStore(BudgetStore):
    """Several processes may share it; one transaction is one call. Caveat: one file, hence one machine."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, "budgets", _SCHEMA)

    async def take(self, asks: Sequence[Ask], now: float) -> tuple[int, ...]:
        """Read, grant and write, with the file locked."""

        def work(connection: sqlite3.Connection) -> tuple[int, ...]:
            connection.execute("BEGIN IMMEDIATE")
            return tuple(_take(connection, ask, now) for ask in asks)

        return await self._database.run(work)

    async def taken(self, budgets: Sequence[str]) -> tuple[int, ...]:
        """As the rows stand."""

        def work(connection: sqlite3.Connection) -> tuple[int, ...]:
            return tuple(_meter(connection, budget).taken for budget in budgets)

        return await self._database.run(work)

    async def give_back(self, unused: Mapping[str, int]) -> None:
        """The same, the other way."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            for budget, count in unused.items():
                _keep(connection, budget, returned(_meter(connection, budget), count))

        await self._database.run(work)

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()


def _take(connection: sqlite3.Connection, ask: Ask, now: float) -> int:
    given, meter = granted(_meter(connection, ask.budget), ask, now)
    _keep(connection, ask.budget, meter)
    return given


def _meter(connection: sqlite3.Connection, budget: str) -> Meter:
    row = connection.execute("SELECT taken, gathered, at FROM budgets WHERE budget = ?", (budget,)).fetchone()
    return Meter(*row) if row else Meter()


def _keep(connection: sqlite3.Connection, budget: str, meter: Meter) -> None:
    connection.execute("INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?)", (budget, *meter))
