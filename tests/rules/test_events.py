"""How events stand in the log, and what a version makes of what another one wrote."""

from typing import get_args

import msgspec
import pytest

from tifo.api import events
from tifo.api.events import TOPICS, AnyEvent, Event, SessionEnded
from tifo.eventlog.ports import Record
from tifo.eventlog.records import from_record, to_record

NOW = 1_800_000_000.0
EXAMPLES: tuple[Event, ...] = (
    events.SessionStarted(session="s", event="final", account="a", device="d", device_kind="tv"),
    events.SessionsRenewed(batch="ren_1", sessions=("s", "t")),
    SessionEnded(session="s", event="final", why="left"),
    events.SessionRefused(account="a", event="final", code="stream-limit"),
    events.PathwayUsed(session="s", event="final", pathway="cdn-a"),
    events.PlaybackReported(session="s", values={"sid": "s", "br": [[1, {"v": True}]]}),
    events.BreakDecided(session="s", event="final", break_id="brk-1", creatives=("house-1",)),
    events.AdTracked(session="s", event="final", break_id="brk-1", slot=1, creative="c", what="complete"),
    events.OperatorActed(operator="ada", action="kick", target="s"),
    events.AnomalyBegan(
        anomaly="cdn-lost-1-cdn-a",
        what="cdn-lost",
        subject="cdn-a",
        evidence="cdn-a has 2.",
        figures={"now": 2.0},
    ),
    events.AnomalyEnded(anomaly="cdn-lost-1-cdn-a", what="cdn-lost", subject="cdn-a", lasted_s=60.0),
)


def record(value: bytes) -> Record:
    return Record("sessions", "s", "evt_1", "session.ended", NOW, value)


def test_every_event_has_its_example() -> None:
    assert {type(example) for example in EXAMPLES} == set(get_args(AnyEvent))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_event_comes_back_as_it_was(event: Event) -> None:
    written = to_record(event, "evt_1", NOW)
    assert from_record(written) == event
    assert (written.id, written.at) == ("evt_1", NOW)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_event_has_a_topic_and_a_key_that_orders_it(event: Event) -> None:
    written = to_record(event, "evt_1", NOW)
    assert written.topic in TOPICS
    assert written.key == getattr(event, event.KEY) != ""
    assert written.type == msgspec.json.decode(written.value)["type"]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"type":"session.vanished","session":"s"}',
        b'{"type":"session.ended","session":"s"}',
        b'{"type":"session.ended","session":7,"event":"e","why":"w"}',
        b'{"type":"session.ended","session":"\xff","event":"e","why":"w"}',
    ],
)
def test_record_that_this_version_cannot_read_is_none(value: bytes) -> None:
    assert from_record(record(value)) is None


def test_field_that_a_later_version_added_is_passed_over() -> None:
    later = b'{"type":"session.ended","session":"s","event":"final","why":"left","mood":"sad"}'
    assert from_record(record(later)) == SessionEnded(session="s", event="final", why="left")
