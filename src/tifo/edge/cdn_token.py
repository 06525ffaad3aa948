"""The token in a CDN's path: moved out of it, verified, and held against the path that it opens."""

import base64
import json
from collections.abc import Iterable, Mapping

from tifo.edge.envoy import Json, extension
from tifo.edge.mounts import Mount, prefixes_in_lua
from tifo.kernel.limits import TOKEN_LENGTH_MAX

TOKEN_HEADER = "x-path-token"  # noqa: S105
ISSUER = "tifo"
CLOCK_SKEW_S = 2
"""Seconds by which a token may be too young or too old."""

TOKENS_CACHED_MAX = 20_000
"""Tokens whose signature is remembered as good."""

OTHER_PATH_STATUS = 451
"""Marks a good token on a path it does not open: Envoy's own 403 means a token for another CDN."""

HEALTH_PATH = "/healthz"

_JWT = "envoy.filters.http.jwt_authn"
_CLAIMS = "claims"

# The query goes too: players put their own measurements there, and the cache would key on it. An origin
# elsewhere may need its own, so of those only the measurements go. What a browser adds about its user is
# none of the origin's business.
_TAKE_TOKEN = f"""
local mounted = %s
local function kept(path, query)
  for _, prefix in ipairs(mounted) do
    if string.sub(path, 1, #prefix) == prefix then
      local pairs_kept = {{}}
      for pair in string.gmatch(query, "[^?&]+") do
        if string.sub(pair, 1, 5) ~= "CMCD=" then pairs_kept[#pairs_kept + 1] = pair end
      end
      return #pairs_kept > 0 and "?" .. table.concat(pairs_kept, "&") or ""
    end
  end
  return ""
end
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("{TOKEN_HEADER}")
  for _, name in ipairs({{"authorization", "cookie", "referer"}}) do headers:remove(name) end
  local token, rest, query = string.match(headers:get(":path"), "^/t/([^/?]+)(/[^?]*)(.*)")
  if token == nil then return end
  if #token > {TOKEN_LENGTH_MAX} then
    handle:respond({{[":status"] = "401"}}, "")
    return
  end
  headers:replace("{TOKEN_HEADER}", token)
  headers:replace(":path", rest .. kept(rest, query))
end
"""
_CHECK_PREFIX = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("{TOKEN_HEADER}")
  local path = headers:get(":path")
  if path == "{HEALTH_PATH}" then return end
  local verified = handle:streamInfo():dynamicMetadata():get("{_JWT}")
  local claims = verified and verified["{_CLAIMS}"]
  local prefixes = claims and claims["p"]
  if type(prefixes) == "table" then
    for _, prefix in ipairs(prefixes) do
      if type(prefix) == "string" and #prefix > 1 and string.sub(path, 1, #prefix) == prefix then return end
    end
  end
  handle:respond({{[":status"] = "{OTHER_PATH_STATUS}"}}, "")
end
"""


def token_filters(audience: str, keys: Mapping[str, bytes], mounts: Iterable[Mount] = ()) -> list[Json]:
    """The filters that let a request through with a good token only; `keys` are HMAC secrets by key id."""
    return [
        _lua("take-token", _TAKE_TOKEN.replace("%s", prefixes_in_lua(mounts), 1)),
        _jwt(audience, keys),
        _lua("check-prefix", _CHECK_PREFIX),
    ]


def _lua(name: str, source: str) -> Json:
    kind = "envoy.extensions.filters.http.lua.v3.Lua"
    return extension(name, kind, default_source_code={"inline_string": source})


def _jwt(audience: str, keys: Mapping[str, bytes]) -> Json:
    return extension(
        _JWT,
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={"viewers": _provider(audience, keys)},
        rules=[
            {"match": {"path": HEALTH_PATH}},
            {"match": {"prefix": "/"}, "requires": {"provider_name": "viewers"}},
        ],
    )


def _provider(audience: str, keys: Mapping[str, bytes]) -> Json:
    return {
        "issuer": ISSUER,
        "audiences": [audience],
        "from_headers": [{"name": TOKEN_HEADER}],
        "local_jwks": {"inline_string": json.dumps({"keys": [_jwk(*key) for key in keys.items()]})},
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_S,
        "payload_in_metadata": _CLAIMS,
        "jwt_cache_config": {"jwt_cache_size": TOKENS_CACHED_MAX, "jwt_max_token_size": TOKEN_LENGTH_MAX},
    }


def _jwk(kid: str, secret: bytes) -> Json:
    octets = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    return {"kty": "oct", "alg": "HS256", "use": "sig", "kid": kid, "k": octets}
