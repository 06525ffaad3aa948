"""`tifo report EVENT`: the morning after, as one page that anybody can open, or as one JSON document."""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tifo import machine, stores
from tifo.api.catalogue import CalendarEvent
from tifo.api.inventory import Inventory
from tifo.cli_platform import Config, Json, NotDone, write_json
from tifo.kernel.errors import Refusal, SettingsError, Unavailable
from tifo.report import rules
from tifo.report.document import Report
from tifo.report.gathering import Facts, Tell, gather, known_events
from tifo.report.page import page
from tifo.report.ports import Asked
from tifo.report.terms import Cdn, Terms
from tifo.report.wording import many
from tifo.settings import Settings
from tifo.workers.lake.service import GROUP as LAKE_GROUP

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")


Out = Annotated[
    Path | None,
    Parameter(name="--out", help="Where the page is written; else EVENT.html.", show_default=False),
]
Data = Annotated[
    Path | None, Parameter(help="The data folder of a `tifo up`, as its --data.", show_default=False)
]
Lake = Annotated[
    str, Parameter(help="Where the lake is: file:///FOLDER or s3://BUCKET/PREFIX.", show_default=False)
]
Zone = Annotated[str, Parameter(help="The time zone in which times are told, such as Europe/Paris.")]
StartsPerS = Annotated[
    float,
    Parameter(help="Session starts/s that your nodes were measured to carry together.", show_default=False),
]


def report(
    event: Annotated[str, Parameter(help="The event, by its id in the calendar.")],
    /,
    *,
    out_file: Out = None,
    as_json: Json = False,
    data: Data = None,
    lake: Lake = "",
    zone: Zone = "UTC",
    starts_per_s: StartsPerS = 0.0,
    config: Config = None,
) -> None:
    """Write what became of an event: one page for people, or --json for programs.

    The audience against its forecast, arrivals, traffic and quality by CDN, ad breaks, refusals, incidents
    and who did what, what it cost, and what would have been at twice the audience.

    tifo report demo --data data

    What happened is read from the lake of your settings, of --data or of --lake; the forecast from the
    calendar; prices of ads from the inventory; capacities and prices of CDNs from the settings. The page
    loads nothing and can be sent as it is.
    """
    if as_json and out_file is not None:
        raise NotDone("--json or --out, not both.")
    if starts_per_s < 0:
        raise NotDone(f"--starts-per-s {starts_per_s:g}: not below 0.")
    where = _zone(zone)
    settings = _meant(data, lake, config)
    planned = asyncio.run(_planned(settings, event))
    if data is not None:
        _tell_behind(asyncio.run(_behind(settings)))
    facts = _facts(settings, event, planned)
    document = rules.report(event, facts, _terms(settings, planned, starts_per_s, where))
    if as_json:
        write_json(document)
        return
    file = out_file or Path(f"{_NO_FILE_NAME.sub('-', event)}.html")
    file.write_text(page(document, where, zone), encoding="utf-8")
    _tell(document, file)


def _tell(document: Report, file: Path) -> None:
    for one in document.summary:
        out.print(one, soft_wrap=True, markup=False)
    out.print(f"\nWritten to {file}", soft_wrap=True, markup=False)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotDone(f"--zone {name}: there is no such time zone; write one such as Europe/Paris.") from None


def _meant(data: Path | None, lake: str, config: Path | None) -> Settings:
    """With --data, the settings that its `tifo up` last ran with, where no others are named."""
    if data is not None and lake:
        raise NotDone("--data or --lake, not both.")
    written = data / "run" / "settings.toml" if data is not None else None
    if config is None and written is not None and written.is_file():
        config = written
    settings = machine.load_base(os.environ, config)
    if data is not None:
        settings = msgspec.structs.replace(settings, data=str(data))
    if data is not None or lake:
        settings = msgspec.structs.replace(settings, lake=msgspec.structs.replace(settings.lake, url=lake))
    return settings


# --- what is known beside the lake ----------------------------------------------------------------------


