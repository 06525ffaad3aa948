"""The one wiring file: which adapter stands behind each port, and what each service is made of.

Nothing else knows which form is running or which store was chosen.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from tifo import settings as settings_file
from tifo import stores
from tifo.adapters.http.ad_servers import HttpAdServers
from tifo.adapters.http.audit import HttpAuditNotes
from tifo.adapters.http.billed import HttpBilled
from tifo.adapters.http.catalogue import HttpCatalogue
from tifo.adapters.http.line_items import HttpLineItems
from tifo.adapters.http.origins import HttpOrigins
from tifo.adapters.http.sessions import HttpSessions
from tifo.adapters.maxmind.asn import AsnFile
from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.adapters.redis.connection import RedisConnections
from tifo.api.ad_control import LineItems
from tifo.api.audit import AuditNotes
from tifo.api.billing import Billed
from tifo.api.breaks import BreakSchedule
from tifo.api.catalogue import Catalogue
from tifo.api.sessions import Sessions
from tifo.board.ad_levers import AdLevers
from tifo.board.breaks import BreakBook
from tifo.board.ports import Board
from tifo.board.postures import Postures
from tifo.board.revocations import Revocations
from tifo.board.view import BoardView
from tifo.cache.caches import Caches
from tifo.cache.invalidation import Invalidations
from tifo.eventlog.acts import Acts
from tifo.eventlog.ports import EventLog, EventLogStore
from tifo.eventlog.publisher import Publisher
from tifo.eventlog.spooling import SpoolingLog
from tifo.eventlog.watched import WatchedLog
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.kernel.trust import ca_file
from tifo.services.accounts import routes as accounts_routes
from tifo.services.accounts.ports import IdentityProvider
from tifo.services.accounts.service import AccountService
from tifo.services.ads import billed_routes as ads_billed_routes
from tifo.services.ads import operator_routes as ads_operator_routes
from tifo.services.ads import routes as ads_routes
from tifo.services.ads.billed import BilledDesk
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.deciding import Decider
from tifo.services.ads.desk import InventoryDesk
from tifo.services.ads.outside import OutsideAds
from tifo.services.ads.service import AdService
from tifo.services.ads.shared_exposures import SharedExposures
from tifo.services.ads.standings import Standings
from tifo.services.beacons import routes as beacons_routes
from tifo.services.beacons.service import BeaconService
from tifo.services.catalogue import routes as catalogue_routes
from tifo.services.catalogue.service import CatalogueService
from tifo.services.control import billed_routes as control_billed_routes
from tifo.services.control import letters_routes
from tifo.services.control import routes as control_routes
from tifo.services.control.letters import LetterDesk
from tifo.services.control.ports import AuditTrail
from tifo.services.control.service import ControlService
from tifo.services.sessions import routes as sessions_routes
from tifo.services.sessions.service import SessionService
from tifo.services.steering import routes as steering_routes
from tifo.services.steering.rules import Pathway
from tifo.services.steering.service import SteeringService
from tifo.services.video import routes as video_routes
from tifo.services.video.origins import Origins
from tifo.services.video.service import VideoService
from tifo.serving import health, metrics, pages
from tifo.serving.asgi import AsgiApp, Host
from tifo.serving.guard import PlaybackGuard, operators_only
from tifo.serving.reporter import Reporter
from tifo.serving.responders import application
from tifo.serving.routes import Handlers, Listener, Route
from tifo.serving.workers import Began, Missing
from tifo.settings import Settings
from tifo.telemetry import logs
from tifo.telemetry.dependencies import counted_bulkhead
from tifo.telemetry.metrics import BOARD_FAILING, REGISTRY
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.stores import Meters
from tifo.telemetry.tracing import Tracing
from tifo.tokens.addresses import AddressSigner
from tifo.tokens.beacon import beacon_tokens
from tifo.tokens.playback import playback_tokens
from tifo.workers.anomalies.service import AnomaliesWorker
from tifo.workers.billing.ports import BillingLedger
from tifo.workers.billing.service import BillingWorker
from tifo.workers.insight.service import InsightWorker
from tifo.workers.lake.service import LakeWorker
from tifo.workers.steering.service import SteeringWorker

CONFIG_VARIABLE = "TIFO_CONFIG"
SERVICES_VARIABLE = "TIFO_SERVICES"


# --- what each service is made of --------------------------------------------------------------------


class _Closing(Protocol):
    async def close(self) -> None: ...


class _Opening(_Closing, Protocol):
    async def open(self) -> None: ...


T = TypeVar("T")
C = TypeVar("C", bound=_Closing)
O = TypeVar("O", bound=_Opening)  # noqa: E741 - the type of what is opened


class Wiring:
    """The parts of one process, each made once and when first asked for; closed in reverse."""

    def __init__(self, config: Settings, services: frozenset[str], stack: AsyncExitStack) -> None:
        self.settings = config
        self.services = services
        self.clock = SystemClock()
        self.ids = SystemIds()
        self.metrics = RequestMetrics()
        self.meters = Meters(self.clock)
        self.redis = RedisConnections(self.meters, self.ids)
        self.tracing = Tracing(config.telemetry.otlp_endpoint, f"tifo-{config.node}")
        self._stack = stack
        self._made: dict[Callable[..., Any], Any] = {}

    async def once(self, make: Callable[["Wiring"], Awaitable[T]]) -> T:
        """The part that `make` makes, the same one every time."""
        if make not in self._made:
            self._made[make] = await make(self)
        part: T = self._made[make]
        return part

    def closing(self, part: C) -> C:
        """Have the part closed with the process."""
        self._stack.push_async_callback(part.close)
        return part

    async def opened(self, part: O) -> O:
        """Open the part, and have it closed with the process."""
        await part.open()
        self._stack.push_async_callback(part.close)
        return part

    @property
    def signers(self) -> Mapping[str, AddressSigner]:
        """What signs each CDN's addresses."""
        return {one.id: one.tokens().signer for one in self.settings.pathways}


