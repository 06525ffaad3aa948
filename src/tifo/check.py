"""Whether settings are fit to start with: each problem a sentence that says what to mend."""

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from tifo import app, stores
from tifo.adapters.maxmind import asn
from tifo.adapters.oidc.keys import ALGORITHMS
from tifo.api.catalogue import EVERY_FORMAT
from tifo.api.fields import DeviceKind
from tifo.kernel.errors import SettingsError
from tifo.kernel.hosts import is_loopback
from tifo.kernel.web import web_address
from tifo.services.accounts.settings import OidcSettings
from tifo.services.ads.settings import AdServerSettings
from tifo.services.sessions.rules import HEARTBEATS_PER_LEASE_MIN
from tifo.settings import KeySet, PathwaySettings, Settings
from tifo.telemetry.settings import OPERATOR_TOKEN_LENGTH_MIN

KEYS_OF = {
    "accounts": ("access",),
    "sessions": ("playback", "access"),
    "video": ("playback",),
    "steering": ("playback",),
    "ads": ("playback", "beacon"),
}
"""The keys that each service cannot do without."""

OF_PATHWAYS = frozenset({"video", "steering", "ads", "control"})
_AS_NUMBER = re.compile(r"AS[1-9][0-9]{0,9}")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_PATHWAY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

DEADLINE_S_MIN, DEADLINE_S_MAX = 0.1, 10.0
WRAPPERS_COUNT_MAX = 10

LOCAL_FORMAT = "path-jws"
"""What the local CDNs read."""

DEVICE_KINDS = get_args(DeviceKind)
SERVERS = ("pyvoy", "granian")
LOG_LEVELS = ("debug", "info", "warning", "error")

ABOVE_ZERO = (
    "accounts.access_token_ttl_s", "accounts.profile_cache_fresh_s",
    "accounts.profile_cache_absent_s", "accounts.profile_cache_stale_s", "accounts.profile_cache_entries_max",
    "accounts.device_seen_s", "accounts.oidc.refresh_s", "accounts.oidc.keys_stale_s",
    "accounts.oidc.unknown_key_s", "accounts.oidc.call_s_max", "accounts.oidc.failures_count_max",
    "accounts.oidc.verified_entries_max", "eventlog.spool_mib_max", "eventlog.spool_drain_per_s",
    "ads.address_ttl_s", "ads.beacon_ttl_s", "ads.vmap_ahead_s", "catalogue.refresh_s",
    "channel.break_notice_s", "control.audit_entries", "control.break_lead_s", "control.break_s",
    "control.history_samples", "control.sample_s", "insight.poll_s", "insight.rate_window_s",
    "insight.report_s", "insight.silent_s", "steering_loop.step_s", "steering_loop.frozen_s",
    "steering_loop.rise_s", "steering_loop.fall_s", "steering_loop.retry_s", "steering_loop.retry_s_max",
    "steering_loop.trial_s", "steering_loop.settle_s", "steering_loop.probe_after_s",
    "steering_loop.forecast_s", "sessions.heartbeat_s", "sessions.lease_s", "sessions.sweep_s",
    "sessions.takeover_s", "sessions.token_ttl_s", "steering.ttl_s", "steering.lean_ttl_s",
    "steering.asks_per_s_max", "telemetry.report_s", "ads.part_s", "ads.part_count_max", "ads.pace_s",
    "ads.fetch_from_s", "ads.fetch_until_s", "ads.present_s",
    "video.address_ttl_s", "video.renewed_ttl_s", "video.renew_s", "video.origin_refresh_s",
    "video.origin_stale_s", "lake.flush_s", "lake.flush_entries_max", "lake.flush_mib_max", "lake.poll_s",
    "lake.merge_s", "lake.settle_s", "lake.keep_s", "billing.poll_s", "billing.late_s_max",
    "billing.behind_s_max", "billing.figures_s", "insight.memory_s", "anomalies.look_s",
)  # fmt: skip
"""What would be waited for without end, divided by, or over before it began."""

