"""Sessions: start, heartbeat, end, kick. What is decided stands in `rules.py` and `slots.py`."""

import asyncio
import contextlib

import msgspec

from tifo.api.accounts import Accounts
from tifo.api.catalogue import Catalogue, Format
from tifo.api.networks import Networks
from tifo.api.sessions import PAGE_SESSIONS_MAX, Device, Kick, RunningSession, SessionPage, Sessions
from tifo.board.entries import Revoked
from tifo.board.postures import Postures
from tifo.board.revocations import Revocations
from tifo.eventlog.publisher import Publisher
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import Ids
from tifo.services.sessions import rules
from tifo.services.sessions.admission import Admission, Start
from tifo.services.sessions.ports import Lease, Renew, Renewal, SessionStore
from tifo.services.sessions.renewals import Renewals
from tifo.services.sessions.rules import LeasePolicy
from tifo.services.sessions.settings import SessionsSettings
from tifo.services.sessions.telling import Telling
from tifo.telemetry.metrics import SESSIONS_LIVE
from tifo.tokens.playback import PlaybackClaims, PlaybackTokens

EXPIRE_BATCH_MAX = 1_000
"""Lapsed leases that one sweep takes at a time."""

HURRY_S = 0.005
"""Seconds for which renewals of sessions are gathered that the store cannot know."""

STOPPED_PER_FLUSH_MAX = 100
"""Sessions that the store would not renew and that one flush tells to every node; others only this node
knows, until the next of their renewals."""


class Started(msgspec.Struct, frozen=True, gc=False):
    """A session that was let in, with its first token, the account's slots, when to report, and what the
    event is there in; a device may start again with `grace_token` while the login provider is gone (empty:
    it may not)."""

    lease: Lease
    token: str
    limit: int
    used: int
    heartbeat_s: int
    grace_token: str
    formats: tuple[Format, ...]


class Beat(msgspec.Struct, frozen=True, gc=False):
    """The answer to a heartbeat; `token` is empty when the player keeps the one it has."""

    heartbeat_s: int
    expires_at: float
    token: str


