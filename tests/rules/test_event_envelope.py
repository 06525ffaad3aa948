"""Events as CloudEvents, held against the reader of the specification's own project."""

from datetime import UTC, datetime

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.v1 import kafka as older
from event_samples import AT, SOURCE, full, kinds
from kafka_messages import Got

from tifo.adapters.kafka import wire
from tifo.api.events import SessionEnded
from tifo.eventlog import envelope
from tifo.eventlog.ports import Letter, Record
from tifo.eventlog.records import to_record

WRITER = wire.Writer(SOURCE)
KINDS = pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)


def sample(kind) -> Record:
    return to_record(full(kind), "evt_1", AT)


def read(message: dict):
    return from_kafka_event(KafkaMessage(dict(message["headers"]), message["key"], message["value"]))


@KINDS
def test_message_in_kafka_is_a_cloud_event(kind) -> None:
    record = sample(kind)
    event = read(WRITER.message(record))
    assert event.get_specversion() == "1.0"
    assert event.get_id() == "evt_1"
    assert event.get_source() == SOURCE
    assert event.get_type() == f"tifo.{record.type}.v1"
    assert event.get_time() == datetime.fromtimestamp(AT, UTC)
    assert event.get_datacontenttype() == "application/json"
    assert event.get_dataschema() == f"urn:tifo:event:{record.type}.v1"
    assert event.get_extension("partitionkey") == record.key
    assert event.get_data() == msgspec.json.decode(record.value)


@KINDS
def test_partition_key_is_said_beside_the_key(kind) -> None:
    message = WRITER.message(sample(kind))
    assert dict(message["headers"])["ce_partitionkey"] == message["key"]


@KINDS
def test_record_of_any_log_is_the_same_cloud_event_in_json(kind) -> None:
    record = sample(kind)
    written = msgspec.json.encode(envelope.cloud_event(record, SOURCE))
    event, in_kafka = JSONFormat().read(None, written), read(WRITER.message(record))
    assert event.get_attributes() == in_kafka.get_attributes()
    assert event.get_data() == in_kafka.get_data()


@KINDS
def test_record_comes_back_from_kafka_as_it_was(kind) -> None:
    record = sample(kind)
    got = Got(WRITER.message(record), f"tifo.{record.topic}")
    assert wire.delivery(got, "tifo").record == record


def test_record_of_the_version_before_is_read() -> None:
    record = sample(SessionEnded)
    message = WRITER.message(record) | {"headers": [("id", b"evt_1"), ("type", b"session.ended")]}
    assert wire.delivery(Got(message, "tifo.sessions"), "tifo").record == record


def test_version_before_finds_its_headers() -> None:
    headers = dict(WRITER.message(sample(SessionEnded))["headers"])
    assert (headers["id"], headers["type"]) == (b"evt_1", b"session.ended")


def test_cloud_event_of_others_is_read_by_its_own_type() -> None:
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"a-1"), ("ce_type", b"com.example.thing.v1")]
    message = {"headers": headers, "key": None, "value": b"{}", "timestamp": 1_000}
    record = wire.delivery(Got(message, "tifo.sessions"), "tifo").record
    assert (record.id, record.type, record.key) == ("a-1", "com.example.thing.v1", "")


def test_letter_comes_back_with_its_reason() -> None:
    letter = Letter(sample(SessionEnded), "it does not read", AT)
    message = WRITER.letter_message(letter)
    assert wire.letter(Got(message, "tifo.insight.dead")) == letter
    assert read(message).get_type() == "tifo.session.ended.v1"


def test_what_has_no_key_says_none() -> None:
    record = Record("sessions", "", "evt_1", "session.ended", AT, b"{}")
    assert "ce_partitionkey" not in dict(WRITER.message(record)["headers"])
    assert "partitionkey" not in envelope.cloud_event(record, SOURCE)


def test_what_has_no_type_is_no_cloud_event() -> None:
    record = Record("sessions", "a", "sessions-0-1", "", AT, b"\xff")
    message = WRITER.message(record)
    assert dict(message["headers"]) == {"id": b"sessions-0-1"}
    assert wire.delivery(Got(message, "tifo.sessions"), "tifo").record == record


def test_value_that_is_no_json_stands_as_text() -> None:
    record = Record("sessions", "a", "evt_1", "session.ended", AT, b"{\xff")
    assert envelope.cloud_event(record, SOURCE)["data"] == "{\ufffd"


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("session.ended", "tifo.session.ended.v1"),
        ("session.ended.v2", "tifo.session.ended.v2"),
        ("session.ended.v12", "tifo.session.ended.v12"),
        ("ads.vast", "tifo.ads.vast.v1"),
    ],
)
def test_type_says_its_version_and_is_told_by_it(tag: str, told: str) -> None:
    assert envelope.event_type(tag) == told
    assert envelope.tag_of(told) == tag


@pytest.mark.parametrize(
    ("at", "said"), [(0.0, "00.000"), (1.0004, "01.000"), (1.0006, "01.001"), (59.9996, "00.000")]
)
def test_time_is_the_millisecond_of_the_message(at: float, said: str) -> None:
    message = WRITER.message(Record("sessions", "a", "evt_1", "session.ended", at, b"{}"))
    time = dict(message["headers"])["ce_time"].decode()
    assert time[17:-1] == said
    assert round(datetime.fromisoformat(time).timestamp() * 1_000) == message["timestamp"]


def test_reader_of_the_project_s_older_versions_agrees() -> None:
    message = WRITER.message(sample(SessionEnded))
    event = older.from_binary(KafkaMessage(dict(message["headers"]), message["key"], message["value"]))
    assert (event["id"], event["type"], event["source"]) == ("evt_1", "tifo.session.ended.v1", SOURCE)
    assert event.data == msgspec.json.decode(message["value"])
