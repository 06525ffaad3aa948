"""The lake as DuckDB sees it: views over its files, and nothing else within reach."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from tifo.lake.layout import LakeFile, Place
from tifo.lake.tables import TABLES, Kind, Table, in_file, in_view
from tifo.lake.views import MADE_VIEWS

MEMORY_MIB_MAX = 1_024
"""MiB that a query may take; what is more goes to a temporary folder."""

TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "moment": "TIMESTAMP",
    "texts": "VARCHAR[]",
    "flag": "BOOLEAN",
}

CLEAN = "clean"
"""The schema of what the views are made of: empty tables, and the relations that are not files."""


def open_folder(root: Path, files: Iterable[LakeFile], threads: int = 0) -> duckdb.DuckDBPyConnection:
    """A connection with the views over the files of a lake on this disk, locked against all else.

    `threads`: 0 for as many as the machine has cores. Only what is below `root` can be read, nothing can be
    written, loaded or set.
    """
    connection = duckdb.connect(":memory:")
    _limit(connection, threads)
    by_type = _by_type(files)
    for table in TABLES.values():
        single, several = _split(by_type[table.type])
        sources = [
            _parquet(root, single),
            _once(table, _parquet(root, several)) if several else "",
        ]
        _view(connection, table, [one for one in sources if one])
    for view in MADE_VIEWS:
        names = ", ".join(column.name for column in view.columns)
        connection.execute(f"CREATE VIEW {view.name} AS SELECT {names} FROM ({view.query})")
    _lock(connection, root)
    return connection


def _limit(connection: duckdb.DuckDBPyConnection, threads: int) -> None:
    connection.execute(f"SET memory_limit = '{MEMORY_MIB_MAX}MiB'")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET python_enable_replacements = false")
    if threads:
        connection.execute(f"SET threads = {threads}")


def _lock(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    connection.execute(f"SET allowed_directories = [{_text(str(root) + '/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _by_type(files: Iterable[LakeFile]) -> defaultdict[str, dict[Place, list[LakeFile]]]:
    found: defaultdict[str, dict[Place, list[LakeFile]]] = defaultdict(dict)
    for one in files:
        found[one.place.type].setdefault(one.place, []).append(one)
    return found


def _split(places: dict[Place, list[LakeFile]]) -> tuple[list[LakeFile], list[LakeFile]]:
    """Files that are alone in their place, where each id stands once, and the others."""
    single = [files[0] for files in places.values() if len(files) == 1]
    return single, [one for files in places.values() if len(files) > 1 for one in files]


def _parquet(root: Path, files: Sequence[LakeFile]) -> str:
    if not files:
        return ""
    paths = ", ".join(_text(str(root / one.path)) for one in files)
    return (
        f"(SELECT * FROM read_parquet([{paths}], hive_partitioning = true, hive_types_autocast = false,"
        " union_by_name = true))"
    )


def _once(table: Table, source: str) -> str:
    names = ", ".join(column.name for column in in_view(table))
    return (
        f"(SELECT {names} FROM {source} QUALIFY row_number() OVER (PARTITION BY event, hour, id ORDER BY happened_at)"
        " = 1)"
    )


def _view(connection: duckdb.DuckDBPyConnection, table: Table, sources: Sequence[str]) -> None:
    columns = ", ".join(f"{one.name} {TYPES[one.kind]}" for one in in_view(table))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CLEAN}")
    connection.execute(f"CREATE TABLE {CLEAN}.{table.name} ({columns})")
    names = ", ".join(column.name for column in in_view(table))
    union = " UNION ALL BY NAME ".join(f"SELECT * FROM {one}" for one in (f"{CLEAN}.{table.name}", *sources))
    connection.execute(f"CREATE VIEW {table.name} AS SELECT {names} FROM ({union})")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
