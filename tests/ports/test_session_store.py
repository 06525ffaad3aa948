"""The contract of the session store, over every adapter."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.adapters.redis.connection import RedisConnection
from tifo.adapters.redis.sessions import RedisSessionStore
from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SystemIds
from tifo.services.sessions.ports import (
    ENDED_PER_ACCOUNT_MAX,
    LEASES_PER_ACCOUNT_MAX,
    Admitted,
    Full,
    Lease,
    Limits,
    Renew,
    Renewal,
    Request,
    SessionStore,
)
from tifo.telemetry.stores import StoreMeter

NOW = 1_800_000_000.0
LEASE_S = 30
FORGET_AT = NOW + 6 * 3600
ROOM = Limits(account=4)

_prefixes = itertools.count()


@pytest.fixture(params=["memory", "redis", "redis-cluster"])
async def store(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[SessionStore]:
    def redis(server: str) -> SessionStore:
        url = request.getfixturevalue(server).url
        connection = RedisConnection(url, "sessions", StoreMeter("sessions", "redis", clock), SystemIds())
        prefix = f"contract-{next(_prefixes)}"
        return RedisSessionStore(connection, clock, SystemIds(), prefix=prefix, remember_s=0, turn_s=0)

    openers: dict[str, Callable[[], SessionStore]] = {
        "memory": lambda: MemorySessionStore(clock),
        "redis": lambda: redis("redis"),
        "redis-cluster": lambda: redis("redis_cluster"),
    }
    store = openers[request.param]()
    yield store
    await store.close()


def lease(n: int, *, account: str = "demo", event: str = "final", at: float = NOW) -> Lease:
    return Lease(f"ses_{n:03d}", account, event, f"device-{n}", "tv", since=at, until=at + LEASE_S)


async def start(
    store: SessionStore, one: Lease, limits: Limits = ROOM, *, now: float | None = None, **how: float
) -> Admitted | Full:
    request = Request(one, limits, how.get("void_before", 0.0), bool(how.get("give_way")))
    return await store.start(request, forget_at=FORGET_AT, now=one.since if now is None else now)


async def renew(
    store: SessionStore, one: Lease, limits: Limits | None = ROOM, *, now: float = NOW
) -> Renewal:
    (outcome,) = await store.renew([Renew(one, limits)], now=now)
    return outcome


async def end(
    store: SessionStore,
    session: str,
    *,
    account: str = "demo",
    forget_at: float = FORGET_AT,
    now: float = NOW,
) -> Lease | None:
    return await store.end(account, session, forget_at=forget_at, now=now)


async def sessions(store: SessionStore, *, now: float = NOW, account: str = "demo") -> list[str]:
    return [one.session for one in await store.running(account, now=now)]


async def pages(
    store: SessionStore, *, account: str = "", event: str = "", limit: int = 100, now: float = NOW
) -> AsyncIterator[tuple[Lease, ...]]:
    after: str | None = ""
    for _ in range(10_000):
        page = await store.page(account=account, event=event, after=after, limit=limit, now=now)
        assert len(page.leases) <= limit
        yield page.leases
        after = page.next
        if after is None:
            return
    raise AssertionError("the pages have no end")


async def listed(store: SessionStore, **which: str | float) -> list[str]:
    """What all pages together hold, sorted."""
    return sorted([one.session async for page in pages(store, **which) for one in page])


def admitted(outcomes: Sequence[Admitted | Full]) -> Iterator[Admitted]:
    return (one for one in outcomes if isinstance(one, Admitted))


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


async def test_lapsed_lease_holds_no_slot_although_nobody_said_so_yet(store: SessionStore) -> None:
    await start(store, lease(1), Limits(1))
    later = NOW + LEASE_S
    assert await start(store, lease(2, at=later), Limits(1), now=later) == Admitted(
        lease(2, at=later), used=1
    )


async def test_lapsed_lease_is_in_no_answer_although_nobody_said_so_yet(store: SessionStore) -> None:
    await start(store, lease(1))
    later = NOW + LEASE_S
    assert await sessions(store, now=later) == []
    assert await listed(store, now=later) == []
    assert await store.count(now=later) == 0


async def test_renewal_extends_the_lease(store: SessionStore) -> None:
    await start(store, lease(1))
    longer = replace(lease(1), until=NOW + 45)
    assert await renew(store, longer, Limits(4), now=NOW + 15) is Renewal.RENEWED
    assert await store.running("demo", now=NOW + 44) == (longer,)
    assert await sessions(store, now=NOW + 45) == []


async def test_renewal_never_shortens_a_lease(store: SessionStore) -> None:
    await start(store, lease(1))
    await renew(store, replace(lease(1), until=NOW + 10), Limits(4), now=NOW)
    assert await sessions(store, now=NOW + LEASE_S - 1) == ["ses_001"]


async def test_renewal_said_twice_is_said_once(store: SessionStore) -> None:
    await start(store, lease(1))
    longer = replace(lease(1), until=NOW + 45)
    outcomes = [await renew(store, longer, Limits(1), now=NOW + 15) for _ in range(2)]
    assert outcomes == [Renewal.RENEWED, Renewal.RENEWED]
    assert await store.count(now=NOW + 15) == 1


async def test_unknown_session_is_adopted_while_a_slot_is_free(store: SessionStore) -> None:
    assert await renew(store, lease(1), Limits(1), now=NOW) is Renewal.ADOPTED
    assert await store.running("demo", now=NOW) == (lease(1),)


async def test_unknown_session_is_not_adopted_when_its_slot_is_taken(store: SessionStore) -> None:
    await start(store, lease(1))
    assert await renew(store, lease(2), Limits(1), now=NOW) is Renewal.FULL
    assert await sessions(store) == ["ses_001"]


async def test_store_that_lost_its_memory_adopts_without_a_limit(store: SessionStore) -> None:
    outcomes = [await renew(store, lease(n), None, now=NOW) for n in range(6)]
    assert outcomes == [Renewal.ADOPTED] * 6


async def test_many_renewals_at_once_of_a_forgotten_account_stay_within_its_limit(
    store: SessionStore,
) -> None:
    outcomes = await asyncio.gather(*(renew(store, lease(n), Limits(3), now=NOW) for n in range(40)))
    assert outcomes.count(Renewal.ADOPTED) == 3
    assert outcomes.count(Renewal.FULL) == 37


async def test_batch_of_renewals_answers_each_in_order(store: SessionStore) -> None:
    await start(store, lease(1))
    await start(store, lease(2))
    await end(store, "ses_002")
    await start(store, lease(3, account="full"), Limits(1))
    batch = [
        Renew(lease(2), ROOM),
        Renew(lease(4, account="full"), Limits(1)),
        Renew(lease(1), ROOM),
        Renew(lease(5, account="new"), Limits(1)),
        Renew(lease(6, account="new"), Limits(1)),
        Renew(lease(7, account="full"), None),
    ]
    assert await store.renew(batch, now=NOW) == (
        Renewal.ENDED, Renewal.FULL, Renewal.RENEWED, Renewal.ADOPTED, Renewal.FULL, Renewal.ADOPTED,
    )  # fmt: skip


async def test_empty_batch_of_renewals_is_fine(store: SessionStore) -> None:
    assert await store.renew([], now=NOW) == ()


async def test_large_batch_of_renewals_is_answered_whole(store: SessionStore) -> None:
    batch = [Renew(lease(n, account=f"account-{n % 700}"), ROOM) for n in range(1_400)]
    assert set(await store.renew(batch, now=NOW)) == {Renewal.ADOPTED}
    assert set(await store.renew(batch, now=NOW + 1)) == {Renewal.RENEWED}
    assert await store.count(now=NOW + 1) == 1_400


async def test_adoption_without_limits_ends_at_the_most_an_account_may_have(store: SessionStore) -> None:
    batch = [Renew(lease(n), None) for n in range(LEASES_PER_ACCOUNT_MAX + 1)]
    assert (await store.renew(batch, now=NOW))[-2:] == (Renewal.ADOPTED, Renewal.FULL)


async def test_adoption_keeps_within_the_limits_of_kind_and_event(store: SessionStore) -> None:
    await start(store, lease(1))
    assert await renew(store, lease(2), Limits(0, of_kind=1)) is Renewal.FULL
    assert await renew(store, lease(2), Limits(0, of_event=1)) is Renewal.FULL
    other = replace(lease(2, event="semi-final"), device_kind="phone")
    assert await renew(store, other, Limits(0, of_kind=1, of_event=1)) is Renewal.ADOPTED


async def test_lapsed_session_comes_back_and_is_then_not_said_to_have_expired(store: SessionStore) -> None:
    await start(store, lease(1))
    later = NOW + LEASE_S + 5
    back = replace(lease(1), until=later + LEASE_S)
    assert await renew(store, back, Limits(1), now=later) is Renewal.ADOPTED
    assert await store.expire(now=later, limit=10) == ()
    assert await sessions(store, now=later) == ["ses_001"]


async def test_ended_session_gives_its_lease_back_once(store: SessionStore) -> None:
    await start(store, lease(1))
    assert await end(store, "ses_001") == lease(1)
    assert await end(store, "ses_001") is None
    assert await store.count(now=NOW) == 0


async def test_many_callers_end_one_session_and_one_of_them_did(store: SessionStore) -> None:
    await start(store, lease(1))
    outcomes = await asyncio.gather(*(end(store, "ses_001") for _ in range(20)))
    assert sum(one is not None for one in outcomes) == 1


async def test_ending_an_unknown_session_changes_nothing(store: SessionStore) -> None:
    await start(store, lease(1))
    assert await end(store, "ses_999") is None
    assert await sessions(store) == ["ses_001"]


async def test_ended_session_stays_ended(store: SessionStore) -> None:
    await start(store, lease(1))
    await end(store, "ses_001")
    assert await renew(store, lease(1), None, now=NOW + 1) is Renewal.ENDED
    await store.expire(now=FORGET_AT - 1, limit=10)
    assert await renew(store, lease(1), None, now=FORGET_AT - 1) is Renewal.ENDED


async def test_session_ended_before_it_was_known_is_not_adopted(store: SessionStore) -> None:
    await end(store, "ses_001")
    assert await renew(store, lease(1), None, now=NOW) is Renewal.ENDED


async def test_ended_sessions_of_an_account_are_remembered_up_to_a_bound(store: SessionStore) -> None:
    for n in range(ENDED_PER_ACCOUNT_MAX + 1):
        await end(store, f"ses_{n:03d}")
    assert await renew(store, lease(0)) is Renewal.ADOPTED
    assert await renew(store, lease(1)) is Renewal.ENDED
    assert await renew(store, lease(ENDED_PER_ACCOUNT_MAX)) is Renewal.ENDED


async def test_end_is_forgotten_in_its_time(store: SessionStore) -> None:
    await end(store, "ses_001", forget_at=NOW + 60)
    await end(store, "ses_002", forget_at=NOW + 900)
    assert await renew(store, lease(1), now=NOW + 59) is Renewal.ENDED
    await store.expire(now=NOW + 700, limit=10)
    assert await renew(store, lease(1, at=NOW + 700), now=NOW + 700) is Renewal.ADOPTED
    assert await renew(store, lease(2), now=NOW + 700) is Renewal.ENDED


async def test_lapsed_lease_that_nobody_said_is_given_back_by_its_end(store: SessionStore) -> None:
    await start(store, lease(1))
    later = NOW + LEASE_S + 5
    assert await store.count(now=later) == 0
    assert await end(store, "ses_001", now=later) == lease(1)
    assert await store.expire(now=later, limit=10) == ()


async def test_end_frees_the_slot(store: SessionStore) -> None:
    await start(store, lease(1), Limits(1))
    await end(store, "ses_001")
    assert isinstance(await start(store, lease(2), Limits(1)), Admitted)


async def test_device_that_ended_starts_a_new_session(store: SessionStore) -> None:
    await start(store, lease(1))
    await end(store, "ses_001")
    again = replace(lease(2), device="device-1")
    assert await start(store, again) == Admitted(again, used=1)


async def test_ended_session_is_not_said_to_have_expired(store: SessionStore) -> None:
    await start(store, lease(1))
    await end(store, "ses_001")
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
