"""The contract of the session store, over every adapter: expiry, pages, counts and take-over codes."""

import asyncio
import itertools

import pytest
from msgspec.structs import replace
from session_stores import (
    LEASE_S,
    NOW,
    ROOM,
    end,
    lease,
    listed,
    pages,
    renew,
    start,
)

from tifo.services.sessions.ports import (
    Limits,
    Renew,
    Renewal,
    SessionStore,
)


@pytest.fixture
def store(session_store: SessionStore) -> SessionStore:
    return session_store


async def test_expiry_says_each_lapsed_session_once(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, lease(2, at=NOW + 10))
    assert await store.expire(now=NOW + LEASE_S - 1, limit=10) == ()
    assert await store.expire(now=NOW + LEASE_S, limit=10) == (lease(1),)
    assert await store.expire(now=NOW + LEASE_S, limit=10) == ()
    assert await store.expire(now=NOW + 10 + LEASE_S, limit=10) == (lease(2, at=NOW + 10),)


async def test_expiry_knows_of_renewals(store: SessionStore) -> None:
    await start(store, lease(1))
    longer = replace(lease(1), until=NOW + 100)
    await renew(store, longer, Limits(4), now=NOW + 20)
    assert await store.expire(now=NOW + 99, limit=10) == ()
    assert await store.expire(now=NOW + 100, limit=10) == (longer,)


async def test_expiry_says_all_sessions_of_an_account(store: SessionStore) -> None:
    for n in range(4):
        await start(store, lease(n))
    said = await store.expire(now=NOW + LEASE_S, limit=10)
    assert sorted(one.session for one in said) == ["ses_000", "ses_001", "ses_002", "ses_003"]


async def test_expiry_catches_up_when_nobody_looked_for_long(store: SessionStore) -> None:
    wanted = [lease(n, account=f"account-{n}") for n in range(300)]
    await store.renew([Renew(one, ROOM) for one in wanted], now=NOW)
    said = await store.expire(now=NOW + 1_000, limit=1_000)
    assert sorted(said, key=lambda one: one.session) == wanted


async def test_expiry_goes_in_batches(store: SessionStore) -> None:
    for n in range(5):
        await start(store, lease(n, account=str(n)))
    batches = [await store.expire(now=NOW + LEASE_S, limit=2) for _ in range(4)]
    assert [len(batch) for batch in batches] == [2, 2, 1, 0]


async def test_many_sweepers_at_once_say_each_session_once(store: SessionStore) -> None:
    for n in range(40):
        await start(store, lease(n, account=str(n)))
    batches = await asyncio.gather(*(store.expire(now=NOW + LEASE_S, limit=7) for _ in range(10)))
    said = [one.session for batch in batches for one in batch]
    assert sorted(said) == sorted({one.session for batch in batches for one in batch})
    assert len(said) == 40


async def test_page_has_every_session(store: SessionStore) -> None:
    for n in (3, 1, 2):
        await start(store, lease(n, at=NOW - n), now=NOW)
    assert await listed(store) == ["ses_001", "ses_002", "ses_003"]


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_follow_each_other_without_gap_or_repeat(store: SessionStore, limit: int) -> None:
    wanted = [lease(n, account=f"account-{n % 40}") for n in range(100)]
    await store.renew([Renew(one, None) for one in wanted], now=NOW)
    assert await listed(store, limit=limit) == [one.session for one in wanted]
    assert await listed(store, limit=limit, account="account-7") == ["ses_007", "ses_047", "ses_087"]


async def test_pages_hold_what_runs_from_first_to_last(store: SessionStore) -> None:
    leases = [lease(n, account=f"account-{n % 40}") for n in range(300)]
    await store.renew([Renew(one, None) for one in leases], now=NOW)
    goes = iter([one for one in leases if one.session < "ses_2"])
    found: set[str] = set()
    async for page in pages(store, limit=7):
        found |= {one.session for one in page}
        for one in itertools.islice(goes, 10):
            await end(store, one.session, account=one.account)
    assert {f"ses_{n}" for n in range(200, 300)} <= found


