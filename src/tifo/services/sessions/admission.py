"""Letting viewers in: who asks, for what, and whether the account has a slot."""

import contextlib

import msgspec
import structlog

from tifo.api.accounts import Accounts, Viewer
from tifo.api.catalogue import CalendarEvent, Catalogue, Format
from tifo.api.networks import Networks
from tifo.api.sessions import Device
from tifo.board.entries import Revoked
from tifo.board.revocations import Revocations
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import Ids
from tifo.services.sessions import rules
from tifo.services.sessions.ports import Admitted, Full, Lease, Limits, Request, SessionStore
from tifo.services.sessions.rules import LeasePolicy
from tifo.services.sessions.settings import SessionsSettings
from tifo.services.sessions.telling import Telling

_log = structlog.get_logger(__name__)


class Start(msgspec.Struct, frozen=True, gc=False):
    """A request to start: who asks for what on which device, from which address (empty: not known);
    `takeover` and `end` come from a refusal."""

    access_token: str
    event: str
    device: Device
    address: str = ""
    takeover: str = ""
    end: str = ""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A viewer who was let in. `limit` is the account's; `locally` says that only this node knows;
    `isp` is empty where it is not known; `formats` are those that the event is there in."""

    viewer: Viewer
    isp: str
    lease: Lease
    limit: int
    used: int
    locally: bool
    formats: tuple[Format, ...]


class _Asked(msgspec.Struct, frozen=True, gc=False):
    """A start that may have a slot if the account has one."""

    viewer: Viewer
    start: Start
    lease: Lease
    limits: Limits
    void_before: float
    formats: tuple[Format, ...]


class Admission:
    """Starts, over the shared store, and over this node's own while the shared one does not answer."""

    def __init__(
        self,
        store: SessionStore,
        local: SessionStore,
        accounts: Accounts,
        catalogue: Catalogue,
        networks: Networks,
        revocations: Revocations,
        telling: Telling,
        clock: Clock,
        ids: Ids,
        settings: SessionsSettings,
    ) -> None:
        self._store = store
        self._local = local
        self._accounts = accounts
        self._catalogue = catalogue
        self._networks = networks
        self._revocations = revocations
        self._telling = telling
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._alone = False

    async def start(self, start: Start, policy: LeasePolicy) -> Entry:
        """Let a viewer in; raises `Refusal` (bad-token, not-found, event-over, not-entitled,
        stream-limit, bad-takeover, unavailable)."""
        viewer = await self._accounts.viewer(start.access_token, start.device.id)
        try:
            return await self._enter(viewer, start, policy)
        except Refusal as refusal:
            self._telling.refused(viewer.account, start.event, refusal.code)
            raise

    async def _enter(self, viewer: Viewer, start: Start, policy: LeasePolicy) -> Entry:
        event = await self._catalogue.event(start.event)
        now = self._clock.now()
        _refuse_unless_open(event, viewer, now)
        asked = self._asked(viewer, start, event, now, policy)
        entry = await self._take_slot_somewhere(asked, policy)
        if entry.lease.session == asked.lease.session:
            how = "admitted-locally" if entry.locally else "admitted"
            self._telling.started(
                entry.lease, entry.isp, rules.network_of(start.address), policy.lease_s, how
            )
        else:
            self._telling.went_on(entry.lease, entry.isp, policy.lease_s)
        return entry

    def _asked(
        self, viewer: Viewer, start: Start, event: CalendarEvent, now: float, policy: LeasePolicy
    ) -> _Asked:
        void_before = self._revocations.void_before(viewer.account, event.id)
        lease = Lease(
            session=self._ids.new("ses"),
            account=viewer.account,
            event=event.id,
            device=start.device.id,
            device_kind=start.device.kind,
            since=rules.lease_begin(now, void_before),
            until=rules.lease_end(now, policy),
        )
        limits = rules.limits_of(
            viewer.stream_limit or self._settings.stream_limit,
            event.stream_limit,
            start.device.kind,
            self._settings.limits_by_kind,
        )
        return _Asked(viewer, start, lease, limits, void_before, event.formats)

    async def _take_slot_somewhere(self, asked: _Asked, policy: LeasePolicy) -> Entry:
        try:
            entry = await self._take_slot(self._store, asked, policy)
        except Unavailable as gone:
            if self._settings.store_lost == "refuse":
                raise
            self._say_alone(gone)
            return await self._take_slot(self._local, asked, policy)
        self._say_together()
        return entry

    async def _take_slot(self, store: SessionStore, asked: _Asked, policy: LeasePolicy) -> Entry:
        now = self._clock.now()
        took_over = await self._take_over(store, asked, policy, now)
        request = Request(
            asked.lease,
            asked.limits,
            void_before=asked.void_before,
            # A code without a word on which session is to end: the oldest.
            give_way=self._settings.when_full == "end-oldest" or took_over,
        )
        forget_at = now + policy.token_ttl_s
        outcome = await store.start(request, forget_at=forget_at, now=now)
        if await self._end_revoked(store, outcome, forget_at, now):
            outcome = await store.start(request, forget_at=forget_at, now=now)
        if isinstance(outcome, Full):
            raise await self._stream_limit(store, asked, outcome, now)
        for lease in outcome.ended:
            if int(lease.since) <= asked.void_before:
                self._telling.ended(lease, "kicked")
            else:
                await self._send_away(lease, policy)
        return self._entry(store, asked, outcome)

    async def _end_revoked(
        self, store: SessionStore, outcome: Admitted | Full, forget_at: float, now: float
    ) -> bool:
        """End those of the account's sessions that an operator ended without its account being known: they
        hold slots, and no device may go on with one. Whether there were any."""
        running = outcome.running if isinstance(outcome, Full) else (outcome.lease,)
        revoked = [lease for lease in running if self._is_revoked(lease)]
        for lease in revoked:
            if await store.end(lease.account, lease.session, forget_at=forget_at, now=now):
                self._telling.ended(lease, "kicked")
        return bool(revoked)

    def _is_revoked(self, lease: Lease) -> bool:
        try:
            self._revocations.check(lease.session, lease.account, lease.event, int(lease.since))
        except Refusal:
            return True
        return False

    def _entry(self, store: SessionStore, asked: _Asked, outcome: Admitted) -> Entry:
        return Entry(
            viewer=asked.viewer,
            isp=self._networks.isp(asked.start.address),
            lease=outcome.lease,
            limit=asked.limits.account,
            used=outcome.used,
            locally=store is self._local,
            formats=asked.formats,
        )

    async def _take_over(self, store: SessionStore, asked: _Asked, policy: LeasePolicy, now: float) -> bool:
        """Use up a take-over code, end the session it was used on; whether the oldest is to give way."""
        start, account = asked.start, asked.viewer.account
        if not start.takeover:
            return False
        if not await store.use_takeover(account, start.takeover, now=now):
            raise Refusal("bad-takeover", "Start again without the code to get a new one.")
        if not start.end:
            return True
        ended = await store.end(account, start.end, forget_at=now + policy.token_ttl_s, now=now)
        if ended is not None:
            await self._send_away(ended, policy)
        return False

    async def _send_away(self, lease: Lease, policy: LeasePolicy) -> None:
        """Tell every node of a session that gave way to another.

        On the board for one lease only: past it every token of the session must ask the store, which
        knows. A board that fails delays the word by as much and keeps nobody out.
        """
        revoked = Revoked("ended", "The stream was taken over by another device.")
        self._telling.ended(lease, "taken-over")
        with contextlib.suppress(Unavailable):
            await self._revocations.revoke(lease.session, revoked, policy.lease_s)

    async def _stream_limit(self, store: SessionStore, asked: _Asked, full: Full, now: float) -> Refusal:
        code = self._ids.code()
        account, limits = asked.viewer.account, asked.limits
        await store.put_takeover(account, code, until=now + self._settings.takeover_s, now=now)
        return Refusal(
            "stream-limit",
            rules.why_full(full.running, asked.lease, limits),
            members={
                "limit": limits.account,
                "sessions": [_shown(lease) for lease in full.running],
                "takeover": code,
            },
        )

    def _say_alone(self, gone: Unavailable) -> None:
        if not self._alone:
            _log.warning("sessions.store-gone", why=gone.why, effect="starts are let in on local leases")
        self._alone = True

    def _say_together(self) -> None:
        if self._alone:
            _log.info("sessions.store-back")
        self._alone = False


def _refuse_unless_open(event: CalendarEvent, viewer: Viewer, now: float) -> None:
    if event.state(now) == "over":
        raise Refusal("event-over", f"{event.title} is over.")
    if not viewer.entitled(event, now):
        raise Refusal("not-entitled", f"The account has no right to {event.title}.")


def _shown(lease: Lease) -> dict[str, object]:
    """A session as the account's other devices may see it."""
    return {
        "id": lease.session,
        "event": lease.event,
        "device": {"id": lease.device, "kind": lease.device_kind},
        "since": rfc3339(lease.since),
    }
