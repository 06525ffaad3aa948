"""The shape of a port and its adapters, and of the values that cross them."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Protocol, get_type_hints

import msgspec
import pytest

import tifo
import tifo.adapters
import tifo.api
from tifo.export import field_docs, sections, struct_of
from tifo.kernel.clock import Clock
from tifo.settings import Settings

NO_ADAPTERS = {
    "tifo.adapters.disk.lanes.Lanes": "the files of a spool",
    "tifo.adapters.disk.lanes.Mark": "how far a batch of it goes",
    "tifo.adapters.disk.segments.Frame": "a record as it stands in one of them",
    "tifo.adapters.disk.segments.Segment": "one of them",
    "tifo.adapters.dynamodb.address.TableAddress": "what a DynamoDB URL says",
    "tifo.adapters.dynamodb.billing_items.Booked": "what a transaction does",
    "tifo.adapters.dynamodb.billing_items.Found": "a slot as it stood there",
    "tifo.adapters.dynamodb.gatherer.Gatherer": "what makes batches of many callers",
    "tifo.adapters.dynamodb.items.Write": "an item on its way",
    "tifo.adapters.dynamodb.patience.Patience": "how a table that throttles is spared",
    "tifo.adapters.dynamodb.profiles.Budgets": "how long its calls may take",
    "tifo.adapters.dynamodb.table.DynamoTable": "how a table is called",
    "tifo.adapters.dynamodb.table.Later": "why it did nothing",
    "tifo.adapters.dynamodb.table.Left": "what it left to do",
    "tifo.adapters.http.operators.Audience": "what the client reads",
    "tifo.adapters.http.operators.PlatformClient": "a client of our own API, for the command line",
    "tifo.adapters.http.client.PeerClient": "what the clients of our own services share",
    "tifo.adapters.http.others.Others": "the client of those who ask others",
    "tifo.adapters.redis.connection.Call": "what the Redis adapters ask",
    "tifo.adapters.redis.connection.RedisConnection": "how they ask it",
    "tifo.adapters.redis.connection.RedisConnections": "one for each URL",
    "tifo.adapters.redis.connection.Script": "what they ask it with",
    "tifo.adapters.kafka.address.KafkaAddress": "what a Kafka URL says",
    "tifo.adapters.kafka.address.Layout": "how topics are made",
    "tifo.adapters.kafka.address.Security": "how brokers know us",
    "tifo.adapters.kafka.client.Client": "what its producers and consumers share",
    "tifo.adapters.kafka.letters.Pile": "dead letters that were read",
    "tifo.adapters.kafka.letters.PileOfLetters": "where dead letters are",
    "tifo.adapters.kafka.producer.KafkaProducer": "how records are sent",
    "tifo.adapters.kafka.topics.Topics": "how a cluster is asked",
    "tifo.adapters.kafka.wire.Writer": "how records stand there",
    "tifo.adapters.redis.lane.Asked": "a command on its way",
    "tifo.adapters.redis.lane.Failed": "an answer that did not come",
    "tifo.adapters.redis.lane.Lane": "the way to one master",
    "tifo.adapters.redis.link.Link": "a connection to one server",
    "tifo.adapters.redis.link.LinkFailed": "why it did not answer",
    "tifo.adapters.redis.link.Target": "what a Redis URL says",
    "tifo.adapters.redis.servers.Servers": "which master has which slots",
    "tifo.adapters.redis.skew.Skew": "how far its clock is ahead of ours",
    "tifo.adapters.oidc.claims.Terms": "what a login provider's token must say",
    "tifo.adapters.oidc.client.ProviderClient": "what the login provider is asked",
    "tifo.adapters.oidc.keys.VerifyingKey": "one of the login provider's keys",
    "tifo.adapters.oidc.provider.Sources": "where the login provider's keys come from",
    "tifo.adapters.sqlite.database.Database": "what the SQLite adapters share",
    "tifo.adapters.sqlite.eventlog_members.Member": "a place in a group",
    "tifo.adapters.sqlite.eventlog_members.NameTaken": "why it has none",
    "tifo.adapters.sqlite.eventlog_members.Share": "which partitions it has",
    "tifo.adapters.sqlite.eventlog_tables.Retention": "what is kept",
}
"""Public classes below `adapters/` that stand behind no port."""

SUITES_ELSEWHERE = {
    "HttpAuditNotes": "a client of our own service: tested against that service",
    "HttpBilled": "a client of our own service: tested against that service",
    "HttpCatalogue": "a client of our own service: tested against that service",
    "HttpLineItems": "a client of our own service: tested against that service",
    "HttpSessions": "a client of our own service: tested against that service",
    "KafkaConsumer": "made by its event log, and tested through it",
    "SqliteConsumer": "made by its event log, and tested through it",
}
"""Adapters whose contract is not in tests/ports."""

UNITS = (
    "_s", "_ms", "_s_max", "_per_s", "_percent", "_bytes_max", "_kib_max", "_mib_max", "_samples",
    "_segments", "_entries", "_requests", "_viewers", "_count_max", "_requests_max", "_entries_max", "_limit",
    "_ratio", "_share", "_load", "gbps", "_per_gb",
)  # fmt: skip

SELF_EVIDENT = frozenset({
    "port", "operator_port",  # a port is a port
    "weight", "ttl_jitter", "dead_band",  # shares, without a unit
    "concurrency", "proxies_trusted",  # threads, proxies
    "connections_max", "streams_max", "resets_max", "addresses_max",  # the noun is what is counted
    "viewers_max", "wrappers_max", "nodes",  # and here
    "starts", "ends",  # epoch seconds, as everywhere in the api
})  # fmt: skip


# --- ports and adapters -------------------------------------------------------------------------------


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not one.name.endswith("__main__"):
            yield importlib.import_module(one.name)


def public_classes(found: Iterator[ModuleType]) -> list[type]:
    return [
        kind
        for module in found
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and not name.startswith("_")
    ]


def is_port(kind: type) -> bool:
    return bool(getattr(kind, "_is_protocol", False)) and kind is not Protocol


def ports() -> list[type]:
    return [kind for kind in public_classes(modules(tifo)) if is_port(kind)]


def ports_of(adapter: type) -> list[type]:
    return [base for base in adapter.__mro__[1:] if is_port(base)]


def half_promised(port: type) -> Iterator[str]:
    """A sentence for each method of a port that is not abstract or not explained."""
    if not vars(port).get("__doc__"):
        yield f"{port.__qualname__} does not say what it is"
    for name, member in vars(port).items():
        if name.startswith("_") or not (callable(member) or isinstance(member, property)):
            continue
        function = member.fget if isinstance(member, property) else member
        if not getattr(function, "__isabstractmethod__", False):
            yield f"{port.__qualname__}.{name} is not abstract: an adapter could forget it"
        if not function.__doc__:
            yield f"{port.__qualname__}.{name} does not say what it promises"


def untested(adapters: list[type], suites: list) -> Iterator[str]:
    """A sentence for each adapter that no contract suite imports together with its port."""
    imported = [
        {node.asname or node.name for node in ast.walk(one.tree) if isinstance(node, ast.alias)}
        for one in suites
    ]
    for adapter in adapters:
        names = {port.__name__ for port in ports_of(adapter)}
        if not any(adapter.__name__ in suite and names & suite for suite in imported):
            yield f"{adapter.__name__} runs through no contract suite of {', '.join(sorted(names))}"


def adapters() -> list[type]:
    return [kind for kind in public_classes(modules(tifo.adapters)) if ports_of(kind)]


def test_ports_are_wholly_abstract_and_explained() -> None:
    found = ports()
    assert len(found) > 10
    assert not [complaint for port in found for complaint in half_promised(port)]


def without_a_port(found: Iterable[ModuleType]) -> list[str]:
    """Modules called `ports` that hold none: the word means one thing in this house."""
    named = [module for module in found if module.__name__.endswith(".ports")]
    return [module.__name__ for module in named if not any(map(is_port, public_classes(iter([module]))))]


def test_modules_called_ports_hold_ports() -> None:
    assert not without_a_port(modules(tifo))


def test_module_called_ports_without_one_is_complained_of() -> None:
    assert without_a_port([ModuleType("tifo.supervisor.ports")])


def test_everything_among_the_adapters_inherits_from_a_port() -> None:
    loose = {
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in public_classes(modules(tifo.adapters))
        if not ports_of(kind)
    }
    assert loose == set(NO_ADAPTERS)


def test_no_adapter_forgets_a_method() -> None:
    assert not {
        kind.__qualname__: kind.__abstractmethods__ for kind in adapters() if kind.__abstractmethods__
    }


def test_every_adapter_runs_through_the_suite_of_its_port(python) -> None:
    suites = [one for one in python if one.path.startswith("tests/ports/")]
    missing = [adapter for adapter in adapters() if adapter.__name__ not in SUITES_ELSEWHERE]
    assert not list(untested(missing, suites))


class Kettle(Protocol):
    def boil(self) -> None: ...


class Copper(Kettle): ...


class Forgetful(Clock):
    def now(self) -> float:
        return 0.0


def test_adapter_that_forgets_a_method_cannot_be_made() -> None:
    assert Forgetful.__abstractmethods__ == {"monotonic"}
    with pytest.raises(TypeError, match="monotonic"):
        Forgetful()


def test_port_that_promises_by_halves_is_complained_of() -> None:
    complaints = list(half_promised(Kettle))
    assert [one for one in complaints if "not abstract" in one]
    assert [one for one in complaints if "does not say what it promises" in one]
    assert [one for one in complaints if "does not say what it is" in one]


@pytest.mark.parametrize("text", ["", "from x import Copper", "from x import Kettle", "import Copper.Kettle"])
def test_adapter_without_a_suite_is_complained_of(snippet, text: str) -> None:
    assert list(untested([Copper], [snippet("tests/ports/test_kettle.py", text)]))


def test_adapter_in_the_suite_of_its_port_is_fine(snippet) -> None:
    assert not list(
        untested([Copper], [snippet("tests/ports/test_kettle.py", "from x import Copper, Kettle")])
    )


# --- values -------------------------------------------------------------------------------------------


def values() -> list[type]:
    """What crosses a port or an API: the api's types, the ports', the board's, the bodies and answers."""
    told = [module for module in modules(tifo) if _crosses(module.__name__)]
    return [kind for kind in public_classes(iter(told)) if _is_value(kind)]


