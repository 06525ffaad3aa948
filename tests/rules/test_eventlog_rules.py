"""What goes first when there is no room, and how fast what waited is sent."""

import pytest

from tifo.api.events import (
    AdTracked,
    BreakDecided,
    Event,
    OperatorActed,
    PathwayUsed,
    PlaybackReported,
    SessionEnded,
    SessionRefused,
    SessionsRenewed,
    SessionStarted,
)
from tifo.eventlog.backlog import Backlog
from tifo.eventlog.ports import Record
from tifo.eventlog.records import to_record
from tifo.eventlog.rules import Worth, drain_pause_s, makes_room, worth

OF = {"session": "ses_1", "event": "final"}


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (PathwayUsed(pathway="cdn-a", **OF), Worth.TELEMETRY),
        (PlaybackReported(session="ses_1", values={}), Worth.TELEMETRY),
        (SessionsRenewed(batch="b", sessions=("ses_1",)), Worth.TELEMETRY),
        (SessionStarted(account="ada", device="d", device_kind="tv", **OF), Worth.SESSIONS),
        (SessionEnded(why="left", **OF), Worth.SESSIONS),
        (SessionRefused(account="ada", event="final", code="stream-limit"), Worth.SESSIONS),
        (BreakDecided(break_id="b", creatives=("a",), **OF), Worth.MONEY),
        (AdTracked(break_id="b", slot=1, creative="a", what="impression", **OF), Worth.MONEY),
        (OperatorActed(operator="o", action="kick", target="t"), Worth.MONEY),
    ],
)
def test_worth_of_each_event(event: Event, what: Worth) -> None:
    assert worth(to_record(event, "evt_1", 0.0)) is what


def test_topic_that_is_not_known_is_no_telemetry() -> None:
    assert worth(Record("tomorrow", "k", "evt_1", "t", 0.0, b"")) is Worth.SESSIONS


@pytest.mark.parametrize(
    ("waiting", "coming", "goes"),
    [
        ((), Worth.MONEY, None),
        ((Worth.MONEY,), Worth.MONEY, None),
        ((Worth.MONEY,), Worth.TELEMETRY, None),
        ((Worth.SESSIONS, Worth.MONEY), Worth.TELEMETRY, None),
        ((Worth.SESSIONS, Worth.MONEY), Worth.SESSIONS, Worth.SESSIONS),
        ((Worth.SESSIONS, Worth.MONEY), Worth.MONEY, Worth.SESSIONS),
        (tuple(Worth), Worth.TELEMETRY, Worth.TELEMETRY),
        (tuple(Worth), Worth.MONEY, Worth.TELEMETRY),
    ],
)
def test_least_worth_makes_room_and_money_never_does(waiting, coming: Worth, goes: Worth | None) -> None:
    assert makes_room(waiting, coming) is goes


@pytest.mark.parametrize(
    ("sent", "took_s", "arrived", "per_s", "pause_s"),
    [
        (500, 0.0, 0, 1_000.0, 0.5),
        (500, 0.2, 0, 1_000.0, 0.3),
        (500, 0.7, 0, 1_000.0, 0.0),
        (500, 0.1, 400, 1_000.0, 0.0),
        (500, 0.05, 100, 1_000.0, 0.075),
    ],
)
def test_drain_is_paced_and_faster_than_what_arrives(sent, took_s, arrived, per_s, pause_s) -> None:
    assert drain_pause_s(sent, took_s, arrived, per_s) == pytest.approx(pause_s)


def told(n: int, topic: str) -> Record:
    return Record(topic, "k", f"evt_{n}", "t", 0.0, b"")


def test_backlog_appends_money_first_and_drops_telemetry_first() -> None:
    backlog = Backlog()
    for n, topic in enumerate(("playback", "ads", "sessions", "playback", "ads")):
        backlog.put(told(n, topic))
    assert [one.id for one in backlog.first(3)] == ["evt_1", "evt_4", "evt_2"]
    assert [backlog.drop().id for _ in range(5)] == ["evt_0", "evt_3", "evt_2", "evt_1", "evt_4"]
    assert not backlog


def test_backlog_forgets_what_was_appended_though_some_was_dropped_meanwhile() -> None:
    backlog = Backlog()
    for n in range(4):
        backlog.put(told(n, "playback"))
    batch = backlog.first(3)
    backlog.drop()
    backlog.put(told(4, "playback"))
    backlog.remove(batch)
    assert [one.id for one in backlog.first(9)] == ["evt_3", "evt_4"]
