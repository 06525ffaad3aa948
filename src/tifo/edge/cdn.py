"""A CDN of one Envoy: a token in the path, a cache on disk, an origin behind it.

A viewer's address is `/t/<token>/live/...`: relative addresses in playlists inherit the token. It is
moved out of the path first, so neither the cache's key, nor the origin, nor a log ever holds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tifo.edge.cdn_token import HEALTH_PATH, OTHER_PATH_STATUS, token_filters
from tifo.edge.envoy import Json, extension, header, message
from tifo.edge.filters import CORS, cors_filters, cors_policy, disabled, router_filter
from tifo.edge.listeners import bootstrap, connection_manager, listener
from tifo.edge.mounts import Mount
from tifo.edge.origin_door import ORIGIN_DOOR, origin_door
from tifo.edge.problems import local_replies
from tifo.edge.routes import preflight, refusal
from tifo.edge.settings import AccessLog, EdgeLimits, EdgeSettings

NO_LOG = AccessLog()
CDN_LIMITS = EdgeLimits(headers_kib_max=8, body_bytes_max=1024)

_CACHE = "envoy.filters.http.cache"


@dataclass(frozen=True, slots=True)
class LocalCdn:
    """One CDN: where it listens, what it forwards to, whose tokens it takes.

    `keys` are the HMAC secrets by key id; all of them are accepted, so a key can be rotated.
    `cache_folder` must exist; `cache_bytes_max` is what it may hold. `mounts` are channels whose origins are
    elsewhere, those with https believed as `ca_file` says.
    """

    id: str
    host: str
    port: int
    origin_host: str
    origin_port: int
    keys: Mapping[str, bytes]
    cache_folder: Path
    cache_bytes_max: int
    admin_socket: Path
    mounts: tuple[Mount, ...] = ()
    ca_file: str = ""
    access_log: AccessLog = NO_LOG
    limits: EdgeLimits = CDN_LIMITS


def cdn_config(cdn: LocalCdn) -> Json:
    """Envoy's configuration for one local CDN."""
    settings = EdgeSettings(limits=cdn.limits, access_log=cdn.access_log, trace_sampling_percent=0)
    manager = connection_manager(
        cdn.id,
        settings,
        virtual_host={
            "routes": _routes(),
            "typed_per_filter_config": {CORS: cors_policy(("*",), ("GET", "HEAD"), ("range",))},
        },
        filters=_filters(cdn),
        replies=local_replies({403: "bad-token", OTHER_PATH_STATUS: "not-entitled"}, cors=True),
        log_fields={"age": "%RESP(AGE)%"},
    )
    door = origin_door(cdn.origin_host, cdn.origin_port, cdn.mounts, cdn.ca_file)
    listeners = [listener(cdn.id, cdn.host, cdn.port, manager, cdn.limits), door.listener]
    whole = bootstrap(cdn.id, cdn.admin_socket, cdn.limits, listeners, door.clusters)
    return {**whole, **door.bootstrap}


def _filters(cdn: LocalCdn) -> list[Json]:
    return [
        *cors_filters(("*",)),
        *token_filters(cdn.id, cdn.keys, cdn.mounts),
        _cache(cdn),
        router_filter(),
    ]


def _cache(cdn: LocalCdn) -> Json:
    store = message(
        "envoy.extensions.http.cache.file_system_http_cache.v3.FileSystemHttpCacheConfig",
        manager_config={"thread_pool": {"thread_count": 1}},
        # The trailing slash is part of the name that Envoy writes to.
        cache_path=f"{cdn.cache_folder}/",
        max_cache_size_bytes=cdn.cache_bytes_max,
    )
    return extension(_CACHE, "envoy.extensions.filters.http.cache.v3.CacheConfig", typed_config=store)


_PLAYLISTS: Json = {"safe_regex": {"regex": r"/(live|ads)/.*\.m3u8"}}
_MEDIA: Json = {"safe_regex": {"regex": r"/(live|ads)/.*"}}


def _routes() -> list[Json]:
    return [
        _forwarded("playlist", _PLAYLISTS),
        _forwarded("media", _MEDIA),
        _healthz(),
        preflight(),
        refusal("other-method", _MEDIA, 405, [header("allow", "GET, HEAD")]),
        refusal("unknown", {"prefix": "/"}, 404),
    ]


def _forwarded(name: str, match: Json) -> Json:
    reading = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}
    return {
        "name": name,
        "match": {**match, "headers": [reading]},
        "route": {"cluster": ORIGIN_DOOR, "timeout": "0s"},
    }


def _healthz() -> Json:
    return {
        "name": "healthz",
        "match": {"path": HEALTH_PATH},
        "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}},
        "response_headers_to_add": [header("cache-control", "no-store")],
        "typed_per_filter_config": {_CACHE: disabled()},
    }
