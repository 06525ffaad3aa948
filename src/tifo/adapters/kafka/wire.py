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
    headers = _headers(got)
    return Delivery(got.offset() or 0, _record(got, headers, partition), partition)


def letter(got: Message) -> Letter:
    """A dead letter as `letter_message` wrote it."""
    headers = _headers(got)
    parked_at = int(headers.get("parked-ms", b"0")) / 1_000
    reason = headers.get("reason", b"").decode(errors="replace")
    return Letter(_record(got, headers, Partition("", 0)), reason, parked_at)


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


def _record(got: Message, headers: Mapping[str, bytes], partition: Partition) -> Record:
    key = (got.key() or b"").decode(errors="replace")
    return Record(
        topic=headers["topic"].decode() if "topic" in headers else partition.topic,
        key=key,
        id=headers["id"].decode() if "id" in headers else f"{partition.number}-{got.offset()}",
        type=headers.get("type", b"").decode(errors="replace"),
        at=got.timestamp()[1] / 1_000,
        value=got.value() or b"",
    )


def _headers(got: Message) -> dict[str, bytes]:
    headers = got.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {name: value for name, value in pairs if isinstance(value, bytes)}