SHARES_OF_LOOP = (
    "target_load", "move_per_s", "dead_band", "warm_up_share", "warm_at_load", "dead_error_ratio",
    "poor_error_ratio", "poor_rebuffer_ratio", "full_rebuffer_ratio", "back_off_share", "learned_from_share",
    "probe_per_s", "cap_load", "uncap_load",
)  # fmt: skip


def refuse_unfit(settings: Settings, services: Iterable[str]) -> None:
    """Raise `SettingsError` with every problem that keeps these services from starting."""
    wanted = frozenset(services)
    checks: tuple[Callable[[Settings, frozenset[str]], Iterator[str]], ...] = (
        _keys,
        _exposure,
        _pathways,
        _numbers,
        _steering_loop,
        _words,
        _sessions,
        _login_provider,
        _events,
        _stores,
        _spool,
        _peers,
        _front,
        _origins,
        _ad_servers,
    )
    problems = tuple(problem for one in checks for problem in one(settings, wanted))
    if problems:
        raise SettingsError(problems)


def refuse_unfit_origins(settings: Settings) -> None:
    """Raise `SettingsError` with every problem of the live origins that events name."""
    if problems := tuple(_origins(settings, frozenset())):
        raise SettingsError(problems)


def _origins(settings: Settings, _: frozenset[str]) -> Iterator[str]:
    servers: dict[str, set[tuple[str, str, int] | None]] = {}
    for event in settings.catalogue.events:
        of_channel = servers.setdefault(event.channel, set())
        addresses = {form: url for form in EVERY_FORMAT if (url := getattr(event.origin, form))}
        if not addresses:
            of_channel.add(None)
        for form, url in addresses.items():
            try:
                of_channel.add(web_address(url).server)
            except ValueError as error:
                yield f"catalogue.events.{event.id}.origin.{form}: {error}"
    for channel, found in servers.items():
        if len(found) > 1:
            yield (
                f"catalogue.events: the channel {channel} has {len(found)} origins; give each a channel of "
                "its own"
            )


def _ad_servers(settings: Settings, _: frozenset[str]) -> Iterator[str]:
    ads = settings.ads
    ids = [one.id for one in ads.servers]
    for name in sorted({one for one in ids if ids.count(one) > 1}):
        yield f"ads.servers: {name} is there {ids.count(name)} times"
    if ads.nodes < 1:
        yield f"ads.nodes: {ads.nodes}; at least 1"
    if ads.servers and not ads.fetch_from_s > ads.fetch_until_s >= settings.channel.break_notice_s:
        yield (
            f"ads.fetch_until_s: {ads.fetch_until_s:g}; below fetch_from_s, {ads.fetch_from_s:g}, and not "
            f"below channel.break_notice_s, {settings.channel.break_notice_s}, when players come"
        )
    hosts: set[tuple[str, str, int]] = set()
    for one in ads.servers:
        yield from (f"ads.servers.{one.id}.{problem}" for problem in _ad_server(one, ads.nodes, hosts))


def _ad_server(one: AdServerSettings, nodes: int, hosts: set[tuple[str, str, int]]) -> Iterator[str]:
    if not _PATHWAY_ID.fullmatch(one.id):
        yield "id: use letters, digits and . _ -"
    try:
        server = web_address(one.base_url).server
    except ValueError as error:
        yield f"base_url: {error}"
    else:
        if server in hosts:
            yield "base_url: another ad server is there; what it can take is declared once"
        hosts.add(server)
    if not 0 < one.requests_per_s < math.inf:
        yield f"requests_per_s: {one.requests_per_s}; it is above 0"
    if one.viewers_max < max(1, nodes):
        yield f"viewers_max: {one.viewers_max}; at least one for each node, ads.nodes = {nodes}"
    if not DEADLINE_S_MIN <= one.deadline_s <= DEADLINE_S_MAX:
        yield f"deadline_s: {one.deadline_s}; from {DEADLINE_S_MIN:g} to {DEADLINE_S_MAX:g}"
    if not 0 <= one.wrappers_max <= WRAPPERS_COUNT_MAX:
        yield f"wrappers_max: {one.wrappers_max}; from 0 to {WRAPPERS_COUNT_MAX}"
    for host in one.follows:
        if not _HOST.fullmatch(host):
            yield f"follows: {host!r} is no host; such as ads.example, in small letters"


