"""Nodes of the session service over parts that a test can take away and give back."""

from collections.abc import Callable, Sequence

import pytest

from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.api.accounts import Accounts, Viewer
from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.api.networks import Networks
from tifo.api.sessions import Device
from tifo.board.revocations import Revocations
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.sessions.admission import Start
from tifo.services.sessions.ports import Admitted, Full, Lease, Renew, Renewal, Request
from tifo.services.sessions.service import SessionService, Started
from tifo.services.sessions.settings import SessionsSettings
from tifo.tokens.playback import PlaybackClaims, PlaybackTokens

Make = Callable[..., SessionService]

SETTINGS = SessionsSettings(stream_limit=2, lease_s=30, heartbeat_s=5)


class Door(Accounts):
    """Takes the access token for the account's name."""

    def __init__(self) -> None:
        self.limits = {"family": 3, "single": 1}
        self.seen: list[tuple[str, str]] = []

    async def viewer(self, access_token: str, device: str) -> Viewer:
        if not access_token:
            raise Refusal("bad-token")
        return Viewer(access_token, ("final",), self.limits.get(access_token))

    def grace_token(self, viewer: Viewer, device: str) -> str:
        return ""

    def saw(self, viewer: Viewer, device: Device) -> None:
        self.seen.append((viewer.account, device.id))

    @property
    def kick_memory_s(self) -> float:
        return 0.0


class Calendar(Catalogue):
    """One match of two hours, and one without anybody's entitlement."""

    def __init__(self, starts: float) -> None:
        self._events = {
            one: CalendarEvent(one, one, starts, starts + 7_200, "demo") for one in ("final", "cup")
        }

    async def event(self, event_id: str) -> CalendarEvent:
        if event_id not in self._events:
            raise Refusal("not-found")
        return self._events[event_id]

    async def events(self) -> tuple[CalendarEvent, ...]:
        return tuple(self._events.values())


class Atlas(Networks):
    """One ISP has one network."""

    def isp(self, address: str) -> str:
        return "AS64500 Example Telecom" if address.startswith("203.0.113.") else ""


class Brittle(MemorySessionStore):
    """A session store that can be taken away and given back, its memory kept or lost."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.failing = False
        self.batches: list[int] = []

    def _answer(self) -> None:
        if self.failing:
            raise Unavailable("sessions", "connection refused")

    async def start(self, request: Request, *, forget_at: float, now: float) -> Admitted | Full:
        self._answer()
        return await super().start(request, forget_at=forget_at, now=now)

    async def renew(self, renewals: Sequence[Renew], *, now: float) -> tuple[Renewal, ...]:
        self.batches.append(len(renewals))
        if self.failing:
            return (Renewal.FAILED,) * len(renewals)
        return await super().renew(renewals, now=now)

    async def end(self, account: str, session: str, *, forget_at: float, now: float) -> Lease | None:
        self._answer()
        return await super().end(account, session, forget_at=forget_at, now=now)

    async def use_takeover(self, account: str, code: str, *, now: float) -> bool:
        self._answer()
        return await super().use_takeover(account, code, now=now)

    async def running(self, account: str, *, now: float) -> tuple[Lease, ...]:
        self._answer()
        return await super().running(account, now=now)


def start(device: str = "tv", account: str = "demo", **more: str) -> Start:
    return Start(account, more.pop("event", "final"), Device(device, "tv"), **more)


async def refused(call) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value


def read(tokens: PlaybackTokens, token: str, clock: ManualClock) -> PlaybackClaims:
    return tokens.verify(token, clock.now())


async def beat(service: SessionService, tokens: PlaybackTokens, started: Started, clock: ManualClock):
    """A heartbeat, and the gathering interval that follows it."""
    answer = service.heartbeat(read(tokens, started.token, clock))
    await service.flush()
    return answer


def revoked(revocations: Revocations, lease: Lease) -> None:
    revocations.check(lease.session, lease.account, lease.event, int(lease.since))


async def refused_at_once(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


async def full(service: SessionService) -> tuple[list[Started], str]:
    running = [await service.start(start(device)) for device in ("tv", "tablet")]
    refusal = await refused(service.start(start("phone")))
    return running, refusal.members["takeover"]
