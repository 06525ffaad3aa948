"""The contract of the profile store, over every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tifo.adapters.sqlite.profiles import SqliteProfileStore
from tifo.api.accounts import Viewer
from tifo.services.accounts.ports import ProfileStore

Opener = Callable[[], ProfileStore]


@pytest.fixture(params=["sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    openers: dict[str, Opener] = {"sqlite": lambda: SqliteProfileStore(tmp_path / "profiles.db")}
    return openers[request.param]


@pytest.fixture
async def profiles(reopen: Opener) -> AsyncIterator[ProfileStore]:
    profiles = reopen()
    yield profiles
    await profiles.close()


async def test_account_without_a_profile_has_none(profiles: ProfileStore) -> None:
    assert await profiles.profile("nobody") is None


async def test_profile_comes_back_whole(profiles: ProfileStore) -> None:
    viewer = Viewer("demo", ("final", "semi-final"), stream_limit=2)
    await profiles.put(viewer)
    assert await profiles.profile("demo") == viewer


async def test_later_profile_replaces_the_earlier(profiles: ProfileStore) -> None:
    await profiles.put(Viewer("demo", ("final",), 2))
    await profiles.put(Viewer("demo", ()))
    assert await profiles.profile("demo") == Viewer("demo", (), None)


async def test_profiles_do_not_mix(profiles: ProfileStore) -> None:
    await profiles.put(Viewer("demo", ("final",)))
    await profiles.put(Viewer("Demo", ("*",)))
    assert await profiles.profile("demo") == Viewer("demo", ("final",))


async def test_profile_is_seen_by_another_process_and_a_later_one(
    profiles: ProfileStore, reopen: Opener
) -> None:
    await profiles.put(Viewer("demo", ("final",)))
    other = reopen()
    assert await other.profile("demo") == Viewer("demo", ("final",))
    await other.close()


@pytest.mark.parametrize("account", ["é", "'; DROP TABLE profiles; --", "a@b.example", " "])
def test_account_is_taken_as_it_is(reopen: Opener, account: str) -> None:
    async def put_and_read() -> Viewer | None:
        profiles = reopen()
        await profiles.put(Viewer(account, ("*",)))
        found = await profiles.profile(account)
        await profiles.close()
        return found

    assert asyncio.run(put_and_read()) == Viewer(account, ("*",))


async def test_many_callers_at_once_lose_nothing(profiles: ProfileStore, reopen: Opener) -> None:
    other = reopen()
    await asyncio.gather(
        *(
            store.put(Viewer(f"{n}-{i}", ("*",)))
            for n in range(30)
            for i, store in enumerate((profiles, other))
        )
    )
    found = await asyncio.gather(*(profiles.profile(f"{n}-{i}") for n in range(30) for i in range(2)))
    await other.close()
    assert None not in found
