"""What stands in the table of the books, and how changes of it go into transactions (docs/books-table.md)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec

from tifo.workers.billing.ports import Fact
from tifo.workers.billing.slots import Line, Slot, joined, lines

Item = Mapping[str, Mapping[str, Any]]
"""An item as DynamoDB spells it: `{"pk": {"S": "BS"}, ...}`."""

ACTIONS_MAX = 100
"""Items that one transaction may write."""

FACT_BYTES_MAX = 4_096
"""Bytes of a fact, so that a hundred of what comes of them are far below a transaction's four megabytes."""

NEWEST = "BS"
"""The partition key of the newest time of each partition of the log."""

_encode = msgspec.msgpack.Encoder().encode
_decode_slot = msgspec.msgpack.Decoder(Slot).decode
_decode_line = msgspec.msgpack.Decoder(Line).decode


@dataclass(frozen=True, slots=True)
class Found:
    """A slot as it stood in the table."""

    slot: Slot
    raw: bytes


@dataclass(slots=True)
class Booked:
    """One transaction's work: slots as they were and are, what it adds to each line, and the facts in it."""

    slots: dict[bytes, tuple[Found | None, Slot]] = field(default_factory=dict)
    counts: Counter[Line] = field(default_factory=Counter)
    news: int = 0

    def has_room_for(self, counts: Counter[Line]) -> bool:
        """Whether one more slot with these lines is still one transaction."""
        return len(self.slots) + 1 + len(self.counts.keys() | counts.keys()) <= ACTIONS_MAX


def checked(fact: Fact) -> Fact:
    """The fact; raises `ValueError` for one that no table takes."""
    if len(_encode(fact)) > FACT_BYTES_MAX:
        raise ValueError(f"a fact of more than {FACT_BYTES_MAX} bytes")
    return fact


def booked(
    told: Mapping[bytes, Sequence[Fact]], found: Mapping[bytes, Found], late_s_max: float
) -> Iterator[Booked]:
    """What the facts of each slot change, in as few transactions as that takes."""
    work = Booked()
    for key, facts in told.items():
        before = found.get(key)
        slot, news = _told(before.slot if before else None, facts, late_s_max)
        if not news or slot is None:
            continue
        counts = _change(before.slot if before else None, slot)
        if not work.has_room_for(counts):
            yield work
            work = Booked()
        work.slots[key] = (before, slot)
        work.counts.update(counts)
        work.news += news
    if work.slots:
        yield work


def _told(slot: Slot | None, facts: Iterable[Fact], late_s_max: float) -> tuple[Slot | None, int]:
    news = 0
    for fact in facts:
        after = joined(slot, fact, late_s_max)
        news += after is not slot
        slot = after
    return slot, news


def _change(before: Slot | None, after: Slot) -> Counter[Line]:
    """What is added to each line when a slot becomes another; nothing of what stays."""
    counts = Counter(lines(after))
    counts.subtract(lines(before) if before is not None else ())
    return Counter({line: count for line, count in counts.items() if count})


# --- keys and items -------------------------------------------------------------------------------------


def slot_key(key: bytes) -> Item:
    """Slots spread over the table's partitions by the hash that their key is."""
    return {"pk": {"S": f"B#{key.hex()}"}, "sk": {"S": "B"}}


def newest_key(partition: int) -> Item:
    """That of the newest time of a partition of the log."""
    return {"pk": {"S": NEWEST}, "sk": {"S": str(partition)}}


def lines_of(partition: int) -> str:
    """The partition key of the lines that one partition of the log has counted."""
    return f"BL#{partition}"


def hour_of(hour: float) -> str:
    """What sort keys of an hour's lines begin with: they sort as the hours do."""
    return f"{int(hour):013d}"


def found_slot(item: Item) -> tuple[bytes, Found]:
    """A slot that was read, and whose it is."""
    raw = bytes(item["slot"]["B"])
    return bytes.fromhex(item["pk"]["S"].removeprefix("B#")), Found(_decode_slot(raw), raw)


def found_line(item: Item) -> tuple[Line, int]:
    """A line that was read, and its count."""
    return _decode_line(bytes(item["line"]["B"])), int(item["count"]["N"])


# --- actions of a transaction ---------------------------------------------------------------------------


def put_slot(table: str, key: bytes, before: Found | None, slot: Slot, expires: float) -> Mapping[str, Any]:
    """The slot as it is now, if it still stands there as it was read."""
    unchanged: Mapping[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if before is not None:
        unchanged = {
            "ConditionExpression": "slot = :before",
            "ExpressionAttributeValues": {":before": {"B": before.raw}},
        }
    item = {**slot_key(key), "slot": {"B": _encode(slot)}, "expires": _number(int(expires))}
    return {"Put": {"TableName": table, "Item": item, **unchanged}}


def add_to_line(table: str, partition: int, line: Line, count: int, expires: float) -> Mapping[str, Any]:
    """So many more, or fewer, in a line; it is made when it is not there."""
    told = _encode(line)
    name = blake2b(told, digest_size=12).hexdigest()
    key = {"pk": {"S": lines_of(partition)}, "sk": {"S": f"{hour_of(line.hour)}#{name}"}}
    return {
        "Update": {
            "TableName": table,
            "Key": key,
            "UpdateExpression": "SET #line = :line, #event = :event, #expires = :expires ADD #count :count",
            "ExpressionAttributeNames": {f"#{one}": one for one in ("line", "event", "expires", "count")},
            "ExpressionAttributeValues": {
                ":line": {"B": told},
                ":event": {"S": line.event},
                ":expires": _number(int(expires)),
                ":count": _number(count),
            },
        }
    }


def _number(value: float) -> Mapping[str, str]:
    return {"N": repr(value)}
