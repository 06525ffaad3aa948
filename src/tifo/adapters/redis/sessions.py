"""The session store of many machines: leases in one Redis, or in a cluster."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tifo.adapters.redis.connection import Call, RedisConnection, answered
from tifo.adapters.redis.sessions_wire import decode, encode, lease_of, leases_of, limits_of, packed, script
from tifo.adapters.redis.shards import SHARDS, shard_of, tags
from tifo.adapters.redis.skew import Skew
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids
from tifo.services.sessions.ports import (
    Admitted,
    Full,
    Lease,
    LeasePage,
    Renew,
    Renewal,
    Request,
    SessionStore,
)

RENEWALS_PER_CALL_MAX = 100
"""Renewals in one call of a script: about 1 ms of the server."""

RENEWALS_PER_TRIP = 250
"""Renewals in one round trip: some 3 ms of this process, in which nobody else is served."""

SETTLE_ACCOUNTS_MAX = 50
"""Accounts that one call looks at to find lapsed leases."""

SETTLE_SECONDS_MAX = 200
"""Seconds that one call makes up for when nobody looked meanwhile."""

SETTLE_ROUNDS_MAX = 20
"""Rounds of such calls before an answer; lapsed leases past them are found by the next."""

EXPIRE_ROUNDS_MAX = 60
"""Round trips to say lapsed leases: one for each that an account may have, and some more."""

PAGE_ACCOUNTS_MAX = 1_000
"""Accounts that one call looks through for a page."""

PAGE_ROUNDS_MAX = 8
"""Round trips for one page; each asks twice as many shards as the last, so eight pass them all."""

_Group = tuple[int, list[int]]
"""A shard, and which renewals of a batch are its."""

_OUTCOMES = {"R": Renewal.RENEWED, "A": Renewal.ADOPTED, "F": Renewal.FULL, "E": Renewal.ENDED}
_EVERY_SHARD = range(SHARDS)
_WITNESSES = tuple(n * SHARDS // 3 for n in range(3))
"""Shards that are on three masters, should there be three."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """A shard once its lapsed leases are set aside: leases that run, accounts with lapsed ones to say."""

    leases: int
    lapsed_accounts: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: a shard, the scan's cursor in it, and a session id where a step was cut."""

    shard: int
    cursor: str = "0"
    after: str = ""

    @classmethod
    def read(cls, mark: str) -> "_Place | None":
        shard, _, rest = (mark or "0:0:").partition(":")
        cursor, _, after = rest.partition(":")
        if not (shard.isdecimal() and cursor.isdecimal()) or int(shard) >= SHARDS:
            return None
        return cls(int(shard), cursor, after)

    def then(self, cursor: str, after: str) -> "_Place":
        """Where the next page begins after this answer of the shard."""
        return _Place(self.shard, cursor, after) if (cursor, after) != ("0", "") else _Place(self.shard + 1)

    def __str__(self) -> str:
        return f"{self.shard}:{self.cursor}:{self.after}"


