"""Live origins elsewhere in a local CDN: `/live/<channel>/a/b` is `/a/b` at the channel's origin.

What they send is made fit for a shared cache: nobody's cookies, a life for every answer, a short one for
playlists whatever they say of them.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tifo.edge.envoy import Json, address, extension, message
from tifo.kernel.web import WebAddress

PLAYLIST_AGE_S = 1
MEDIA_AGE_S = 30
"""Seconds for which a segment is kept whose origin does not say: its name may come again after a restart."""

MISSING_AGE_S = 1
"""Seconds for which a 404 is: a segment that is asked for early comes soon."""

_LUA = "envoy.filters.http.lua"
_LUA_KINDS = "envoy.extensions.filters.http.lua.v3"
_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_PROTOCOLS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_PLAYLIST = r".*\.m3u8"
_ANY = ".*"

# What varies by a header that was not sent on is the same for everybody.
_MADE_FIT = """
function envoy_on_response(handle)
  local headers = handle:headers()
  for _, name in ipairs({"set-cookie", "vary", "expires", "pragma"}) do headers:remove(name) end
  local status = headers:get(":status")
  if status == "200" or status == "206" or status == "304" then
    if %s or headers:get("cache-control") == nil then
      headers:replace("cache-control", "public, max-age=%d")
    end
  elseif status == "404" then
    headers:replace("cache-control", "public, max-age=%d")
  else
    headers:replace("cache-control", "no-store")
  end
end
"""


@dataclass(frozen=True, slots=True)
class Mount:
    """The origin of a channel: the server at `origin`, whose path does not count."""

    channel: str
    origin: WebAddress

    @property
    def prefix(self) -> str:
        """Below which it stands in a CDN's paths."""
        return f"/live/{self.channel}/"

    @property
    def cluster(self) -> str:
        """Its cluster's name."""
        return f"origin-{self.channel}"


def mount_filters(mounts: Iterable[Mount]) -> list[Json]:
    """What the routes of mounts say more of; nothing where there is none."""
    return [extension(_LUA, f"{_LUA_KINDS}.Lua")] if list(mounts) else []


def mount_routes(mount: Mount, route: Json) -> list[Json]:
    """A mount's routes, each with what `route` says of time-outs and retries."""
    return [
        _route(f"{mount.cluster}-playlist", mount, route, _PLAYLIST, _made_fit("true", PLAYLIST_AGE_S)),
        _route(f"{mount.cluster}-media", mount, route, _ANY, _made_fit("false", MEDIA_AGE_S)),
    ]


def _route(name: str, mount: Mount, route: Json, rest: str, lua: str) -> Json:
    prefix = re.escape(mount.prefix)
    source = message(f"{_LUA_KINDS}.LuaPerRoute", source_code={"inline_string": lua})
    return {
        "name": name,
        "match": {"safe_regex": {"regex": f"{prefix}{rest}"}},
        "route": {
            **route,
            "cluster": mount.cluster,
            "host_rewrite_literal": mount.origin.authority,
            "regex_rewrite": {"pattern": {"regex": f"^{prefix}"}, "substitution": "/"},
        },
        "typed_per_filter_config": {_LUA: source},
    }


def _made_fit(always: str, age_s: int) -> str:
    return _MADE_FIT % (always, age_s, MISSING_AGE_S)


def mount_cluster(mount: Mount, ca_file: str) -> Json:
    """Envoy's cluster for a mount; with https, the server is who one of `ca_file` says."""
    origin = mount.origin
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(origin.host, origin.port)}}]}]
    return {
        "name": mount.cluster,
        "type": "STRICT_DNS",
        # Both families of its addresses, the one that answers first: a machine may have only one of them.
        "dns_lookup_family": "ALL",
        "load_assignment": {"cluster_name": mount.cluster, "endpoints": endpoints},
        **(_tls(origin.host, ca_file) if origin.scheme == "https" else {}),
    }


def _tls(host: str, ca_file: str) -> Json:
    validation = {"trusted_ca": {"filename": ca_file}}
    socket = message(_TLS, sni=host, common_tls_context={"validation_context": validation})
    options = message(
        _PROTOCOLS,
        upstream_http_protocol_options={"auto_sni": True, "auto_san_validation": True},
        explicit_http_config={"http_protocol_options": {}},
    )
    return {
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": socket},
        "typed_extension_protocol_options": {_PROTOCOLS: options},
    }


def prefixes_in_lua(mounts: Iterable[Mount]) -> str:
    """The mounts' prefixes as a table of Lua's."""
    return "{" + ", ".join(json.dumps(mount.prefix) for mount in mounts) + "}"
