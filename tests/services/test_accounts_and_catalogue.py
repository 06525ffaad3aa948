"""Who a token is, what is on, and both while their stores fail."""

from pathlib import Path

import pytest

from tifo.adapters.sqlite.calendar import SqliteCalendarStore
from tifo.adapters.sqlite.profiles import SqliteProfileStore
from tifo.api.accounts import Viewer
from tifo.api.catalogue import CalendarEvent
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.accounts.ports import Profile
from tifo.services.accounts.service import AccountService
from tifo.services.accounts.settings import AccountsSettings, DemoAccount
from tifo.services.catalogue.ports import CalendarStore
from tifo.services.catalogue.service import CatalogueService
from tifo.services.catalogue.settings import CatalogueSettings
from tifo.tokens.access import access_tokens
from tifo.tokens.keys import Keyring

NOW = 1_800_000_000.0
SETTINGS = AccountsSettings(
    demo=(DemoAccount("demo", stream_limit=2), DemoAccount("visitor", entitlements=())),
    access_token_ttl_s=100,
    profile_cache_s=5,
)


class BrittleProfiles(SqliteProfileStore):
    failing = False

    async def profile(self, account: str) -> Profile | None:
        if self.failing:
            raise Unavailable("profiles", "connection refused")
        return await super().profile(account)


@pytest.fixture
async def profiles(tmp_path: Path):
    profiles = BrittleProfiles(tmp_path / "profiles.db")
    yield profiles
    await profiles.close()


@pytest.fixture
async def accounts(profiles: BrittleProfiles, keys: Keyring, clock: ManualClock) -> AccountService:
    service = AccountService(profiles, access_tokens(keys), clock, SETTINGS)
    await service.open()
    return service


async def test_accounts_of_the_settings_exist(accounts: AccountService) -> None:
    assert await accounts.viewer(accounts.login("demo"), "tv") == Viewer("demo", ("*",), 2)
    assert await accounts.viewer(accounts.login("visitor"), "tv") == Viewer("visitor", (), None)


async def test_account_without_a_profile_is_an_ordinary_subscriber(accounts: AccountService) -> None:
    viewer = await accounts.viewer(accounts.login("somebody"), "tv")
    assert viewer.entitled(match("final"), NOW)
    assert viewer.stream_limit is None


async def test_accounts_of_the_settings_are_written_once(accounts: AccountService, profiles) -> None:
    await accounts.open()
    demo = await profiles.profile("demo")
    assert demo is not None and demo.version == 1


async def test_visitor_is_entitled_to_nothing(accounts: AccountService) -> None:
    assert not (await accounts.viewer(accounts.login("visitor"), "tv")).entitled(match("final"), NOW)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é"])
async def test_text_that_is_no_token_is_refused(accounts: AccountService, token: str) -> None:
    with pytest.raises(Refusal, match="bad-token"):
        await accounts.viewer(token, "tv")


async def test_token_that_has_expired_is_refused(accounts: AccountService, clock: ManualClock) -> None:
    token = accounts.login("demo")
    clock.advance(SETTINGS.access_token_ttl_s)
    with pytest.raises(Refusal) as caught:
        await accounts.viewer(token, "tv")
    assert caught.value.members == {"reason": "expired"}


async def test_profile_is_read_again_after_its_time(accounts, profiles, clock) -> None:
    token = accounts.login("demo")
    await accounts.viewer(token, "tv")
    await profiles.put_profile(Profile("demo", entitlements=("final",), version=1))
    clock.advance(SETTINGS.profile_cache_s - 1)
    assert (await accounts.viewer(token, "tv")).entitlements == ("*",)
    clock.advance(1)
    assert (await accounts.viewer(token, "tv")).entitlements == ("final",)


async def test_known_profile_stays_in_force_while_the_store_fails(accounts, profiles, clock) -> None:
    token = accounts.login("demo")
    await accounts.viewer(token, "tv")
    profiles.failing = True
    clock.advance(60)
    assert (await accounts.viewer(token, "tv")).stream_limit == 2


async def test_unknown_profile_of_a_failing_store_is_refused(accounts, profiles) -> None:
    profiles.failing = True
    with pytest.raises(Unavailable):
        await accounts.viewer(accounts.login("demo"), "tv")


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
