"""Events on their way to the log: told ones never fail nor wait, kept ones are durable or refused."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from patience import WITHIN_S_MAX

from tifo.api.events import OperatorActed, PlaybackReported, SessionEnded, SessionRefused
from tifo.eventlog import publisher as publishing
from tifo.eventlog.ports import Consumer, EventLog, Lag, Record
from tifo.eventlog.pseudonyms import Pseudonyms
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SequentialIds
from tifo.telemetry.metrics import EVENTS_DROPPED
from tifo.tokens.keys import Keyring


class Gate(EventLog):
    """A log that can be shut: keeps what it is given in a list, or refuses, or makes its callers wait."""

    def __init__(self) -> None:
        self.kept: list[Record] = []
        self.appends = 0
        self.failing = False
        self.open = asyncio.Event()
        self.open.set()

    async def append(self, records: Sequence[Record]) -> None:
        self.appends += 1
        await self.open.wait()
        if self.failing:
            raise Unavailable("eventlog", "disk full")
        self.kept.extend(records)

    async def consumer(self, group: str, topics: Sequence[str], member: str) -> Consumer:
        raise Unavailable("eventlog", "nobody reads here")

    async def lag(self) -> tuple[Lag, ...]:
        return ()

    async def close(self) -> None:
        self.open.set()


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
async def sender(
    gate: Gate, clock: ManualClock, ids: SequentialIds, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Publisher]:
    monkeypatch.setattr(publishing, "RETRY_S", 0.01)
    sender = Publisher(gate, clock, ids)
    await sender.open()
    yield sender
    gate.open.set()
    await sender.close()


def ended(n: int) -> SessionEnded:
    return SessionEnded(session=f"ses_{n}", event="final", why="left")


def keys(gate: Gate) -> list[str]:
    return [record.key for record in gate.kept]


async def test_told_event_arrives_as_a_record(
    sender: Publisher, gate: Gate, clock: ManualClock, until
) -> None:
    sender.tell(ended(1))
    await until(lambda: bool(gate.kept))
    (record,) = gate.kept
    assert (record.topic, record.key, record.type, record.at) == (
        "sessions",
        "ses_1",
        "session.ended",
        clock.now(),
    )
    assert record.id == "evt_00000000000000000001"


async def test_order_is_kept(sender: Publisher, gate: Gate, until) -> None:
    for n in range(1_200):
        sender.tell(ended(n))
    await until(lambda: len(gate.kept) == 1_200)
    assert keys(gate) == [f"ses_{n}" for n in range(1_200)]
    assert gate.appends == 3


async def test_told_events_wait_while_the_log_fails_and_arrive_once(
    sender: Publisher, gate: Gate, until
) -> None:
    gate.failing = True
    for n in range(5):
        sender.tell(ended(n))
    await until(lambda: gate.appends >= 3)
    assert sender.failing
    gate.failing = False
    await until(lambda: len(gate.kept) == 5)
    assert keys(gate) == [f"ses_{n}" for n in range(5)]
    await until(lambda: not sender.failing)


async def test_failure_is_said_once_and_so_is_its_end(sender: Publisher, gate: Gate, logged, until) -> None:
    gate.failing = True
    sender.tell(ended(1))
    await until(lambda: gate.appends >= 3)
    gate.failing = False
    await until(lambda: bool(gate.kept))
    assert [entry["event"] for entry in logged] == ["eventlog.failing", "eventlog.back"]


async def test_backlog_is_bounded_and_the_oldest_make_room(
    sender: Publisher, gate: Gate, monkeypatch: pytest.MonkeyPatch, until
) -> None:
    monkeypatch.setattr(publishing, "BACKLOG_RECORDS_MAX", 3)
    gate.failing = True
    before = EVENTS_DROPPED.labels("sessions")._value.get()
    for n in range(5):
        sender.tell(ended(n))
    gate.failing = False
    await until(lambda: len(gate.kept) == 3)
    assert keys(gate) == ["ses_2", "ses_3", "ses_4"]
    assert EVENTS_DROPPED.labels("sessions")._value.get() == before + 2


async def test_telemetry_makes_room_in_the_backlog_for_money(
    sender: Publisher, gate: Gate, monkeypatch: pytest.MonkeyPatch, until
) -> None:
    monkeypatch.setattr(publishing, "BACKLOG_RECORDS_MAX", 3)
    gate.failing = True
    before = EVENTS_DROPPED.labels("playback")._value.get()
    sender.tell(OperatorActed(operator="o", action="kick", target="first"))
    for n in range(4):
        sender.tell(PlaybackReported(session=f"ses_{n}", values={}))
    sender.tell(OperatorActed(operator="o", action="kick", target="last"))
    gate.failing = False
    await until(lambda: len(gate.kept) == 3)
    assert keys(gate) == ["first", "last", "ses_3"]
    assert EVENTS_DROPPED.labels("playback")._value.get() == before + 3


async def test_what_is_told_while_an_append_is_under_way_pushes_out_no_other(
    sender: Publisher, gate: Gate, monkeypatch: pytest.MonkeyPatch, until
) -> None:
    monkeypatch.setattr(publishing, "BACKLOG_RECORDS_MAX", 3)
    gate.open.clear()
    for n in range(3):
        sender.tell(ended(n))
    await until(lambda: gate.appends == 1)
    for n in range(3, 5):
        sender.tell(ended(n))
    gate.open.set()
    await until(lambda: len(gate.kept) == 5)
    assert keys(gate) == [f"ses_{n}" for n in range(5)]


async def test_event_that_is_too_long_is_dropped_and_the_next_arrives(
    sender: Publisher, gate: Gate, until
) -> None:
    sender.tell(OperatorActed(operator="o", action="kick", target="t", detail="x" * 70_000))
    sender.tell(ended(1))
    await until(lambda: bool(gate.kept))
    assert keys(gate) == ["ses_1"]


async def test_kept_event_is_durable_when_keep_returns(sender: Publisher, gate: Gate) -> None:
    await sender.keep([ended(1), ended(2)])
    assert keys(gate) == ["ses_1", "ses_2"]


async def test_kept_event_of_a_failing_log_is_refused(sender: Publisher, gate: Gate) -> None:
    gate.failing = True
    with pytest.raises(Unavailable):
        await sender.keep([ended(1)])
    assert sender.failing
    gate.failing = False
    await sender.keep([ended(2)])
    assert not sender.failing
    assert keys(gate) == ["ses_2"]


async def test_close_sends_what_is_left(sender: Publisher, gate: Gate) -> None:
    for n in range(700):
        sender.tell(ended(n))
    await sender.close()
    assert len(gate.kept) == 700


async def test_close_sends_an_append_under_way_once(sender: Publisher, gate: Gate, until) -> None:
    gate.open.clear()
    sender.tell(ended(1))
    await until(lambda: gate.appends == 1)
    closing = asyncio.create_task(sender.close())
    await asyncio.sleep(0)
    gate.open.set()
    await closing
    assert keys(gate) == ["ses_1"]


async def test_close_tries_once_more_a_log_that_failed(sender: Publisher, gate: Gate, until) -> None:
    gate.failing = True
    sender.tell(ended(1))
    await until(lambda: sender.failing)
    gate.failing = False
    await sender.close()
    assert keys(gate) == ["ses_1"]


async def test_close_of_a_log_that_hangs_is_bounded(
    sender: Publisher, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "CLOSE_S_MAX", 0.05)
    gate.open.clear()
    sender.tell(ended(1))
    async with asyncio.timeout(WITHIN_S_MAX):
        await sender.close()
    assert gate.kept == []


async def test_close_of_a_log_that_fails_is_over_at_once(
    sender: Publisher, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "CLOSE_S_MAX", 3_600.0)
    gate.failing = True
    sender.tell(ended(1))
    async with asyncio.timeout(WITHIN_S_MAX):
        await sender.close()
        await sender.close()


async def test_many_callers_at_once_lose_nothing(sender: Publisher, gate: Gate) -> None:
    async def say(n: int) -> None:
        sender.tell(ended(n))
        await sender.keep([ended(n + 1_000)])

    await asyncio.gather(*map(say, range(200)))
    await sender.close()
    assert len(set(keys(gate))) == len(gate.kept) == 400


async def test_event_that_nobody_waits_for_is_durable_at_once_while_the_log_keeps(sender, gate: Gate) -> None:
    assert await sender.keep_or_tell(ended(1))
    assert keys(gate) == ["ses_1"]


async def test_event_whose_append_failed_arrives_later_under_its_own_id(sender, gate: Gate, until) -> None:
    gate.failing = True
    assert not await sender.keep_or_tell(ended(1))
    gate.failing = False
    await until(lambda: bool(gate.kept))
    assert [record.id for record in gate.kept] == ["evt_00000000000000000001"]


async def test_nobody_waits_for_a_log_that_is_known_to_fail(sender, gate: Gate) -> None:
    gate.failing = True
    sender.tell(ended(1))
    await sender.keep_or_tell(ended(2))
    gate.open.clear()
    async with asyncio.timeout(WITHIN_S_MAX):
        assert not await sender.keep_or_tell(ended(3))
    gate.failing = False


async def test_accounts_are_told_by_pseudonyms(gate: Gate, clock: ManualClock, ids: SequentialIds) -> None:
    names = Pseudonyms(Keyring("p1", {"p1": b"5" * 32}), 86_400)
    sender = Publisher(gate, clock, ids, names)
    refused = SessionRefused(account="ada", event="final", code="stream-limit")
    await sender.keep([refused])
    assert await sender.keep_or_tell(refused, "evt_own")
    sender.tell(refused)
    await sender.open()
    await sender.close()
    assert len(gate.kept) == 3
    assert {one.key for one in gate.kept} == {names.of("account", "ada", clock.now())}
    assert not [one for one in gate.kept if b"ada" in one.value]


async def test_rates_are_of_what_was_kept_since_they_were_asked_for(sender: Publisher, gate: Gate) -> None:
    assert sender.appended_per_s(1.0) == {}
    await sender.keep([ended(1), ended(2)])
    gate.failing = True
    with pytest.raises(Unavailable):
        await sender.keep([ended(3)])
    assert sender.appended_per_s(4.0) == {"sessions": 0.5}
    assert sender.appended_per_s(4.0) == {"sessions": 0.0}