def _crosses(name: str) -> bool:
    return name.startswith("tifo.api.") or name.rpartition(".")[2] in (
        "ports",
        "routes",
        "settings",
        "entries",
    )


def _is_value(kind: type) -> bool:
    return issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind)


def mutable(kind: type) -> Iterator[str]:
    """A sentence for a value that can be changed, or that holds a list or a set."""
    frozen = (
        kind.__struct_config__.frozen
        if issubclass(kind, msgspec.Struct)
        else kind.__dataclass_params__.frozen
    )
    if not frozen:
        yield f"{kind.__qualname__} is not frozen"
    for name, hint in get_type_hints(kind).items():
        if str(hint).startswith(("list", "set", "bytearray")) or hint in (list, set, bytearray):
            yield f"{kind.__qualname__}.{name} is a {hint}: use a tuple or a frozenset"


def test_values_that_cross_are_frozen() -> None:
    found = values()
    assert len(found) > 50
    assert not [complaint for kind in found for complaint in mutable(kind)]


class Loose(msgspec.Struct):
    name: str


@dataclasses.dataclass
class Open:
    name: str


@dataclasses.dataclass(frozen=True)
class Holding:
    names: list[str]


@pytest.mark.parametrize("kind", [Loose, Open, Holding])
def test_value_that_can_change_is_complained_of(kind: type) -> None:
    assert list(mutable(kind))


