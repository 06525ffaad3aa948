"""`tifo query`: questions in SQL about everything that happened, answered from the lake."""

import csv
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console

from tifo import machine, stores
from tifo.cli_platform import Config, Json, NotDone, table_of, write_json
from tifo.kernel.errors import Refusal, Unavailable
from tifo.lake.tables import SQL_TYPES
from tifo.lake.views import VIEWS, Answer, View
from tifo.settings import Settings

ROWS_MAX = 1_000_000
"""Rows that a query may print."""

out = Console(highlight=False)


def query(
    sql: Annotated[str, Parameter(help="A SELECT over the views; without one they are listed.")] = "",
    /,
    *,
    as_csv: Annotated[bool, Parameter(name="--csv", negative=(), help="Print CSV with a heading.")] = False,
    as_json: Json = False,
    limit: Annotated[int, Parameter(help="Rows to print at the most.")] = 1_000,
    data: Annotated[
        Path | None, Parameter(help="The data folder of a `tifo up`, as its --data.", show_default=False)
    ] = None,
    lake: Annotated[
        str, Parameter(help="Where the lake is: file:///FOLDER or s3://BUCKET/PREFIX.", show_default=False)
    ] = "",
    config: Config = None,
) -> None:
    """Ask the lake in SQL: everything that happened, in views with typed columns, as DuckDB reads them.

    tifo query "select minute, viewers from viewers_by_minute where event = 'demo' order by minute"

    The lake is that of your settings (lake.url, else the data folder), of --data or of --lake. Times are UTC;
    what happened can be asked for a few seconds later (lake.flush_s). Nothing can be changed by a query, and
    nothing outside the lake read.
    """
    if not 0 < limit <= ROWS_MAX:
        raise NotDone(f"--limit {limit}: 1 to {ROWS_MAX:,}.")
    if as_csv and as_json:
        raise NotDone("--csv or --json, not both.")
    if not sql:
        _list_views(as_json)
        return
    answer = _asked(sql, limit, _meant(data, lake, config))
    if as_json:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        write_json({"rows": msgspec.to_builtins(rows, enc_hook=str), "more": answer.more})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([_cell(value, "") for value in row] for row in answer.rows)
    else:
        _show(answer)


def _meant(data: Path | None, lake: str, config: Path | None) -> Settings:
    settings = machine.load_base(os.environ, config)
    if data is not None and lake:
        raise NotDone("--data or --lake, not both.")
    if data is not None:
        settings = msgspec.structs.replace(settings, data=str(data))
    if data is not None or lake:
        settings = msgspec.structs.replace(settings, lake=msgspec.structs.replace(settings.lake, url=lake))
    return settings


def _asked(sql: str, limit: int, settings: Settings) -> Answer:
    # DuckDB and Arrow take half a second to load, which no other command pays.
    from tifo.adapters.lake.asking import ask  # noqa: PLC0415

    try:
        return ask(stores.lake_at(settings), sql, limit)
    except Unavailable as error:
        raise NotDone(f"The lake did not answer: {error.why}.") from None
    except Refusal as refusal:
        raise NotDone(refusal.detail) from None


def _list_views(as_json: bool) -> None:
    if as_json:
        write_json(
            {"views": [{"name": one.name, "says": one.says, "columns": _columns(one)} for one in VIEWS]}
        )
        return
    for view in VIEWS:
        out.print(f"[bold]{view.name}[/bold]  {view.says}")
        table = table_of("", "", "")
        table.show_header = False
        for column in view.columns:
            table.add_row(f"  {column.name}", SQL_TYPES[column.kind], column.says)
        out.print(table)
        out.print()


def _columns(view: View) -> list[dict[str, str]]:
    return [{"name": one.name, "type": SQL_TYPES[one.kind], "says": one.says} for one in view.columns]


def _show(answer: Answer) -> None:
    table = table_of(*answer.columns)
    for row in answer.rows:
        table.add_row(*(_cell(value, "-") for value in row))
    out.print(table)
    count = len(answer.rows)
    out.print(
        f"{count:,} row{'' if count == 1 else 's'}{'; there are more, see --limit' if answer.more else ''}"
    )


def _cell(value: object, nothing: str) -> str:
    if value is None:
        return nothing
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)
