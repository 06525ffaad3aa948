"""Who imports whom: the contracts of `lint-imports`, and where each outside package is at home."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from types import MappingProxyType

import pytest
from importlinter import api
from importlinter.application import use_cases
from importlinter.application.app_config import settings
from importlinter.domain.contract import registry

HOMES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "sqlite3": {"tifo.adapters.sqlite": "its adapters"},
        "httpx": {
            "tifo.adapters.http": "its adapters",
            "tifo.adapters.oidc": "asks the login provider for its keys",
            "tifo.machine": "asks its own edge whether it is ready",
            "tifo.rehearsal": "asks the platform that is rehearsed, and the generator",
            "tifo.serving.health": "asks the channel and the CDNs whether they answer",
            "tifo.serving.metrics": "shows this node's own Envoy's metrics after ours",
        },
        "sortedcontainers": {"tifo.adapters.memory": "its adapters"},
        "cachebox": {
            "tifo.cache": "bounded memories; no I/O",
            "tifo.adapters.maxmind": "ISPs by address, bounded; no I/O",
            "tifo.adapters.oidc": "tokens that were verified, bounded; no I/O",
            "tifo.services.accounts.sightings": "devices seen lately, bounded; no I/O",
        },
        "redis": {"tifo.adapters.redis": "its adapters"},
        "hiredis": {"tifo.adapters.redis": "its adapters"},
        "datasketches": {"tifo.adapters.sketches": "its adapters"},
        "duckdb": {"tifo.adapters.lake": "its adapters"},
        "pyarrow": {"tifo.adapters.lake": "its adapters"},
        "aiobotocore": {"tifo.adapters.dynamodb": "its adapters"},
        "botocore": {
            "tifo.adapters.dynamodb": "its adapters",
            "tifo.adapters.kafka.iam": "signs the token that MSK asks for",
        },
        "confluent_kafka": {"tifo.adapters.kafka": "its adapters"},
        "joserfc": {"tifo.adapters.oidc": "its adapters"},
        "cbor2": {
            "tifo.tokens.cat": "one format's encoding",
            "tifo.tokens.inspection": "the same, for people",
        },
        "cryptography": {
            "tifo.edgecode": "public keys, for CDNs that check with them",
            "tifo.tokens": "key pairs",
        },
        "maxminddb": {"tifo.adapters.maxmind": "its adapters"},
        "defusedxml": {
            "tifo.services.ads.outside_vast": "VAST of others; no I/O",
            "tifo.services.video.xml_reading": "MPDs of others; no I/O",
        },
        "av": {"tifo.channel": "the encoder"},
        "numpy": {
            "tifo.channel": "the encoder's pictures and sound",
            "tifo.simulate": "millions of players at once",
        },
        "matplotlib": {"tifo.simulate.picture": "an extra, imported where a picture is drawn"},
        "PIL": {"tifo.channel": "the encoder's pictures"},
        "granian": {
            "tifo.serving.granian": "the second server",
            "tifo.channel.service": "the origin's server",
        },
        "envoy": {"tifo.edge": "Envoy's own"},
        "find_libpython": {"tifo.edge": "Envoy's own"},
        "falcon": {
            "tifo.serving": "the framework",
            "tifo.services.*.routes": "handlers",
            "tifo.services.ads.operator_routes": "handlers",
            "tifo.services.*.billed_routes": "handlers",
            "tifo.services.control.letters_routes": "handlers",
        },
        "msgspec": {"tifo": "types everywhere"},
        "http_sfv": {"tifo.services.beacons.rules": "CMCD is a structured field"},
        "prometheus_client": {"tifo.telemetry": "the list", "tifo.serving.metrics": "the scrape"},
        "opentelemetry": {"tifo.telemetry": "spans"},
        "structlog": {
            "tifo.adapters.maxmind": "a file that does not read refuses nobody",
            "tifo.board.view": "a failure is logged where it is met",
            "tifo.kernel.background": "a failure is logged where it is met",
            "tifo.cache": "a failure is logged where it is met",
            "tifo.channel": "a failure is logged where it is met",
            "tifo.eventlog": "a failure is logged where it is met",
            "tifo.services.ads.desk": "a failure is logged where it is met",
            "tifo.services.ads.fetching": "a failure is logged where it is met",
            "tifo.services.*.admission": "a failure is logged where it is met",
            "tifo.services.video.origins": "a failure is logged where it is met",
            "tifo.services.*.service": "a failure is logged where it is met",
            "tifo.serving": "a failure is logged where it is met",
            "tifo.telemetry.logs": "sets it up",
            "tifo.workers": "a failure is logged where it is met",
        },
        "uvloop": {"tifo.processes": "what a process runs on"},
        "cyclopts": {
            "tifo.cli": "the command line",
            "tifo.cli_letters": "its dead letters",
            "tifo.cli_query": "its questions",
            "tifo.cli_scte35": "its operators' part",
            "tifo.cli_ads": "its ads",
            "tifo.cli_rehearse": "its rehearsals",
            "tifo.cli_report": "its report",
            "tifo.cli_platform": "what its commands share",
            "tifo.cli_sessions": "its operators' part",
            "tifo.cli_simulate": "its simulations",
            "tifo.cli_token": "its operators' part",
        },
        "rich": {
            "tifo.cli": "the command line",
            "tifo.cli_letters": "where it tells",
            "tifo.cli_query": "where it tells",
            "tifo.cli_ads": "where it tells",
            "tifo.cli_rehearse": "where it tells",
            "tifo.cli_report": "where it tells",
            "tifo.cli_platform": "its tables",
            "tifo.cli_sessions": "where it tells",
            "tifo.cli_simulate": "where it tells",
            "tifo.rehearsal": "its progress and its table",
            "tifo.simulate": "its progress and its table",
        },
        "tomli_w": {"tifo.machine": "writes the one resolved settings file"},
    }
)
"""Where each package from outside may be imported, and why there. A package that is not here is nowhere."""

BREAKS = (
    ("layers", "tifo.kernel.clock", "tifo.api.fields"),
    ("layers", "tifo.api.events", "tifo.eventlog.ports"),
    ("layers", "tifo.telemetry.metrics", "tifo.eventlog.publisher"),
    ("layers", "tifo.cache.two_level", "tifo.eventlog.publisher"),
    ("layers", "tifo.cache.two_level", "tifo.adapters.redis.cache"),
    ("layers", "tifo.serving.granian", "tifo.edge.settings"),
    ("layers", "tifo.services.sessions.service", "tifo.adapters.memory.sessions"),
    ("layers", "tifo.services.sessions.service", "tifo.edge.settings"),
    ("layers", "tifo.workers.insight.service", "tifo.services.sessions.service"),
    ("layers", "tifo.settings", "tifo.adapters.sqlite.board"),
    ("layers", "tifo.serving.asgi", "tifo.app"),
    ("layers", "tifo.app", "tifo.machine"),
    ("layers", "tifo.settings", "tifo.edgecode.generate"),
    ("layers", "tifo.services.steering.rules", "tifo.simulate.choice"),
    ("services", "tifo.services.ads.service", "tifo.services.steering.rules"),
    ("workers", "tifo.workers.insight.service", "tifo.workers.other.service"),
    ("adapters", "tifo.adapters.sqlite.board", "tifo.adapters.http.client"),
    ("adapters-see-ports", "tifo.adapters.memory.sessions", "tifo.services.sessions.service"),
    ("services-see-no-encoder", "tifo.services.ads.service", "tifo.channel.encoders"),
    ("ports", "tifo.services.sessions.ports", "tifo.tokens.playback"),
    ("pure", "tifo.services.sessions.rules", "asyncio"),
    ("pure", "tifo.services.steering.rules", "tifo.board.view"),
    ("ports", "tifo.cache.ports", "tifo.telemetry.stores"),
    ("pure", "tifo.cache.policy", "asyncio"),
    ("pure", "tifo.tokens.jws", "os"),
    ("given-time", "tifo.services.ads.rules", "random"),
    ("given-time", "tifo.api.breaks", "time"),
    ("given-time", "tifo.cache.policy", "random"),
)
"""(contract, importer, imported): an import that breaks the contract."""


@pytest.fixture(scope="module")
def options(root):
    return use_cases.read_user_options(str(root / "pyproject.toml"))


@pytest.fixture(scope="module")
def graph(options):
    use_cases._register_contract_types(options)
    return settings.GRAPH_BUILDER.build(
        root_package_names=["tifo"],
        include_external_packages=True,
        exclude_type_checking_imports=False,
        cache_dir=None,
    )


def kept(graph, options, contract_id: str) -> bool:
    (chosen,) = [one for one in options.contracts_options if one["id"] == contract_id]
    contract = registry.get_contract_class(chosen["type"])(
        name=chosen["name"], session_options=options.session_options, contract_options=chosen
    )
    return contract.check(graph, verbose=False).kept


def outside_imports(source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, one.name.partition(".")[0]) for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def away_from_home(source) -> Iterator[str]:
    """A sentence for each import of an outside package (or of sqlite3) that has no place in `HOMES`."""
    for line, name in outside_imports(source):
        if (name in sys.stdlib_module_names and name not in HOMES) or name == "tifo":
            continue
        if not any(_within(source.module, home) for home in HOMES.get(name, ())):
            yield f"{source.path}:{line} imports {name}"


def _within(module: str, home: str) -> bool:
    parts, wanted = module.split("."), home.split(".")
    same = all(want in ("*", part) for part, want in zip(parts, wanted, strict=False))
    return same and len(parts) >= len(wanted)


def test_configuration_is_the_one_that_is_read(root) -> None:
    assert api.read_configuration(str(root / "pyproject.toml"))["contracts_options"]


@pytest.mark.parametrize("contract_id", sorted({contract for contract, _, _ in BREAKS}))
def test_contract_is_kept(graph, options, contract_id: str) -> None:
    assert kept(deepcopy(graph), options, contract_id), "lint-imports says where"


def test_every_contract_has_a_case_that_breaks_it(options) -> None:
    assert {one["id"] for one in options.contracts_options} == {contract for contract, _, _ in BREAKS}


@pytest.mark.parametrize(("contract_id", "importer", "imported"), BREAKS)
def test_forbidden_import_breaks_its_contract(graph, options, contract_id, importer, imported) -> None:
    broken = deepcopy(graph)
    _add(broken, importer)
    _add(broken, imported)
    broken.add_import(importer=importer, imported=imported, line_number=1, line_contents="import")
    assert not kept(broken, options, contract_id)


def _add(graph, module: str) -> None:
    """Add a module that is not there, and the packages above it."""
    if not module.startswith("tifo."):
        graph.add_module(module, is_squashed=True)
        return
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        graph.add_module(".".join(parts[:depth]))


def test_package_that_no_layer_names_breaks_the_contract(graph, options) -> None:
    grown = deepcopy(graph)
    _add(grown, "tifo.drawer")
    assert not kept(grown, options, "layers")


def test_outside_packages_are_at_home(package) -> None:
    assert not [complaint for source in package for complaint in away_from_home(source)]


def test_every_home_is_lived_in(package) -> None:
    used = {(name, source.module) for source in package for _, name in outside_imports(source)}
    empty = [
        (name, home)
        for name, homes in HOMES.items()
        for home in homes
        if not any(name == one and _within(module, home) for one, module in used)
    ]
    assert not empty, "no place is on the list for nothing"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/tifo/services/sessions/service.py", "import sqlite3"),
        ("src/tifo/services/sessions/rules.py", "import httpx"),
        ("src/tifo/serving/health.py", "from redis.asyncio import Redis"),
        ("src/tifo/services/video/service.py", "import numpy as np"),
        ("src/tifo/adapters/http/client.py", "import av"),
        ("src/tifo/services/sessions/service.py", "from falcon.asgi import Request"),
        ("src/tifo/app.py", "import requests"),
        ("src/tifo/app.py", "from granian.server.embed import Server"),
    ],
)
def test_package_away_from_home_is_complained_of(snippet, path: str, text: str) -> None:
    assert list(away_from_home(snippet(path, text)))


IMPORT_ALL = """
import importlib, pkgutil, socket, sys

def forbidden(*_, **__):
    raise AssertionError("importing opened a socket")

socket.socket.connect = socket.socket.bind = forbidden
import tifo
before = set(__import__("threading").enumerate())
for one in pkgutil.walk_packages(tifo.__path__, "tifo."):
    if one.name != "tifo.__main__":
        importlib.import_module(one.name)
assert set(__import__("threading").enumerate()) == before, "importing started a thread"
"""


def import_everything(code: str, folder) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_importing_does_nothing(tmp_path) -> None:
    done = import_everything(IMPORT_ALL, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert not list(tmp_path.iterdir()), "importing wrote files"


def test_import_that_connects_is_complained_of(tmp_path) -> None:
    connecting = "\nsocket.create_server(('127.0.0.1', 0))"
    assert import_everything(IMPORT_ALL + connecting, tmp_path).returncode != 0