# --- settings -----------------------------------------------------------------------------------------


def unexplained(kind: type[msgspec.Struct]) -> Iterator[str]:
    """A sentence for each field without a text under it, and each number whose name does not say of what."""
    docs = field_docs(kind)
    for name, hint in get_type_hints(kind).items():
        if struct_of(hint) is None and name not in docs:
            yield f"{kind.__qualname__}.{name} is not explained"
        if hint in (int, float) and not name.endswith(UNITS) and name not in SELF_EVIDENT:
            yield f"{kind.__qualname__}.{name} does not say what it counts"


def test_every_setting_is_explained() -> None:
    kinds = {kind for _, kind in sections("", Settings)}
    assert not [complaint for kind in kinds for complaint in unexplained(kind)]


def test_every_setting_is_refused_when_unknown() -> None:
    kinds = {kind for _, kind in sections("", Settings)}
    assert not [kind for kind in kinds if not kind.__struct_config__.forbid_unknown_fields]


class Puzzling(msgspec.Struct, frozen=True):
    interval: int = 3
    """How long."""
    lease_s: int = 30


def test_puzzling_setting_is_complained_of() -> None:
    assert list(unexplained(Puzzling)) == [
        "Puzzling.interval does not say what it counts",
        "Puzzling.lease_s is not explained",
    ]
