"""A session's whole life in process: start, heartbeat, take-over, end, kick."""

import msgspec
import pytest
from session_nodes import SETTINGS, Brittle, Calendar, beat, full, read, refused, revoked, start

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.api.catalogue import CalendarEvent, EventOrigin
from tifo.api.events import SessionEnded, SessionRefused, SessionsRenewed, SessionStarted
from tifo.api.sessions import PAGE_SESSIONS_MAX, Kick
from tifo.board.entries import REVOKED
from tifo.board.revocations import Revocations
from tifo.board.view import BoardView
from tifo.eventlog.ports import lane_of
from tifo.kernel.errors import Refusal
from tifo.services.sessions import service as sessions


async def test_viewer_is_let_in_with_a_token_and_a_slot(service, tokens, clock) -> None:
    started = await service.start(start())
    claims = read(tokens, started.token, clock)
    assert (claims.sid, claims.acc, claims.ev, claims.dev, claims.kind) == (
        started.lease.session, "demo", "final", "tv", "tv",
    )  # fmt: skip
    assert (started.limit, started.used, claims.limit) == (2, 1, 2)
    assert claims.until == clock.now() + 30


class InDash(Calendar):
    """The same matches, of an origin that has DASH alone."""

    async def event(self, event_id: str) -> CalendarEvent:
        origin = EventOrigin(dash="https://origin.example/live/manifest.mpd")
        return msgspec.structs.replace(await super().event(event_id), origin=origin)


async def test_start_says_what_the_event_is_there_in(service, make, clock) -> None:
    elsewhere = make(catalogue=InDash(clock.now() - 60))
    assert (await service.start(start())).formats == ("hls", "dash")
    assert (await elsewhere.start(start(device="other"))).formats == ("dash",)


async def test_start_without_a_token_is_refused_and_nobody_is_told(service, told) -> None:
    assert (await refused(service.start(start(account="")))).code == "bad-token"
    assert await told() == []


@pytest.mark.parametrize(("event", "code"), [("nothing", "not-found"), ("cup", "not-entitled")])
async def test_start_that_is_refused_is_told(service, told, event: str, code: str) -> None:
    assert (await refused(service.start(start(event=event)))).code == code
    assert await told() == [SessionRefused(account="demo", event=event, code=code)]


async def test_start_after_the_event_is_refused(service, clock) -> None:
    clock.advance(7_200)
    assert (await refused(service.start(start()))).code == "event-over"


async def test_heartbeat_early_in_the_lease_changes_nothing(service, tokens, clock, store) -> None:
    started = await service.start(start())
    store.failing = True
    clock.advance(14)
    answer = await beat(service, tokens, started, clock)
    assert (answer.token, answer.expires_at) == ("", started.lease.until)


async def test_heartbeat_past_half_of_the_lease_renews_it(service, tokens, clock, store) -> None:
    started = await service.start(start())
    clock.advance(16)
    answer = await beat(service, tokens, started, clock)
    assert answer.expires_at == clock.now() + 30
    assert read(tokens, answer.token, clock).until == answer.expires_at
    clock.advance(29)
    assert len(await store.running("demo", now=clock.now())) == 1


async def test_session_outlives_many_renewals(service, tokens, clock) -> None:
    claims = read(tokens, (await service.start(start())).token, clock)
    for _ in range(100):
        clock.advance(5)
        token = service.heartbeat(claims).token
        await service.flush()
        claims = read(tokens, token, clock) if token else claims
    assert await service.live() == 1


async def test_same_device_starting_again_is_the_same_viewer(service, told) -> None:
    first, second = await service.start(start()), await service.start(start())
    assert first.lease.session == second.lease.session
    await service.close()
    assert [type(event) for event in await told()] == [SessionStarted, SessionsRenewed]


async def test_renewals_are_told_where_all_else_of_their_sessions_is(service, tokens, clock, told) -> None:
    started = [await service.start(start("tv", f"account-{n}")) for n in range(60)]
    clock.advance(16)
    for one in started:
        await beat(service, tokens, one, clock)
    await service.close()
    renewed = [event for event in await told() if isinstance(event, SessionsRenewed)]
    assert sorted(name for event in renewed for name in event.sessions) == sorted(
        one.lease.session for one in started
    )
    for event in renewed:
        assert {lane_of(name) for name in event.sessions} == {lane_of(event.batch)}