async def _planned(settings: Settings, event: str) -> CalendarEvent | None:
    """The event in the calendar; None where it is not, or no calendar is here."""
    if not stores.calendar_file(settings).is_file():
        return None
    calendar = stores.calendar_store(settings)
    try:
        return next((one for one in await calendar.events() if one.id == event), None)
    except Unavailable as error:
        err.print(f"The calendar did not answer ({error.why}): no forecast is known.", markup=False)
        return None
    finally:
        await calendar.close()


async def _inventory(settings: Settings) -> Inventory:
    """The inventory in force, for its prices; an empty one where none is here."""
    elsewhere = settings.stores.inventory.startswith("dynamodb:")
    if not elsewhere and not stores.inventory_file(settings).is_file():
        return Inventory()
    store = stores.inventory_store(settings)
    try:
        return (await store.read()).inventory
    except Unavailable as error:
        err.print(f"The inventory did not answer ({error.why}): no price of ads is known.", markup=False)
        return Inventory()
    finally:
        await store.close()


def _terms(settings: Settings, planned: CalendarEvent | None, starts_per_s: float, zone: ZoneInfo) -> Terms:
    sold = asyncio.run(_inventory(settings))
    stated = {one.id: one for one in settings.steering_loop.cdns}
    names = dict.fromkeys((*settings.pathway_ids, *stated))
    cdns = [
        Cdn(name, settings.capacity_bps(name), (stated[name].cost_per_gb or None) if name in stated else None)
        for name in names
    ]
    return Terms(
        title=planned.title if planned else "",
        forecast_viewers=(planned.forecast_viewers or None) if planned else None,
        cdns=tuple(cdns),
        starts_capacity_per_s=starts_per_s or None,
        pods_capacity_per_s=settings.ads.capacity_per_s * settings.ads.nodes or None,
        cpm_cents={one.id: one.cpm_cents for one in sold.line_items if one.cpm_cents},
        currency=sold.currency,
        zone=zone,
    )


# --- the lake -------------------------------------------------------------------------------------------


def _facts(settings: Settings, event: str, planned: CalendarEvent | None) -> Facts:
    # DuckDB and Arrow take half a second to load, which no other command pays.
    from tifo.adapters.lake.reporting import over  # noqa: PLC0415

    def read(asked: Asked) -> Facts:
        with _watching() as tell:
            facts = gather(asked, event, tell)
        if planned is None and not facts.minutes and not facts.refused:
            raise NotDone(_unknown(event, known_events(asked)))
        return facts

    try:
        return over(stores.lake_at(settings), read)
    except Unavailable as error:
        raise NotDone(f"The lake did not answer: {error.why}.") from None
    except Refusal as refusal:
        raise NotDone(refusal.detail) from None
    except SettingsError as error:
        raise NotDone("; ".join(error.problems)) from None


def _unknown(event: str, known: tuple[str, ...]) -> str:
    there = f"it has {', '.join(known)}" if known else "it has none yet"
    return (
        f"The lake has nothing of an event {event!r}; {there}. What happened is there some 15 seconds later "
        "(lake.flush_s), as long as the worker `lake` runs, which `tifo up` does."
    )


async def _behind(settings: Settings) -> int:
    """Records that the log of a `tifo up` has and its lake has not yet; 0 where there is no such log."""
    kafka = settings.stores.eventlog.startswith("kafka:")
    if kafka or not stores.event_log_file(settings).is_file():
        return 0
    log = stores.event_log(settings)
    try:
        return sum(one.records for one in await log.lag() if one.group == LAKE_GROUP)
    except Unavailable:
        return 0
    finally:
        await log.close()


def _tell_behind(records: int) -> None:
    if records:
        err.print(
            f"The lake is {many(records, 'record')} behind the event log: the last moments are not in this "
            "report. The worker `lake` writes them, which `tifo up` runs: ask again while it does.",
            markup=False,
        )


@contextmanager
def _watching() -> Iterator[Tell]:
    """A bar on a terminal, nothing elsewhere."""
    if not err.is_terminal:
        yield lambda what, done, every: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("the lake", total=None)
        yield lambda what, done, every: bar.update(task, description=what, completed=done, total=every)
