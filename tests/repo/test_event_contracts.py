"""Events only grow: what a release wrote is read today, and what is written today a release can read."""

import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from event_samples import AT, kinds, samples
from jsonschema import Draft202012Validator
from kafka_messages import Got

from oracles import node
from tifo import export
from tifo.adapters.kafka import wire
from tifo.api.personal import PLAIN, Text, personal_fields
from tifo.eventlog.envelope import versioned
from tifo.eventlog.ports import Record
from tifo.eventlog.records import from_record, to_record
from tifo.eventlog.schemas import schemas

Json = dict[str, Any]

DATA = Path(__file__).parent / "data"
RELEASES = sorted(DATA.glob("events-*"))

HOW = "put it back, or add a type of the next version beside this one (docs/events.md#changing-a-type)"
DEFAULT = "give it a default: records that are in the log do not have it (docs/events.md#changing-a-type)"

releases = pytest.mark.parametrize("release", RELEASES, ids=lambda folder: folder.name)


def broken(old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    """A sentence for everything that readers or records of `old` rely on and `new` does not keep."""
    for name, before in old.items():
        if name not in new:
            yield f"{name} is gone: {HOW}"
            continue
        now = new[name]
        for told in ("x-topic", "x-key"):
            if before[told] != now[told]:
                yield f"{name}: its {told[2:]} is {now[told]} now and was {before[told]}: {HOW}"
        yield from (f"{name}: {why}" for why in _fields_broken(before, now))


def _fields_broken(before: Json, now: Json) -> Iterator[str]:
    fields, had = now["properties"], before["properties"]
    for name, schema in had.items():
        if name not in fields:
            yield f"{name} is gone or has another name: {HOW}"
        elif _type(schema) != _type(fields[name]):
            yield f"{name} is {_type(fields[name])} now and was {_type(schema)}: {HOW}"
    for name in now["required"]:
        if name not in before["required"]:
            yield f"{name} is {'new' if name not in had else 'needed now'}: {DEFAULT}"


def _type(schema: Any) -> Any:
    """What values a schema lets in, without what it says of them to people."""
    if isinstance(schema, dict):
        kept = {name: _type(one) for name, one in schema.items() if not name.startswith("x-")}
        return {name: one for name, one in kept.items() if name not in ("description", "title", "default")}
    return [_type(one) for one in schema] if isinstance(schema, list) else schema


def kept(release: Path, name: str) -> Any:
    return json.loads((release / name).read_text())


def code_of(release: Path) -> ModuleType:
    """The release's types of events, as they were."""
    name = release.name.replace("-", "_").replace(".", "_")
    spec = importlib.util.spec_from_file_location(name, release / "events.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def message_of(one: Json) -> Got:
    headers = [(name, value.encode()) for name, value in one["headers"].items()]
    return Got(one | {"key": one["key"].encode(), "value": one["value"].encode(), "headers": headers})


@pytest.fixture(scope="module")
def today() -> Mapping[str, Json]:
    return dict(schemas())


# --- from one version to another ----------------------------------------------------------------------


def test_there_is_a_release_to_hold_against() -> None:
    assert RELEASES


@releases
def test_releases_are_kept_whole(release: Path) -> None:
    types = {versioned(one["headers"]["type"]) for one in kept(release, "records.json")}
    assert types == set(kept(release, "schemas.json"))


@releases
def test_types_only_grow(release: Path, today) -> None:
    assert not list(broken(kept(release, "schemas.json"), today))


@releases
def test_records_of_a_release_are_read(release: Path) -> None:
    for one in kept(release, "records.json"):
        record = wire.delivery(message_of(one), "tifo").record
        event = from_record(record)
        assert event is not None
        assert (record.topic, record.key, record.type) == (one["topic"], one["key"], one["headers"]["type"])
        assert record.id.startswith("evt_")
        assert record.at == AT
        again = json.loads(to_record(event, record.id, AT).value)
        assert again | json.loads(one["value"]) == again, "no field that it had says something else"


@releases
def test_records_of_today_are_read_by_a_release(release: Path) -> None:
    old = code_of(release)
    decoder, known = msgspec.json.Decoder(old.AnyEvent), kept(release, "schemas.json")
    for record in written():
        if versioned(record.type) not in known:
            with pytest.raises(msgspec.ValidationError):
                decoder.decode(record.value)  # which its workers pass over
            continue
        read = json.loads(msgspec.json.encode(decoder.decode(record.value)))
        assert read.items() <= json.loads(record.value).items()
        Draft202012Validator(known[versioned(record.type)]).validate(json.loads(record.value))


def written() -> Iterator[Record]:
    for kind in kinds():
        yield from (to_record(event, "evt_1", AT) for event in samples(kind))


def test_records_are_as_their_schema_says(today) -> None:
    for record in written():
        Draft202012Validator(today[versioned(record.type)]).validate(json.loads(record.value))


def test_schemas_are_schemas(today) -> None:
    for schema in today.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda new: new.pop("session.ended.v1"), "session.ended.v1 is gone: put it back"),
        (
            lambda new: fields(new).pop("why"),
            "session.ended.v1: why is gone or has another name: put it back",
        ),
        (lambda new: fields(new).update(why={"type": "integer"}), "why is {'type': 'integer'} now"),
        (lambda new: fields(new)["why"].update(maxLength=3), "why is {'type': 'string', 'maxLength': 3} now"),
        (lambda new: fields(new).update(why={"enum": ["left"]}), "why is {'enum': ['left']} now"),
        (lambda new: needs(new, "place"), "session.ended.v1: place is new: give it a default"),
        (lambda new: new["session.ended.v1"].update({"x-topic": "ads"}), "its topic is ads now"),
        (lambda new: new["session.ended.v1"].update({"x-key": "why"}), "its key is why now"),
    ],
    ids=["type-gone", "field-gone", "other-type", "narrower", "closed", "no-default", "topic", "key"],
)
def test_change_that_breaks_others_is_complained_of(today, change, says: str) -> None:
    new = json.loads(json.dumps(today))
    change(new)
    (complaint,) = broken(today, new)
    assert says in complaint
    assert "docs/events.md#changing-a-type" in complaint