async def _board(w: Wiring) -> Board:
    return w.closing(stores.board(w.settings, w.redis))


async def _view(w: Wiring) -> BoardView:
    return await w.opened(BoardView(await w.once(_board), w.clock))


async def _postures(w: Wiring) -> Postures:
    return Postures(await w.once(_view))


async def _breaks(w: Wiring) -> BreakBook:
    told = w.settings.channel
    return BreakBook(BreakSchedule(told.break_every_s, told.break_duration_s), await w.once(_view))


async def _log(w: Wiring) -> EventLogStore:
    return w.closing(stores.event_log(w.settings, w.meters))


async def _publisher(w: Wiring) -> Publisher:
    log: EventLog = await w.once(_log)
    spool = stores.spool(w.settings)
    if spool is not None:
        per_s = w.settings.eventlog.spool_drain_per_s
        log = spooling = await w.opened(SpoolingLog(log, spool, w.clock, per_s))
        w.meters.spool = spooling.report
    return await w.opened(Publisher(log, w.clock, w.ids, stores.pseudonyms(w.settings)))


async def _revocations(w: Wiring) -> Revocations:
    return Revocations(await w.once(_view))


async def _guard(w: Wiring) -> PlaybackGuard:
    tokens = playback_tokens(w.settings.keys.playback.keyring("playback"))
    return PlaybackGuard(tokens, await w.once(_revocations), w.clock)


async def _caches(w: Wiring) -> Caches:
    shared = stores.shared_cache(w.settings, w.redis)
    if shared is not None:
        w.closing(shared)
    others = Invalidations(w.settings.node, await w.once(_view), w.clock, w.ids)
    return await w.opened(Caches(w.clock, w.ids, w.meters, shared, others))


async def _provider(w: Wiring) -> IdentityProvider | None:
    provider = stores.identity_provider(w.settings, w.clock, w.ids)
    return None if provider is None else await w.opened(provider)


async def _accounts(w: Wiring) -> AccountService:
    revocations = await w.once(_revocations)
    return await w.opened(
        AccountService(
            profiles=w.closing(stores.profile_store(w.settings, w.meters)),
            keys=w.settings.keys.access.keyring("access"),
            provider=await w.once(_provider),
            void_before=lambda account: revocations.void_before(account, ""),
            caches=await w.once(_caches),
            clock=w.clock,
            settings=w.settings.accounts,
        )
    )


