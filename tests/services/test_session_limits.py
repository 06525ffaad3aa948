"""Limits, kicks of many, and the posture."""

import msgspec
import pytest
from session_nodes import SETTINGS, beat, read, refused, revoked, start

from tifo.api.events import SessionEnded
from tifo.api.sessions import Kick
from tifo.board.entries import POSTURE, PostureState
from tifo.kernel.errors import Refusal
from tifo.kernel.ids import SystemIds
from tifo.services.sessions.settings import SessionsSettings


async def test_limit_by_device_kind_is_told(make) -> None:
    service = make(SessionsSettings(stream_limit=4, limits_by_kind={"tv": 1}))
    await service.start(start("tv-1"))
    refusal = await refused(service.start(start("tv-2")))
    assert refusal.detail == "The account watches on 1 devices of the kind tv and may on 1."


async def test_oldest_gives_way_where_that_is_set(make, clock, revocations, told) -> None:
    service = make(msgspec.structs.replace(SETTINGS, when_full="end-oldest"))
    first = await service.start(start("tv"))
    clock.advance(2)
    await service.start(start("tablet"))
    assert (await service.start(start("phone"))).used == 2
    with pytest.raises(Refusal, match="taken over"):
        revoked(revocations, first.lease)
    assert SessionEnded(session=first.lease.session, event="final", why="taken-over") in await told()


async def test_kicked_account_is_out_on_every_device_and_may_come_again(
    service, clock, revocations, told
) -> None:
    running = [await service.start(start(device)) for device in ("tv", "tablet")]
    other = await service.start(start("tv", "other"))
    await service.kick(Kick("account", "demo", "Shared too widely."))
    for one in running:
        with pytest.raises(Refusal, match="Shared too widely"):
            revoked(revocations, one.lease)
    revoked(revocations, other.lease)
    again = await service.start(start("tv"))
    revoked(revocations, again.lease)
    assert again.used == 1
    assert [e.why for e in await told() if isinstance(e, SessionEnded)] == ["kicked", "kicked"]


async def test_kicked_event_sends_everybody_away_and_lets_them_come_again(
    service, clock, revocations, told
) -> None:
    running = [await service.start(start("tv", f"account-{n}")) for n in range(3)]
    await service.kick(Kick("event", "final", "No rights here any more."))
    for one in running:
        with pytest.raises(Refusal, match="No rights"):
            revoked(revocations, one.lease)
    again = await service.start(start("tv", "account-0"))
    revoked(revocations, again.lease)
    assert again.lease.session != running[0].lease.session
    clock.advance(SETTINGS.lease_s)
    await service.expire()
    whys = [event.why for event in await told() if isinstance(event, SessionEnded)]
    assert sorted(whys) == ["expired", "kicked", "kicked", "kicked"]


async def test_lean_posture_lengthens_heartbeats_and_leases_together(
    service, board, view, tokens, clock
) -> None:
    started = await service.start(start())
    assert started.heartbeat_s <= SETTINGS.heartbeat_s
    await board.write(POSTURE, msgspec.json.encode(PostureState("lean")))
    await view.refresh()
    answer = await beat(service, tokens, started, clock)
    assert 54 <= answer.heartbeat_s <= 60
    assert answer.expires_at >= clock.now() + 3 * 60
    clock.advance(120)
    await service.expire()
    assert await service.live() == 1


async def test_heartbeats_are_spread(make, tokens, clock) -> None:
    service = make(ids=SystemIds())
    claims = read(tokens, (await service.start(start())).token, clock)
    assert {service.heartbeat(claims).heartbeat_s for _ in range(80)} == {4, 5}


async def test_session_kicked_without_its_account_is_not_gone_on_with_and_holds_no_slot(
    service, told
) -> None:
    kicked = [await service.start(start(device)) for device in ("tv", "tablet")]
    for one in kicked:
        await service.kick(Kick("session", one.lease.session))
    again = await service.start(start("tv"))
    assert again.lease.session not in {one.lease.session for one in kicked}
    assert (await service.start(start("phone"))).used == 2
    assert [e.why for e in await told() if isinstance(e, SessionEnded)] == ["kicked", "kicked"]