def test_field_that_was_optional_stays_optional(today) -> None:
    new = json.loads(json.dumps(today))
    new["session.started.v1"]["required"].append("isp")
    (complaint,) = broken(today, new)
    assert "isp is needed now: give it a default" in complaint


def test_new_types_fields_and_words_break_nobody(today) -> None:
    new = json.loads(json.dumps(today))
    new["session.moved.v1"] = new["session.ended.v1"]
    fields(new)["place"] = {"type": "string", "default": ""}
    fields(new)["why"] |= {"description": "Why it ended.", "x-personal": "remark"}
    assert not list(broken(today, new))


def fields(new: Json) -> Json:
    return new["session.ended.v1"]["properties"]


def needs(new: Json, name: str) -> None:
    fields(new)[name] = {"type": "string"}
    new["session.ended.v1"]["required"].append(name)


# --- who is spoken of -----------------------------------------------------------------------------------


def unclassified(kind: type[msgspec.Struct]) -> Iterator[str]:
    for name, said in personal_fields(kind).items():
        if said is None:
            yield f"{kind.__name__}.{name} says not whom it is about: see tifo/api/personal.py"


def test_every_field_says_whether_it_is_about_a_person() -> None:
    assert not [complaint for kind in kinds() for complaint in unclassified(kind)]


class Vague(msgspec.Struct):
    said: Text
    mood: str


def test_field_that_does_not_say_is_complained_of() -> None:
    assert list(unclassified(Vague)) == ["Vague.mood says not whom it is about: see tifo/api/personal.py"]
    assert personal_fields(Vague)["said"] is PLAIN.extra_json_schema["x-personal"] is False


def test_schemas_say_it_too(today) -> None:
    for kind in kinds():
        schema = today[versioned(str(kind.__struct_config__.tag))]["properties"]
        assert {name: schema[name]["x-personal"] for name in schema if name != "type"} == personal_fields(
            kind
        )


# --- AsyncAPI -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> Json:
    return json.loads(export.contracts()["asyncapi.json"])


@pytest.fixture(scope="module")
def parsed(document) -> Json:
    return node("parse", "asyncapi.mjs", document=json.dumps(document))


def problems(parsed: Json) -> list[str]:
    return [one["code"] for one in parsed["problems"] if one["code"] != "asyncapi-latest-version"]


def test_asyncapi_is_valid(parsed) -> None:
    assert not problems(parsed)


def test_asyncapi_says_where_every_type_is_and_what_it_has(parsed, today) -> None:
    read = parsed["read"]
    assert read["version"] == "3.0.0"
    assert sorted(read["channels"]) == sorted(read["sends"])
    found = {
        (address, one["name"], *one["fields"]): one
        for address, messages in read["channels"].items()
        for one in messages
    }
    assert found.keys() == {
        (f"{{prefix}}.{schema['x-topic']}", f"tifo.{name}", *sorted(schema["properties"]))
        for name, schema in today.items()
    }
    assert {one["key"] for one in found.values()} == {"string"}


def test_asyncapi_names_the_headers_that_are_written(document) -> None:
    record = next(written())
    message = document["components"]["messages"][versioned(record.type)]
    headers = {name: value.decode() for name, value in wire.Writer("/tifo").message(record)["headers"]}
    Draft202012Validator(message["headers"]).validate(headers)
    assert headers.keys() - {"id", "type"} == message["headers"]["properties"].keys()


def test_invalid_asyncapi_is_complained_of(document) -> None:
    wrong = json.loads(json.dumps(document))
    wrong["channels"]["ads"]["messages"]["ads.decided.v1"]["$ref"] = "#/components/messages/nowhere"
    assert problems(node("parse", "asyncapi.mjs", document=json.dumps(wrong)))
