"""The contract of the calendar store, over every adapter."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from tifo.adapters.sqlite.calendar import SqliteCalendarStore
from tifo.api.catalogue import CalendarEvent, EventOrigin
from tifo.services.catalogue.ports import CalendarStore

Opener = Callable[[], CalendarStore]


@pytest.fixture(params=["sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    openers: dict[str, Opener] = {"sqlite": lambda: SqliteCalendarStore(tmp_path / "calendar.db")}
    return openers[request.param]


@pytest.fixture
async def calendar(reopen: Opener) -> AsyncIterator[CalendarStore]:
    calendar = reopen()
    yield calendar
    await calendar.close()


def event(id: str, starts: float = 1_800_000_000.0) -> CalendarEvent:
    return CalendarEvent(id, f"Match {id}", starts, starts + 7_200, "demo", "exceptional", 2_400_000)


async def test_new_calendar_is_empty(calendar: CalendarStore) -> None:
    assert await calendar.events() == ()


async def test_event_comes_back_whole(calendar: CalendarStore) -> None:
    await calendar.put(event("final"))
    assert await calendar.events() == (event("final"),)


async def test_who_may_watch_where_comes_back_too(calendar: CalendarStore) -> None:
    derby = msgspec.structs.replace(event("derby"), access="pass", regions=("FR", "BE"), stream_limit=1)
    await calendar.put(derby)
    assert await calendar.events() == (derby,)


async def test_origin_comes_back_too(calendar: CalendarStore) -> None:
    origin = EventOrigin(hls="https://origin.example/a.m3u8?key=1", dash="https://origin.example/a.mpd")
    away = msgspec.structs.replace(event("away"), origin=origin)
    await calendar.put(away)
    assert await calendar.events() == (away,)


async def test_events_stand_by_start_then_id(calendar: CalendarStore) -> None:
    for one in (event("late", 30.0), event("b", 10.5), event("a", 10.5), event("early", 2.0)):
        await calendar.put(one)
    assert [one.id for one in await calendar.events()] == ["early", "a", "b", "late"]


async def test_event_put_again_replaces_the_earlier_and_moves(calendar: CalendarStore) -> None:
    await calendar.put(event("final", 10.0))
    await calendar.put(event("other", 20.0))
    later = msgspec.structs.replace(event("final", 30.0), title="Replay")
    await calendar.put(later)
    await calendar.put(later)
    assert await calendar.events() == (event("other", 20.0), later)


async def test_event_is_seen_by_another_process_and_a_later_one(
    calendar: CalendarStore, reopen: Opener
) -> None:
    await calendar.put(event("final"))
    other = reopen()
    assert await other.events() == (event("final"),)
    await other.close()


async def test_many_callers_at_once_lose_nothing(calendar: CalendarStore, reopen: Opener) -> None:
    other = reopen()
    stores = (calendar, other)
    await asyncio.gather(*(s.put(event(f"{n}-{i}")) for n in range(30) for i, s in enumerate(stores)))
    await other.close()
    assert len(await calendar.events()) == 60


async def test_event_that_a_newer_version_wrote_is_read_without_what_is_unknown(tmp_path: Path) -> None:
    calendar = SqliteCalendarStore(tmp_path / "calendar.db")
    await calendar.put(event("final"))
    with contextlib.closing(sqlite3.connect(tmp_path / "calendar.db")) as file, file:
        file.execute("UPDATE events SET event = json_set(event, '$.stadium', 'North')")
    assert await calendar.events() == (event("final"),)
    await calendar.close()
