"""What the suites of the session store have in common: leases, short forms of calls, and stores to open."""

import itertools
from collections.abc import AsyncIterator

from tifo.adapters.redis.connection import RedisConnection
from tifo.adapters.redis.sessions import RedisSessionStore
from tifo.kernel.clock import Clock
from tifo.kernel.ids import SystemIds
from tifo.services.sessions.ports import (
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

_numbers = itertools.count()


def new_prefix() -> str:
    """Keys that no other test has."""
    return f"test-{next(_numbers)}"


def redis_store(
    url: str, clock: Clock, prefix: str, *, remember_s: float = 0.0, turn_s: float = 0.0
) -> RedisSessionStore:
    """A node's own store, with a connection of its own."""
    meter = StoreMeter("sessions", "redis", clock)
    connection = RedisConnection(url, "sessions", meter, SystemIds(), gather_s=0)
    return RedisSessionStore(
        connection, clock, SystemIds(), prefix=prefix, remember_s=remember_s, turn_s=turn_s
    )


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