class SessionService(Sessions):
    """The sessions of one node over a store that may be shared.

    `local` is this node's own store, for the time in which the shared one does not answer.
    """

    def __init__(
        self,
        store: SessionStore,
        local: SessionStore,
        accounts: Accounts,
        catalogue: Catalogue,
        networks: Networks,
        tokens: PlaybackTokens,
        revocations: Revocations,
        postures: Postures,
        publisher: Publisher,
        clock: Clock,
        ids: Ids,
        settings: SessionsSettings,
    ) -> None:
        self._store = store
        self._local = local
        self._accounts = accounts
        self._tokens = tokens
        self._revocations = revocations
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._telling = Telling(publisher)
        self._admission = Admission(
            store, local, accounts, catalogue, networks, revocations, self._telling, clock, ids, settings
        )
        self._renewals = Renewals(
            store, local, clock, self._stop, gather_s=settings.gather_s, spread_s=settings.lease_s / 2
        )
        self._normal = LeasePolicy(
            settings.heartbeat_s, settings.lease_s, settings.token_ttl_s, settings.take_back_s
        )
        self._policy = self._normal
        self._early_share = settings.heartbeat_early_percent / 100
        self._left = rules.Departed()
        self._stopped: list[str] = []
        self._remembers_since = clock.now()
        postures.on_change(self._take_posture)
        self._hurrying: asyncio.Task[None] | None = None
        self._flusher = Background(
            "sessions.renewals", settings.gather_s, self.flush, "renewals wait; nobody is stopped"
        )
        self._sweeper = Background(
            "sessions.sweep", settings.sweep_s, self.expire, "silent sessions stay listed"
        )

    async def open(self) -> None:
        """Begin to send renewals and to sweep lapsed leases."""
        await self._flusher.open()
        await self._sweeper.open()

    async def close(self) -> None:
        """Stop, and send the last renewals."""
        await self._sweeper.close()
        await self._flusher.close()
        if self._hurrying is not None:
            await self._hurrying
        await self.flush()

    async def start(self, start: Start) -> Started:
        """Let a viewer in; raises `Refusal` (bad-token, not-found, event-over, not-entitled,
        stream-limit, bad-takeover, unavailable)."""
        policy = self._policy
        entry = await self._admission.start(start, policy)
        if entry.locally:
            self._renewals.put(Renew(entry.lease, None))
        self._accounts.saw(entry.viewer, start.device)
        return Started(
            lease=entry.lease,
            token=self._sign(entry.lease, entry.limit, entry.isp, entry.viewer.region, self._clock.now()),
            limit=entry.limit,
            used=entry.used,
            heartbeat_s=policy.heartbeat_s,
            grace_token=self._accounts.grace_token(entry.viewer, start.device.id),
            formats=entry.formats,
        )

    def heartbeat(self, claims: PlaybackClaims) -> Beat:
        """Keep a session; reads and writes nothing while more than half of its lease is left.

        Past that it answers with a new lease at once, and the store is told within the gathering interval.
        Raises `Refusal` (ended) when the session has ended or its slot is another's. A store that does not
        answer stops nobody.
        """
        now, policy = self._clock.now(), self._policy
        if self._left.has(claims.sid, now):
            raise Refusal("ended", "You stopped watching, or the place was taken while you were silent.")
        if not rules.renewal_due(claims, now, policy):
            return Beat(self._next_heartbeat_s(), claims.until, "")
        lease = rules.lease_of(claims, rules.lease_end(now, policy))
        self._renewals.put(self._renew(lease, claims, now))
        self._telling.renewed(lease, claims.isp, policy.lease_s)
        if claims.nbf < self._remembers_since:
            self._flush_soon()
        token = self._sign(lease, self._limit_of(claims), claims.isp, claims.reg, now)
        return Beat(self._next_heartbeat_s(), lease.until, token)

    async def leave(self, claims: PlaybackClaims) -> None:
        """The viewer stops watching; again changes nothing.

        Not a revocation: at the final whistle everybody leaves, and nobody has to be told. The store
        knows, and so does this node until the store is asked again anyway.
        """
        now = self._clock.now()
        again = self._left.has(claims.sid, now)
        self._renewals.drop(claims.sid)
        self._left.add(claims.sid, now + self._policy.lease_s)
        try:
            await self._finish(claims.acc, claims.sid, "left")
        except Unavailable:
            # The store lets the lease lapse by itself.
            if not again:
                self._telling.ended(rules.lease_of(claims, claims.until), "left")

    async def end(self, session: str, account: str, reason: str) -> None:
        """End a session on an operator's word; its player is told `ended`."""
        await self._revoke(session, Revoked("ended", reason or "The session was ended by an operator."))
        await self._finish_if_possible(account, session, "ended")

    async def kick(self, kick: Kick) -> None:
        """End sessions on an operator's word; their players are told `kicked`."""
        if kick.what == "session":
            await self._revoke(kick.id, Revoked("kicked", kick.reason))
            await self._finish_if_possible(kick.account, kick.id, "kicked")
        elif kick.what == "account":
            await self._kick_account(kick)
        else:
            # Nobody looks through a million sessions for those that begun a moment later; their leases
            # lapse by themselves.
            known = self._revocations.void_before("", kick.id)
            before = rules.kicked_before(self._clock.now() + 1, known + 1)
            revoked = Revoked("kicked", kick.reason, before)
            await self._revocations.revoke_event(kick.id, revoked, self._policy.token_ttl_s)

    async def page(self, *, account: str, event: str, after: str, limit: int) -> SessionPage:
        """Running sessions."""
        now = self._clock.now()
        count = max(1, min(limit, PAGE_SESSIONS_MAX))
        found = await self._store.page(account=account, event=event, after=after, limit=count, now=now)
        return SessionPage(
            # Of an event that was kicked the leases are still there, until each has lapsed.
            sessions=tuple(_running(lease) for lease in found.leases if not self._is_void(lease)),
            next=found.next,
            total=await self._store.count(now=now),
        )

    async def live(self) -> int:
        """How many sessions have a lease in the store."""
        return await self._store.count(now=self._clock.now())

    async def flush(self) -> None:
        """Send the gathered renewals to the store, and tell the log of them. Raises `Unavailable` when
        the board does not take the word of sessions that were stopped."""
        self._telling.flush()
        await self._renewals.flush()
        stopped, self._stopped = self._stopped[:STOPPED_PER_FLUSH_MAX], []
        revoked = Revoked("ended", "The session has ended, or its place was taken while it was silent.")
        for session in stopped:
            await self._revocations.revoke(session, revoked, 2 * self._policy.lease_s)

    async def expire(self) -> None:
        """Say which sessions fell silent; raises `Unavailable`."""
        now = self._clock.now()
        self._left.forget(now)
        # What this node lent while the store was gone is registered with the store by now, or silent.
        await self._local.expire(now=now, limit=EXPIRE_BATCH_MAX)
        self._remembers_since = max(self._remembers_since, await self._store.remembers_since(now=now))
        more = True
        while more:
            batch = await self._store.expire(now=now, limit=EXPIRE_BATCH_MAX)
            for lease in batch:
                self._telling.ended(lease, "kicked" if self._is_void(lease) else "expired")
            # A whole stadium may fall silent at once: requests are served between two batches.
            await asyncio.sleep(0)
            more = len(batch) >= EXPIRE_BATCH_MAX
        SESSIONS_LIVE.set(await self._store.count(now=now))

    def _flush_soon(self) -> None:
        """The store was empty after this token was signed: until it is told, others could take the slot."""
        if self._hurrying is None or self._hurrying.done():
            self._hurrying = asyncio.create_task(self._hurry(), name="sessions.hurry")

    async def _hurry(self) -> None:
        await asyncio.sleep(HURRY_S)
        with contextlib.suppress(Unavailable):
            await self.flush()

    def _renew(self, lease: Lease, claims: PlaybackClaims, now: float) -> Renew:
        if rules.taken_back_freely(claims, now, self._remembers_since, self._policy):
            return Renew(lease, None)
        by_kind = self._settings.limits_by_kind
        return Renew(lease, rules.limits_of(self._limit_of(claims), 0, claims.kind, by_kind))

    def _stop(self, renew: Renew, _: Renewal) -> None:
        """The store would not renew: the next heartbeat hears it here, and soon on every node."""
        self._left.add(renew.lease.session, self._clock.now() + 2 * self._policy.lease_s)
        self._stopped.append(renew.lease.session)

    def _take_posture(self, postures: Postures) -> None:
        self._policy = rules.in_posture(self._normal, postures.step, self._settings.lean_heartbeat_s)

    def _next_heartbeat_s(self) -> int:
        share, chance = self._early_share, self._ids.fraction
        return rules.next_heartbeat_s(self._policy, share, chance(), chance())

    def _is_void(self, lease: Lease) -> bool:
        """Whether an operator kicked the lease's account or event after it began."""
        return int(lease.since) <= self._revocations.void_before(lease.account, lease.event)

    def _limit_of(self, claims: PlaybackClaims) -> int:
        return claims.limit or self._settings.stream_limit

    def _sign(self, lease: Lease, limit: int, isp: str, region: str, now: float) -> str:
        return self._tokens.sign(rules.token_claims(lease, limit, isp, region, now, self._policy))

    async def _revoke(self, session: str, revoked: Revoked) -> None:
        await self._revocations.revoke(session, revoked, self._policy.token_ttl_s)

    async def _kick_account(self, kick: Kick) -> None:
        now = self._clock.now()
        running: tuple[Lease, ...] = ()
        with contextlib.suppress(Unavailable):
            running = await self._store.running(kick.id, now=now)
        before = rules.kicked_before(now, *(lease.since for lease in running))
        # No token of before counts any longer than that: neither one for playback nor one of grace.
        ttl_s = max(self._policy.token_ttl_s, self._accounts.kick_memory_s)
        await self._revocations.revoke_account(kick.id, Revoked("kicked", kick.reason, before), ttl_s)
        with contextlib.suppress(Unavailable):
            for lease in running:
                await self._finish(kick.id, lease.session, "kicked")

    async def _finish(self, account: str, session: str, why: str) -> None:
        now = self._clock.now()
        lease = await self._store.end(account, session, forget_at=now + self._policy.token_ttl_s, now=now)
        await self._local.end(account, session, forget_at=now + self._policy.lease_s, now=now)
        if lease is not None:
            self._telling.ended(lease, why)

    async def _finish_if_possible(self, account: str, session: str, why: str) -> None:
        """The word on the board is what counts; without the store or the account the lease lapses."""
        self._renewals.drop(session)
        if account:
            with contextlib.suppress(Unavailable):
                await self._finish(account, session, why)


def _running(lease: Lease) -> RunningSession:
    return RunningSession(
        session=lease.session,
        account=lease.account,
        event=lease.event,
        device=Device(lease.device, lease.device_kind),  # type: ignore[arg-type]
        since=rfc3339(lease.since),
        expires_at=rfc3339(lease.until),
    )