async def _catalogue(w: Wiring) -> Catalogue:
    if "catalogue" not in w.services and w.settings.peers.catalogue:
        peer, token = w.settings.peers.catalogue, w.settings.keys.operator_token
        return await w.opened(HttpCatalogue(peer, token, await w.once(_caches)))
    store = w.closing(stores.calendar_store(w.settings))
    return await w.opened(CatalogueService(store, w.settings.catalogue))


async def _session_service(w: Wiring) -> SessionService:
    return await w.opened(
        SessionService(
            store=w.closing(stores.session_store(w.settings, w.redis)),
            local=MemorySessionStore(w.clock),
            accounts=await w.once(_accounts),
            catalogue=await w.once(_catalogue),
            networks=w.closing(AsnFile(w.settings.sessions.asn_file, w.clock)),
            tokens=playback_tokens(w.settings.keys.playback.keyring("playback")),
            revocations=await w.once(_revocations),
            postures=await w.once(_postures),
            publisher=await w.once(_publisher),
            clock=w.clock,
            ids=w.ids,
            settings=w.settings.sessions,
        )
    )


async def _sessions(w: Wiring) -> Sessions:
    if "sessions" in w.services:
        return await w.once(_session_service)
    return await w.opened(HttpSessions(w.settings.peers.sessions, w.settings.keys.operator_token))


async def _steering(w: Wiring) -> SteeringService:
    pathways = tuple(Pathway(one.id, one.weight) for one in w.settings.pathways)
    view, postures, publisher = await w.once(_view), await w.once(_postures), await w.once(_publisher)
    told, silent_s = w.settings.steering, w.settings.steering_loop.frozen_s
    return await w.opened(
        SteeringService(pathways, view, postures, publisher, w.ids, w.clock, told, silent_s)
    )


async def _origins(w: Wiring) -> Origins:
    catalogue, steering = await w.once(_catalogue), await w.once(_steering)
    documents = w.closing(HttpOrigins(ca_file()))
    origins = await w.opened(Origins(catalogue, documents, steering, w.clock, w.ids, w.settings.video))
    w.meters.origins = origins.reports
    return origins


async def _video(w: Wiring) -> VideoService:
    return VideoService(
        catalogue=await w.once(_catalogue),
        steering=await w.once(_steering),
        origins=await w.once(_origins),
        signers=w.signers,
        clock=w.clock,
        ids=w.ids,
        settings=w.settings.video,
        public_url=w.settings.viewers_url,
    )


async def _ledger(w: Wiring) -> Ledger:
    return await w.opened(Ledger(stores.budget_store(w.settings, w.redis), w.clock, w.settings.ads))


async def _decider(w: Wiring) -> Decider:
    return Decider(await w.once(_ledger), w.clock)


async def _shared_exposures(w: Wiring) -> SharedExposures:
    store, decider = stores.exposure_store(w.settings, w.redis), await w.once(_decider)
    breaks, levers = await w.once(_breaks), await w.once(_ad_levers)
    return await w.opened(SharedExposures(store, decider, breaks, levers, w.clock, w.settings.ads))


async def _inventory_desk(w: Wiring) -> InventoryDesk:
    store, publisher = stores.inventory_store(w.settings, w.meters), await w.once(_publisher)
    decider, view, notes = await w.once(_decider), await w.once(_view), await w.once(_audit_notes)
    return await w.opened(InventoryDesk(store, decider, view, publisher, notes, w.clock))


async def _audit(w: Wiring) -> AuditTrail:
    return w.closing(stores.audit_trail(w.settings))


async def _audit_notes(w: Wiring) -> AuditNotes:
    if "control" in w.services or not w.settings.peers.control:
        return await w.once(_audit)
    return w.closing(HttpAuditNotes(w.settings.peers.control, w.settings.keys.operator_token))


async def _line_items(w: Wiring) -> LineItems:
    if "ads" in w.services:
        return await w.once(_inventory_desk)
    return w.closing(HttpLineItems(w.settings.peers.ads, w.settings.keys.operator_token))


async def _books(w: Wiring) -> BillingLedger:
    return w.closing(stores.billing_ledger(w.settings, w.meters))


async def _billed(w: Wiring) -> Billed:
    if "ads" in w.services:
        return BilledDesk(await w.once(_books), await w.once(_inventory_desk), w.clock)
    return w.closing(HttpBilled(w.settings.peers.ads, w.settings.keys.operator_token))


