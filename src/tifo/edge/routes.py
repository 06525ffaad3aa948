"""Envoy's routes from the services' route tables: what is served, and every way of being refused.

The order carries the meaning: first each operation with a credential of the right shape, then the same
operations without one (401), then their addresses under other methods (405), then everything else (404).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tifo.edge.envoy import Json, extension, header
from tifo.edge.filters import BUFFER, PYTHON, RATE, body_limit, disabled
from tifo.edge.shapes import BEARER, PATH_TOKEN
from tifo.serving.routes import Credential, Route

UNREAD_BODY_BYTES_MAX = 1024
"""Bytes of a body that is let through to a route that reads none."""

Action = Callable[[Route], Json]
"""Who answers a route: the members of Envoy's route that say so."""

_PARAMETER = re.compile(r"\{[^}]+\}")
_IN_HEADER = frozenset({Credential.ACCESS, Credential.PLAYBACK, Credential.OPERATOR})


@dataclass(frozen=True, slots=True)
class RouteRules:
    """How a table of routes is served.

    `action` answers a route. `open_credentials` are those that are not asked for (the operators' on
    loopback). `unlimited` are the names of routes that no rate limit may answer: a player stops asking
    for its steering manifest after one 429. `folders` are routes whose path is a prefix. `cors` lets
    browsers' preflights through to the CORS filter.
    """

    action: Action
    open_credentials: frozenset[Credential] = frozenset()
    unlimited: frozenset[str] = frozenset()
    folders: tuple[Route, ...] = ()
    cors: bool = False


def route_table(routes: tuple[Route, ...], rules: RouteRules) -> list[Json]:
    """Every route of one listener, in the order in which Envoy tries them."""
    routes = tuple(sorted(routes, key=_tried_late))
    return [
        *(_served(route, rules) for route in routes),
        *(_served_folder(folder, rules) for folder in rules.folders),
        *([preflight()] if rules.cors else []),
        *(_without_credential(route) for route in routes if _needs_credential(route, rules)),
        *_under_other_methods(routes),
        refusal("unknown", {"prefix": "/"}, 404),
    ]


def refusal(name: str, match: Json, status: int, headers: Iterable[Json] = ()) -> Json:
    """A route that Envoy answers itself, before the interpreter; its body is the problem document."""
    return {
        "name": name,
        "match": match,
        "direct_response": {"status": status},
        "response_headers_to_add": list(headers),
        "typed_per_filter_config": {PYTHON: disabled(), BUFFER: disabled()},
    }


def _tried_late(route: Route) -> tuple[bool, bool, bool]:
    # Each route that is tried and does not match costs a request about 0.2 us, so running viewers come
    # first: three in four requests of an event are heartbeats. A literal stands before a parameter.
    return (
        route.credential is not Credential.PLAYBACK,
        route.credential is not Credential.PATH,
        "{" in route.path,
    )


def preflight() -> Json:
    """Where browsers' preflights go: the CORS filter answers them, and only on a route that is no refusal."""
    present = ("origin", "access-control-request-method")
    headers = [method_is("OPTIONS"), *({"name": name, "present_match": True} for name in present)]
    return {
        "name": "preflight",
        "match": {"prefix": "/", "headers": headers},
        "non_forwarding_action": {},
        "typed_per_filter_config": {PYTHON: disabled(), BUFFER: disabled()},
    }


def _served(route: Route, rules: RouteRules) -> Json:
    return _answered(route, _match(route, rules), rules)


def _served_folder(folder: Route, rules: RouteRules) -> Json:
    return _answered(folder, {"prefix": folder.path, "headers": [method_is(folder.method)]}, rules)


def _answered(route: Route, match: Json, rules: RouteRules) -> Json:
    return {
        "name": route.name,
        "match": match,
        **rules.action(route),
        "typed_per_filter_config": _filter_configs(route, rules),
    }


def _filter_configs(route: Route, rules: RouteRules) -> Mapping[str, Json]:
    configs = {BUFFER: body_limit(route.body_bytes_max or UNREAD_BODY_BYTES_MAX)}
    if route.name in rules.unlimited:
        configs[RATE] = disabled()
    return configs


def _match(route: Route, rules: RouteRules) -> Json:
    headers = [method_is(route.method)]
    if not _needs_credential(route, rules):
        return {**_path_match(route.path), "headers": headers}
    if route.credential is Credential.PATH:
        return {**_token_path_match(route.path), "headers": headers}
    bearer = {"name": "authorization", "string_match": {"safe_regex": {"regex": BEARER}}}
    return {**_path_match(route.path), "headers": [*headers, bearer]}


def _needs_credential(route: Route, rules: RouteRules) -> bool:
    asked = route.credential in _IN_HEADER or route.credential is Credential.PATH
    return asked and route.credential not in rules.open_credentials


def _without_credential(route: Route) -> Json:
    return refusal(route.name, {**_path_match(route.path), "headers": [method_is(route.method)]}, 401)


def _under_other_methods(routes: tuple[Route, ...]) -> list[Json]:
    paths = {route.path: [other.method for other in routes if other.path == route.path] for route in routes}
    return [
        refusal("other-method", _path_match(path), 405, [header("allow", ", ".join(methods))])
        for path, methods in paths.items()
    ]


def method_is(method: str) -> Json:
    """Matches one method."""
    return {"name": ":method", "string_match": {"exact": method}}


def _path_match(path: str) -> Json:
    if "{" not in path:
        return {"path": path}
    policy = extension(
        "envoy.path.match.uri_template.uri_template_matcher",
        "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
        path_template=path,
    )
    return {"path_match_policy": policy}


def _token_path_match(path: str) -> Json:
    pieces = (re.escape(piece) for piece in _PARAMETER.split(path))
    names = _PARAMETER.findall(path)
    shapes = (PATH_TOKEN if name == "{token}" else "[^/]+" for name in names)
    regex = "".join(_alternate(pieces, shapes))
    return {"safe_regex": {"regex": regex}}


def _alternate(pieces: Iterable[str], shapes: Iterable[str]) -> Iterable[str]:
    rest = iter(shapes)
    for piece in pieces:
        yield piece
        yield next(rest, "")
