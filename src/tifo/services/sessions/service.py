"""Sessions: start, heartbeat, end, kick, take-over. The rules stand in `rules.py`."""

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from tifo.api.accounts import Accounts, Viewer
from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.api.events import SessionEnded, SessionRefused, SessionsRenewed, SessionStarted
from tifo.api.sessions import PAGE_SESSIONS_MAX, Device, Kick, RunningSession, SessionPage, Sessions
from tifo.board.entries import Revoked
from tifo.board.revocations import Revocations
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import Ids
from tifo.services.sessions import rules
from tifo.services.sessions.ports import Full, Lease, Limits, Renew, Renewal, Request, SessionStore
from tifo.services.sessions.settings import SessionsSettings
from tifo.telemetry.metrics import LEASE_RENEWALS, SESSION_ENDS, SESSION_STARTS, SESSIONS_LIVE
from tifo.tokens.playback import PlaybackClaims, PlaybackTokens

RENEWALS_PER_EVENT_MAX = 1_000
"""Sessions in one event of renewals: about 30 KB."""

EXPIRE_BATCH_MAX = 1_000
"""Lapsed leases that one sweep takes at a time."""

# Looked up once: finding a label's counter costs a heartbeat four times what counting does.
_RENEWALS = {outcome: LEASE_RENEWALS.labels(outcome.value) for outcome in Renewal}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """A request to start: who asks for what on which device; `takeover` and `end` come from a refusal."""

    access_token: str
    event: str
    device: Device
    takeover: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A session that was let in, with its first token and the account's slots."""

    lease: Lease
    token: str
    limit: int
    used: int


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to a heartbeat; `token` is empty when the player keeps the one it has."""

    expires_at: float
    token: str


class SessionService(Sessions):
    """The sessions of one node over a store that may be shared."""

    def __init__(
        self,
        store: SessionStore,
        accounts: Accounts,
        catalogue: Catalogue,
        tokens: PlaybackTokens,
        revocations: Revocations,
        publisher: Publisher,
        clock: Clock,
        ids: Ids,
        settings: SessionsSettings,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._catalogue = catalogue
        self._tokens = tokens
        self._revocations = revocations
        self._publisher = publisher
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._policy = rules.LeasePolicy(settings.heartbeat_s, settings.lease_s, settings.token_ttl_s)
        self._left = rules.Departed()
        self._opened_at = clock.now()
        self._renewed: list[str] = []
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def heartbeat_s(self) -> int:
        """Seconds between a player's heartbeats."""
        return self._settings.heartbeat_s

    async def open(self) -> None:
        """Begin to sweep lapsed leases and to tell of renewals."""
        self._sweeper = asyncio.create_task(self._sweep(), name="session-sweeper")

    async def close(self) -> None:
        """Stop sweeping, and tell of the last renewals."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        self._tell_renewals()

    async def start(self, request: Start) -> Started:
        """Let a viewer in; raises `Refusal` (bad-token, not-found, event-over, not-entitled,
        stream-limit, bad-takeover, unavailable)."""
        viewer = await self._accounts.viewer(request.access_token, request.device.id)
        try:
            started = await self._admit(viewer, request)
        except Refusal as refusal:
            SESSION_STARTS.labels(refusal.code).inc()
            self._publisher.tell(
                SessionRefused(account=viewer.account, event=request.event, code=refusal.code)
            )
            raise
        SESSION_STARTS.labels("admitted").inc()
        return started

    async def heartbeat(self, claims: PlaybackClaims) -> Beat:
        """Keep a session; reads and writes nothing while more than half of its lease is left.

        Raises `Refusal` (ended) when the session has ended or its slot is another's. A store that does
        not answer stops nobody: the lease is extended on the token alone.
        """
        now = self._clock.now()
        if self._left.has(claims.sid, now):
            raise Refusal("ended", "You stopped watching.")
        if not rules.renewal_due(claims, now, self._policy):
            return Beat(expires_at=claims.until, token="")
        until = now + self._policy.lease_s
        lease = rules.lease_of(claims, until)
        await self._renew(lease, claims, now)
        return Beat(expires_at=until, token=self._sign(lease, self._limit_of(claims), now))

    async def leave(self, claims: PlaybackClaims) -> None:
        """The viewer stops watching; again changes nothing.

        Not a revocation: at the final whistle everybody leaves, and nobody has to be told. The store
        knows, and so does this node until the store is asked again anyway.
        """
        await self._finish(claims.acc, claims.sid, "left")
        self._left.add(claims.sid, self._clock.now() + self._policy.lease_s)

    async def end(self, session: str, account: str, reason: str) -> None:
        """End a session on an operator's word; its player is told `ended`."""
        await self._revoke(session, Revoked("ended", reason or "The session was ended by an operator."))
        await self._finish(account, session, "ended")

    async def kick(self, kick: Kick) -> None:
        """End sessions on an operator's word; their players are told `kicked`."""
        await self._revoke(kick.id, Revoked("kicked", kick.reason))
        await self._finish(kick.account, kick.id, "kicked")

    async def page(self, *, account: str, event: str, after: str, limit: int) -> SessionPage:
        """Running sessions by id, with how many run in all."""
        now = self._clock.now()
        count = max(1, min(limit, PAGE_SESSIONS_MAX))
        found = await self._store.page(account=account, event=event, after=after, limit=count, now=now)
        return SessionPage(
            sessions=tuple(map(_running, found.leases)),
            next=found.next,
            total=await self._store.count(now=now),
        )

    async def live(self) -> int:
        """How many sessions have a lease in the store."""
        return await self._store.count(now=self._clock.now())

    async def expire(self) -> None:
        """Say which sessions fell silent; the sweeper does it every `sweep_s`. Raises `Unavailable`."""
        now = self._clock.now()
        self._left.forget(now)
        while batch := await self._store.expire(now=now, limit=EXPIRE_BATCH_MAX):
            for lease in batch:
                self._say_ended(lease, "expired")
            # A whole stadium may fall silent at once: requests are served between two batches.
            await asyncio.sleep(0)
        SESSIONS_LIVE.set(await self._store.count(now=now))

    async def _admit(self, viewer: Viewer, request: Start) -> Started:
        event = await self._catalogue.event(request.event)
        now = self._clock.now()
        _refuse_unless_open(event, viewer, now)
        limit = viewer.stream_limit or self._settings.stream_limit
        if request.takeover:
            await self._take_over(viewer.account, request, limit, now)
        wanted = self._new_lease(viewer, request, now)
        request_slot = Request(wanted, Limits(limit))
        forget_at = now + self._policy.token_ttl_s
        outcome = await self._store.start(request_slot, forget_at=forget_at, now=now)
        if isinstance(outcome, Full):
            raise await self._stream_limit(viewer.account, outcome, limit, now)
        self._say_started(outcome.lease, again=outcome.lease.session != wanted.session)
        return Started(outcome.lease, self._sign(outcome.lease, limit, now), limit, outcome.used)

    def _say_started(self, lease: Lease, *, again: bool) -> None:
        """A device that starts again goes on with its session: no new viewer came."""
        if again:
            self._say_renewed(lease)
            return
        self._publisher.tell(
            SessionStarted(
                session=lease.session,
                event=lease.event,
                account=lease.account,
                device=lease.device,
                device_kind=lease.device_kind,
            )
        )

    def _new_lease(self, viewer: Viewer, request: Start, now: float) -> Lease:
        return Lease(
            session=self._ids.new("ses"),
            account=viewer.account,
            event=request.event,
            device=request.device.id,
            device_kind=request.device.kind,
            since=now,
            until=now + self._policy.lease_s,
        )

    async def _take_over(self, account: str, request: Start, limit: int, now: float) -> None:
        if not await self._store.use_takeover(account, request.takeover, now=now):
            raise Refusal("bad-takeover", "Start again without the code to get a new one.")
        running = await self._store.running(account, now=now)
        chosen = rules.one_to_end(running, request.end, limit)
        if chosen is None:
            return
        await self._finish(chosen.account, chosen.session, "taken-over")
        revoked = Revoked("ended", "The stream was taken over by another device.")
        # On the board for one lease only: past it every token of the session must ask the store, which
        # knows. A board that fails delays the word by as much and keeps nobody out.
        with contextlib.suppress(Unavailable):
            await self._revocations.revoke(chosen.session, revoked, self._policy.lease_s)

    async def _stream_limit(self, account: str, full: Full, limit: int, now: float) -> Refusal:
        code = self._ids.code()
        await self._store.put_takeover(account, code, until=now + self._settings.takeover_s, now=now)
        return Refusal(
            "stream-limit",
            f"The account watches on {len(full.running)} devices and may on {limit}.",
            members={"limit": limit, "sessions": [_shown(lease) for lease in full.running], "takeover": code},
        )

    async def _renew(self, lease: Lease, claims: PlaybackClaims, now: float) -> None:
        freely = rules.adopted_freely(claims, now, self._opened_at, self._policy)
        limits = None if freely else Limits(self._limit_of(claims))
        (outcome,) = await self._store.renew([Renew(lease, limits)], now=now)
        _RENEWALS[outcome].inc()
        if outcome is Renewal.ENDED:
            raise Refusal("ended", "The session has ended.")
        if outcome is Renewal.FULL:
            raise Refusal("ended", "The session was silent for long and its place was taken.")
        self._say_renewed(lease)

    def _say_renewed(self, lease: Lease) -> None:
        """Gathered, for renewals are the steadiest of all events and nobody waits for one of them."""
        self._renewed.append(lease.session)

    def _tell_renewals(self) -> None:
        renewed, self._renewed = self._renewed, []
        for begin in range(0, len(renewed), RENEWALS_PER_EVENT_MAX):
            batch = tuple(renewed[begin : begin + RENEWALS_PER_EVENT_MAX])
            self._publisher.tell(SessionsRenewed(batch=self._ids.new("ren"), sessions=batch))

    def _limit_of(self, claims: PlaybackClaims) -> int:
        return claims.limit or self._settings.stream_limit

    def _sign(self, lease: Lease, limit: int, now: float) -> str:
        return self._tokens.sign(rules.token_claims(lease, limit, now, self._policy))

    async def _revoke(self, session: str, revoked: Revoked) -> None:
        await self._revocations.revoke(session, revoked, self._policy.token_ttl_s)

    async def _finish(self, account: str, session: str, why: str) -> None:
        now = self._clock.now()
        lease = await self._store.end(account, session, forget_at=now + self._policy.token_ttl_s, now=now)
        if lease is not None:
            self._say_ended(lease, why)

    def _say_ended(self, lease: Lease, why: str) -> None:
        SESSION_ENDS.labels(why).inc()
        self._publisher.tell(SessionEnded(session=lease.session, event=lease.event, why=why))

    async def _sweep(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(self._settings.sweep_s)
            self._tell_renewals()
            try:
                await self.expire()
                failing = False
            except Unavailable as error:
                if not failing:
                    _log.warning("sessions.sweep-failed", why=error.why, effect="silent sessions stay listed")
                failing = True


def _refuse_unless_open(event: CalendarEvent, viewer: Viewer, now: float) -> None:
    if event.state(now) == "over":
        raise Refusal("event-over", f"{event.title} is over.")
    if not viewer.entitled(event.id):
        raise Refusal("not-entitled", f"The account has no right to {event.title}.")


def _running(lease: Lease) -> RunningSession:
    return RunningSession(
        session=lease.session,
        account=lease.account,
        event=lease.event,
        device=Device(lease.device, lease.device_kind),  # type: ignore[arg-type]
        since=rfc3339(lease.since),
        expires_at=rfc3339(lease.until),
    )


def _shown(lease: Lease) -> dict[str, object]:
    """A session as the account's other devices may see it."""
    return {
        "id": lease.session,
        "event": lease.event,
        "device": {"id": lease.device, "kind": lease.device_kind},
        "since": rfc3339(lease.since),
    }
