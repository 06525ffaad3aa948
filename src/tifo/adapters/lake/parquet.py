"""Rows of the lake as Parquet (pyarrow): one schema for each table, zstd, statistics for every row group."""

import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tifo.lake.tables import TABLES, Kind, Row, Table, in_file
from tifo.workers.lake.ports import Merged

ROW_GROUP_ROWS = 122_880
"""Rows of a row group: DuckDB gives one to each thread, and skips those whose times do not fit."""

READ_ROWS = 32_768
"""Rows of a file that are in memory at once while it is merged."""

MERGE_MEMORY_MIB_MAX = 256
"""MiB for finding what is repeated in files; what is more goes to a temporary folder."""

ZSTD_LEVEL = 3

TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "moment": pa.timestamp("us"),
    "texts": pa.list_(pa.string()),
    "flag": pa.bool_(),
}

Opened = Callable[[], AbstractContextManager[pq.ParquetFile]]
"""Opens one file, as often as it is asked."""


def table_of(kind: str) -> Table:
    """The table of a type of events; raises `ValueError` where there is none."""
    if kind not in TABLES:
        raise ValueError(f"there is no table of {kind}")
    return TABLES[kind]


def schema_of(table: Table) -> pa.Schema:
    """Of the table's files."""
    return pa.schema([(one.name, TYPES[one.kind]) for one in in_file(table)])


def write_rows(out: pa.NativeFile, table: Table, rows: Sequence[Row]) -> None:
    """A whole file of rows."""
    schema = schema_of(table)
    columns = zip(*rows, strict=True)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    with _writer(out, schema) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=ROW_GROUP_ROWS)


def merge(out: pa.NativeFile, table: Table, files: Sequence[Opened]) -> Merged:
    """One file of several, one after the other, each id once: the first of them stays.

    Nearly all ids are there once, so that they are looked through alone first, and only what is repeated is
    looked at when the rows are copied.
    """
    schema, seen = schema_of(table), set[str]()
    repeated = _repeated_ids(files)
    rows = left_out = 0
    waiting: list[pa.RecordBatch] = []
    with _writer(out, schema) as writer:
        for batch in _batches(files, schema):
            kept = _first_only(batch, repeated, seen)
            rows, left_out = rows + kept.num_rows, left_out + batch.num_rows - kept.num_rows
            waiting.append(kept)
            if sum(one.num_rows for one in waiting) >= ROW_GROUP_ROWS:
                _flush(writer, waiting, schema)
        _flush(writer, waiting, schema)
    return Merged(rows, left_out)


def _writer(out: pa.NativeFile, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(out, schema, compression="zstd", compression_level=ZSTD_LEVEL)


def _flush(writer: pq.ParquetWriter, waiting: list[pa.RecordBatch], schema: pa.Schema) -> None:
    if waiting:
        writer.write_table(pa.Table.from_batches(waiting, schema), row_group_size=2 * ROW_GROUP_ROWS)
        waiting.clear()


def _batches(files: Sequence[Opened], schema: pa.Schema) -> Iterable[pa.RecordBatch]:
    for opened in files:
        with opened() as file:
            for batch in file.iter_batches(READ_ROWS, use_threads=False):
                yield _as_of_today(batch, schema)


def _as_of_today(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """With nulls in the columns that there were not yet when the file was written."""
    if batch.schema.equals(schema):
        return batch
    there = set(batch.schema.names)
    return pa.RecordBatch.from_arrays(
        [
            batch.column(one.name) if one.name in there else pa.nulls(batch.num_rows, one.type)
            for one in schema
        ],
        schema=schema,
    )


def _repeated_ids(files: Sequence[Opened]) -> frozenset[str]:
    ids = pa.schema([("id", pa.string())])

    def batches() -> Iterable[pa.RecordBatch]:
        for opened in files:
            with opened() as file:
                yield from file.iter_batches(READ_ROWS, columns=["id"], use_threads=False)

    reader = pa.RecordBatchReader.from_batches(ids, batches())
    with tempfile.TemporaryDirectory(prefix="tifo-lake-") as folder, duckdb.connect(":memory:") as connection:
        connection.execute("SET temp_directory = $1", [folder])
        connection.execute(f"SET memory_limit = '{MERGE_MEMORY_MIB_MAX}MiB'")
        connection.execute("SET threads = 1")
        connection.register("ids", reader)
        found = connection.execute("SELECT id FROM ids GROUP BY id HAVING count(*) > 1").fetchall()
    return frozenset(one for (one,) in found)


def _first_only(batch: pa.RecordBatch, repeated: Collection[str], seen: set[str]) -> pa.RecordBatch:
    if not repeated:
        return batch
    suspect = pc.is_in(batch.column("id"), value_set=pa.array(list(repeated), pa.string()))
    if not pc.any(suspect).as_py():
        return batch
    keep = []
    for one in batch.column("id").to_pylist():
        keep.append(one not in seen)
        if one in repeated:
            seen.add(one)
    return batch.filter(pa.array(keep))
