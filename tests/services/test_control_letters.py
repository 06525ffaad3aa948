"""Dead letters in the control room: shown with their reasons, delivered again, and refused in words."""

import httpx
import pytest

from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import OperatorActed
from tifo.api.letters import LETTERS_REPLAYED_MAX, LETTERS_SHOWN_MAX, VALUE_LENGTH_MAX
from tifo.eventlog.ports import LETTERS_MAX, Delivery, Lag, Record
from tifo.kernel.errors import Unavailable

LETTERS = "/v1/control/letters/insight"


async def set_aside(log: SqliteEventLog, values: list[bytes]) -> None:
    await log.append(
        [Record("sessions", "ses_1", f"evt_{n}", "session.started", 1.5, v) for n, v in enumerate(values)]
    )
    consumer = await log.consumer("insight", ["sessions"], "node-1")
    for one in await consumer.poll():
        await consumer.park(one, "ZeroDivisionError()")
    await consumer.commit()
    await consumer.close()


async def polled(log: SqliteEventLog) -> tuple[Delivery, ...]:
    return await (await log.consumer("insight", ["sessions"], "node-1")).poll()


async def test_letters_are_shown_oldest_first_with_their_reasons(cockpit: httpx.AsyncClient, log) -> None:
    await set_aside(log, [b'{"device":"tv"}', b"\xff"])
    answer = (await cockpit.get(LETTERS)).json()
    first, second = answer["letters"]
    assert (first["id"], first["reason"], first["key"], first["type"], first["value"]) == (
        "evt_0", "ZeroDivisionError()", "ses_1", "session.started", '{"device":"tv"}',
    )  # fmt: skip
    assert (first["topic"], first["at"], first["cut"]) == ("sessions", "1970-01-01T00:00:01.500Z", False)
    assert second["value"] == "\N{REPLACEMENT CHARACTER}"
    assert answer["more"] is False


async def test_answer_is_bounded(cockpit: httpx.AsyncClient, log) -> None:
    await set_aside(log, [b"x" * (VALUE_LENGTH_MAX + 1)] * (LETTERS_SHOWN_MAX + 1))
    answer = (await cockpit.get(LETTERS)).json()
    assert (len(answer["letters"]), answer["more"]) == (LETTERS_SHOWN_MAX, True)
    assert (len(answer["letters"][0]["value"]), answer["letters"][0]["cut"]) == (VALUE_LENGTH_MAX, True)


async def test_replay_delivers_the_oldest_again_and_is_in_the_audit_trail(cockpit, log, audit, told) -> None:
    await set_aside(log, [b"{}"] * 3)
    answer = await cockpit.post(f"{LETTERS}/replay", json={"limit": 2}, headers={"X-Operator": "ada"})
    assert answer.json() == {"replayed": 2}
    assert [one.record.id for one in await polled(log)] == ["evt_0", "evt_1"]
    assert [one["id"] for one in (await cockpit.get(LETTERS)).json()["letters"]] == ["evt_2"]
    (entry,) = await audit.latest(5)
    assert (entry.operator, entry.action, entry.target) == ("ada", "replay-letters", "insight")
    assert entry.detail == "2 delivered again"
    assert [one.action for one in await told() if isinstance(one, OperatorActed)] == ["replay-letters"]


async def test_group_that_does_not_exist_is_not_found(cockpit: httpx.AsyncClient, log) -> None:
    await set_aside(log, [b"{}"])
    for answer in (
        await cockpit.get("/v1/control/letters/nobody"),
        await cockpit.post("/v1/control/letters/nobody/replay", json={}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert "insight" in answer.json()["detail"]


@pytest.mark.parametrize("limit", [0, LETTERS_REPLAYED_MAX + 1, "all"])
async def test_number_that_is_none_is_refused(cockpit: httpx.AsyncClient, log, limit) -> None:
    await set_aside(log, [b"{}"])
    answer = await cockpit.post(f"{LETTERS}/replay", json={"limit": limit})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert await polled(log) == ()


async def test_log_that_does_not_answer_is_unavailable(cockpit: httpx.AsyncClient, log, monkeypatch) -> None:
    async def gone() -> tuple[Lag, ...]:
        raise Unavailable("eventlog", "down")

    monkeypatch.setattr(log, "lag", gone)
    for answer in (await cockpit.get(LETTERS), await cockpit.post(f"{LETTERS}/replay", json={})):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_as_many_may_be_asked_for_as_a_log_delivers_at_once() -> None:
    assert LETTERS_REPLAYED_MAX == LETTERS_MAX
