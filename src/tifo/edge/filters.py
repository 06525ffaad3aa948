"""The HTTP filters in front of the services, each from the settings that govern it."""

import json

from tifo.edge.envoy import Json, extension, header, message, percent
from tifo.edge.problems import EXPOSED_HEADERS
from tifo.edge.settings import ClientRate

BUFFER = "envoy.filters.http.buffer"
CORS = "envoy.filters.http.cors"
RATE = "envoy.filters.http.local_ratelimit"
PYTHON = "pyvoy"

_HTTP = "envoy.extensions.filters.http"

PREFLIGHT_AGE_S = 7200
"""Seconds a browser may remember a preflight; none remembers longer."""

_TOKENS_OF_EVERYBODY = 1_000_000
"""The shared bucket that Envoy insists on beside the clients' own; too large to matter."""


def python_filter(application: str, module_path: str) -> Json:
    """The application `package.module:attribute` inside Envoy, on an interpreter thread of its own.

    It is not declared terminal, although it answers whatever it gets: the router behind it answers the
    routes that switch it off.
    """
    config = {"app": application, "interface": "asgi", "root_path": ""}
    return extension(
        PYTHON,
        f"{_HTTP}.dynamic_modules.v3.DynamicModuleFilter",
        dynamic_module_config={"module": {"local": {"filename": module_path}}},
        filter_name="pyvoy",
        filter_config=message("google.protobuf.StringValue", value=json.dumps(config)),
    )


def without_python(config: Json) -> Json:
    """The configuration with every interpreter taken out, and all the rest as it is."""
    return {key: _without_python(value) for key, value in config.items()}


def _without_python(value: object) -> object:
    if isinstance(value, list):
        return [_without_python(each) for each in value if not _is_python(each)]
    return without_python(value) if isinstance(value, dict) else value


def _is_python(value: object) -> bool:
    return isinstance(value, dict) and value.get("name") == PYTHON


def router_filter() -> Json:
    """The last filter: clusters and direct responses."""
    return extension("envoy.filters.http.router", f"{_HTTP}.router.v3.Router", suppress_envoy_headers=True)


def disabled() -> Json:
    """A route's word that a filter is not for it."""
    return message("envoy.config.route.v3.FilterConfig", disabled=True)


def body_filter(bytes_max: int) -> Json:
    """Whole bodies only: one that is too large is 413, and no handler waits for a slow one."""
    return extension(BUFFER, f"{_HTTP}.buffer.v3.Buffer", max_request_bytes=bytes_max)


def body_limit(bytes_max: int) -> Json:
    """A route's own limit for `body_filter`."""
    return message(f"{_HTTP}.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": bytes_max})


def cors_filters(origins: tuple[str, ...]) -> list[Json]:
    """Preflights answered and answers marked; whose pages may call stands in the virtual host's policy.

    Envoy's filter repeats the caller's origin, which a shared cache would hand to the next one: so `*`
    is written over it, or the cache is told that the answer varies.
    """
    mark = open_to_every_page() if "*" in origins else _varies_by_origin()
    return [mark, extension(CORS, f"{_HTTP}.cors.v3.Cors")]


def cors_policy(origins: tuple[str, ...], methods: tuple[str, ...], headers: tuple[str, ...]) -> Json:
    """Which pages may call; no credentials, so that `*` stays allowed."""
    return message(
        f"{_HTTP}.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in origins],
        allow_methods=", ".join(methods),
        allow_headers=", ".join(headers),
        expose_headers=EXPOSED_HEADERS,
        max_age=str(PREFLIGHT_AGE_S),
    )


def rate_filters(rate: ClientRate, listener: str) -> list[Json]:
    """One token bucket for each client address, or nothing when the limit is off."""
    return [_rate_filter(rate, listener)] if rate.requests_per_s else []


def _rate_filter(rate: ClientRate, listener: str) -> Json:
    return extension(
        RATE,
        f"{_HTTP}.local_ratelimit.v3.LocalRateLimit",
        stat_prefix=f"{listener}_client",
        token_bucket=_bucket(_TOKENS_OF_EVERYBODY, _TOKENS_OF_EVERYBODY),
        filter_enabled=_always("enabled"),
        filter_enforced=_always("enforced"),
        always_consume_default_token_bucket=False,
        # Envoy's default is 20: beyond it an attacker with 21 addresses has a fresh bucket each time.
        max_dynamic_descriptors=rate.addresses_max,
        rate_limits=[
            {"actions": [{"masked_remote_address": {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}}]}
        ],
        descriptors=[
            {
                "entries": [{"key": "masked_remote_address"}],
                "token_bucket": _bucket(rate.burst_requests, rate.requests_per_s),
            }
        ],
    )


def _bucket(tokens_max: int, tokens_per_s: int) -> Json:
    return {"max_tokens": tokens_max, "tokens_per_fill": tokens_per_s, "fill_interval": "1s"}


def _always(key: str) -> Json:
    return {"default_value": percent(100), "runtime_key": f"edge.rate.{key}"}


def open_to_every_page() -> Json:
    """Marks every answer, refusals included, as readable by any page."""
    return _response_headers(
        header("access-control-allow-origin", "*"), header("access-control-expose-headers", EXPOSED_HEADERS)
    )


def _varies_by_origin() -> Json:
    return _response_headers({**header("vary", "origin"), "append_action": "APPEND_IF_EXISTS_OR_ADD"})


def _response_headers(*headers: Json) -> Json:
    return extension(
        "envoy.filters.http.header_mutation",
        f"{_HTTP}.header_mutation.v3.HeaderMutation",
        mutations={"response_mutations": [{"append": each} for each in headers]},
    )
