"""A match on three CDNs, and the services that carry it to a viewer."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import httpx
import msgspec
import pytest

from tifo.adapters.memory.budgets import MemoryBudgetStore
from tifo.api.breaks import BreakSchedule
from tifo.api.catalogue import CalendarEvent, Catalogue
from tifo.board.ad_levers import AdLevers
from tifo.board.entries import WEIGHTS, SteeringWeights
from tifo.board.postures import Postures
from tifo.board.revocations import Revocations
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.kernel.bulkhead import Budget, Bulkhead
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import SequentialIds
from tifo.services.ads import routes as ads_routes
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.deciding import Decider
from tifo.services.ads.outside import OutsideAds
from tifo.services.ads.ports import AdAnswer, AdServers
from tifo.services.ads.service import AdService
from tifo.services.ads.settings import AdsSettings
from tifo.services.steering.rules import Pathway
from tifo.services.steering.service import SteeringService
from tifo.services.steering.settings import SteeringSettings
from tifo.services.video.origins import Origins
from tifo.services.video.ports import Document, OriginDocuments
from tifo.services.video.service import VideoService
from tifo.services.video.settings import VideoSettings
from tifo.serving.guard import PlaybackGuard
from tifo.serving.responders import application
from tifo.serving.routes import Listener
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing
from tifo.tokens.addresses import AddressSigner
from tifo.tokens.beacon import beacon_tokens
from tifo.tokens.keys import Keyring
from tifo.tokens.path_jws import PathJws
from tifo.tokens.playback import PlaybackClaims, PlaybackTokens

NOW = 1_800_000_000
NAMES = ("cdn-a", "cdn-b", "cdn-c")
SECRETS = {name: (name * 8)[:32].encode() for name in NAMES}
PUBLIC = "http://tifo.example"
BREAK = "brk-10000000"
SCHEDULE = BreakSchedule(every_s=180, duration_s=20)


class Calendar(Catalogue):
    """The final, on the channel `stadium`."""

    async def event(self, event_id: str) -> CalendarEvent:
        if event_id != "final":
            raise Refusal("not-found")
        return CalendarEvent("final", "Final", NOW, NOW + 7_200, "stadium")

    async def events(self) -> tuple[CalendarEvent, ...]:
        return (await self.event("final"),)


class NoOrigin(OriginDocuments):
    """Answers nobody."""

    async def read(self, url: str) -> Document:
        raise Unavailable("origin", "there is none")

    async def close(self) -> None:
        pass


def claims(session: str = "ses_1", event: str = "final") -> PlaybackClaims:
    return PlaybackClaims(
        aud="playback", nbf=NOW, exp=NOW + 9_000, sid=session, acc="demo", ev=event, dev="tv", kind="tv",
        since=NOW, until=NOW + 30,
    )  # fmt: skip


async def weigh(view: BoardView, weights: dict[str, float], key: str = "loop", **more: object) -> None:
    word = SteeringWeights(**{"at": 1.0, "weights": weights, **more})  # type: ignore[arg-type]
    await view.write(WEIGHTS + key, msgspec.json.encode(word))


@pytest.fixture
def steering(
    view: BoardView, publisher: Publisher, ids: SequentialIds, clock: ManualClock
) -> SteeringService:
    pathways = tuple(Pathway(name, 1.0) for name in NAMES)
    return SteeringService(
        pathways,
        view,
        Postures(view),
        publisher,
        ids,
        clock,
        SteeringSettings(ttl_s=10, ttl_jitter=0.2),
        loop_silent_s=10.0,
    )


@pytest.fixture
def signers() -> dict[str, AddressSigner]:
    keys = {n: Keyring("k", {"k": SECRETS[n]}) for n in NAMES}
    return {n: AddressSigner(f"http://{n}.example/", PathJws(n, keys[n])) for n in NAMES}


@pytest.fixture
def no_origins(steering, clock: ManualClock, ids: SequentialIds) -> Origins:
    """For events that the test channel carries."""
    return Origins(Calendar(), NoOrigin(), steering, clock, ids, VideoSettings())


@pytest.fixture
def video(steering, no_origins, signers, clock: ManualClock, ids: SequentialIds) -> VideoService:
    return VideoService(Calendar(), steering, no_origins, signers, clock, ids, VideoSettings(), PUBLIC)


@pytest.fixture
def decider(clock: ManualClock) -> Decider:
    """Without an inventory: breaks are the house's."""
    return Decider(Ledger(MemoryBudgetStore(), clock, AdsSettings()), clock)


class NoAdServers(AdServers):
    """There is none to ask."""

    async def ask(self, url: str, headers: Mapping[str, str]) -> AdAnswer:
        raise Unavailable("ad server", "there is none")

    async def close(self) -> None:
        pass


@pytest.fixture
def no_outside(decider: Decider, levers: AdLevers, clock: ManualClock, ids: SequentialIds) -> OutsideAds:
    """Without declared servers."""
    return OutsideAds(SCHEDULE, decider, levers, NoAdServers(), bulkhead(clock, ids), clock, AdsSettings())


def bulkhead(clock: ManualClock, ids: SequentialIds) -> Callable[[str, Budget], Bulkhead]:
    return lambda name, budget: Bulkhead(name, budget, clock, ids, lambda _: None)


@pytest.fixture
def levers(view: BoardView) -> AdLevers:
    return AdLevers(view, Postures(view))


MakeAds = Callable[..., AdService]
"""Makes one; what it is not told by name is the fixture of that name."""


@pytest.fixture
def make_ads(
    decider: Decider,
    levers: AdLevers,
    steering,
    signers,
    keys: Keyring,
    publisher: Publisher,
    clock: ManualClock,
    no_outside: OutsideAds,
) -> MakeAds:
    usual = {
        "breaks": SCHEDULE,
        "decider": decider,
        "levers": levers,
        "steering": steering,
        "signers": signers,
        "tokens": beacon_tokens(keys),
        "publisher": publisher,
        "clock": clock,
        "settings": AdsSettings(),
        "public_url": PUBLIC,
        "outside": no_outside,
    }
    return lambda **own: AdService(**{**usual, **own})


@pytest.fixture
def ads(make_ads: MakeAds) -> AdService:
    return make_ads()


Asking = Callable[[AdService], AbstractAsyncContextManager[httpx.AsyncClient]]
"""A player's way to an ad service, while it is needed."""


@pytest.fixture
def asking(tokens: PlaybackTokens, revocations: Revocations, clock: ManualClock) -> Asking:
    def ask(service: AdService) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        handlers = ads_routes.handlers(service, PlaybackGuard(tokens, revocations, clock), PUBLIC)
        metrics, tracing = RequestMetrics(), Tracing("", "test")
        app = application(Listener.VIEWERS, ads_routes.ROUTES, handlers, metrics, tracing)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC)

    return ask


@pytest.fixture
async def asked(ads: AdService, asking: Asking) -> AsyncIterator[httpx.AsyncClient]:
    """The way to `ads`."""
    async with asking(ads) as client:
        yield client