def _keys(settings: Settings, services: frozenset[str]) -> Iterator[str]:
    for name in sorted({key for service in services for key in KEYS_OF.get(service, ())}):
        yield from _key(name, getattr(settings.keys, name))


def _key(name: str, keys: KeySet) -> Iterator[str]:
    if not keys.secrets:
        yield (
            f"keys.{name}: no key is set; make one with `openssl rand -hex 32` and set "
            f'keys.{name}.current = "k1" and keys.{name}.secrets.k1 = "<the 64 digits>"'
        )
        return
    try:
        keys.keyring(name)
    except SettingsError as error:
        yield from error.problems


def _exposure(settings: Settings, services: frozenset[str]) -> Iterator[str]:
    edge, token = settings.edge, settings.keys.operator_token
    if settings.accounts.dev_issuer and "accounts" in services and not is_loopback(edge.host):
        yield f"accounts.dev_issuer: anybody could log in as anybody at {edge.host}; it is for loopback only"
    yield from settings.workers.problems(token)
    if not services & frozenset(app.SERVICES) or is_loopback(edge.operator_host):
        return
    if len(token) < OPERATOR_TOKEN_LENGTH_MIN:
        yield (
            f"keys.operator_token: operators reach {edge.operator_host} from elsewhere, so it needs at least "
            f"{OPERATOR_TOKEN_LENGTH_MIN} characters"
        )


def _pathways(settings: Settings, services: frozenset[str]) -> Iterator[str]:
    ids = [one.id for one in settings.pathways]
    if services & OF_PATHWAYS and len(ids) < 2:
        yield f"pathways: {len(ids)} set; players fail over only between two or more"
    for name in sorted({one for one in ids if ids.count(one) > 1}):
        yield f"pathways: {name} is there {ids.count(name)} times"
    for one in settings.pathways:
        if not _PATHWAY_ID.fullmatch(one.id):
            yield f"pathways: {one.id!r} is no pathway id; use letters, digits and . _ -"
        if not 0 < one.weight < math.inf:
            yield f"pathways.{one.id}.weight: {one.weight}; it is above 0; operators take a CDN out"
        yield from _tokens(one)


def _tokens(one: PathwaySettings) -> Iterator[str]:
    if one.port and one.token.format != LOCAL_FORMAT:
        yield (
            f"pathways.{one.id}.token.format: {one.token.format}; the local CDN on port {one.port} reads "
            f"{LOCAL_FORMAT} alone"
        )
    try:
        one.tokens()
    except SettingsError as error:
        yield from error.problems


def _numbers(settings: Settings, _: frozenset[str]) -> Iterator[str]:
    for path in ABOVE_ZERO:
        value = attrgetter(path)(settings)
        if not 0 < value < math.inf:
            yield f"{path}: {value}; it is above 0"
    if not 0 <= settings.steering.ttl_jitter < 1:
        yield f"steering.ttl_jitter: {settings.steering.ttl_jitter}; a share of the TTL, from 0 to below 1"
    if settings.steering.ttl_s_max < settings.steering.ttl_s:
        yield f"steering.ttl_s_max: {settings.steering.ttl_s_max}; at least ttl_s, {settings.steering.ttl_s}"
    if not 0 < settings.steering.drain_per_s <= 1:
        yield f"steering.drain_per_s: {settings.steering.drain_per_s}; a share, above 0 and at most 1"
    every, lasts = settings.channel.break_every_s, settings.channel.break_duration_s
    if every > 0 and not 0 < lasts < every:
        yield f"channel.break_duration_s: {lasts}; above 0, and over before the next, {every} s on"
    notice, early = settings.channel.break_notice_s, settings.ads.early_s
    if early < notice:
        yield f"ads.early_s: {early}; players ask for a break once it is announced, {notice} s ahead"
    video = settings.video
    if video.renew_s > video.renewed_ttl_s / 2:
        yield (
            f"video.renew_s: {video.renew_s}; at most half of renewed_ttl_s, {video.renewed_ttl_s}, or a try "
            "that fails leaves no time for another"
        )


