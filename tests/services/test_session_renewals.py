"""Renewals are gathered, and what the store would not renew is stopped."""

from session_nodes import Brittle, read, refused_at_once, start

from tifo.board.entries import REVOKED


async def test_renewals_of_an_interval_reach_the_store_in_one_call(service, store, tokens, clock) -> None:
    crowd = [await service.start(start("tv", f"account-{n}")) for n in range(30)]
    clock.advance(16)
    for one in crowd * 2:
        service.heartbeat(read(tokens, one.token, clock))
    assert store.batches == []
    await service.flush()
    assert store.batches == [30]


async def test_node_that_is_lost_with_its_gathered_renewals_stops_nobody(make, tokens, clock) -> None:
    lost, other = make(), make()
    started = await lost.start(start())
    clock.advance(16)
    claims = read(tokens, lost.heartbeat(read(tokens, started.token, clock)).token, clock)
    clock.advance(16)
    await other.expire()
    claims = read(tokens, other.heartbeat(claims).token, clock)
    await other.flush()
    assert (claims.sid, await other.live()) == (started.lease.session, 1)


async def test_session_that_the_store_would_not_renew_is_stopped_on_every_node(
    make, store, tokens, clock, view
) -> None:
    nodes = [make(), make()]
    slept = await nodes[0].start(start("tv", "single"))
    clock.advance(100)
    await nodes[0].start(start("phone", "single"))
    claims = read(tokens, nodes[0].heartbeat(read(tokens, slept.token, clock)).token, clock)
    await nodes[0].flush()
    assert (await refused_at_once(lambda: nodes[0].heartbeat(claims))).code == "ended"
    await view.refresh()
    assert list(view.under(REVOKED)) == [slept.lease.session]


async def test_session_that_the_store_cannot_know_is_told_at_once(make, tokens, clock) -> None:
    started = await make().start(start())
    clock.advance(20)
    store = Brittle(clock)
    service = make(store=store)
    service.heartbeat(read(tokens, started.token, clock))
    await service.close()
    assert store.batches == [1]
