"""`tifo letters`: what workers set aside because they could not handle it, shown and delivered again."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from cyclopts import Parameter
from rich.console import Console

from tifo import machine, stores
from tifo.cli_platform import Config, Json, NotDone, table_of, write_json
from tifo.eventlog.envelope import cloud_event
from tifo.eventlog.letters import letter_view
from tifo.eventlog.ports import LETTERS_MAX, RECORD_BYTES_MAX, DeadLetters, Letter
from tifo.kernel.clock import rfc3339
from tifo.kernel.errors import Unavailable

out = Console(highlight=False)

T = TypeVar("T")


def letters(
    group: Annotated[str, Parameter(help="The group of workers, for instance insight.")],
    /,
    *,
    replay: Annotated[
        bool, Parameter(negative=(), help="Deliver the oldest again, to this group only.")
    ] = False,
    limit: Annotated[int, Parameter(help="Letters to show or deliver at the most.")] = 50,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show the dead letters of a group of workers: what it could not handle, and why.

    They are read from the event log of your settings (stores.eventlog), for instance with --config
    data/run/settings.toml on the machine of `tifo up`; with --json each is shown as a CloudEvent too.
    Mend the reason before you --replay: what fails again is set aside again.
    """
    if not 0 < limit <= LETTERS_MAX:
        raise NotDone(f"--limit {limit}: 1 to {LETTERS_MAX}.")
    if replay:
        count = _with_log(config, lambda log: log.replay(group, limit))
        write_json({"replayed": count}) if as_json else out.print(f"{count:,} delivered again to {group}")
        return
    found = _with_log(config, lambda log: log.letters(group))
    if as_json:
        source = machine.load_base(os.environ, config).eventlog.source
        told = [_told(one, source) for one in found[:limit]]
        write_json({"letters": told, "more": len(found) > limit})
        return
    _show(found[:limit])
    out.print(f"{len(found[:limit]):,} shown{'; there are more, see --limit' if len(found) > limit else ''}")


def _with_log(config: Path | None, do: Callable[[DeadLetters], Awaitable[T]]) -> T:
    settings = machine.load_base(os.environ, config)

    async def run() -> T:
        log = stores.event_log(settings)
        try:
            return await do(log)
        finally:
            await log.close()

    try:
        return asyncio.run(run())
    except Unavailable as error:
        raise NotDone(f"The event log did not answer: {error.why}.") from None


def _show(found: tuple[Letter, ...]) -> None:
    table = table_of("set aside", "topic", "key", "type", "event", "reason")
    for one in found:
        record = one.record
        table.add_row(rfc3339(one.parked_at), record.topic, record.key, record.type, record.id, one.reason)
    if found:
        out.print(table)


def _told(one: Letter, source: str) -> dict[str, object]:
    shown = msgspec.structs.asdict(letter_view(one, RECORD_BYTES_MAX))
    return shown | {"cloudevent": cloud_event(one.record, source)}
