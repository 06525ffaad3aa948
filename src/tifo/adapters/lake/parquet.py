"""Rows of the lake as Parquet (pyarrow): one schema for each table, zstd, statistics for every row group."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from tifo.lake.tables import Kind, Table, in_file

ROW_GROUP_ROWS = 122_880
"""Rows of a row group: DuckDB gives one to each thread, and skips those whose times do not fit."""

ZSTD_LEVEL = 3

TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "moment": pa.timestamp("us"),
    "texts": pa.list_(pa.string()),
    "flag": pa.bool_(),
}


def schema_of(table: Table) -> pa.Schema:
    """Of the table's files."""
    return pa.schema([(one.name, TYPES[one.kind]) for one in in_file(table)])


def encoded(table: Table, rows: Sequence[Sequence[object]]) -> bytes:
    """A whole file of rows, whose values stand in the order of the table's columns; moments in microseconds."""
    columns = list(zip(*rows, strict=True))
    schema = schema_of(table)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), out, **options())
    return bytes(out.getvalue())


def options() -> dict[str, object]:
    """How every file is written."""
    return {
        "compression": "zstd",
        "compression_level": ZSTD_LEVEL,
        "row_group_size": ROW_GROUP_ROWS,
        "write_statistics": True,
    }