async def _outside_ads(w: Wiring) -> OutsideAds:
    breaks, decider = await w.once(_breaks), await w.once(_decider)
    servers = w.closing(HttpAdServers(ca_file()))
    bulkhead = partial(counted_bulkhead, clock=w.clock, ids=w.ids)
    levers = await w.once(_ad_levers)
    return await w.opened(OutsideAds(breaks, decider, levers, servers, bulkhead, w.clock, w.settings.ads))


async def _ad_levers(w: Wiring) -> AdLevers:
    return AdLevers(await w.once(_view), await w.once(_postures))


async def _ads(w: Wiring) -> AdService:
    return AdService(
        breaks=await w.once(_breaks),
        decider=await w.once(_decider),
        levers=await w.once(_ad_levers),
        steering=await w.once(_steering),
        signers=w.signers,
        tokens=beacon_tokens(w.settings.keys.beacon.keyring("beacon")),
        publisher=await w.once(_publisher),
        clock=w.clock,
        settings=w.settings.ads,
        public_url=w.settings.viewers_url,
        outside=await w.once(_outside_ads),
    )


async def _control(w: Wiring) -> ControlService:
    return await w.opened(
        ControlService(
            pathways={one.id: w.settings.capacity_bps(one.id) for one in w.settings.pathways},
            loop_silent_s=w.settings.steering_loop.frozen_s,
            sessions=await w.once(_sessions),
            catalogue=await w.once(_catalogue),
            line_items=await w.once(_line_items),
            board=await w.once(_board),
            view=await w.once(_view),
            audit=await w.once(_audit),
            publisher=await w.once(_publisher),
            breaks=await w.once(_breaks),
            break_notice_s=w.settings.channel.break_notice_s,
            clock=w.clock,
            ids=w.ids,
            sketches=stores.sketches(),
            settings=w.settings.control,
        )
    )


# --- the service table -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service by name: what it answers, and how its handlers are made."""

    name: str
    summary: str
    routes: tuple[Route, ...]
    build: Callable[[Wiring], Awaitable[Handlers]]


async def _accounts_handlers(w: Wiring) -> Handlers:
    service = await w.once(_accounts)
    return accounts_routes.handlers(service, w.settings.accounts.access_token_ttl_s)


async def _catalogue_handlers(w: Wiring) -> Handlers:
    service = await w.once(_catalogue)
    peers = operators_only(catalogue_routes.peer_handlers(service), w.settings.keys.operator_token)
    return {**catalogue_routes.handlers(service, w.clock, w.settings.catalogue), **peers}


async def _sessions_handlers(w: Wiring) -> Handlers:
    service, guard = await w.once(_session_service), await w.once(_guard)
    peers = operators_only(sessions_routes.peer_handlers(service), w.settings.keys.operator_token)
    own = sessions_routes.handlers(service, guard, w.settings.viewers_url, w.settings.video.renew_s)
    return {**own, **peers}


async def _video_handlers(w: Wiring) -> Handlers:
    return video_routes.handlers(await w.once(_video), await w.once(_guard))


async def _steering_handlers(w: Wiring) -> Handlers:
    service, guard = await w.once(_steering), await w.once(_guard)
    return steering_routes.handlers(service, guard, w.settings.viewers_url)


async def _ads_handlers(w: Wiring) -> Handlers:
    desk, decider = await w.once(_inventory_desk), await w.once(_decider)
    ledger = await w.once(_ledger)
    await w.once(_shared_exposures)
    outside, ads = await w.once(_outside_ads), w.settings.ads
    w.meters.ads = (await w.opened(Standings(desk, decider, outside, ledger, w.clock, ads))).report
    billed = ads_billed_routes.handlers(await w.once(_billed))
    own = ads_operator_routes.handlers(desk, decider, await w.once(_ad_levers), w.clock)
    api = {**own, **billed}
    viewers = ads_routes.handlers(await w.once(_ads), await w.once(_guard), w.settings.viewers_url)
    return {**viewers, **operators_only(api, w.settings.keys.operator_token)}


async def _beacons_handlers(w: Wiring) -> Handlers:
    return beacons_routes.handlers(BeaconService(await w.once(_publisher)))


