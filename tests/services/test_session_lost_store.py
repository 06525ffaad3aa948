"""What viewers get while the session store does not answer, and once it is back."""

import msgspec
from session_nodes import SETTINGS, beat, read, refused, start

from tifo.api.events import SessionEnded, SessionRefused, SessionStarted
from tifo.services.sessions import renewals


async def test_viewer_is_let_in_on_a_local_lease_without_the_store(service, store, told) -> None:
    store.failing = True
    started = await service.start(start())
    assert (started.used, started.limit) == (1, 2)
    assert [type(event) for event in await told()] == [SessionStarted]


async def test_limit_holds_on_the_node_while_the_store_is_gone(service, store) -> None:
    store.failing = True
    running = [await service.start(start(device)) for device in ("tv", "tablet")]
    refusal = await refused(service.start(start("phone")))
    assert (refusal.code, len(refusal.members["sessions"])) == ("stream-limit", 2)
    started = await service.start(start("phone", takeover=refusal.members["takeover"]))
    assert (started.used, started.lease.session != running[0].lease.session) == (2, True)


async def test_viewers_of_before_count_for_the_limit_while_the_store_is_gone(
    service, store, tokens, clock
) -> None:
    running = [await service.start(start(device)) for device in ("tv", "tablet")]
    store.failing = True
    clock.advance(16)
    for one in running:
        await beat(service, tokens, one, clock)
    assert (await refused(service.start(start("phone")))).code == "stream-limit"
    assert (await service.start(start("tv"))).lease.session == running[0].lease.session


async def test_nobody_new_is_let_in_without_the_store_where_that_is_set(make, store, told) -> None:
    store.failing = True
    refusal = await refused(make(msgspec.structs.replace(SETTINGS, store_lost="refuse")).start(start()))
    assert (refusal.code, refusal.retry_after_s) == ("unavailable", 1)
    assert await told() == [SessionRefused(account="demo", event="final", code="unavailable")]


async def test_store_that_is_back_knows_every_session_once(make, store, tokens, clock) -> None:
    nodes = [make(), make()]
    before = await nodes[0].start(start("tv"))
    store.failing = True
    let_in = await nodes[1].start(start("phone"))
    clock.advance(16)
    await beat(nodes[1], tokens, before, clock)
    await beat(nodes[0], tokens, before, clock)
    store.failing = False
    for _ in range(2):
        for node in nodes:
            await node.flush()
    running = await store.running("demo", now=clock.now())
    assert {lease.session for lease in running} == {before.lease.session, let_in.lease.session}
    assert len(running) == 2


async def test_limit_holds_for_new_viewers_once_the_store_is_back_and_stops_nobody(
    make, store, tokens, clock
) -> None:
    nodes = [make(), make()]
    store.failing = True
    running = [await node.start(start(f"{n}-{m}")) for n, node in enumerate(nodes) for m in range(2)]
    store.failing = False
    for node in nodes:
        await node.flush()
    assert await nodes[0].live() == 4
    assert (await refused(nodes[0].start(start("phone")))).code == "stream-limit"
    clock.advance(16)
    for one in running:
        assert (await beat(nodes[0], tokens, one, clock)).token


async def test_viewer_who_leaves_while_the_store_is_gone_does_not_come_back(
    service, store, tokens, clock, told
) -> None:
    store.failing = True
    started = await service.start(start())
    await service.flush()
    for _ in range(2):
        await service.leave(read(tokens, started.token, clock))
    store.failing = False
    await service.flush()
    assert await service.live() == 0
    assert [type(event) for event in await told()] == [SessionStarted, SessionEnded]


async def test_crowd_is_registered_again_bit_by_bit(make, store, tokens, clock, monkeypatch) -> None:
    monkeypatch.setattr(renewals, "OWED_PER_FLUSH_MIN", 10)
    monkeypatch.setattr(renewals, "OWED_PROBE", 3)
    service = make()
    crowd = [await service.start(start("tv", f"account-{n:03d}")) for n in range(90)]
    store.failing = True
    clock.advance(16)
    for one in crowd:
        service.heartbeat(read(tokens, one.token, clock))
    await service.flush()
    await service.flush()
    await service.flush()
    assert store.batches == [90, 10, 3]
    store.failing = False
    store.batches.clear()
    for _ in range(20):
        await service.flush()
    assert sum(store.batches) == 90
    assert max(store.batches) <= 10
