"""The contract of the session store, over every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.services.sessions.ports import LEASES_PER_ACCOUNT_MAX, Admitted, Full, Lease, Renewal, SessionStore

NOW = 1_800_000_000.0
LEASE_S = 30
FORGET_AT = NOW + 6 * 3600


@pytest.fixture(params=["memory"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SessionStore]:
    openers: dict[str, Callable[[], SessionStore]] = {"memory": MemorySessionStore}
    store = openers[request.param]()
    yield store
    await store.close()


def lease(n: int, *, account: str = "demo", event: str = "final", at: float = NOW) -> Lease:
    return Lease(f"ses_{n:03d}", account, event, f"device-{n}", "tv", since=at, until=at + LEASE_S)


async def start(store: SessionStore, one: Lease, *, limit: int = 4) -> Admitted | Full:
    return await store.start(one, limit=limit, now=one.since)


async def sessions(store: SessionStore, *, now: float = NOW, account: str = "demo") -> list[str]:
    return [one.session for one in await store.running(account, now=now)]


async def page(
    store: SessionStore,
    *,
    account: str = "",
    event: str = "",
    after: str = "",
    limit: int = 100,
    now: float = NOW,
) -> list[str]:
    found = await store.page(account=account, event=event, after=after, limit=limit, now=now)
    return [one.session for one in found]


async def test_start_takes_a_slot(store: SessionStore) -> None:
    assert await start(store, lease(1)) == Admitted(lease(1), used=1)
    assert await store.running("demo", now=NOW) == (lease(1),)


async def test_new_store_has_no_session(store: SessionStore) -> None:
    assert (await sessions(store), await store.count(now=NOW), await page(store)) == ([], 0, [])


async def test_same_device_goes_on_with_its_session(store: SessionStore) -> None:
    await start(store, lease(1))
    again = replace(lease(2, at=NOW + 10), device="device-1")
    outcome = await start(store, again, limit=1)
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
    outcome = await store.start(slow_clock, limit=4, now=NOW)
    assert isinstance(outcome, Admitted)
    assert outcome.lease.until == NOW + LEASE_S


async def test_full_account_is_refused_with_what_runs_oldest_first(store: SessionStore) -> None:
    for n in (2, 1):
        await start(store, lease(n, at=NOW - n))
    outcome = await store.start(lease(3), limit=2, now=NOW)
    assert outcome == Full((lease(2, at=NOW - 2), lease(1, at=NOW - 1)))
    assert await store.count(now=NOW) == 2


async def test_limit_is_each_accounts_own(store: SessionStore) -> None:
    await start(store, lease(1), limit=1)
    assert isinstance(await start(store, lease(2, account="other"), limit=1), Admitted)


async def test_no_limit_goes_past_the_most_an_account_may_have(store: SessionStore) -> None:
    for n in range(LEASES_PER_ACCOUNT_MAX):
        await start(store, lease(n), limit=1_000)
    assert isinstance(await start(store, lease(999), limit=1_000), Full)


async def test_many_callers_race_for_the_last_slot_and_one_gets_it(store: SessionStore) -> None:
    outcomes = await asyncio.gather(*(start(store, lease(n), limit=3) for n in range(50)))
    assert sum(isinstance(one, Admitted) for one in outcomes) == 3
    assert len(await sessions(store)) == 3


async def test_many_callers_of_one_device_share_one_session(store: SessionStore) -> None:
    outcomes = await asyncio.gather(
        *(start(store, replace(lease(n), device="tv"), limit=2) for n in range(50))
    )
    admitted = {one.lease.session for one in outcomes if isinstance(one, Admitted)}
    assert len(admitted) == 1
    assert await sessions(store) == list(admitted)


async def test_many_accounts_at_once_do_not_disturb_each_other(store: SessionStore) -> None:
    await asyncio.gather(*(start(store, lease(n, account=f"account-{n % 20}"), limit=5) for n in range(100)))
    assert await store.count(now=NOW) == 100
    assert len(await sessions(store, account="account-7")) == 5


async def test_lapsed_lease_holds_no_slot_although_nobody_said_so_yet(store: SessionStore) -> None:
    await start(store, lease(1), limit=1)
    later = NOW + LEASE_S
    assert await store.start(lease(2, at=later), limit=1, now=later) == Admitted(lease(2, at=later), used=1)


async def test_lapsed_lease_is_in_no_answer_although_nobody_said_so_yet(store: SessionStore) -> None:
    await start(store, lease(1))
    later = NOW + LEASE_S
    assert await sessions(store, now=later) == []
    assert await page(store, now=later) == []
    assert await store.count(now=later) == 0


async def test_renewal_extends_the_lease(store: SessionStore) -> None:
    await start(store, lease(1))
    longer = replace(lease(1), until=NOW + 45)
    assert await store.renew(longer, limit=4, now=NOW + 15) is Renewal.RENEWED
    assert await store.running("demo", now=NOW + 44) == (longer,)
    assert await sessions(store, now=NOW + 45) == []


async def test_renewal_never_shortens_a_lease(store: SessionStore) -> None:
    await start(store, lease(1))
    await store.renew(replace(lease(1), until=NOW + 10), limit=4, now=NOW)
    assert await sessions(store, now=NOW + LEASE_S - 1) == ["ses_001"]


async def test_renewal_said_twice_is_said_once(store: SessionStore) -> None:
    await start(store, lease(1))
    longer = replace(lease(1), until=NOW + 45)
    outcomes = [await store.renew(longer, limit=1, now=NOW + 15) for _ in range(2)]
    assert outcomes == [Renewal.RENEWED, Renewal.RENEWED]
    assert await store.count(now=NOW + 15) == 1


async def test_unknown_session_is_adopted_while_a_slot_is_free(store: SessionStore) -> None:
    assert await store.renew(lease(1), limit=1, now=NOW) is Renewal.ADOPTED
    assert await store.running("demo", now=NOW) == (lease(1),)


async def test_unknown_session_is_not_adopted_when_its_slot_is_taken(store: SessionStore) -> None:
    await start(store, lease(1))
    assert await store.renew(lease(2), limit=1, now=NOW) is Renewal.FULL
    assert await sessions(store) == ["ses_001"]


async def test_store_that_lost_its_memory_adopts_without_a_limit(store: SessionStore) -> None:
    outcomes = [await store.renew(lease(n), limit=0, now=NOW) for n in range(6)]
    assert outcomes == [Renewal.ADOPTED] * 6


async def test_many_renewals_at_once_of_a_forgotten_account_stay_within_its_limit(
    store: SessionStore,
) -> None:
    outcomes = await asyncio.gather(*(store.renew(lease(n), limit=3, now=NOW) for n in range(40)))
    assert outcomes.count(Renewal.ADOPTED) == 3
    assert outcomes.count(Renewal.FULL) == 37


async def test_lapsed_session_comes_back_and_is_then_not_said_to_have_expired(store: SessionStore) -> None:
    await start(store, lease(1))
    later = NOW + LEASE_S + 5
    back = replace(lease(1), until=later + LEASE_S)
    assert await store.renew(back, limit=1, now=later) is Renewal.ADOPTED
    assert await store.expire(now=later, limit=10) == ()
    assert await sessions(store, now=later) == ["ses_001"]


async def test_ended_session_gives_its_lease_back_once(store: SessionStore) -> None:
    await start(store, lease(1))
    assert await store.end("ses_001", forget_at=FORGET_AT) == lease(1)
    assert await store.end("ses_001", forget_at=FORGET_AT) is None
    assert await store.count(now=NOW) == 0


async def test_many_callers_end_one_session_and_one_of_them_did(store: SessionStore) -> None:
    await start(store, lease(1))
    outcomes = await asyncio.gather(*(store.end("ses_001", forget_at=FORGET_AT) for _ in range(20)))
    assert sum(one is not None for one in outcomes) == 1


async def test_ending_an_unknown_session_changes_nothing(store: SessionStore) -> None:
    await start(store, lease(1))
    assert await store.end("ses_999", forget_at=FORGET_AT) is None
    assert await sessions(store) == ["ses_001"]


async def test_ended_session_stays_ended(store: SessionStore) -> None:
    await start(store, lease(1))
    await store.end("ses_001", forget_at=FORGET_AT)
    assert await store.renew(lease(1), limit=0, now=NOW + 1) is Renewal.ENDED
    await store.expire(now=FORGET_AT - 1, limit=10)
    assert await store.renew(lease(1), limit=0, now=FORGET_AT - 1) is Renewal.ENDED


async def test_session_ended_before_it_was_known_is_not_adopted(store: SessionStore) -> None:
    await store.end("ses_001", forget_at=FORGET_AT)
    assert await store.renew(lease(1), limit=0, now=NOW) is Renewal.ENDED


async def test_end_frees_the_slot(store: SessionStore) -> None:
    await start(store, lease(1), limit=1)
    await store.end("ses_001", forget_at=FORGET_AT)
    assert isinstance(await start(store, lease(2), limit=1), Admitted)


async def test_device_that_ended_starts_a_new_session(store: SessionStore) -> None:
    await start(store, lease(1))
    await store.end("ses_001", forget_at=FORGET_AT)
    again = replace(lease(2), device="device-1")
    assert await start(store, again) == Admitted(again, used=1)


async def test_ended_session_is_not_said_to_have_expired(store: SessionStore) -> None:
    await start(store, lease(1))
    await store.end("ses_001", forget_at=FORGET_AT)
    assert await store.expire(now=NOW + LEASE_S, limit=10) == ()


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
    await store.renew(longer, limit=4, now=NOW + 20)
    assert await store.expire(now=NOW + 99, limit=10) == ()
    assert await store.expire(now=NOW + 100, limit=10) == (longer,)


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


async def test_page_goes_by_session_id(store: SessionStore) -> None:
    for n in (3, 1, 2):
        await start(store, lease(n, at=NOW - n))
    assert await page(store) == ["ses_001", "ses_002", "ses_003"]


async def test_pages_follow_each_other_without_gap_or_repeat(store: SessionStore) -> None:
    for n in range(7):
        await start(store, lease(n, account=f"account-{n}"))
    found: list[str] = []
    while following := await page(store, after=found[-1] if found else "", limit=3):
        found += following
    assert found == [f"ses_{n:03d}" for n in range(7)]


async def test_page_goes_on_after_an_id_that_has_ended(store: SessionStore) -> None:
    for n in range(3):
        await start(store, lease(n))
    await store.end("ses_001", forget_at=FORGET_AT)
    assert await page(store, after="ses_001") == ["ses_002"]


async def test_page_is_of_one_account_or_one_event(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, lease(2, account="other"))
    await start(store, lease(3, event="semi-final"))
    assert await page(store, account="demo") == ["ses_001", "ses_003"]
    assert await page(store, event="final") == ["ses_001", "ses_002"]
    assert await page(store, account="demo", event="semi-final") == ["ses_003"]
    assert await page(store, account="nobody") == []


async def test_count_follows_starts_ends_and_lapses(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, lease(2))
    await start(store, lease(3, at=NOW + 10))
    await store.end("ses_001", forget_at=FORGET_AT)
    assert await store.count(now=NOW + 10) == 2
    assert await store.count(now=NOW + LEASE_S) == 1


async def test_takeover_code_is_good_once(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60)
    assert await store.use_takeover("demo", "code1", now=NOW)
    assert not await store.use_takeover("demo", "code1", now=NOW)


async def test_many_callers_with_one_takeover_code_and_one_may(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60)
    outcomes = await asyncio.gather(*(store.use_takeover("demo", "code1", now=NOW) for _ in range(20)))
    assert outcomes.count(True) == 1


async def test_takeover_code_expires(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60)
    assert not await store.use_takeover("demo", "code1", now=NOW + 60)


async def test_takeover_code_is_of_one_account(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60)
    assert not await store.use_takeover("other", "code1", now=NOW)
    assert await store.use_takeover("demo", "code1", now=NOW)


async def test_wrong_takeover_code_does_not_spend_the_right_one(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60)
    assert not await store.use_takeover("demo", "code2", now=NOW)
    assert await store.use_takeover("demo", "code1", now=NOW)


async def test_later_takeover_code_replaces_the_earlier(store: SessionStore) -> None:
    await store.put_takeover("demo", "code1", until=NOW + 60)
    await store.put_takeover("demo", "code2", until=NOW + 90)
    assert not await store.use_takeover("demo", "code1", now=NOW)
    await store.expire(now=NOW + 61, limit=10)
    assert await store.use_takeover("demo", "code2", now=NOW + 61)


async def test_whatever_callers_do_at_once_an_account_never_has_more_than_its_limit(
    store: SessionStore,
) -> None:
    async def live(n: int) -> None:
        await store.start(lease(n), limit=3, now=NOW)
        assert len(await store.running("demo", now=NOW)) <= 3
        await store.renew(lease(n), limit=3, now=NOW)
        if n % 2:
            await store.end(f"ses_{n:03d}", forget_at=FORGET_AT)
        assert len(await store.running("demo", now=NOW)) <= 3

    await asyncio.gather(*map(live, range(60)))
    assert len(await store.running("demo", now=NOW)) <= 3
