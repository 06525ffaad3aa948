"""The contracts that `tifo export` prints and `contracts/` keeps: generated, never written by hand."""

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from tifo import __version__, app, processes
from tifo.edge.binary import python_module_path
from tifo.eventlog import schemas
from tifo.kernel.errors import CODES, PROBLEM_TYPES
from tifo.report.document import Report
from tifo.serving.problems import MEDIA_TYPE as PROBLEM
from tifo.serving.routes import Credential, Listener, Query, Route
from tifo.settings import PREFIX, Settings
from tifo.telemetry.metrics import REGISTRY
from tifo.telemetry.requests import RequestMetrics

_SCHEMAS = "#/components/schemas/{name}"


# --- OpenAPI ------------------------------------------------------------------------------------------

PARAMETERS: Mapping[str, str] = {
    "beacon": "a signed tracking address's last segment, as the asset list gave it",
    "brk": "the break's id, as the playlist's EXT-X-DATERANGE has it",
    "event": "an event's id",
    "group": "a group of workers, as `eventlog.groups` of the overview names it",
    "item": "a line item's id",
    "pathway": "a pathway's (CDN's) id",
    "session": "a session's id",
    "token": "the session's playback token",
}
"""What a path parameter means, wherever it stands."""

READING_PROBLEMS = ("bad-request", "too-large", "unsupported-media-type", "invalid")
"""What any JSON body may be refused with."""

_SERVERS: Mapping[Listener, str] = {
    Listener.VIEWERS: "http://127.0.0.1:8080",
    Listener.OPERATORS: "http://127.0.0.1:8090",
}


def openapi(_: Settings) -> str:
    """OpenAPI 3.1 of both ports; operators' operations carry the tag `operators` and their own server."""
    routes = (*app.COMMON_ROUTES, *(route for spec in app.SERVICES.values() for route in spec.routes))
    shown = [route for route in routes if not route.name.startswith("pages.")]
    types = [kind for route in shown for kind in (route.body, route.answer) if kind]
    components = msgspec.json.schema_components(types, ref_template=_SCHEMAS)[1]
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tifo",
            "version": __version__,
            "summary": "The back end that carries a live match to millions.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [_server(Listener.VIEWERS)],
        "tags": [
            {"name": "viewers", "description": "What players and pages call."},
            {"name": "operators", "description": "What the cockpit, scrapers and our own services call."},
        ],
        "paths": _paths(shown),
        "components": {
            "schemas": {**components, "Problem": _problem_schema()},
            "securitySchemes": _security_schemes(),
        },
    }
    return _pretty(document)


def _server(listener: Listener) -> dict[str, str]:
    return {"url": _SERVERS[listener], "description": f"the {listener.value}' port of `tifo up`"}


def _security_schemes() -> dict[str, Any]:
    meanings = {
        Credential.ACCESS: "Says who the account is; starts sessions.",
        Credential.PLAYBACK: "Given by a session's start; keeps and ends that session.",
        Credential.OPERATOR: "Not asked for on loopback.",
    }
    return {
        credential.name.lower(): {"type": "http", "scheme": "bearer", "description": meaning}
        for credential, meaning in meanings.items()
    }


def _paths(routes: list[Route]) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        # Both ports answer /healthz alike: one entry says it.
        paths.setdefault(route.path, {}).setdefault(route.method.lower(), _operation(route))
    return paths


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.listener.value],
        "responses": {str(route.status): _answer(route), **_problems(route)},
    }
    if parameters := [*_path_parameters(route), *map(_query_parameter, route.query)]:
        operation["parameters"] = parameters
    if route.body is not None:
        schema = _schema(route.body)
        content = {media: {"schema": schema} for media in route.body_media}
        operation["requestBody"] = {"required": True, "content": content}
    if route.credential in (Credential.ACCESS, Credential.PLAYBACK, Credential.OPERATOR):
        operation["security"] = [{route.credential.name.lower(): []}]
    if route.listener is Listener.OPERATORS:
        operation["servers"] = [_server(route.listener)]
    return operation


def _path_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in (part[1:-1] for part in route.path.split("/") if part.startswith("{")):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": PARAMETERS[name],
            "schema": {"type": "string"},
        }


def _query_parameter(query: Query) -> dict[str, Any]:
    return {"name": query.name, "in": "query", "description": query.meaning, "schema": _schema(query.kind)}


def _answer(route: Route) -> dict[str, Any]:
    if route.status == 204:
        return {"description": "Done"}
    if route.status == 302:
        where = {"required": True, "schema": {"type": "string", "format": "uri"}}
        return {"description": "Led on", "headers": {"Location": where}}
    media = route.media.partition(";")[0]
    content: dict[str, Any] = {media: {"schema": {"type": "string"}}}
    if route.answer is not None:
        content = {media: {"schema": _schema(route.answer)}}
    return {"description": route.summary, "content": content}


def _problems(route: Route) -> dict[str, Any]:
    reads_json = route.body is not None and "application/json" in route.body_media
    codes = dict.fromkeys((*route.problems, *(READING_PROBLEMS if reads_json else ())))
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(CODES[code].status), []).append(code)
    responses = {status: _problem(", ".join(of_status)) for status, of_status in sorted(by_status.items())}
    return {**responses, "default": _problem("any other refusal; the edge's own have the same form")}


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": _SCHEMAS.format(name="Problem")}
    return {"description": description, "content": {PROBLEM: {"schema": schema}}}


def _schema(kind: type[Any]) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_SCHEMAS)
    return schema