def _steering_loop(settings: Settings, _: frozenset[str]) -> Iterator[str]:
    loop, ids = settings.steering_loop, [one.id for one in settings.steering_loop.cdns]
    for name in SHARES_OF_LOOP:
        if not 0 < getattr(loop, name) <= 1:
            yield f"steering_loop.{name}: {getattr(loop, name)}; a share, above 0 and at most 1"
    if loop.uncap_load >= loop.cap_load:
        yield f"steering_loop.uncap_load: {loop.uncap_load}; below cap_load, or the cap comes and goes"
    known = {one.id for one in settings.pathways}
    for n, one in enumerate(loop.cdns):
        here = f"steering_loop.cdns[{n}]"
        if known and one.id not in known:
            yield f"{here}.id: there is no pathway {one.id}; there are {', '.join(sorted(known))}"
        if ids.count(one.id) > 1:
            yield f"{here}.id: {one.id} is there {ids.count(one.id)} times"
        for name in ("gbps", "cost_per_gb", "warm_up_s"):
            if not 0 <= getattr(one, name) < math.inf:
                yield f"{here}.{name}: {getattr(one, name)}; at least 0"
        yield from _peering(here, one.isp_gbps)


def _peering(here: str, gbps_of: Mapping[str, float]) -> Iterator[str]:
    for number, gbps in gbps_of.items():
        if not _AS_NUMBER.fullmatch(number):
            yield f"{here}.isp_gbps: {number!r} is no AS number; AS and digits, AS64500"
        if not 0 <= gbps < math.inf:
            yield f"{here}.isp_gbps.{number}: {gbps}; at least 0"


def _words(settings: Settings, _: frozenset[str]) -> Iterator[str]:
    if settings.telemetry.log_level not in LOG_LEVELS:
        yield f"telemetry.log_level: {settings.telemetry.log_level!r}; one of {', '.join(LOG_LEVELS)}"
    if settings.server not in SERVERS:
        yield f"server: {settings.server!r}; one of {', '.join(SERVERS)}"


def _sessions(settings: Settings, services: frozenset[str]) -> Iterator[str]:
    if "sessions" not in services:
        return
    one = settings.sessions
    if one.lease_s < HEARTBEATS_PER_LEASE_MIN * one.heartbeat_s:
        yield (
            f"sessions.lease_s: {one.lease_s} s with a heartbeat every {one.heartbeat_s} s; a lease lasts at "
            f"least {HEARTBEATS_PER_LEASE_MIN} heartbeats, or one lost on the way ends a session"
        )
    if not 0 < one.gather_s <= one.lease_s / 4:
        yield (
            f"sessions.gather_s: {one.gather_s}; above 0 and at most a quarter of the lease of {one.lease_s} "
            "s, or renewals reach the store when it is too late"
        )
    if one.lean_heartbeat_s < one.heartbeat_s:
        yield f"sessions.lean_heartbeat_s: {one.lean_heartbeat_s}; at least heartbeat_s, {one.heartbeat_s}"
    if not 0 <= one.heartbeat_early_percent < 100:
        yield f"sessions.heartbeat_early_percent: {one.heartbeat_early_percent}; from 0 to below 100"
    if one.asn_file and (why := asn.unfit(Path(one.asn_file))):
        yield f"sessions.asn_file: {one.asn_file}: {why}"
    if one.stream_limit < 1:
        yield f"sessions.stream_limit: {one.stream_limit}; at least 1"
    for kind, limit in one.limits_by_kind.items():
        if kind not in DEVICE_KINDS:
            yield f"sessions.limits_by_kind: {kind!r} is no kind of device; one of {', '.join(DEVICE_KINDS)}"
        elif limit < 1:
            yield f"sessions.limits_by_kind.{kind}: {limit}; at least 1"