async def _control_handlers(w: Wiring) -> Handlers:
    service, sessions = await w.once(_control), await w.once(_sessions)
    billed = control_billed_routes.handlers(await w.once(_billed))
    acts = Acts(await w.once(_publisher), await w.once(_audit), w.clock)
    letters = letters_routes.handlers(LetterDesk(await w.once(_log), acts))
    own = {**control_routes.handlers(service, sessions), **billed, **letters}
    return {**operators_only(own, w.settings.keys.operator_token), **pages.operator_handlers()}


async def _page_handlers(_: Wiring) -> Handlers:
    return pages.viewer_handlers()


SERVICES: Mapping[str, ServiceSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ServiceSpec("accounts", "log-in on a laptop", accounts_routes.DEV_ROUTES, _accounts_handlers),
            ServiceSpec(
                "catalogue",
                "the calendar",
                catalogue_routes.ROUTES + catalogue_routes.PEER_ROUTES,
                _catalogue_handlers,
            ),
            ServiceSpec(
                "sessions",
                "start, heartbeat, end",
                sessions_routes.ROUTES + sessions_routes.PEER_ROUTES,
                _sessions_handlers,
            ),
            ServiceSpec("video", "signed playlists", video_routes.ROUTES, _video_handlers),
            ServiceSpec("steering", "which CDN", steering_routes.ROUTES, _steering_handlers),
            ServiceSpec(
                "ads",
                "what fills a break",
                ads_routes.ROUTES + ads_operator_routes.ROUTES + ads_billed_routes.ROUTES,
                _ads_handlers,
            ),
            ServiceSpec("beacons", "what players report", beacons_routes.ROUTES, _beacons_handlers),
            # The cockpit calls its own origin, so its page stands where its API does.
            ServiceSpec(
                "control",
                "the cockpit and its API",
                control_routes.ROUTES
                + control_billed_routes.ROUTES
                + letters_routes.ROUTES
                + pages.OPERATOR_ROUTES,
                _control_handlers,
            ),
            ServiceSpec("pages", "the viewers' pages", pages.VIEWER_ROUTES, _page_handlers),
        )
    }
)

COMMON_ROUTES = health.ROUTES + metrics.ROUTES
"""What every process answers, whichever services it runs."""


def routes_of(settings: Settings, services: Iterable[str]) -> tuple[Route, ...]:
    """The routes of some services together with the common ones."""
    names = [name for name in services if name != "accounts" or settings.accounts.dev_issuer]
    return COMMON_ROUTES + tuple(route for name in names for route in SERVICES[name].routes)


# --- one process -----------------------------------------------------------------------------------


class ApiNode:
    """One process that answers HTTP: some of the services, on two listeners."""

    viewers: AsgiApp
    operators: AsgiApp

    def __init__(self, config: Settings, services: frozenset[str]) -> None:
        self._settings = config
        self._services = services
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Make every part and begin to report."""
        w = Wiring(self._settings, self._services, self._stack)
        REGISTRY.register(w.metrics)
        self._stack.callback(REGISTRY.unregister, w.metrics)
        self._stack.callback(w.tracing.close)
        routes = routes_of(w.settings, sorted(self._services))
        handlers = await self._handlers(w)
        for listener in Listener:
            app = application(listener, routes, handlers, w.metrics, w.tracing)
            setattr(self, listener.value, app)
        await w.opened(
            Reporter(
                node=w.settings.node,
                services=tuple(sorted(self._services)),
                board=await w.once(_board),
                view=await w.once(_view),
                publisher=await w.once(_publisher),
                metrics=w.metrics,
                meters=w.meters,
                every_s=w.settings.telemetry.report_s,
            )
        )

    async def close(self) -> None:
        """Close what was opened, last first."""
        await self._stack.aclose()

    async def _handlers(self, w: Wiring) -> Handlers:
        handlers: dict[str, Any] = {}
        for name in sorted(self._services):
            handlers |= await SERVICES[name].build(w)
        readiness = await w.opened(_readiness(w.settings))
        handlers |= health.handlers(readiness)
        scrape = operators_only(metrics.handlers(w.settings.admin_socket), w.settings.keys.operator_token)
        return {**handlers, **scrape}


def _readiness(settings: Settings) -> health.Readiness:
    local = [one for one in settings.pathways if one.port]
    cdns = [f"http://{one.host}:{one.port}/healthz" for one in local]
    channel = f"http://{settings.channel.host}:{settings.channel.port}/healthz"
    return health.Readiness([channel] if local else [], cdns)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that a process was started with."""
    file = environment.get(CONFIG_VARIABLE, "")
    return settings_file.load(Path(file) if file else None, environment)