def _problem_schema() -> dict[str, Any]:
    titles = "; ".join(f"{code}: {meaning.title}" for code, meaning in CODES.items())
    return {
        "title": "Problem",
        "description": "RFC 9457; `code` is stable, and a code may bring members of its own",
        "type": "object",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string", "description": f"{PROBLEM_TYPES}<code>"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted(CODES), "description": titles},
            "detail": {"type": "string", "description": "a sentence for the person who reads it"},
            "request_id": {"type": "string", "description": "what to quote; logs have it too"},
            "reason": {"type": "string", "description": "why a token or a session is refused"},
            "limit": {"type": "integer", "description": "stream-limit: sessions at once of this account"},
            "sessions": {
                "type": "array",
                "items": {"type": "object"},
                "description": "stream-limit: the running sessions, oldest first",
            },
            "takeover": {
                "type": "string",
                "description": "stream-limit: a one-time code; start again with it",
            },
        },
    }


# --- settings -----------------------------------------------------------------------------------------


def settings_page(_: Settings) -> str:
    """Every setting with its default and meaning, as Markdown."""
    lines = [
        "# Settings",
        "",
        "Generated by `tifo export settings`. A file is TOML; a variable names a field by its path, "
        f"`{PREFIX}SESSIONS__STREAM_LIMIT=2`, and goes before the file. An unknown name is an error.",
        "",
    ]
    for title, kind in sections("", Settings):
        lines += [f"## {title or 'at the top'}", "", _first(kind), ""]
        lines += ["| setting | default | meaning |", "|---|---|---|", *_rows(title, kind), ""]
    return "\n".join(lines).rstrip() + "\n"


def sections(path: str, kind: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """(path, type) of a settings type and of every one inside it."""
    yield path, kind
    for name, hint in get_type_hints(kind).items():
        inner = struct_of(hint)
        if inner is not None:
            yield from sections(f"{path}.{name}".lstrip(".") + _plural(hint), inner)


def _rows(path: str, kind: type[msgspec.Struct]) -> Iterator[str]:
    meanings = field_docs(kind)
    for field in msgspec.structs.fields(kind):
        if struct_of(get_type_hints(kind)[field.name]) is None:
            name = f"{path}.{field.name}".lstrip(".")
            yield f"| `{name}` | {_default(field)} | {meanings.get(field.name, '')} |"


def field_docs(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The text under each field of a struct, from its source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for before, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            text = _text(after)
            if text:
                found[before.target.id] = " ".join(text.split())
    return found


def _text(node: ast.stmt) -> str:
    constant = node.value if isinstance(node, ast.Expr) else None
    value = constant.value if isinstance(constant, ast.Constant) else None
    return value if isinstance(value, str) else ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f"`{json.dumps(msgspec.to_builtins(value))}`"


def struct_of(hint: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - a type hint is any object
    """The settings type that a field holds, or holds a tuple of."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    inner = [one for one in get_args(hint) if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    return inner[0] if inner else None


def _plural(hint: object) -> str:
    return "[]" if get_args(hint) else ""


def _first(kind: type[msgspec.Struct]) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())


# --- metrics ------------------------------------------------------------------------------------------


def metrics_page(_: Settings) -> str:
    """Our metrics with type and meaning, as Markdown; Envoy's own stand beside them in `/metrics`."""
    families = [*REGISTRY.collect(), *RequestMetrics().collect()]
    lines = [
        "# Metrics",
        "",
        "Generated by `tifo export metrics`. This list is closed; `/metrics` on the operators' port shows "
        "these and then Envoy's own (`envoy_*`), and on the port of workers (`workers.port`) these.",
        "",
        "| metric | type | meaning |",
        "|---|---|---|",
    ]
    for family in sorted(families, key=lambda one: one.name):
        lines.append(f"| `{family.name}` | {family.type} | {family.documentation} |")
    return "\n".join(lines) + "\n"


# --- events -------------------------------------------------------------------------------------------


def asyncapi(_: Settings) -> str:
    """AsyncAPI 3.0 of the event log: topics, keys, headers, and a message for each type of event."""
    return _pretty(schemas.asyncapi(__version__))


def event_schemas() -> Mapping[str, str]:
    """A JSON Schema for each type of event and version, by the file's name."""
    return {f"events/{name}.json": _pretty(schema) for name, schema in schemas.schemas()}


def _pretty(document: object) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


# --- Envoy --------------------------------------------------------------------------------------------


def envoy_config(settings: Settings) -> str:
    """The edge's configuration for all services, as these settings make it on this machine."""
    return json.dumps(processes.edge_of(settings, app.SERVICES), indent=2) + "\n"


def portable_envoy_config() -> str:
    """The edge's configuration by default, without this machine's paths: for reading, not for running."""
    config = envoy_config(Settings(data="/var/lib/tifo"))
    return config.replace(python_module_path(), "/PYVOY/_pyvoy.abi3.so")


def report_schema() -> str:
    """The JSON Schema of what `tifo report --json` prints."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Report))).decode() + "\n"


# --- all together ---------------------------------------------------------------------------------------

EXPORTS: Mapping[str, Callable[[Settings], str]] = {
    "openapi": openapi,
    "asyncapi": asyncapi,
    "settings": settings_page,
    "metrics": metrics_page,
    "envoy": envoy_config,
}


def contracts() -> Mapping[str, str]:
    """The files of `contracts/` by name: the same wherever and whenever they are made."""
    defaults = Settings()
    return {
        "openapi.json": openapi(defaults),
        "asyncapi.json": asyncapi(defaults),
        **event_schemas(),
        "settings.md": settings_page(defaults),
        "metrics.md": metrics_page(defaults),
        "envoy.json": portable_envoy_config(),
        "report.json": report_schema(),
    }


def write_contracts(folder: Path) -> None:
    """Write `contracts/`."""
    for name, text in contracts().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
