"""One question in SQL, and its answer or what to mend in it."""

import re
from collections.abc import Callable
from typing import TypeVar

import duckdb
import pyarrow as pa

from tifo.adapters.lake.duck import open_lake
from tifo.kernel.errors import Refusal, Unavailable
from tifo.lake.address import BucketAddress, FolderAddress, NoLake
from tifo.lake.views import Answer

T = TypeVar("T")

TRIES_MAX = 3
"""How often a question is asked anew whose files became one meanwhile."""

OF_THE_QUESTION = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.PermissionException,
)
_READING = re.compile(r"^IO Error|reading the stream|parquet", re.IGNORECASE)
_GONE = re.compile(r"No files found|No such file|does not exist|PATH_NOT_FOUND|NoSuchKey", re.IGNORECASE)


def ask(address: FolderAddress | BucketAddress, sql: str, rows_max: int) -> Answer:
    """At most `rows_max` rows of what a SELECT says.

    Raises `Refusal` that says what to do about the question or a lake that is not there, and `Unavailable`
    for a lake that does not answer.
    """
    return with_lake(address, lambda connection: _answer(connection, sql, rows_max))


def with_lake(address: FolderAddress | BucketAddress, do: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    """What `do` makes of the lake; it is done anew when files became one meanwhile. Raises as `ask` does."""
    for left in reversed(range(TRIES_MAX)):
        try:
            with open_lake(address) as connection:
                return do(connection)
        except NoLake:
            raise Refusal("not-found", _no_lake(address)) from None
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            if isinstance(error, OF_THE_QUESTION) or not _of_the_lake(error):
                raise Refusal("bad-request", _explained(error)) from None
            if not left or not _GONE.search(str(error)):
                raise Unavailable("lake", str(error).splitlines()[0]) from error
    raise AssertionError


def _of_the_lake(error: Exception) -> bool:
    """Whether reading failed, and not what was asked for: Arrow's errors come dressed as DuckDB's."""
    return not isinstance(error, duckdb.Error | ValueError) or bool(_READING.search(str(error)))


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, rows_max: int) -> Answer:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        raise Refusal("bad-request", "One SELECT at a time: a query reads, and changes nothing.")
    asked = connection.execute(statements[0])
    columns = tuple(one[0] for one in asked.description or ())
    rows = asked.fetchmany(rows_max + 1)
    return Answer(columns, tuple(rows[:rows_max]), len(rows) > rows_max)


def _no_lake(address: FolderAddress | BucketAddress) -> str:
    where = address.root if isinstance(address, FolderAddress) else f"s3://{address.root}"
    return (
        f"There is no lake at {where} yet. The worker `lake` writes it, which `tifo up` runs: "
        "the first events are there some 15 seconds after they happened (lake.flush_s). If it is elsewhere, "
        "say so with --data or --lake."
    )


def _explained(error: Exception) -> str:
    text = str(error).strip()
    if isinstance(error, duckdb.BinderException) or "does not exist" in text:
        return f"{text}\nThe views and their columns: `tifo query` without a question."
    return text
