"""The contract of the session store, over every adapter: who gets a slot."""

import asyncio

import pytest
from msgspec.structs import replace
from session_stores import (
    LEASE_S,
    NOW,
    lease,
    listed,
    renew,
    sessions,
    start,
)

from tifo.services.sessions.ports import (
    LEASES_PER_ACCOUNT_MAX,
    Admitted,
    Full,
    Limits,
    Renewal,
    SessionStore,
)


@pytest.fixture
def store(session_store: SessionStore) -> SessionStore:
    return session_store


async def test_start_takes_a_slot(store: SessionStore) -> None:
    assert await start(store, lease(1)) == Admitted(lease(1), used=1)
    assert await store.running("demo", now=NOW) == (lease(1),)


async def test_new_store_has_no_session(store: SessionStore) -> None:
    assert (await sessions(store), await store.count(now=NOW), await listed(store)) == ([], 0, [])


async def test_same_device_goes_on_with_its_session(store: SessionStore) -> None:
    await start(store, lease(1))
    again = replace(lease(2, at=NOW + 10), device="device-1")
    outcome = await start(store, again, Limits(1))
    assert outcome == Admitted(replace(lease(1), until=again.until), used=1)


async def test_same_device_with_another_event_is_another_session(store: SessionStore) -> None:
    await start(store, lease(1))
    outcome = await start(store, replace(lease(2), device="device-1", event="semi-final"))
    assert isinstance(outcome, Admitted)
    assert (outcome.lease.session, outcome.used) == ("ses_002", 2)


async def test_same_device_of_another_account_is_another_session(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, replace(lease(2), device="device-1", account="other"))
    assert await sessions(store, account="other") == ["ses_002"]


async def test_duplicate_start_changes_nothing(store: SessionStore) -> None:
    first = await start(store, lease(1))
    assert await start(store, lease(1)) == first
    assert await store.count(now=NOW) == 1


async def test_start_again_never_shortens_a_lease(store: SessionStore) -> None:
    await start(store, lease(1))
    slow_clock = replace(lease(2, at=NOW - 5), device="device-1")
    outcome = await start(store, slow_clock, Limits(4), now=NOW)
    assert isinstance(outcome, Admitted)
    assert outcome.lease.until == NOW + LEASE_S


async def test_full_account_is_refused_with_what_runs_oldest_first(store: SessionStore) -> None:
    for n in (2, 1):
        await start(store, lease(n, at=NOW - n))
    outcome = await start(store, lease(3), Limits(2), now=NOW)
    assert outcome == Full((lease(2, at=NOW - 2), lease(1, at=NOW - 1)))
    assert await store.count(now=NOW) == 2


async def test_limit_is_each_accounts_own(store: SessionStore) -> None:
    await start(store, lease(1), Limits(1))
    assert isinstance(await start(store, lease(2, account="other"), Limits(1)), Admitted)


async def test_no_limit_goes_past_the_most_an_account_may_have(store: SessionStore) -> None:
    for n in range(LEASES_PER_ACCOUNT_MAX):
        await start(store, lease(n), Limits(1_000))
    assert isinstance(await start(store, lease(999), Limits(1_000)), Full)


async def test_limit_of_a_device_kind_leaves_room_for_other_kinds(store: SessionStore) -> None:
    one_tv = Limits(account=4, of_kind=1)
    await start(store, lease(1), one_tv)
    assert await start(store, lease(2), one_tv) == Full((lease(1),))
    phone = replace(lease(2), device_kind="phone")
    assert await start(store, phone, one_tv) == Admitted(phone, used=2)


async def test_limit_of_an_event_leaves_room_in_other_events(store: SessionStore) -> None:
    one_each = Limits(account=4, of_event=1)
    await start(store, lease(1), one_each)
    assert isinstance(await start(store, lease(2), one_each), Full)
    assert isinstance(await start(store, lease(2, event="semi-final"), one_each), Admitted)


async def test_no_limit_of_the_account_still_minds_those_of_kind_and_event(store: SessionStore) -> None:
    await start(store, lease(1), Limits(account=0, of_kind=1))
    assert isinstance(await start(store, lease(2), Limits(account=0, of_kind=1)), Full)
    assert isinstance(await start(store, lease(2), Limits(account=0)), Admitted)


async def test_viewer_who_changes_the_match_takes_the_slot_along(store: SessionStore) -> None:
    await start(store, lease(1), Limits(1))
    other = replace(lease(2, event="semi-final"), device="device-1")
    assert await start(store, other, Limits(1)) == Admitted(other, used=1, ended=(lease(1),))
    assert await renew(store, lease(1)) is Renewal.ENDED


async def test_oldest_session_gives_way_where_it_shall(store: SessionStore) -> None:
    for n in (1, 2):
        await start(store, lease(n, at=NOW + n), Limits(2), now=NOW + 2)
    newest = lease(3, at=NOW + 3)
    outcome = await start(store, newest, Limits(2), give_way=True)
    assert outcome == Admitted(newest, used=2, ended=(lease(1, at=NOW + 1),))
    assert await renew(store, lease(1), None, now=NOW + 3) is Renewal.ENDED
    assert await sessions(store, now=NOW + 3) == ["ses_002", "ses_003"]


async def test_only_sessions_that_fill_the_limit_give_way(store: SessionStore) -> None:
    phone = replace(lease(1), device_kind="phone")
    await start(store, phone)
    await start(store, lease(2, at=NOW + 1))
    third = lease(3, at=NOW + 2)
    outcome = await start(store, third, Limits(4, of_kind=1), give_way=True)
    assert outcome == Admitted(third, used=2, ended=(lease(2, at=NOW + 1),))


async def test_kicked_sessions_of_the_event_give_way(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, lease(2, event="semi-final"))
    await start(store, lease(3, at=NOW + 5))
    again = replace(lease(4, at=NOW + 9), device="device-1")
    outcome = await start(store, again, void_before=NOW + 4)
    assert outcome == Admitted(again, used=3, ended=(lease(1),))
    assert await sessions(store, now=NOW + 9) == ["ses_002", "ses_003", "ses_004"]


async def test_refused_start_ends_nothing(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, lease(2, event="semi-final"), Limits(2))
    full = await start(store, lease(3, at=NOW + 5), Limits(1), void_before=NOW)
    assert full == Full((lease(1), lease(2, event="semi-final")))
    assert await sessions(store, now=NOW + 5) == ["ses_001", "ses_002"]


async def test_many_callers_race_for_the_last_slot_and_one_gets_it(store: SessionStore) -> None:
    outcomes = await asyncio.gather(*(start(store, lease(n), Limits(3)) for n in range(50)))
    assert sum(isinstance(one, Admitted) for one in outcomes) == 3
    assert len(await sessions(store)) == 3


async def test_many_callers_of_one_device_share_one_session(store: SessionStore) -> None:
    outcomes = await asyncio.gather(
        *(start(store, replace(lease(n), device="tv"), Limits(2)) for n in range(50))
    )
    admitted = {one.lease.session for one in outcomes if isinstance(one, Admitted)}
    assert len(admitted) == 1
    assert await sessions(store) == list(admitted)


async def test_many_accounts_at_once_do_not_disturb_each_other(store: SessionStore) -> None:
    await asyncio.gather(
        *(start(store, lease(n, account=f"account-{n % 20}"), Limits(5)) for n in range(100))
    )
    assert await store.count(now=NOW) == 100
    assert len(await sessions(store, account="account-7")) == 5
