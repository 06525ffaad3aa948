"""The contract of the events, made from their types: a JSON Schema for each, and AsyncAPI for all."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec

from tifo.api.events import TOPICS, AnyEvent, Event
from tifo.eventlog import envelope

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

CHANNELS: Mapping[str, str] = {
    "sessions": "Who comes, stays and leaves.",
    "playback": "What players report, and which CDN they are on.",
    "ads": "What breaks are filled with, and what was shown of it.",
    "control": "What operators do, and what looks wrong with those who watch.",
}
"""What each topic is for."""

_KAFKA = {"bindingVersion": "0.5.0"}
_HEADERS: Mapping[str, str] = {
    "ce_id": "Names the event: one that comes twice has one id, and is counted once.",
    "ce_source": "The platform, as the setting eventlog.source has it.",
    "ce_time": "When it happened (RFC 3339, UTC, milliseconds).",
    "ce_partitionkey": "The message's key; left out where that is empty.",
}


def kinds() -> tuple[type[Event], ...]:
    """Every type of event."""
    found: tuple[type[Event], ...] = get_args(AnyEvent)
    return found


def schemas() -> Iterator[tuple[str, Json]]:
    """(`session.started.v1`, its schema) of every type. `x-topic` and `x-key` say where it is in the log."""
    for kind in kinds():
        tag = str(kind.__struct_config__.tag)
        _, components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
        schema = components.pop(kind.__name__)
        told = {
            **schema,
            "$schema": DIALECT,
            "$id": envelope.schema_uri(tag),
            "description": inspect.getdoc(kind),
            "x-topic": kind.TOPIC,
            "x-key": kind.KEY,
        }
        yield envelope.versioned(tag), {**told, "$defs": components} if components else told


def asyncapi(version: str) -> Json:
    """AsyncAPI 3.0 of the event log in Kafka."""
    found = dict(schemas())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tifo's events",
            "version": version,
            "description": "What happens on the platform, as CloudEvents 1.0 in Kafka (binary content mode). "
            "Types only grow: pass over fields and types that you do not know. In each schema `x-personal` "
            "says how a field is about a person.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": envelope.CONTENT_TYPE,
        "servers": {
            "kafka": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "The brokers that the setting stores.eventlog names.",
            }
        },
        "channels": {topic: _channel(topic, found) for topic in TOPICS},
        "operations": {f"tell-{topic}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {name: _message(name, schema) for name, schema in found.items()},
            "schemas": {name: _embedded(schema) for name, schema in found.items()},
        },
    }


def _channel(topic: str, found: Mapping[str, Json]) -> Json:
    names = [name for name, schema in found.items() if schema["x-topic"] == topic]
    return {
        "address": f"{{prefix}}.{topic}",
        "description": CHANNELS[topic],
        "parameters": {
            "prefix": {"default": "tifo", "description": "As the setting stores.eventlog has it."}
        },
        "messages": {name: _reference("messages", name) for name in names},
        "bindings": {"kafka": _KAFKA},
    }


def _operation(topic: str) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": f"Tifo tells of it. {CHANNELS[topic]}",
    }


def _message(name: str, schema: Json) -> Json:
    key = {"type": "string", "description": f"The field {schema['x-key']}."}
    return {
        "name": envelope.event_type(name),
        "title": schema["title"],
        "summary": schema["description"].partition("\n")[0],
        "contentType": envelope.CONTENT_TYPE,
        "headers": _headers(name),
        "payload": _reference("schemas", name),
        "bindings": {"kafka": {"key": key, **_KAFKA}},
    }


def _headers(name: str) -> Json:
    fixed = {
        "ce_specversion": envelope.SPEC_VERSION,
        "ce_type": envelope.event_type(name),
        "ce_dataschema": envelope.schema_uri(name),
        "content-type": envelope.CONTENT_TYPE,
    }
    told = {header: {"type": "string", "description": meaning} for header, meaning in _HEADERS.items()}
    properties = told | {header: {"type": "string", "const": value} for header, value in fixed.items()}
    return {
        "type": "object",
        "required": sorted(properties.keys() - {"ce_partitionkey"}),
        "properties": properties,
    }


def _embedded(schema: Json) -> Json:
    return {name: value for name, value in schema.items() if name not in ("$schema", "$id")}


def _reference(part: str, name: str) -> Json:
    return {"$ref": f"#/components/{part}/{name}"}