def _build_node() -> ApiNode:
    config = read_settings(os.environ)
    logs.configure(config.node, config.telemetry.log_level)
    names = frozenset(os.environ.get(SERVICES_VARIABLE, "").split(",")) - {""}
    return ApiNode(config, names or frozenset(SERVICES))


_host = Host(_build_node)
viewers = _host.viewers
operators = _host.operators


@asynccontextmanager
async def break_book(config: Settings) -> AsyncIterator[BreakBook]:
    """The break book, for the channel: a process of its own that answers no API."""
    async with AsyncExitStack() as stack:
        yield await Wiring(config, frozenset(), stack).once(_breaks)


# --- workers -----------------------------------------------------------------------------------------

SILENT_S_MAX = 60.0
"""Seconds in which a worker that reads the log has handled what it read, or says that it is not ready."""


async def _watched_log(w: Wiring, began: Began, gathers_s: float = 0.0) -> EventLog:
    log = WatchedLog(await w.once(_log), w.clock, SILENT_S_MAX + gathers_s)
    began(log.missing)
    return log


class _Deciding(Protocol):
    @property
    def failing(self) -> bool: ...


def _watched(view: BoardView, worker: _Deciding) -> Missing:
    """What keeps a worker that goes by the board from its work."""
    BOARD_FAILING.set_function(lambda: view.failing)

    def missing() -> str:
        if view.failing:
            return "the board does not answer"
        return "it fails at its work" if worker.failing else ""

    return missing


async def run_insight(config: Settings, stop: asyncio.Event, began: Began) -> None:
    """`tifo worker insight`, until `stop` is set."""
    async with AsyncExitStack() as stack:
        w = Wiring(config, frozenset(), stack)
        log, shared = await _watched_log(w, began), await w.once(_board)
        worker = InsightWorker(
            log, shared, w.clock, config.insight, config.node, config.pathway_ids, stores.sketches()
        )
        await worker.run(stop)


async def run_anomalies(config: Settings, stop: asyncio.Event, began: Began) -> None:
    """`tifo worker anomalies`, until `stop` is set."""
    async with AsyncExitStack() as stack:
        w = Wiring(config, frozenset(), stack)
        view, catalogue, publisher = await w.once(_view), await w.once(_catalogue), await w.once(_publisher)
        worker = AnomaliesWorker(view, catalogue, publisher, w.clock, config.anomalies)
        began(_watched(view, worker))
        await worker.run(stop)


async def run_billing(config: Settings, stop: asyncio.Event, began: Began) -> None:
    """`tifo worker billing`, until `stop` is set."""
    async with AsyncExitStack() as stack:
        w = Wiring(config, frozenset(), stack)
        log, books = await _watched_log(w, began), await w.once(_books)
        await BillingWorker(log, books, w.clock, config.billing, config.node).run(stop)


async def run_lake(config: Settings, stop: asyncio.Event, began: Began) -> None:
    """`tifo worker lake`, until `stop` is set."""
    async with AsyncExitStack() as stack:
        w = Wiring(config, frozenset(), stack)
        log, lake = await _watched_log(w, began, config.lake.flush_s), w.closing(stores.lake(config))
        await LakeWorker(log, lake, w.clock, config.lake, config.node).run(stop)


async def run_steering(config: Settings, stop: asyncio.Event, began: Began) -> None:
    """`tifo worker steering`, until `stop` is set."""
    async with AsyncExitStack() as stack:
        w = Wiring(config, frozenset(), stack)
        weights = {one.id: one.weight for one in config.pathways}
        view, catalogue = await w.once(_view), await w.once(_catalogue)
        worker = SteeringWorker(weights, view, catalogue, w.clock, config.steering_loop, config.node)
        began(_watched(view, worker))
        await worker.run(stop)


_Run = Callable[[Settings, asyncio.Event, Began], Coroutine[None, None, None]]

WORKERS: Mapping[str, _Run] = MappingProxyType(
    {
        "anomalies": run_anomalies,
        "billing": run_billing,
        "insight": run_insight,
        "lake": run_lake,
        "steering": run_steering,
    }
)
