"""What only a store of many machines has: nodes that race, clocks that differ, memory that is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from redis_server import RedisCluster, RedisServer
from session_stores import (
    LEASE_S,
    NOW,
    ROOM,
    end,
    lease,
    listed,
    new_prefix,
    redis_store,
    renew,
    sessions,
    start,
)

from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.adapters.redis.sessions import RedisSessionStore
from tifo.adapters.redis.shards import SHARDS, shard_of, tags
from tifo.kernel.clock import ManualClock
from tifo.services.sessions.ports import Admitted, Full, Lease, Limits, Renew, Renewal, SessionStore

SKEW_S = 20.0

Open = Callable[..., RedisSessionStore]


@pytest.fixture
async def opened(redis: RedisServer) -> AsyncIterator[Open]:
    """Opens stores of several nodes on the same keys."""
    prefix, stores = new_prefix(), []

    def open_store(ahead_s: float = 0.0, **how: float) -> RedisSessionStore:
        stores.append(redis_store(redis.url, ManualClock(NOW + ahead_s), prefix, **how))
        return stores[-1]

    yield open_store
    for one in stores:
        await one.close()


def ahead(one: Lease, by_s: float = SKEW_S) -> Lease:
    """The same lease as a node sees it whose clock is ahead."""
    return replace(one, since=one.since + by_s, until=one.until + by_s)


def test_shards_lie_evenly_over_the_slots() -> None:
    from redis.crc import key_slot

    assert [key_slot(f"tifo:{{{tag}}}s".encode()) for tag in tags()] == [n * 128 for n in range(SHARDS)]
    sizes = [0] * SHARDS
    for n in range(12_800):
        sizes[shard_of(f"account-{n}")] += 1
    assert min(sizes) > 50 and max(sizes) < 150


async def test_nodes_that_race_for_the_last_slot_do_not_both_get_it(opened: Open) -> None:
    nodes = [opened() for _ in range(4)]
    outcomes = await asyncio.gather(
        *(start(nodes[n % 4], lease(n, account=f"account-{n % 10}"), Limits(3)) for n in range(120))
    )
    assert sum(isinstance(one, Admitted) for one in outcomes) == 30
    assert await nodes[0].count(now=NOW) == 30


async def test_node_whose_clock_is_ahead_lapses_nobodys_lease(opened: Open) -> None:
    right, fast = opened(), opened(SKEW_S)
    await start(right, lease(1), Limits(1))
    late = NOW + LEASE_S - 5
    assert await fast.running("demo", now=late + SKEW_S) == (ahead(lease(1)),)
    outcome = await start(fast, ahead(lease(2, at=late)), Limits(1))
    assert outcome == Full((ahead(lease(1)),))
    assert await fast.expire(now=late + SKEW_S, limit=10) == ()
    assert await fast.count(now=late + SKEW_S) == 1
    assert await sessions(right, now=late) == ["ses_001"]


async def test_node_whose_clock_is_ahead_renews_no_longer_than_others(opened: Open) -> None:
    right, fast = opened(), opened(SKEW_S)
    await start(right, lease(1))
    longer = replace(lease(1), until=NOW + 45)
    assert await renew(fast, ahead(longer), now=NOW + SKEW_S) is Renewal.RENEWED
    assert await right.running("demo", now=NOW) == (longer,)


async def test_node_whose_clock_is_behind_still_sees_what_lapsed(opened: Open) -> None:
    right, slow = opened(), opened(-SKEW_S)
    await start(right, lease(1))
    assert await slow.expire(now=NOW + LEASE_S - SKEW_S, limit=10) == (ahead(lease(1), -SKEW_S),)
    assert await right.expire(now=NOW + LEASE_S, limit=10) == ()


async def test_lapsed_lease_is_said_to_one_node(opened: Open) -> None:
    nodes = [opened() for _ in range(3)]
    leases = [lease(n, account=f"account-{n}") for n in range(200)]
    await nodes[0].renew([Renew(one, ROOM) for one in leases], now=NOW)
    batches = await asyncio.gather(*(one.expire(now=NOW + LEASE_S, limit=1_000) for one in nodes))
    assert sorted(one.session for batch in batches for one in batch) == [one.session for one in leases]


async def test_one_node_sweeps_for_all_once_a_turn_until_it_leaves(opened: Open) -> None:
    first, other = opened(turn_s=0.3), opened(turn_s=0.3)
    await start(other, lease(1))
    assert await first.expire(now=NOW + LEASE_S, limit=10) == (lease(1),)
    await start(other, lease(2))
    assert await other.expire(now=NOW + LEASE_S, limit=10) == ()
    assert await first.expire(now=NOW + LEASE_S, limit=10) == ()
    for _ in range(500):
        if said := await other.expire(now=NOW + LEASE_S, limit=10):
            break
        await asyncio.sleep(0.01)
    assert said == (lease(2),)


async def test_sweep_that_found_as_many_as_it_may_goes_on_at_once(opened: Open) -> None:
    store = opened(turn_s=600)
    for n in range(5):
        await start(store, lease(n, account=f"account-{n}"))
    batches = [await store.expire(now=NOW + LEASE_S, limit=2) for _ in range(4)]
    assert [len(batch) for batch in batches] == [2, 2, 1, 0]


async def test_counts_are_remembered_for_a_while(opened: Open) -> None:
    store = opened(remember_s=600)
    assert await store.count(now=NOW) == 0
    await start(store, lease(1))
    assert await store.count(now=NOW) == 0
    assert await opened().count(now=NOW) == 1


async def test_store_that_comes_back_empty_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, redis_cluster: RedisCluster
) -> None:
    clock = ManualClock(NOW)
    store = redis_store(redis_cluster.url, clock, new_prefix())
    try:
        await start(store, lease(1))
        before = await store.remembers_since(now=NOW)
        assert await store.remembers_since(now=NOW + 600) == before
        redis_cluster.masters[0].cli("FLUSHALL")
        assert await store.remembers_since(now=NOW + 700) == NOW + 700 + (before - NOW)
    finally:
        await store.close()


async def test_scripts_that_were_flushed_are_loaded_again(opened: Open, redis: RedisServer) -> None:
    store = opened()
    await start(store, lease(1))
    redis.cli("SCRIPT", "FLUSH")
    assert await sessions(store) == ["ses_001"]


async def test_keys_all_end_some_day(opened: Open, redis: RedisServer) -> None:
    store = opened()
    await start(store, lease(1))
    await end(store, "ses_001")
    await start(store, lease(2))
    await store.put_takeover("demo", "code", until=NOW + 60, now=NOW)
    assert await store.count(now=NOW) == 1
    of_shard = store._keys[shard_of("demo")].removesuffix("s")
    keys = redis.cli("KEYS", f"{of_shard}*").split()
    assert len(keys) >= 2, "the shard, and its wheel"
    assert all(0 < int(redis.cli("TTL", key)) <= 2 * 86_400 for key in keys)


async def test_nothing_is_left_of_accounts_that_are_gone(opened: Open, redis: RedisServer) -> None:
    store = opened()
    for n in range(20):
        await start(store, lease(n, account=f"account-{n}"))
        await end(store, f"ses_{n:03d}", account=f"account-{n}", forget_at=NOW + 300)
    for at in (NOW + 60, NOW + 400, NOW + 1_200):
        await store.expire(now=at, limit=100)
    keys = redis.cli("KEYS", f"{store._keys[0].partition(':')[0]}:*").split()
    assert len(keys) == SHARDS, "one hash for each shard, that says since when it remembers"
    assert {redis.cli("HLEN", key) for key in keys[:20]} == {"1"}


# --- the same operations, the same answers as the memory store -----------------------------------------

ACCOUNTS, DEVICES, EVENTS, KINDS = ("ann", "bob"), ("d1", "d2", "d3"), ("final", "semi"), ("tv", "phone")

limits = st.builds(Limits, st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
steps = st.one_of(
    st.tuples(
        st.just("start"), st.sampled_from(ACCOUNTS), st.sampled_from(DEVICES), st.sampled_from(EVENTS),
        st.sampled_from(KINDS), limits, st.booleans(), st.integers(0, 60),
    ),
    st.tuples(
        st.just("renew"),
        st.lists(st.tuples(st.integers(0, 20), st.integers(1, 60), st.none() | limits), max_size=6),
    ),
    st.tuples(st.just("end"), st.integers(0, 20), st.integers(1, 1_500)),
    st.tuples(st.just("running"), st.sampled_from(ACCOUNTS)),
    st.tuples(st.just("count")),
    st.tuples(st.just("page")),
    st.tuples(st.just("expire")),
    st.tuples(st.just("put"), st.sampled_from(ACCOUNTS), st.sampled_from(("c1", "c2")), st.integers(1, 90)),
    st.tuples(st.just("use"), st.sampled_from(ACCOUNTS), st.sampled_from(("c1", "c2"))),
    st.tuples(st.just("wait"), st.integers(1, 700)),
)  # fmt: skip


def known(n: int, now: float, lasts_s: int) -> Lease:
    """A session of the sequence, which belongs to the account, device and event of its number."""
    return Lease(
        f"ses_{n:03d}", ACCOUNTS[n % 2], EVENTS[n // 2 % 2], DEVICES[n % 3], KINDS[n // 4 % 2],
        now, now + lasts_s,
    )  # fmt: skip


class Sequence:
    """One store, and the time and the ids as the sequence goes on."""

    def __init__(self, store: SessionStore) -> None:
        self.store = store
        self.now = NOW
        self.asked = 100
        self.granted: list[Lease] = []

    async def take(self, step: tuple) -> object:
        name, *asked = step
        return await getattr(self, name)(*asked)

    async def start(self, account, device, event, kind, limits, give_way, void_ago) -> object:
        self.asked += 1
        one = Lease(f"ses_{self.asked}", account, event, device, kind, self.now, self.now + LEASE_S)
        how = {"give_way": give_way, "void_before": self.now - 30 - void_ago}
        outcome = await start(self.store, one, limits, **how)
        self.granted += [outcome.lease] if isinstance(outcome, Admitted) else []
        return outcome

    async def renew(self, batch) -> object:
        renewals = [Renew(self.lease(n, lasts), limits) for n, lasts, limits in batch]
        return await self.store.renew(renewals, now=self.now)

    async def end(self, n, forget_s) -> object:
        one = self.lease(n, 1)
        return await end(
            self.store, one.session, account=one.account, forget_at=self.now + forget_s, now=self.now
        )

    def lease(self, n: int, lasts_s: int) -> Lease:
        """A session that the store let in, or one that it never saw."""
        if n < len(self.granted):
            return replace(self.granted[n], until=self.now + lasts_s)
        return known(n, self.now, lasts_s)

    async def running(self, account) -> object:
        return await self.store.running(account, now=self.now)

    async def count(self) -> object:
        return await self.store.count(now=self.now)

    async def page(self) -> object:
        return await listed(self.store, limit=2, now=self.now)

    async def expire(self) -> object:
        said = await self.store.expire(now=self.now, limit=100)
        return sorted(said, key=lambda one: one.session)

    async def put(self, account, code, lasts_s) -> object:
        return await self.store.put_takeover(account, code, until=self.now + lasts_s, now=self.now)

    async def use(self, account, code) -> object:
        return await self.store.use_takeover(account, code, now=self.now)

    async def wait(self, seconds) -> object:
        self.now += seconds
        return None


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(st.lists(steps, max_size=30))
async def test_redis_answers_as_the_memory_store_does(redis: RedisServer, taken: list[tuple]) -> None:
    clock = ManualClock(NOW)
    store = redis_store(redis.url, clock, new_prefix())
    one, other = Sequence(MemorySessionStore(clock)), Sequence(store)
    try:
        for step in taken:
            assert await other.take(step) == await one.take(step), step
    finally:
        await store.close()
