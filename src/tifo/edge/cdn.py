"""A CDN of one Envoy: a token in the path, a cache on disk, an origin behind it.

A viewer's address is `/t/<token>/live/...`: relative addresses in playlists inherit the token. It is
moved out of the path first, so neither the cache's key, nor the origin, nor a log ever holds it.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tifo.edge.envoy import Json, address, extension, header, message
from tifo.edge.filters import CORS, cors_filters, cors_policy, disabled, router_filter
from tifo.edge.listeners import bootstrap, connection_manager, listener
from tifo.edge.problems import local_replies
from tifo.edge.routes import preflight, refusal
from tifo.edge.settings import AccessLog, EdgeLimits, EdgeSettings
from tifo.kernel.limits import TOKEN_LENGTH_MAX

TOKEN_HEADER = "x-path-token"  # noqa: S105
ISSUER = "tifo"
CLOCK_SKEW_S = 2
"""Seconds by which a token may be too young or too old."""

TOKENS_CACHED_MAX = 20_000
"""Tokens whose signature is remembered as good."""

ORIGIN_CONNECT_MS_MAX = 1_000
ORIGIN_ANSWER_S_MAX = 10

NO_LOG = AccessLog()
CDN_LIMITS = EdgeLimits(headers_kib_max=8, body_bytes_max=1024)

_NOT_FOR_THE_ORIGIN = ("authorization", "cookie", "referer", "x-forwarded-for", "x-envoy-external-address")

_JWT = "envoy.filters.http.jwt_authn"
_CACHE = "envoy.filters.http.cache"
_CLAIMS = "claims"


@dataclass(frozen=True, slots=True)
class LocalCdn:
    """One CDN: where it listens, what it forwards to, whose tokens it takes.

    `keys` are the HMAC secrets by key id; all of them are accepted, so a key can be rotated.
    `cache_folder` must exist; `cache_bytes_max` is what it may hold.
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
        replies=local_replies(cors=True),
        log_fields={"age": "%RESP(AGE)%"},
    )
    listeners = [listener(cdn.id, cdn.host, cdn.port, manager, cdn.limits)]
    return bootstrap(cdn.id, cdn.admin_socket, cdn.limits, listeners, [_origin(cdn)])


def _filters(cdn: LocalCdn) -> list[Json]:
    return [
        *cors_filters(("*",)),
        _lua("take-token", _TAKE_TOKEN),
        _jwt(cdn),
        _lua("check-prefix", _CHECK_PREFIX),
        _cache(cdn),
        router_filter(),
    ]


_TAKE_TOKEN = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("{TOKEN_HEADER}")
  local token, rest = string.match(headers:get(":path"), "^/t/([^/?]+)(/[^?]*)")
  if token == nil then return end
  if #token > {TOKEN_LENGTH_MAX} then
    handle:respond({{[":status"] = "401"}}, "")
    return
  end
  headers:replace("{TOKEN_HEADER}", token)
  headers:replace(":path", rest)
end
"""
# The query goes too: players put their own measurements there, and the cache keys on it.

_CHECK_PREFIX = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("{TOKEN_HEADER}")
  local path = headers:get(":path")
  if path == "/healthz" then return end
  local verified = handle:streamInfo():dynamicMetadata():get("{_JWT}")
  local claims = verified and verified["{_CLAIMS}"]
  local prefixes = claims and claims["p"]
  if type(prefixes) == "table" then
    for _, prefix in ipairs(prefixes) do
      if type(prefix) == "string" and #prefix > 1 and string.sub(path, 1, #prefix) == prefix then return end
    end
  end
  handle:respond({{[":status"] = "403"}}, "")
end
"""


def _lua(name: str, source: str) -> Json:
    kind = "envoy.extensions.filters.http.lua.v3.Lua"
    return extension(name, kind, default_source_code={"inline_string": source})


def _jwt(cdn: LocalCdn) -> Json:
    return extension(
        _JWT,
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={"viewers": _provider(cdn)},
        rules=[
            {"match": {"path": "/healthz"}},
            {"match": {"prefix": "/"}, "requires": {"provider_name": "viewers"}},
        ],
    )


def _provider(cdn: LocalCdn) -> Json:
    return {
        "issuer": ISSUER,
        "audiences": [cdn.id],
        "from_headers": [{"name": TOKEN_HEADER}],
        "local_jwks": {"inline_string": json.dumps({"keys": [_jwk(*key) for key in cdn.keys.items()]})},
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_S,
        "payload_in_metadata": _CLAIMS,
        "jwt_cache_config": {"jwt_cache_size": TOKENS_CACHED_MAX, "jwt_max_token_size": TOKEN_LENGTH_MAX},
    }


def _jwk(kid: str, secret: bytes) -> Json:
    octets = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    return {"kty": "oct", "alg": "HS256", "use": "sig", "kid": kid, "k": octets}


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
        "route": {
            "cluster": "origin",
            "timeout": f"{ORIGIN_ANSWER_S_MAX}s",
            "retry_policy": {
                "retry_on": "connect-failure,refused-stream,reset-before-request",
                "num_retries": 1,
            },
        },
        "request_headers_to_remove": list(_NOT_FOR_THE_ORIGIN),
    }


def _healthz() -> Json:
    return {
        "name": "healthz",
        "match": {"path": "/healthz"},
        "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}},
        "response_headers_to_add": [header("cache-control", "no-store")],
        "typed_per_filter_config": {_CACHE: disabled()},
    }


def _origin(cdn: LocalCdn) -> Json:
    endpoint = {"endpoint": {"address": address(cdn.origin_host, cdn.origin_port)}}
    return {
        "name": "origin",
        "type": "STRICT_DNS",
        "connect_timeout": f"{ORIGIN_CONNECT_MS_MAX / 1000:g}s",
        "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
