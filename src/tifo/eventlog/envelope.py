"""What every event says of itself, in the words of CloudEvents 1.0.2.

In Kafka these attributes are headers (binary content mode); `cloud_event` is the same event in JSON
(structured content mode), for whichever log it was read from.
"""

import json
import re
from functools import lru_cache
from typing import Any

from tifo.eventlog.ports import Record
from tifo.kernel.clock import rfc3339

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
TYPE_PREFIX = "tifo."
FIRST_VERSION = ".v1"

SOURCE = "/tifo"
"""The platform, as a URI reference. Not the node: what two nodes tell is one event by source and id."""

SCHEMAS = "urn:tifo:event:"
"""A schema's URI is this and its type with the version: a name, for there is no page behind it."""

_VERSIONED = re.compile(r".+\.v[1-9][0-9]*")


def versioned(tag: str) -> str:
    """`session.started.v1` for the tag `session.started`; a tag with a version is its own."""
    return tag if _VERSIONED.fullmatch(tag) else tag + FIRST_VERSION


def event_type(tag: str) -> str:
    """The attribute `type` of a record's type; `tag_of` is the other way round."""
    return TYPE_PREFIX + versioned(tag)


def tag_of(event_type: str) -> str:
    """A record's type by the attribute; somebody else's comes back as it is."""
    if not event_type.startswith(TYPE_PREFIX):
        return event_type
    return event_type.removeprefix(TYPE_PREFIX).removesuffix(FIRST_VERSION)


def schema_uri(tag: str) -> str:
    """The attribute `dataschema`, and the `$id` of the schema in `contracts/events/`."""
    return SCHEMAS + versioned(tag)


def event_time(at_ms: int) -> str:
    """The attribute `time` (RFC 3339, UTC, milliseconds) of epoch milliseconds."""
    second, ms = divmod(at_ms, 1_000)
    return f"{_second(second)}{ms:03d}Z"


@lru_cache(maxsize=64)
def _second(epoch_s: int) -> str:
    return rfc3339(float(epoch_s))[:-4]


def at_ms(record: Record) -> int:
    """When it happened, in epoch milliseconds."""
    return round(record.at * 1_000)


def cloud_event(record: Record, source: str) -> dict[str, Any]:
    """The record in CloudEvents' JSON format; a value that is no JSON stands as text."""
    told = {
        "specversion": SPEC_VERSION,
        "id": record.id,
        "source": source,
        "type": event_type(record.type),
        "time": event_time(at_ms(record)),
        "datacontenttype": CONTENT_TYPE,
        "dataschema": schema_uri(record.type),
    }
    if record.key:
        told["partitionkey"] = record.key
    return {**told, "data": _data(record.value)}


def _data(value: bytes) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value.decode(errors="replace")