async def test_one_device_too_many_is_told_who_watches_and_gets_a_code(service, clock) -> None:
    running = [await service.start(start(device)) for device in ("tv", "tablet")]
    refusal = await refused(service.start(start("phone")))
    assert (refusal.code, refusal.members["limit"]) == ("stream-limit", 2)
    assert [one["id"] for one in refusal.members["sessions"]] == [one.lease.session for one in running]
    assert [one["device"]["id"] for one in refusal.members["sessions"]] == ["tv", "tablet"]
    assert refusal.members["takeover"]


async def test_accounts_own_limit_goes_before_the_services(service) -> None:
    for device in ("tv", "tablet", "phone"):
        assert (await service.start(start(device, "family"))).limit == 3
    assert (await refused(service.start(start("laptop", "family")))).members["limit"] == 3


async def test_takeover_ends_the_oldest(service, tokens, clock, revocations, told) -> None:
    (first, second), code = await full(service)
    started = await service.start(start("phone", takeover=code))
    assert started.used == 2
    with pytest.raises(Refusal, match="taken over"):
        revoked(revocations, first.lease)
    revoked(revocations, second.lease)
    assert SessionEnded(session=first.lease.session, event="final", why="taken-over") in await told()


async def test_takeover_ends_the_one_that_was_chosen(service, revocations) -> None:
    (first, second), code = await full(service)
    await service.start(start("phone", takeover=code, end=second.lease.session))
    revoked(revocations, first.lease)
    with pytest.raises(Refusal):
        revoked(revocations, second.lease)


async def test_takeover_ends_nobody_once_a_slot_is_free(service, tokens, clock, revocations) -> None:
    (first, second), code = await full(service)
    await service.leave(read(tokens, first.token, clock))
    assert (await service.start(start("phone", takeover=code))).used == 2
    revoked(revocations, second.lease)


async def test_takeover_code_is_good_once(service) -> None:
    _, code = await full(service)
    await service.start(start("phone", takeover=code))
    assert (await refused(service.start(start("laptop", takeover=code)))).code == "bad-takeover"


async def test_device_that_was_taken_over_is_told_when_it_next_asks_the_store(service, tokens, clock) -> None:
    (first, _), code = await full(service)
    await service.start(start("phone", takeover=code))
    clock.advance(16)
    await beat(service, tokens, first, clock)
    assert (await refused(beat(service, tokens, first, clock))).code == "ended"


async def test_takeover_leaves_nothing_on_the_board_once_the_store_tells_it(service, board, clock) -> None:
    _, code = await full(service)
    await service.start(start("phone", takeover=code))
    assert len((await board.changes(None)).entries) == 1
    clock.advance(SETTINGS.lease_s)
    assert len((await board.changes(None)).entries) == 0


async def test_viewer_who_leaves_frees_the_slot_and_may_say_so_twice(
    service, tokens, clock, board, told
) -> None:
    started = await service.start(start())
    for _ in range(2):
        await service.leave(read(tokens, started.token, clock))
    assert await service.live() == 0
    assert (await refused(beat(service, tokens, started, clock))).code == "ended"
    assert dict((await board.changes(None)).entries) == {}
    assert (await told())[1:] == [SessionEnded(session=started.lease.session, event="final", why="left")]


async def test_viewer_who_left_stays_out_whatever_the_token_says(service, tokens, clock) -> None:
    started = await service.start(start())
    await service.leave(read(tokens, started.token, clock))
    clock.advance(SETTINGS.lease_s + 1)
    await beat(service, tokens, started, clock)
    assert (await refused(beat(service, tokens, started, clock))).code == "ended"


@pytest.mark.parametrize(("act", "why"), [("kick", "kicked"), ("end", "ended")])
async def test_operators_word_ends_a_session_everywhere(
    service, board, clock, told, act: str, why: str
) -> None:
    started = await service.start(start())
    one = started.lease.session
    await (
        service.kick(Kick("session", one, "Rights.", "demo"))
        if act == "kick"
        else service.end(one, "demo", "Rights.")
    )
    other = BoardView(board, clock)
    elsewhere = Revocations(other)
    await other.refresh()
    with pytest.raises(Refusal) as caught:
        revoked(elsewhere, started.lease)
    assert (caught.value.code, caught.value.detail) == (why, "Rights.")
    assert (await told())[-1] == SessionEnded(session=started.lease.session, event="final", why=why)


async def test_kick_lasts_as_long_as_the_sessions_tokens(service, board, clock) -> None:
    started = await service.start(start())
    await service.kick(Kick("session", started.lease.session, account="demo"))
    clock.advance(SETTINGS.token_ttl_s - 1)
    assert REVOKED + started.lease.session in (await board.changes(None)).entries


