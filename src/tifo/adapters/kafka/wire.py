"""How a record stands in Kafka, and the names of topics and groups there."""

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Message

from tifo.eventlog.ports import Delivery, Letter, Partition, Record

Headers = Sequence[tuple[str, bytes]]


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


def message(record: Record, more: Headers = ()) -> dict[str, Any]:
    """The arguments of `produce` but the topic. Raises `UnicodeEncodeError` for what is no text."""
    headers = [("id", record.id.encode()), ("type", record.type.encode()), *more]
    return {
        "key": record.key.encode(),
        "value": record.value,
        "timestamp": round(record.at * 1_000),
        "headers": headers,
    }


def delivery(got: Message, prefix: str) -> Delivery:
    """What a consumer's message says; one that others wrote has no id but its place."""
    partition = Partition((got.topic() or "").removeprefix(f"{prefix}."), got.partition() or 0)
    return Delivery(got.offset() or 0, _record(got, _headers(got), partition), partition)


def letter(got: Message) -> Letter:
    """A dead letter as `letter_message` wrote it."""
    headers = _headers(got)
    parked_ms = headers.get("parked-ms", "")
    parked_at = int(parked_ms) / 1_000 if parked_ms.isdecimal() else 0.0
    return Letter(_record(got, headers, Partition("", 0)), headers.get("reason", ""), parked_at)


def letter_message(one: Letter) -> dict[str, Any]:
    """The arguments of `produce` but the topic."""
    return message(
        one.record,
        (
            ("topic", one.record.topic.encode()),
            ("reason", one.reason.encode(errors="replace")),
            ("parked-ms", str(round(one.parked_at * 1_000)).encode()),
        ),
    )


def again_message(one: Letter) -> dict[str, Any]:
    """The arguments of `produce` but the topic: the record as it was, and the topic it was of."""
    return message(one.record, (("topic", one.record.topic.encode()),))


def _record(got: Message, headers: Mapping[str, str], partition: Partition) -> Record:
    return Record(
        topic=headers.get("topic", partition.topic),
        key=_text(got.key()),
        id=headers.get("id") or f"{partition.topic}-{partition.number}-{got.offset()}",
        type=headers.get("type", ""),
        at=got.timestamp()[1] / 1_000,
        value=got.value() or b"",
    )


def _headers(got: Message) -> dict[str, str]:
    headers = got.headers() or []
    return {name: _text(value) for name, value in (headers.items() if isinstance(headers, dict) else headers)}


def _text(value: bytes | str | None) -> str:
    # Whatever others write: one message must not stop a group.
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
