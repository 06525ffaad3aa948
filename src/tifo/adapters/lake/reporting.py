"""The lake as a report asks it: many questions about one event, of files as they are at one moment."""

from collections.abc import Callable
from typing import TypeVar

import duckdb

from tifo.adapters.lake.asking import with_lake
from tifo.lake.address import BucketAddress, FolderAddress
from tifo.report.ports import Asked, Row

T = TypeVar("T")


class AskedLake(Asked):
    """Over one connection; what is kept is gone with it. Vendor errors are told by `over`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def keep(self, name: str, sql: str, **values: str) -> None:
        """Make a table for this connection."""
        self._connection.execute(f"CREATE TEMP TABLE {name} AS {sql}", values)

    def ask(self, sql: str, **values: str) -> tuple[Row, ...]:
        """Fetch all: a row is of a minute, a CDN and so on, never of a viewer."""
        return tuple(self._connection.execute(sql, values).fetchall())


def over(address: FolderAddress | BucketAddress, do: Callable[[Asked], T]) -> T:
    """What `do` makes of the lake, done anew when files became one meanwhile.

    Raises `Refusal` (not-found) that says what to do where there is no lake, and `Unavailable`.
    """
    return with_lake(address, lambda connection: do(AskedLake(connection)))