def _login_provider(settings: Settings, services: frozenset[str]) -> Iterator[str]:
    told = settings.accounts.oidc
    if settings.accounts.grace_s < 0:
        yield f"accounts.grace_s: {settings.accounts.grace_s}; at least 0, which is no grace"
    if not services & {"accounts", "sessions"} or told == OidcSettings():
        return
    if not told.issuer:
        yield "accounts.oidc.issuer: empty, so that none of the other settings beside it counts"
        return
    if not told.audience:
        yield "accounts.oidc.audience: empty; every app's tokens of this issuer would count here"
    for name in ("issuer", "jwks_uri", "health_uri"):
        yield from _asked_in_the_clear(f"accounts.oidc.{name}", getattr(told, name))
    if unfit := [one for one in told.algorithms if one not in ALGORITHMS]:
        yield f"accounts.oidc.algorithms: {', '.join(unfit)}; of {', '.join(ALGORITHMS)}"
    if not told.algorithms:
        yield "accounts.oidc.algorithms: none, so that no token could count"
    if not 0 <= told.leeway_s < math.inf:
        yield f"accounts.oidc.leeway_s: {told.leeway_s}; at least 0"
    if told.keys_stale_s < told.refresh_s:
        yield f"accounts.oidc.keys_stale_s: {told.keys_stale_s:g}; keys would be dropped before the next look"
    if told.keys_file and not Path(told.keys_file).is_file():
        yield f"accounts.oidc.keys_file: there is no file {told.keys_file}"


def _asked_in_the_clear(name: str, address: str) -> Iterator[str]:
    """Whoever is between us and the provider could put keys of their own into an answer in the clear."""
    parts = urlsplit(address)
    if address and (parts.scheme not in ("http", "https") or not parts.hostname):
        yield f"{name}: {address!r} is no address; https://HOST/..."
    elif parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield f"{name}: {address} would be asked in the clear; beyond loopback it is https"


def _events(settings: Settings, _: frozenset[str]) -> Iterator[str]:
    yield from settings.eventlog.problems()
    if settings.eventlog.pseudonyms:
        yield from _key("pseudonyms", settings.keys.pseudonyms)


def _stores(settings: Settings, _: frozenset[str]) -> Iterator[str]:
    for make in (
        stores.session_store,
        stores.profile_store,
        stores.calendar_store,
        stores.inventory_store,
        stores.budget_store,
        stores.event_log,
        stores.board,
        stores.shared_cache,
        stores.audit_trail,
        stores.lake_at,
        attrgetter("admin_socket"),
    ):
        try:
            make(settings)
        except SettingsError as error:
            yield from error.problems


def _spool(settings: Settings, services: frozenset[str]) -> Iterator[str]:
    """Found out before the night: the folder is needed when the log is gone, and then it is too late."""
    folder = stores.spool_folder(settings)
    if folder is None or not services & frozenset(app.SERVICES):
        return
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield f"eventlog.spool_folder: {there} cannot be written, and events have to wait in {folder}"


def _peers(settings: Settings, services: frozenset[str]) -> Iterator[str]:
    if "control" in services and "sessions" not in services and not settings.peers.sessions:
        yield "peers.sessions: control runs without sessions; say where they are, http://HOST:OPERATOR_PORT"


def _front(settings: Settings, services: frozenset[str]) -> Iterator[str]:
    if "front" in services and not settings.front.services:
        yield (
            "front.services: the front has nothing behind it; say where each service is, "
            'front.services.sessions = "HOST:PORT"'
        )
