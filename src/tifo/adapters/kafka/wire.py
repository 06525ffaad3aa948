"""How a record stands in Kafka, and the names of topics and groups there."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from confluent_kafka import Message

from tifo.api.events import AnyEvent
from tifo.eventlog import envelope
from tifo.eventlog.ports import Delivery, Letter, Partition, Record

Headers = Sequence[tuple[str, bytes]]

_READ = frozenset({"ce_id", "ce_type", "id", "type", "topic", "reason", "parked-ms"})
"""Headers that are read: all else of a record is in its value, its key and its timestamp."""


def topic_name(prefix: str, topic: str) -> str:
    """The topic of ours by its name in the cluster."""
    return f"{prefix}.{topic}"


def group_name(prefix: str, group: str) -> str:
    """The group by its name in the cluster."""
    return f"{prefix}.{group}"


def dead_topic(prefix: str, group: str) -> str:
    """Where a group's dead letters are."""
    return f"{prefix}.{group}.dead"


def again_topic(prefix: str, group: str) -> str:
    """What is delivered again to one group only."""
    return f"{prefix}.{group}.again"


class Writer:
    """Messages of one platform: CloudEvents by the Kafka protocol binding, in binary content mode.

    What a type's headers have in common is encoded once. `id` and `type` are what the version before this
    one reads, which may still run beside it while a platform is upgraded.
    """

    def __init__(self, source: str) -> None:
        self._source = source.encode()
        tags = (str(kind.__struct_config__.tag) for kind in get_args(AnyEvent))
        self._fixed = {tag: self._headers_of(tag) for tag in tags}

    def message(self, record: Record, more: Headers = ()) -> dict[str, Any]:
        """The arguments of `produce` but the topic. Raises `UnicodeEncodeError` for what is no text."""
        key, event_id, at_ms = record.key.encode(), record.id.encode(), envelope.at_ms(record)
        headers = [("id", event_id), *more]
        if record.type:  # what others wrote without one is no CloudEvent
            headers += self._fixed.get(record.type) or self._headers_of(record.type)
            headers += (("ce_id", event_id), ("ce_time", envelope.event_time(at_ms).encode()))
            if key:  # an extension attribute is not empty
                headers.append(("ce_partitionkey", key))
        return {"key": key, "value": record.value, "timestamp": at_ms, "headers": headers}

    def letter_message(self, one: Letter) -> dict[str, Any]:
        """The arguments of `produce` but the topic."""
        return self.message(
            one.record,
            (
                ("topic", one.record.topic.encode()),
                ("reason", one.reason.encode(errors="replace")),
                ("parked-ms", str(round(one.parked_at * 1_000)).encode()),
            ),
        )

    def again_message(self, one: Letter) -> dict[str, Any]:
        """The arguments of `produce` but the topic: the record as it was, and the topic it was of."""
        return self.message(one.record, (("topic", one.record.topic.encode()),))

    def _headers_of(self, tag: str) -> Headers:
        return (
            ("ce_specversion", envelope.SPEC_VERSION.encode()),
            ("ce_source", self._source),
            ("ce_type", envelope.event_type(tag).encode()),
            ("ce_dataschema", envelope.schema_uri(tag).encode()),
            ("content-type", envelope.CONTENT_TYPE.encode()),
            ("type", tag.encode()),
        )


def delivery(got: Message, prefix: str) -> Delivery:
    """What a consumer's message says; one that others wrote has no id but its place."""
    partition = Partition((got.topic() or "").removeprefix(f"{prefix}."), got.partition() or 0)
    return Delivery(got.offset() or 0, _record(got, _headers(got), partition), partition)


def letter(got: Message) -> Letter:
    """A dead letter as `Writer.letter_message` wrote it."""
    headers = _headers(got)
    parked_ms = headers.get("parked-ms", "")
    parked_at = int(parked_ms) / 1_000 if parked_ms.isdecimal() else 0.0
    return Letter(_record(got, headers, Partition("", 0)), headers.get("reason", ""), parked_at)


def _record(got: Message, headers: Mapping[str, str], partition: Partition) -> Record:
    return Record(
        topic=headers.get("topic", partition.topic),
        key=_text(got.key()),
        id=headers.get("ce_id")
        or headers.get("id")
        or f"{partition.topic}-{partition.number}-{got.offset()}",
        type=envelope.tag_of(headers["ce_type"]) if "ce_type" in headers else headers.get("type", ""),
        at=got.timestamp()[1] / 1_000,
        value=got.value() or b"",
    )


def _headers(got: Message) -> dict[str, str]:
    headers = got.headers() or []
    told = headers.items() if isinstance(headers, dict) else headers
    return {name: _text(value) for name, value in told if name in _READ}


def _text(value: bytes | str | None) -> str:
    # Whatever others write: one message must not stop a group.
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
