"""What is on, and that it stays known while its store fails."""

from pathlib import Path

import pytest

from tifo.adapters.sqlite.calendar import SqliteCalendarStore
from tifo.api.catalogue import CalendarEvent
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.catalogue.ports import CalendarStore
from tifo.services.catalogue.service import CatalogueService
from tifo.services.catalogue.settings import CatalogueSettings

NOW = 1_800_000_000.0


class BrittleCalendar(CalendarStore):
    """A calendar in a list, which can be taken away."""

    def __init__(self) -> None:
        self.listed: list[CalendarEvent] = []
        self.failing = False
        self.reads = 0

    async def events(self) -> tuple[CalendarEvent, ...]:
        self.reads += 1
        if self.failing:
            raise Unavailable("calendar", "connection refused")
        return tuple(self.listed)

    async def put(self, event: CalendarEvent) -> None:
        self.listed.append(event)

    async def close(self) -> None: ...


def match(id: str, starts: float = NOW) -> CalendarEvent:
    return CalendarEvent(id, id.title(), starts, starts + 7_200, "demo")


@pytest.fixture
def calendar() -> BrittleCalendar:
    return BrittleCalendar()


@pytest.fixture
async def catalogue(calendar: BrittleCalendar):
    # Read often, so that a test need not wait for a second.
    settings = CatalogueSettings(events=(match("final"),), refresh_s=0.01)  # type: ignore[arg-type]
    service = CatalogueService(calendar, settings)
    await service.open()
    yield service
    await service.close()


async def test_events_of_the_settings_are_in_the_calendar(catalogue: CatalogueService) -> None:
    assert await catalogue.events() == (match("final"),)
    assert await catalogue.event("final") == match("final")


async def test_event_that_is_not_there_is_refused(catalogue: CatalogueService) -> None:
    with pytest.raises(Refusal, match="not-found"):
        await catalogue.event("other")


async def test_new_event_is_seen(catalogue, calendar, until) -> None:
    await calendar.put(match("cup"))
    reads = calendar.reads
    await until(lambda: calendar.reads > reads + 1)
    assert await catalogue.event("cup") == match("cup")


async def test_last_calendar_stays_in_force_while_the_store_fails(catalogue, calendar, until, logged) -> None:
    calendar.failing = True
    reads = calendar.reads
    await until(lambda: calendar.reads > reads + 3)
    assert await catalogue.events() == (match("final"),)
    assert [entry["event"] for entry in logged] == ["calendar.failing"]
    calendar.failing = False
    await calendar.put(match("cup"))
    reads = calendar.reads
    await until(lambda: calendar.reads > reads + 1)
    assert len(await catalogue.events()) == 2


@pytest.mark.parametrize(
    ("after_s", "state"), [(-1, "upcoming"), (0, "live"), (7_199, "live"), (7_200, "over")]
)
def test_event_knows_where_it_stands(after_s: float, state: str) -> None:
    assert match("final").state(NOW + after_s) == state


async def test_calendar_on_disk_is_there_after_a_restart(tmp_path: Path) -> None:
    for settings in (CatalogueSettings(events=(match("final"),)), CatalogueSettings()):
        store = SqliteCalendarStore(tmp_path / "calendar.db")
        service = CatalogueService(store, settings)
        await service.open()
        assert await service.events() == (match("final"),)
        await service.close()
        await store.close()