async def test_kicked_device_may_start_anew(service, revocations) -> None:
    first = await service.start(start())
    await service.kick(Kick("session", first.lease.session, account="demo"))
    second = await service.start(start())
    assert second.lease.session != first.lease.session
    revoked(revocations, second.lease)


async def test_silent_session_is_said_to_have_expired_once(service, clock, told) -> None:
    started = await service.start(start())
    clock.advance(SETTINGS.lease_s)
    await service.expire()
    await service.expire()
    assert (await told())[1:] == [SessionEnded(session=started.lease.session, event="final", why="expired")]


async def test_one_sweep_takes_everything_that_lapsed(service, clock, told, monkeypatch) -> None:
    monkeypatch.setattr(sessions, "EXPIRE_BATCH_MAX", 2)
    for n in range(7):
        await service.start(start("tv", f"account-{n}"))
    clock.advance(SETTINGS.lease_s)
    await service.expire()
    assert sum(isinstance(event, SessionEnded) for event in await told()) == 7


async def test_running_session_outlives_the_store(service, tokens, clock, store, logged) -> None:
    started = await service.start(start())
    store.failing = True
    claims = read(tokens, started.token, clock)
    for _ in range(10):
        clock.advance(16)
        claims = read(tokens, service.heartbeat(claims).token, clock)
        await service.flush()
    store.failing = False
    clock.advance(16)
    assert service.heartbeat(claims).token
    await service.flush()
    assert await service.live() == 1


async def test_sessions_of_a_store_that_lost_its_memory_are_all_adopted(service, make, tokens, clock) -> None:
    running = [await service.start(start(device)) for device in ("tv", "tablet")]
    empty = make(store=Brittle(clock))
    clock.advance(20)
    for one in running:
        assert (await beat(empty, tokens, one, clock)).token
    assert await empty.live() == 2


@pytest.mark.parametrize("account", ["single", "demo", "family"])
async def test_device_that_slept_finds_its_place_taken(service, tokens, clock, account: str) -> None:
    slept = await service.start(start("tv", account))
    clock.advance(100)
    for n in range(slept.limit):
        await service.start(start(f"other-{n}", account))
    await beat(service, tokens, slept, clock)
    assert (await refused(beat(service, tokens, slept, clock))).code == "ended"


async def test_store_that_fails_keeps_a_kick_in_force_although_its_end_is_not_written(
    service, store, revocations
) -> None:
    started = await service.start(start())
    store.failing = True
    await service.kick(Kick("session", started.lease.session, "Rights.", "demo"))
    with pytest.raises(Refusal, match="kicked"):
        revoked(revocations, started.lease)


async def test_pages_are_no_longer_than_the_most(service) -> None:
    for n in range(PAGE_SESSIONS_MAX + 1):
        await service.start(start("tv", f"account-{n:04d}"))
    page = await service.page(account="", event="", after="", limit=10_000)
    assert (len(page.sessions), page.total) == (PAGE_SESSIONS_MAX, PAGE_SESSIONS_MAX + 1)
    last = await service.page(account="", event="", after=page.next or "", limit=10_000)
    assert (len(last.sessions), last.next) == (1, None)


async def test_page_shows_a_session_as_operators_see_it(service, clock) -> None:
    started = await service.start(start())
    page = await service.page(account="demo", event="final", after="", limit=0)
    shown = msgspec.to_builtins(page.sessions[0])
    assert shown == {
        "session": started.lease.session,
        "account": "demo",
        "event": "final",
        "device": {"id": "tv", "kind": "tv"},
        "since": "2027-01-15T08:00:00.000Z",
        "expires_at": "2027-01-15T08:00:30.000Z",
    }


async def test_takeover_survives_a_board_that_fails(tmp_path, make, clock) -> None:
    nowhere = SqliteBoard(tmp_path, clock)  # a folder is no file to write to
    revocations = Revocations(BoardView(nowhere, clock))
    service = make(revocations=revocations)
    _, code = await full(service)
    assert (await service.start(start("phone", takeover=code))).used == 2
    await nowhere.close()


async def test_isp_of_a_start_is_told_with_the_session_and_with_its_renewals(
    service, tokens, clock, told
) -> None:
    started = await service.start(start(address="203.0.113.9"))
    clock.advance(16)
    await beat(service, tokens, started, clock)
    isps = {event.isp for event in await told() if isinstance(event, SessionStarted | SessionsRenewed)}
    assert isps == {"AS64500 Example Telecom"}
