"""The contract of the audit trail, over every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tifo.adapters.sqlite.audit import SqliteAuditTrail
from tifo.api.control import AuditEntry
from tifo.services.control.ports import AuditTrail

Opener = Callable[[], AuditTrail]


@pytest.fixture(params=["sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    openers: dict[str, Opener] = {"sqlite": lambda: SqliteAuditTrail(tmp_path / "audit.db")}
    return openers[request.param]


@pytest.fixture
async def trail(reopen: Opener) -> AsyncIterator[AuditTrail]:
    trail = reopen()
    yield trail
    await trail.close()


def entry(n: int) -> AuditEntry:
    return AuditEntry("2027-01-15T08:00:00.000Z", f"operator-{n}", "kick", f"ses_{n}", "« Ça suffit »")


async def test_new_trail_is_empty(trail: AuditTrail) -> None:
    assert await trail.latest(10) == ()


async def test_entries_come_back_whole_and_newest_first(trail: AuditTrail) -> None:
    for n in range(3):
        await trail.note(entry(n))
    assert await trail.latest(10) == (entry(2), entry(1), entry(0))


async def test_only_as_many_as_asked_for(trail: AuditTrail) -> None:
    for n in range(5):
        await trail.note(entry(n))
    assert await trail.latest(2) == (entry(4), entry(3))


async def test_same_act_twice_stands_there_twice(trail: AuditTrail) -> None:
    await trail.note(entry(1))
    await trail.note(entry(1))
    assert len(await trail.latest(10)) == 2


async def test_entry_is_durable_when_note_returns(trail: AuditTrail, reopen: Opener) -> None:
    await trail.note(entry(1))
    other = reopen()
    assert await other.latest(1) == (entry(1),)
    await other.close()


async def test_many_callers_at_once_lose_nothing(trail: AuditTrail, reopen: Opener) -> None:
    other = reopen()
    await asyncio.gather(*(t.note(entry(n)) for n in range(30) for t in (trail, other)))
    await other.close()
    assert len(await trail.latest(100)) == 60
