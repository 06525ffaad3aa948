"""Who gets a slot: the stream limit by account, by device kind and by event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tifo.services.sessions.ports import LEASES_PER_ACCOUNT_MAX, Lease, Limits, Request
from tifo.services.sessions.slots import admit, has_room

NOW = 1_800_000_000.0
WANTED = Lease("ses_new", "demo", "final", "new", "tv", since=NOW, until=NOW + 30)


def running(*devices: str, kind: str = "tv", event: str = "final") -> list[Lease]:
    """Leases of these devices, the first the oldest."""
    count = len(devices)
    return [
        Lease(f"ses_{device}", "demo", event, device, kind, since=NOW - 10 * (count - n), until=NOW + 10)
        for n, device in enumerate(devices)
    ]


def ask(limits: Limits, **more) -> Request:
    return Request(WANTED, limits, **more)


def test_free_slot_is_taken() -> None:
    decision = admit(running("a"), ask(Limits(2)))
    assert (decision.granted, decision.ended) == (WANTED, ())


@pytest.mark.parametrize(
    ("limits", "granted"),
    [
        (Limits(2), False),
        (Limits(3), True),
        (Limits(9, of_kind=2), False),
        (Limits(9, of_kind=3), True),
        (Limits(9, of_event=2), False),
        (Limits(9, of_event=3), True),
    ],
)
def test_every_limit_holds_by_itself(limits: Limits, granted: bool) -> None:
    assert (admit(running("a", "b"), ask(limits)).granted is not None) is granted
    assert has_room(running("a", "b"), WANTED, limits) is granted


def test_other_kinds_and_events_do_not_count_for_limits_that_are_not_theirs() -> None:
    others = running("a", "b", kind="mobile") + running("c", event="cup", kind="mobile")
    assert admit(others, ask(Limits(9, of_kind=1, of_event=3))).granted == WANTED


def test_same_device_goes_on_with_its_session_though_the_limit_is_reached() -> None:
    own = replace(running("new")[0], until=NOW + 5)
    decision = admit([own, *running("a", "b")], ask(Limits(1)))
    assert (decision.granted, decision.ended) == (replace(own, until=WANTED.until), ())


def test_viewer_who_changes_the_match_is_not_refused_for_the_match_they_leave() -> None:
    left = running("new", event="cup")
    decision = admit([*left, *running("a")], ask(Limits(2)))
    assert (decision.granted, decision.ended) == (WANTED, tuple(left))


def test_viewer_with_a_free_slot_may_watch_two_matches_on_one_device() -> None:
    assert admit(running("new", event="cup"), ask(Limits(2))).ended == ()


def test_oldest_of_those_that_fill_the_limit_gives_way() -> None:
    older = replace(running("phone", kind="mobile")[0], since=NOW - 900)
    decision = admit([older, *running("a", "b")], ask(Limits(9, of_kind=2), give_way=True))
    assert [lease.device for lease in decision.ended] == ["a"]


def test_as_many_give_way_as_a_lowered_limit_asks_for() -> None:
    decision = admit(running("a", "b", "c"), ask(Limits(1), give_way=True))
    assert (decision.granted, [lease.device for lease in decision.ended]) == (WANTED, ["a", "b", "c"])


def test_what_was_kicked_gives_way_and_is_not_gone_on_with() -> None:
    kicked = running("new")
    decision = admit(kicked, ask(Limits(1), void_before=NOW - 1))
    assert (decision.granted, decision.ended) == (WANTED, tuple(kicked))


def test_kick_of_one_event_leaves_the_accounts_other_events_alone() -> None:
    others = running("a", event="cup")
    assert admit(others, ask(Limits(1), void_before=NOW)).granted is None


def test_no_limit_goes_past_the_most_an_account_may_have() -> None:
    crowd = running(*(f"d{n}" for n in range(LEASES_PER_ACCOUNT_MAX)))
    assert admit(crowd, ask(Limits(1_000))).granted is None
    assert admit(crowd, ask(Limits(0))).granted is None


leases = st.lists(
    st.builds(
        Lease,
        session=st.uuids().map(str),
        account=st.just("demo"),
        event=st.sampled_from(["final", "cup"]),
        device=st.sampled_from(["new", "a", "b", "c", "d"]),
        device_kind=st.sampled_from(["tv", "mobile"]),
        since=st.integers(int(NOW) - 1_000, int(NOW)).map(float),
        until=st.integers(int(NOW) + 1, int(NOW) + 60).map(float),
    ),
    max_size=8,
    unique_by=lambda lease: (lease.device, lease.event),
).map(lambda found: sorted(found, key=lambda lease: lease.since))


@given(
    found=leases,
    limits=st.builds(Limits, st.integers(1, 5), st.integers(0, 3), st.integers(0, 3)),
    void=st.sampled_from([0.0, NOW - 500]),
    give_way=st.booleans(),
)
def test_limits_hold_after_every_start(
    found: list[Lease], limits: Limits, void: float, give_way: bool
) -> None:
    request = ask(limits, void_before=void, give_way=give_way)
    decision = admit(found, request)
    if decision.granted is None:
        assert decision.ended == ()
        assert not give_way
        return
    left = [one for one in found if one not in decision.ended and one.session != decision.granted.session]
    if decision.granted == WANTED:
        assert has_room(left, WANTED, limits)
    assert decision.granted.until >= WANTED.until
    assert set(decision.ended) <= set(found)
