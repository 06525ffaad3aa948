"""The contract of the session store, over every adapter: how leases go on and end."""

import asyncio

import pytest
from msgspec.structs import replace
from session_stores import (
    FORGET_AT,
    LEASE_S,
    NOW,
    ROOM,
    end,
    lease,
    listed,
    renew,
    sessions,
    start,
)

from tifo.services.sessions.ports import (
    ENDED_PER_ACCOUNT_MAX,
    LEASES_PER_ACCOUNT_MAX,
    Admitted,
    Limits,
    Renew,
    Renewal,
    SessionStore,
)


@pytest.fixture
def store(session_store: SessionStore) -> SessionStore:
    return session_store


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
