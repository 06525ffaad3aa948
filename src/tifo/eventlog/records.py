"""How a typed event stands in the log, and how it is read back by this version or another."""

from collections.abc import Iterable

import msgspec

from tifo.api.events import AnyEvent, Event
from tifo.eventlog.ports import RECORD_BYTES_MAX, Record

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def refuse_long(records: Iterable[Record]) -> None:
    """Raises `ValueError` for a record whose value is longer than any may be."""
    if any(len(record.value) > RECORD_BYTES_MAX for record in records):
        raise ValueError(f"a record is longer than {RECORD_BYTES_MAX} bytes")


def to_record(event: Event, event_id: str, at: float) -> Record:
    """The event as a record of the log."""
    tag = type(event).__struct_config__.tag
    return Record(event.TOPIC, getattr(event, event.KEY), event_id, str(tag), at, _encode(event))


def from_record(record: Record) -> AnyEvent | None:
    """The typed event, or None when this version cannot read it: one record must not stop a group."""
    try:
        return _decoder.decode(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
