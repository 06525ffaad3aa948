"""The contract of the profile store, over every adapter."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import dynamodb_local
import pytest
from msgspec.structs import replace

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.profiles import Budgets, DynamoProfileStore
from tifo.adapters.sqlite.profiles import SqliteProfileStore
from tifo.api.accounts import EventPass
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.services.accounts.ports import (
    DEVICES_MAX,
    POSITIONS_MAX,
    PROFILE_BYTES_MAX,
    History,
    KnownDevice,
    Position,
    Profile,
    ProfileConflict,
    ProfileStore,
    Sighting,
)
from tifo.telemetry.stores import StoreMeter

Opener = Callable[[], ProfileStore]

NOW = 1_800_000_000.0
WHOLE = Profile(
    "demo", "subscriber", ("derby",), (EventPass("final", NOW + 3_600), EventPass("cup", NOW)), "FR", 2
)

UNHURRIED = Budgets(read_s=20, write_s=30, exchange_s=15)
"""For a machine that does other things too."""

DYNAMODB = pytest.param(
    "dynamodb", marks=pytest.mark.skipif(bool(dynamodb_local.MISSING), reason=dynamodb_local.NOT_RUN)
)


@pytest.fixture(params=["sqlite", DYNAMODB])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "sqlite":
        return lambda: SqliteProfileStore(tmp_path / "profiles.db")
    address = TableAddress.parse(request.getfixturevalue("dynamodb_table"))
    clock = SystemClock()
    meter = StoreMeter("profiles", "dynamodb", clock)
    return lambda: DynamoProfileStore(address, meter, clock, SystemIds(), UNHURRIED)


@pytest.fixture
async def profiles(reopen: Opener) -> AsyncIterator[ProfileStore]:
    profiles = reopen()
    yield profiles
    await profiles.close()


def seen(device: str = "tv", at: float = NOW, account: str = "demo", name: str = "") -> Sighting:
    return Sighting(account, device, "tv", at, name)


def stopped(event: str = "final", at: float = NOW, position_s: float = 12.5) -> Position:
    return Position("demo", event, position_s, at)


# --- profiles -----------------------------------------------------------------------------------------


async def test_account_without_a_profile_has_none(profiles: ProfileStore) -> None:
    assert await profiles.profile("nobody") is None


async def test_profile_comes_back_whole(profiles: ProfileStore) -> None:
    kept = await profiles.put_profile(WHOLE)
    assert kept == replace(WHOLE, version=1)
    assert await profiles.profile("demo") == kept


async def test_profile_is_replaced_on_the_version_that_stands_there(profiles: ProfileStore) -> None:
    kept = await profiles.put_profile(WHOLE)
    later = await profiles.put_profile(Profile("demo", version=kept.version))
    assert later.version == 2
    assert await profiles.profile("demo") == Profile("demo", version=2)


@pytest.mark.parametrize("version", [0, 2, -1])
async def test_profile_on_another_version_is_refused_with_what_stands_there(profiles, version: int) -> None:
    kept = await profiles.put_profile(WHOLE)
    with pytest.raises(ProfileConflict) as caught:
        await profiles.put_profile(Profile("demo", version=version))
    assert caught.value.found == kept
    assert await profiles.profile("demo") == kept


async def test_change_of_an_account_that_is_gone_is_refused(profiles: ProfileStore) -> None:
    with pytest.raises(ProfileConflict) as caught:
        await profiles.put_profile(Profile("demo", version=1))
    assert caught.value.found is None
    assert await profiles.profile("demo") is None


async def test_of_racing_writers_one_gets_through(profiles: ProfileStore, reopen: Opener) -> None:
    other = reopen()
    for version in range(3):
        wanted = [Profile("demo", region=f"R{n}", version=version) for n in range(12)]
        outcomes = await asyncio.gather(
            *((profiles, other)[n % 2].put_profile(one) for n, one in enumerate(wanted)),
            return_exceptions=True,
        )
        (winner,) = [one for one in outcomes if isinstance(one, Profile)]
        losers = [one for one in outcomes if isinstance(one, ProfileConflict)]
        assert len(losers) == 11 and all(one.found == winner for one in losers)
        assert await profiles.profile("demo") == winner
    await other.close()


async def test_of_racing_writers_of_the_same_one_gets_through(profiles: ProfileStore, reopen: Opener) -> None:
    other = reopen()
    outcomes = await asyncio.gather(
        *(store.put_profile(WHOLE) for store in (profiles, other) for _ in range(5)), return_exceptions=True
    )
    await other.close()
    assert sum(isinstance(one, Profile) for one in outcomes) == 1


async def test_profiles_do_not_mix(profiles: ProfileStore) -> None:
    await profiles.put_profile(WHOLE)
    await profiles.put_profile(Profile("Demo"))
    assert await profiles.profile("demo") == replace(WHOLE, version=1)


async def test_profile_that_is_too_large_is_refused(profiles: ProfileStore) -> None:
    with pytest.raises(ValueError, match=str(PROFILE_BYTES_MAX)):
        await profiles.put_profile(Profile("demo", entitlements=("x" * PROFILE_BYTES_MAX,)))
    assert await profiles.profile("demo") is None


@pytest.mark.parametrize("account", ["é", "'; DROP TABLE profiles; --", "a@b.example", " ", "D#tv", '"?"'])
async def test_account_is_taken_as_it_is(profiles: ProfileStore, account: str) -> None:
    kept = await profiles.put_profile(Profile(account))
    await profiles.saw_devices([seen(account=account, name='l\'écran "du" salon ?')])
    assert await profiles.profile(account) == kept
    (device,) = (await profiles.history(account)).devices
    assert device.name == 'l\'écran "du" salon ?'


# --- devices and positions ------------------------------------------------------------------------------


async def test_account_without_a_history_has_an_empty_one(profiles: ProfileStore) -> None:
    await profiles.put_profile(WHOLE)
    assert await profiles.history("demo") == History()


async def test_nothing_in_a_batch_is_fine(profiles: ProfileStore) -> None:
    await profiles.saw_devices([])
    await profiles.put_positions([])


async def test_device_keeps_its_first_and_its_last_sighting(profiles: ProfileStore) -> None:
    await profiles.saw_devices([seen(at=NOW)])
    await profiles.saw_devices([seen(at=NOW + 60.25, name="Salon")])
    (device,) = (await profiles.history("demo")).devices
    assert device == KnownDevice("tv", "tv", "Salon", NOW, NOW + 60.25)


async def test_history_has_the_latest_first(profiles: ProfileStore) -> None:
    await profiles.saw_devices([seen("b", NOW + 1), seen("a", NOW + 1), seen("c", NOW + 2), seen("d", NOW)])
    await profiles.put_positions([stopped("cup", NOW), stopped("final", NOW + 1)])
    history = await profiles.history("demo")
    assert [one.device for one in history.devices] == ["c", "a", "b", "d"]
    assert history.positions == (stopped("final", NOW + 1), stopped("cup", NOW))


@pytest.mark.parametrize("late", [NOW - 1, NOW], ids=["older", "as-old"])
async def test_older_write_that_comes_late_changes_nothing(profiles: ProfileStore, late: float) -> None:
    await profiles.saw_devices([seen(at=NOW, name="new")])
    await profiles.put_positions([stopped(at=NOW, position_s=50.0)])
    before = await profiles.history("demo")
    await profiles.saw_devices([seen(at=late, name="old")])
    await profiles.put_positions([stopped(at=late, position_s=1.0)])
    assert await profiles.history("demo") == before


async def test_latest_of_one_batch_wins(profiles: ProfileStore) -> None:
    await profiles.put_positions([stopped(at=NOW + n, position_s=float(n)) for n in (3, 9, 1, 7)])
    await profiles.saw_devices([seen(at=NOW + n) for n in (3, 9, 1, 7)])
    history = await profiles.history("demo")
    assert history.positions == (stopped(at=NOW + 9, position_s=9.0),)
    assert [one.last_seen for one in history.devices] == [NOW + 9]


async def test_latest_of_racing_writers_wins(profiles: ProfileStore, reopen: Opener) -> None:
    other = reopen()
    batches = [[stopped(at=NOW + n, position_s=float(n))] for n in range(40)]
    await asyncio.gather(*((profiles, other)[n % 2].put_positions(one) for n, one in enumerate(batches)))
    await other.close()
    assert (await profiles.history("demo")).positions == (stopped(at=NOW + 39, position_s=39.0),)


async def test_batch_that_is_repeated_changes_nothing(profiles: ProfileStore) -> None:
    batch = [seen(f"tv-{n}", NOW + n) for n in range(30)]
    await profiles.saw_devices(batch)
    before = await profiles.history("demo")
    await profiles.saw_devices(batch)
    assert await profiles.history("demo") == before


async def test_history_is_bounded_and_keeps_the_latest(profiles: ProfileStore) -> None:
    devices = [seen(f"tv-{n}", NOW + n) for n in range(DEVICES_MAX + 30)]
    await profiles.saw_devices(devices)
    for n in range(0, POSITIONS_MAX + 30, 10):
        await profiles.put_positions([stopped(f"match-{m}", NOW + m) for m in range(n, n + 10)])
    history = await profiles.history("demo")
    assert [one.device for one in history.devices] == [one.device for one in devices[: -DEVICES_MAX - 1 : -1]]
    assert len(history.positions) == POSITIONS_MAX
    assert history.positions[0].event == f"match-{POSITIONS_MAX + 29}"


async def test_large_batch_of_many_accounts_is_kept_whole(profiles: ProfileStore) -> None:
    await profiles.saw_devices([seen(f"tv-{n % 3}", NOW + n, f"account-{n // 3}") for n in range(300)])
    histories = await asyncio.gather(*(profiles.history(f"account-{n}") for n in range(100)))
    assert {len(one.devices) for one in histories} == {3}


# --- accounts that go -----------------------------------------------------------------------------------


async def test_deleted_account_leaves_nothing(profiles: ProfileStore) -> None:
    await profiles.put_profile(WHOLE)
    await profiles.put_profile(Profile("other"))
    await profiles.saw_devices([*(seen(f"tv-{n}") for n in range(40)), seen(account="other")])
    await profiles.put_positions([stopped()])
    await profiles.delete_account("demo")
    await profiles.delete_account("demo")
    assert await profiles.profile("demo") is None
    assert await profiles.history("demo") == History()
    assert await profiles.profile("other") is not None
    assert (await profiles.history("other")).devices


async def test_deleted_account_may_come_back_as_a_new_one(profiles: ProfileStore) -> None:
    await profiles.put_profile(WHOLE)
    await profiles.delete_account("demo")
    assert (await profiles.put_profile(Profile("demo"))).version == 1


# --- processes ------------------------------------------------------------------------------------------


async def test_account_is_seen_by_another_process_and_a_later_one(profiles, reopen: Opener) -> None:
    await profiles.put_profile(WHOLE)
    await profiles.saw_devices([seen()])
    other = reopen()
    assert await other.profile("demo") == await profiles.profile("demo")
    assert await other.history("demo") == await profiles.history("demo")
    await other.close()


async def test_many_callers_at_once_lose_nothing(profiles: ProfileStore, reopen: Opener) -> None:
    other = reopen()
    both = [(f"{n}-{i}", store) for n in range(60) for i, store in enumerate((profiles, other))]
    await asyncio.gather(
        *(store.put_profile(Profile(account)) for account, store in both),
        *(store.saw_devices([seen(account=account)]) for account, store in both),
        *(store.put_positions([Position(account, "final", 1.0, NOW)]) for account, store in both),
    )
    found = await asyncio.gather(*(profiles.profile(account) for account, _ in both))
    histories = await asyncio.gather(*(other.history(account) for account, _ in both))
    await other.close()
    assert None not in found
    assert all(one.devices and one.positions for one in histories)


async def test_many_callers_for_one_account_get_the_same(profiles: ProfileStore) -> None:
    kept = await profiles.put_profile(WHOLE)
    assert set(await asyncio.gather(*(profiles.profile("demo") for _ in range(200)))) == {kept}


# --- the version before -----------------------------------------------------------------------------------


async def test_folder_of_the_version_before_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "profiles.db"
    old: dict[str, Any] = {"account": "demo", "entitlements": ["*"], "stream_limit": None}
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE profiles (account TEXT PRIMARY KEY, profile BLOB NOT NULL)")
        file.execute("INSERT INTO profiles VALUES ('demo', ?)", (json.dumps(old).encode(),))
    profiles = SqliteProfileStore(path)
    known = await profiles.profile("demo")
    assert known == Profile("demo", entitlements=("*",), version=1)
    assert (await profiles.put_profile(replace(known, plan="subscriber"))).version == 2
    await profiles.saw_devices([seen()])
    await profiles.close()
