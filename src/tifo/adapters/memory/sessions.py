"""The embedded session store: dictionaries in one process."""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice

from msgspec.structs import replace
from sortedcontainers import SortedList

from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.services.sessions.ports import (
    ENDED_PER_ACCOUNT_MAX,
    Admitted,
    Full,
    Lease,
    LeasePage,
    Limits,
    Renew,
    Renewal,
    Request,
    SessionStore,
)
from tifo.services.sessions.slots import admit, has_room

SESSIONS_MAX = 5_000_000
"""Sessions the store holds; a start past it is refused as `Unavailable`."""

_ANY = Limits(account=0)
"""No limit but the most that a store keeps."""


class MemorySessionStore(SessionStore):
    """Leases by session, by account, and by when they lapse.

    What has lapsed is set aside before anything is answered, and waits there for `expire` to say so.
    Atomic because nothing in it waits: one event loop runs one method at a time. Caveat: one process;
    its sessions are gone when it stops, and come back from their signed tokens with their heartbeats.
    """

    def __init__(self, clock: Clock) -> None:
        self._opened_at = clock.now()
        self._leases: dict[str, Lease] = {}
        self._by_account: defaultdict[str, set[str]] = defaultdict(set)
        self._lapsing: list[tuple[float, str]] = []
        self._lapsed: dict[str, Lease] = {}
        self._ended: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._forgetting: list[tuple[float, str]] = []
        self._takeovers: dict[str, tuple[str, float]] = {}
        self._ids: SortedList = SortedList()

    async def start(self, request: Request, *, forget_at: float, now: float) -> Admitted | Full:
        """Decide by the rule, and keep what it says."""
        running = self._running(request.lease.account, now)
        decision = admit(running, request)
        if decision.granted is None:
            return Full(running)
        if decision.granted.session not in self._leases and len(self._leases) >= SESSIONS_MAX:
            raise Unavailable("sessions", f"it holds {SESSIONS_MAX} sessions")
        for one in decision.ended:
            self._end(one.account, one.session, forget_at, now)
        self._put(decision.granted)
        return Admitted(decision.granted, len(self._by_account[request.lease.account]), decision.ended)

    async def renew(self, renewals: Sequence[Renew], *, now: float) -> tuple[Renewal, ...]:
        """Extend, adopt, or say why not."""
        self._set_lapsed_aside(now)
        return tuple(self._renew(one.lease, one.limits, now) for one in renewals)

    async def end(self, account: str, session: str, *, forget_at: float, now: float) -> Lease | None:
        """Free the slot and remember the end."""
        return self._end(account, session, forget_at, now)

    async def running(self, account: str, *, now: float) -> tuple[Lease, ...]:
        """The account's leases, oldest first."""
        return self._running(account, now)

    async def page(self, *, account: str, event: str, after: str, limit: int, now: float) -> LeasePage:
        """By session id, from the sorted ids or the account's few."""
        self._set_lapsed_aside(now)
        ids = SortedList(self._by_account.get(account, ())) if account else self._ids
        following = (self._leases[one] for one in ids.irange(after, inclusive=(False, True)))
        wanted = (one for one in following if event in ("", one.event))
        found = tuple(islice(wanted, limit + 1))
        return LeasePage(found[:limit], found[limit - 1].session if len(found) > limit else None)

    async def count(self, *, now: float) -> int:
        """As many as are held once the lapsed are set aside."""
        self._set_lapsed_aside(now)
        return len(self._leases)

    async def expire(self, *, now: float, limit: int) -> tuple[Lease, ...]:
        """Say some of those set aside, those that lapsed first before the others."""
        self._forget(now)
        self._set_lapsed_aside(now)
        said = tuple(islice(self._lapsed.values(), limit))
        for lease in said:
            del self._lapsed[lease.session]
        return said

    async def remembers_since(self, *, now: float) -> float:
        """Since this process began to keep it."""
        return self._opened_at

    async def put_takeover(self, account: str, code: str, *, until: float, now: float) -> None:
        """One code an account."""
        self._takeovers[account] = (code, until)

    async def use_takeover(self, account: str, code: str, *, now: float) -> bool:
        """Compare and forget."""
        kept = self._takeovers.get(account)
        if kept is None or kept[0] != code:
            return False
        del self._takeovers[account]
        return kept[1] > now

    async def close(self) -> None:
        """Nothing is held."""

    def _renew(self, lease: Lease, limits: Limits | None, now: float) -> Renewal:
        if self._ended.get(lease.account, {}).get(lease.session, 0.0) > now:
            return Renewal.ENDED
        known = self._leases.get(lease.session)
        if known is not None:
            self._put(replace(known, until=max(known.until, lease.until)))
            return Renewal.RENEWED
        if not has_room(self._running(lease.account, now), lease, limits or _ANY):
            return Renewal.FULL
        if len(self._leases) >= SESSIONS_MAX:
            return Renewal.FAILED
        self._put(lease)
        return Renewal.ADOPTED

    def _end(self, account: str, session: str, forget_at: float, now: float) -> Lease | None:
        ended = {one: until for one, until in self._ended[account].items() if until > now}
        if session not in ended:
            ended[session] = forget_at
            heapq.heappush(self._forgetting, (forget_at, account))
        if len(ended) > ENDED_PER_ACCOUNT_MAX:
            del ended[next(iter(ended))]
        self._ended[account] = ended
        return self._remove(session) or self._lapsed.pop(session, None)

    def _running(self, account: str, now: float) -> tuple[Lease, ...]:
        self._set_lapsed_aside(now)
        leases = (self._leases[session] for session in self._by_account.get(account, ()))
        return tuple(sorted(leases, key=lambda one: (one.since, one.session)))

    def _set_lapsed_aside(self, now: float) -> None:
        """Take lapsed leases off the heap; those renewed since stand in it again with a later time."""
        while self._lapsing and self._lapsing[0][0] <= now:
            _, session = heapq.heappop(self._lapsing)
            lease = self._leases.get(session)
            if lease is None:
                continue
            if lease.until > now:
                heapq.heappush(self._lapsing, (lease.until, session))
                continue
            self._remove(session)
            self._lapsed[session] = lease

    def _put(self, lease: Lease) -> None:
        self._lapsed.pop(lease.session, None)
        if lease.session not in self._leases:
            self._by_account[lease.account].add(lease.session)
            self._ids.add(lease.session)
            heapq.heappush(self._lapsing, (lease.until, lease.session))
        self._leases[lease.session] = lease

    def _remove(self, session: str) -> Lease | None:
        lease = self._leases.pop(session, None)
        if lease is None:
            return None
        of_account = self._by_account[lease.account]
        of_account.discard(session)
        if not of_account:
            del self._by_account[lease.account]
        self._ids.remove(session)
        return lease

    def _forget(self, now: float) -> None:
        while self._forgetting and self._forgetting[0][0] <= now:
            _, account = heapq.heappop(self._forgetting)
            ended = {one: until for one, until in self._ended.pop(account, {}).items() if until > now}
            if ended:
                self._ended[account] = ended
        for account in [a for a, (_, until) in self._takeovers.items() if until <= now]:
            del self._takeovers[account]