class RedisSessionStore(SessionStore):
    """128 shards of accounts, each a hash with a field per account, and a timing wheel.

    A step is one script on one shard, so it is atomic. Times are kept by the store's clock in whole
    seconds, and answered by the caller's: a node whose clock is wrong harms nobody. `remember_s`: for how
    long `count` and `remembers_since` repeat what they know. `turn_s`: how often one of the nodes sweeps for
    all of them; 0 for each of them whenever it is told to. Caveats: what Redis loses comes back from the
    sessions' signed tokens with their heartbeats; a failover loses what had not reached the replica.
    """

    def __init__(
        self,
        connection: RedisConnection,
        clock: Clock,
        ids: Ids,
        *,
        prefix: str = "tifo",
        remember_s: float = 5.0,
        turn_s: float = 5.0,
    ) -> None:
        self._connection = connection
        self._keys = tuple(f"{prefix}:{{{tag}}}s" for tag in tags())
        self._skew = Skew(connection, clock, tuple(self._keys[n] for n in _WITNESSES))
        self._sweeper = ids.new("swp")
        self._remember_s = remember_s
        self._turn_s = turn_s
        self._settled: dict[int, _Settled] = {}
        self._settled_at_s = -math.inf
        self._next_sweep_s = -math.inf
        self._more_to_say = False
        self._born: dict[int, int] = {}

    async def start(self, request: Request, *, forget_at: float, now: float) -> Admitted | Full:
        """One script, told by the same rule as the memory store's."""
        ahead_s = await self._skew.seconds()
        account = request.lease.account
        answer = await self._ask(
            "start",
            account,
            now + ahead_s,
            packed(request.lease, ahead_s),
            limits_of(request.limits),
            math.floor(request.void_before + ahead_s),
            request.give_way,
            math.ceil(forget_at + ahead_s),
        )
        let_in, *rest = decode(answer)
        if not let_in:
            return Full(leases_of(account, rest[0], ahead_s))
        lease, used, ended = rest
        return Admitted(lease_of(account, lease, ahead_s), used, leases_of(account, ended, ahead_s))

    async def renew(self, renewals: Sequence[Renew], *, now: float) -> tuple[Renewal, ...]:
        """One command for each shard and hundred renewals, in pieces between which others are served."""
        outcomes = [Renewal.FAILED] * len(renewals)
        try:
            ahead_s = await self._skew.seconds()
        except Unavailable:
            return tuple(outcomes)
        for piece in _pieces(_groups(renewals)):
            answers = await self._connection.run_many(
                [
                    self._renewal(shard, [renewals[n] for n in of], now + ahead_s, ahead_s)
                    for shard, of in piece
                ]
            )
            for (shard, of), answer in zip(piece, answers, strict=True):
                if isinstance(answer, Unavailable):
                    continue
                letters, self._born[shard] = answer
                for n, letter in zip(of, letters.decode(), strict=True):
                    outcomes[n] = _OUTCOMES[letter]
        return tuple(outcomes)

    async def end(self, account: str, session: str, *, forget_at: float, now: float) -> Lease | None:
        """One script."""
        ahead_s = await self._skew.seconds()
        forget_s = math.ceil(forget_at + ahead_s)
        answer = await self._ask("end", account, now + ahead_s, session, forget_s)
        return None if answer is None else lease_of(account, decode(answer), ahead_s)

    async def running(self, account: str, *, now: float) -> tuple[Lease, ...]:
        """One script that only reads."""
        ahead_s = await self._skew.seconds()
        answer = await self._ask("running", account, now + ahead_s)
        return leases_of(account, decode(answer), ahead_s)

    async def page(self, *, account: str, event: str, after: str, limit: int, now: float) -> LeasePage:
        """Shard after shard; of an account by session id. A mark that is none of ours is past the end."""
        if account:
            return await self._page_of(account, event, after, limit, now)
        place = _Place.read(after)
        if place is None:
            return LeasePage((), None)
        ahead_s = await self._skew.seconds()
        found: list[Lease] = []
        for n in range(PAGE_ROUNDS_MAX):
            more, place = await self._some(place, 2**n, event, limit - len(found), now + ahead_s)
            found += [lease_of(name, one, ahead_s) for name, one in more]
            if place.shard == SHARDS:
                return LeasePage(tuple(found), None)
            if len(found) == limit:
                break
        return LeasePage(tuple(found), str(place))

    async def count(self, *, now: float) -> int:
        """The shards' counts once their lapsed leases are set aside; may be `remember_s` old."""
        await self._settle_again(now)
        if len(self._settled) < SHARDS:
            raise Unavailable("sessions", "a part of the store does not answer")
        return sum(one.leases for one in self._settled.values())

    async def expire(self, *, now: float, limit: int) -> tuple[Lease, ...]:
        """Some of those set aside, if it is this node's turn; of the shards that answer."""
        ahead_s = await self._skew.seconds()
        if not await self._its_turn(now + ahead_s):
            return ()
        await self._settle(now + ahead_s)
        waiting = {shard: one.lapsed_accounts for shard, one in self._settled.items() if one.lapsed_accounts}
        said: list[Lease] = []
        for _ in range(EXPIRE_ROUNDS_MAX):
            shares = dict(_shares(waiting, limit - len(said)))
            calls = [self._call("expire", shard, now + ahead_s, share) for shard, share in shares.items()]
            if not calls:
                break
            for shard, answer in zip(shares, await self._connection.run_many(calls), strict=True):
                left, leases = (0, b"\x90") if isinstance(answer, Unavailable) else answer
                said += [lease_of(account, one, ahead_s) for account, one in decode(leases)]
                waiting[shard] = left
        self._more_to_say = len(said) >= limit
        return tuple(said)

    async def remembers_since(self, *, now: float) -> float:
        """When the youngest shard was made, of those that ever answered; may be `remember_s` old."""
        ahead_s = await self._skew.seconds()
        await self._settle_again(now)
        return float(max(self._born.values()) - ahead_s)

    async def put_takeover(self, account: str, code: str, *, until: float, now: float) -> None:
        """One script."""
        ahead_s = await self._skew.seconds()
        await self._ask("put_takeover", account, now + ahead_s, code, math.ceil(until + ahead_s))

    async def use_takeover(self, account: str, code: str, *, now: float) -> bool:
        """One script."""
        ahead_s = await self._skew.seconds()
        return bool(await self._ask("use_takeover", account, now + ahead_s, code))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._connection.close()

    async def _ask(self, name: str, account: str, now_s: float, *asked: object) -> Any:  # noqa: ANN401
        key = self._keys[shard_of(account)]
        return await self._connection.run(script(name), key, math.floor(now_s), encode((account, *asked)))

    def _call(self, name: str, shard: int, now_s: float, *args: bytes | str | int) -> Call:
        return Call(script(name), self._keys[shard], (math.floor(now_s), *args))

    def _renewal(self, shard: int, renewals: Iterable[Renew], now_s: float, ahead_s: int) -> Call:
        asked = [
            (one.lease.account, packed(one.lease, ahead_s), one.limits and limits_of(one.limits))
            for one in renewals
        ]
        return self._call("renew", shard, now_s, encode(asked))

    async def _page_of(self, account: str, event: str, after: str, limit: int, now: float) -> LeasePage:
        running = sorted(await self.running(account, now=now), key=lambda one: one.session)
        found = [one for one in running if one.session > after and event in ("", one.event)]
        return LeasePage(tuple(found[:limit]), found[limit - 1].session if len(found) > limit else None)

    async def _some(
        self, place: _Place, shards: int, event: str, limit: int, now_s: float
    ) -> tuple[list[Any], _Place]:
        """Leases from a place on, looking into so many shards; and where to go on."""
        found: list[Any] = []
        places = [place] + [_Place(n) for n in _EVERY_SHARD[place.shard + 1 : place.shard + shards]]
        answers = await self._connection.run_many(
            [
                self._call("page", one.shard, now_s, one.cursor, one.after, limit, event, PAGE_ACCOUNTS_MAX)
                for one in places
            ]
        )
        for one, answer in zip(places, answered(answers), strict=False):
            cursor, mark, leases = decode(answer)
            if len(found) + len(leases) > limit:
                return found, one
            found += leases
            place = one.then(cursor, mark)
            if place.shard == one.shard:
                break
        return found, place

    async def _its_turn(self, now_s: float) -> bool:
        """Whether this node sweeps now: once a turn, and the turn is its own."""
        if not self._turn_s:
            return True
        loop_s = asyncio.get_running_loop().time()
        if loop_s < self._next_sweep_s and not self._more_to_say:
            return False
        self._next_sweep_s = loop_s + self._turn_s
        return await self._takes_turn(now_s)

    async def _takes_turn(self, now_s: float) -> bool:
        turn_ms = round(self._turn_s * 1_000)
        failed = Unavailable("sessions", "no shard was asked")
        for shard in _WITNESSES:
            call = self._call("turn", shard, now_s, self._sweeper, turn_ms)
            (answer,) = await self._connection.run_many([call])
            if not isinstance(answer, Unavailable):
                return bool(answer)
            failed = answer
        raise failed

    async def _settle_again(self, now: float) -> None:
        if asyncio.get_running_loop().time() - self._settled_at_s >= self._remember_s:
            await self._settle(now + await self._skew.seconds())

    async def _settle(self, now_s: float) -> None:
        """Have every shard set aside what lapsed; raises `Unavailable` when none answers."""
        settled: dict[int, _Settled] = {}
        shards: Sequence[int] = _EVERY_SHARD
        failed = None
        for _ in range(SETTLE_ROUNDS_MAX):
            left = []
            limits = (SETTLE_ACCOUNTS_MAX, SETTLE_SECONDS_MAX)
            answers = await self._connection.run_many(
                [self._call("settle", n, now_s, *limits) for n in shards]
            )
            for shard, answer in zip(shards, answers, strict=True):
                if isinstance(answer, Unavailable):
                    failed = answer
                    continue
                leases, lapsed_accounts, more, self._born[shard] = answer
                settled[shard] = _Settled(leases, lapsed_accounts)
                left += [shard] if more else []
            shards = left
            if not shards:
                break
        if failed and not settled:
            raise failed
        self._settled, self._settled_at_s = settled, asyncio.get_running_loop().time()


def _groups(renewals: Sequence[Renew]) -> Iterator[_Group]:
    """Shards, and which of the renewals are theirs, in pieces of a call's size."""
    of_shard: defaultdict[int, list[int]] = defaultdict(list)
    for n, one in enumerate(renewals):
        of_shard[shard_of(one.lease.account)].append(n)
    for shard, all_of_it in of_shard.items():
        for begin in range(0, len(all_of_it), RENEWALS_PER_CALL_MAX):
            yield shard, all_of_it[begin : begin + RENEWALS_PER_CALL_MAX]


def _pieces(groups: Iterable[_Group]) -> Iterator[list[_Group]]:
    """Groups of about a round trip's size."""
    piece: list[_Group] = []
    size = 0
    for group in groups:
        piece.append(group)
        size += len(group[1])
        if size >= RENEWALS_PER_TRIP:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _shares(waiting: Mapping[int, int], limit: int) -> Iterator[tuple[int, int]]:
    """How many leases to take of which shard: one for each account that waits, `limit` in all."""
    for shard, accounts in waiting.items():
        share = min(accounts, limit)
        limit -= share
        if share > 0:
            yield shard, share
