"""The lake as DuckDB sees it: views over its files, and nothing else within reach."""

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs

from tifo.adapters.lake.files import bucket_of, files_in, objects_in
from tifo.adapters.lake.parquet import schema_of
from tifo.lake.address import BucketAddress, FolderAddress, NoLake
from tifo.lake.layout import LakeFile, Place
from tifo.lake.tables import PLACED, SQL_TYPES, TABLES, Table, in_view
from tifo.lake.views import MADE_VIEWS

MEMORY_MIB_MAX = 1_024
"""MiB that a query may take; what is more goes to a temporary folder."""

EMPTY = "empty"
"""The schema of one empty table for each view: a lake of before had not all types and columns of today."""

Relation = Callable[[Table, Sequence[LakeFile]], str]
"""What SQL calls some files of a table, at least one."""


def open_lake(address: FolderAddress | BucketAddress, threads: int = 0) -> duckdb.DuckDBPyConnection:
    """A connection with the views over the lake as its files are now, and nothing else within reach.

    `threads`: 0 for as many as there are cores. Nothing outside the lake can be read, and no setting changed.
    Raises `NoLake`, and `OSError` for a bucket that does not answer.
    """
    connection = duckdb.connect(":memory:")
    _limit(connection, threads)
    if isinstance(address, FolderAddress):
        root = address.root.absolute()
        _make_views(connection, files_in(root), _in_folder(root))
        connection.execute("SET allowed_directories = $1", [[f"{root}/"]])
    else:
        bucket = bucket_of(address)
        _make_views(
            connection, objects_in(bucket, address.root), _in_bucket(connection, bucket, address.root)
        )
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _limit(connection: duckdb.DuckDBPyConnection, threads: int) -> None:
    connection.execute(f"SET memory_limit = '{MEMORY_MIB_MAX}MiB'")
    connection.execute("SET temp_directory = $1", [f"{tempfile.gettempdir()}/tifo-query-{os.getpid()}"])
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET python_enable_replacements = false")
    if threads:
        connection.execute("SET threads = $1", [threads])


# --- views ----------------------------------------------------------------------------------------------


def _make_views(connection: duckdb.DuckDBPyConnection, files: Sequence[LakeFile], relation: Relation) -> None:
    if not files:
        raise NoLake
    connection.execute(f"CREATE SCHEMA {EMPTY}")
    there = _by_type(files)
    for table in TABLES.values():
        columns = ", ".join(f"{one.name} {SQL_TYPES[one.kind]}" for one in in_view(table))
        connection.execute(f"CREATE TABLE {EMPTY}.{table.name} ({columns})")
        connection.execute(_view_of(table, there[table.type], relation))
    for view in MADE_VIEWS:
        names = ", ".join(column.name for column in view.columns)
        connection.execute(f"CREATE VIEW {view.name} AS SELECT {names} FROM ({view.query})")  # noqa: S608


def _by_type(files: Iterable[LakeFile]) -> defaultdict[str, dict[Place, list[LakeFile]]]:
    found: defaultdict[str, dict[Place, list[LakeFile]]] = defaultdict(dict)
    for one in files:
        found[one.place.type].setdefault(one.place, []).append(one)
    return found


def _view_of(table: Table, places: dict[Place, list[LakeFile]], relation: Relation) -> str:
    """Files that are alone in their place have each id once; of the others each id is taken once."""
    single = [files[0] for files in places.values() if len(files) == 1]
    several = [one for files in places.values() if len(files) > 1 for one in files]
    names = ", ".join(column.name for column in in_view(table))
    sources = [f"SELECT * FROM {EMPTY}.{table.name}"]  # noqa: S608 - names of our own
    if single:
        sources.append(f"SELECT * FROM {relation(table, single)}")  # noqa: S608
    if several:
        # By place first: DuckDB then looks at the places that a query is about, and at no others.
        sources.append(
            f"SELECT * FROM {relation(table, several)}"  # noqa: S608
            " QUALIFY row_number() OVER (PARTITION BY event, hour, id ORDER BY happened_at) = 1"
        )
    union = " UNION ALL BY NAME ".join(f"({one})" for one in sources)
    return f"CREATE VIEW {table.name} AS SELECT {names} FROM ({union})"  # noqa: S608


# --- where the files are ----------------------------------------------------------------------------------


def _in_folder(root: Path) -> Relation:
    def relation(_: Table, files: Sequence[LakeFile]) -> str:
        paths = ", ".join(_text(str(root / one.path)) for one in files)
        return (
            f"read_parquet([{paths}], hive_partitioning = true, hive_types_autocast = false,"
            " union_by_name = true)"
        )

    return relation


def _in_bucket(connection: duckdb.DuckDBPyConnection, bucket: pafs.S3FileSystem, root: str) -> Relation:
    """Arrow reads it: DuckDB cannot without an extension from elsewhere."""
    count = 0

    def relation(table: Table, files: Sequence[LakeFile]) -> str:
        nonlocal count
        count += 1
        name = f"{EMPTY}_{table.name}_{count}"
        connection.register(name, _dataset(table, files, bucket, root))
        return name

    return relation


def _dataset(
    table: Table, files: Sequence[LakeFile], bucket: pafs.S3FileSystem, root: str
) -> ds.FileSystemDataset:
    schema = schema_of(table)
    for column in PLACED:
        schema = schema.append(pa.field(column.name, pa.string()))
    return ds.FileSystemDataset.from_paths(
        [f"{root}/{one.path}" for one in files],
        schema=schema,
        format=ds.ParquetFileFormat(),
        filesystem=bucket,
        partitions=[_told(one.place) for one in files],
    )


def _told(place: Place) -> ds.Expression:
    event = ds.field("event")
    match = event == place.event if place.event else event.is_null()
    return match & (ds.field("hour") == place.hour)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