async def test_page_goes_on_after_sessions_that_have_ended(store: SessionStore) -> None:
    for n in range(4):
        await start(store, lease(n))
    first = await store.page(account="demo", event="", after="", limit=2, now=NOW)
    await end(store, first.leases[-1].session)
    assert first.next is not None
    second = await store.page(account="demo", event="", after=first.next, limit=5, now=NOW)
    assert [one.session for one in second.leases] == ["ses_002", "ses_003"]


async def test_page_is_of_one_account_or_one_event(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, lease(2, account="other"))
    await start(store, lease(3, event="semi-final"))
    assert await listed(store, account="demo") == ["ses_001", "ses_003"]
    assert await listed(store, event="final") == ["ses_001", "ses_002"]
    assert await listed(store, account="demo", event="semi-final") == ["ses_003"]
    assert await listed(store, account="nobody") == []


async def test_count_follows_starts_ends_and_lapses(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, lease(2))
    await start(store, lease(3, at=NOW + 10))
    await end(store, "ses_001")
    assert await store.count(now=NOW + 10) == 2
    assert await store.count(now=NOW + LEASE_S) == 1


async def test_takeover_code_is_good_once(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60, now=NOW)
    assert await store.use_takeover("demo", "code1", now=NOW)
    assert not await store.use_takeover("demo", "code1", now=NOW)


async def test_many_callers_with_one_takeover_code_and_one_may(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60, now=NOW)
    outcomes = await asyncio.gather(*(store.use_takeover("demo", "code1", now=NOW) for _ in range(20)))
    assert outcomes.count(True) == 1


async def test_takeover_code_expires(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60, now=NOW)
    assert not await store.use_takeover("demo", "code1", now=NOW + 60)


async def test_takeover_code_is_of_one_account(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60, now=NOW)
    assert not await store.use_takeover("other", "code1", now=NOW)
    assert await store.use_takeover("demo", "code1", now=NOW)


async def test_wrong_takeover_code_does_not_spend_the_right_one(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60, now=NOW)
    assert not await store.use_takeover("demo", "code2", now=NOW)
    assert await store.use_takeover("demo", "code1", now=NOW)


async def test_later_takeover_code_replaces_the_earlier(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60, now=NOW)
    await store.put_takeover("demo", "code2", until=NOW + 90, now=NOW)
    assert not await store.use_takeover("demo", "code1", now=NOW)
    await store.expire(now=NOW + 61, limit=10)
    assert await store.use_takeover("demo", "code2", now=NOW + 61)


async def test_whatever_callers_do_at_once_an_account_never_has_more_than_its_limit(
    store: SessionStore,
) -> None:
    async def live(n: int) -> None:
        await start(store, lease(n), Limits(3), now=NOW)
        assert len(await store.running("demo", now=NOW)) <= 3
        await renew(store, lease(n), Limits(3), now=NOW)
        if n % 2:
            await end(store, f"ses_{n:03d}")
        assert len(await store.running("demo", now=NOW)) <= 3

    await asyncio.gather(*map(live, range(60)))
    assert len(await store.running("demo", now=NOW)) <= 3


async def test_store_remembers_since_it_was_empty(store: SessionStore) -> None:
    await start(store, lease(1))
    assert abs(await store.remembers_since(now=NOW + 5) - NOW) <= 10


async def test_sessions_of_many_accounts_come_and_go_and_leave_nothing(store: SessionStore) -> None:
    for round_at in (NOW, NOW + 100, NOW + 200):
        batch = [Renew(lease(n, account=f"account-{n}", at=round_at), ROOM) for n in range(50)]
        assert set(await store.renew(batch, now=round_at)) == {Renewal.ADOPTED}
        assert await store.count(now=round_at + LEASE_S - 1) == 50
        assert await store.count(now=round_at + LEASE_S) == 0
        assert len(await store.expire(now=round_at + LEASE_S, limit=100)) == 50
