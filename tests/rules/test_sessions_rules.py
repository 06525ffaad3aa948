"""When a lease is renewed, whose it may be, and which session gives way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tifo.services.sessions import rules
from tifo.services.sessions.ports import Lease, Limits
from tifo.services.sessions.rules import Departed, LeasePolicy

NOW = 1_800_000_000
POLICY = LeasePolicy(heartbeat_s=5, lease_s=30, token_ttl_s=3600, take_back_s=600)
LEASE = Lease("ses_1", "demo", "final", "tv-1", "tv", since=float(NOW), until=NOW + 30.0)
CLAIMS = rules.token_claims(LEASE, 2, "AS64500 Example", "FR", NOW, POLICY)


@pytest.mark.parametrize(
    ("passed_s", "due"), [(0, False), (14.9, False), (15, True), (29, True), (500, True)]
)
def test_heartbeat_writes_once_half_of_the_lease_has_passed(passed_s: float, due: bool) -> None:
    assert rules.renewal_due(CLAIMS, NOW + passed_s, POLICY) is due


def test_heartbeat_of_a_node_whose_clock_is_behind_writes_nothing() -> None:
    assert not rules.renewal_due(CLAIMS, NOW - 60, POLICY)


@pytest.mark.parametrize("remembers_for_s", [0, 59, 60, 86_400])
def test_session_whose_lease_still_runs_is_taken_back_whatever_the_store_remembers(
    remembers_for_s: float,
) -> None:
    now = NOW + 29.9
    assert rules.taken_back_freely(CLAIMS, now, now - remembers_for_s, POLICY)


@pytest.mark.parametrize(("silent_s", "freely"), [(30, True), (600, True), (630, True), (630.1, False)])
def test_young_memory_forgives_a_long_silence(silent_s: float, freely: bool) -> None:
    now = NOW + silent_s
    assert rules.taken_back_freely(CLAIMS, now, now - 5, POLICY) is freely


@pytest.mark.parametrize(("remembers_for_s", "freely"), [(0, True), (59, True), (60, False), (86_400, False)])
def test_store_that_remembers_asks_for_a_free_slot(remembers_for_s: float, freely: bool) -> None:
    now = NOW + 31
    assert rules.taken_back_freely(CLAIMS, now, now - remembers_for_s, POLICY) is freely


def test_token_says_all_that_a_heartbeat_needs() -> None:
    assert rules.lease_of(CLAIMS, LEASE.until) == LEASE
    assert (CLAIMS.nbf, CLAIMS.exp, CLAIMS.limit) == (NOW, NOW + 3600, 2)
    assert (CLAIMS.isp, CLAIMS.reg) == ("AS64500 Example", "FR")


@given(st.floats(min_value=NOW, max_value=NOW + 1e6))
def test_token_never_promises_more_lease_than_the_store_gave(until: float) -> None:
    assert rules.token_claims(replace(LEASE, until=until), 2, "", "", NOW, POLICY).until <= until


def test_lean_posture_lengthens_leases_as_much_as_heartbeats() -> None:
    assert rules.in_posture(POLICY, "normal", 60) is POLICY
    assert rules.in_posture(POLICY, "lean", 60) == LeasePolicy(60, 360, 3600, 600)


shares = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(fraction=shares, rounding=shares)
def test_heartbeats_are_asked_for_early_and_never_late(fraction: float, rounding: float) -> None:
    assert rules.next_heartbeat_s(POLICY, 0.1, fraction, rounding) in (4, 5)


def test_heartbeats_are_a_second_apart_at_the_least() -> None:
    assert rules.next_heartbeat_s(LeasePolicy(1, 3, 60, 60), 0.9, 0.99, 0.0) == 1


@given(now=st.floats(min_value=NOW, max_value=NOW + 1e6))
def test_lease_ends_on_a_whole_second_and_never_later_than_it_may(now: float) -> None:
    end = rules.lease_end(now, POLICY)
    assert end == int(end)
    assert 29 - 1e-6 < end - now <= 30


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(2), "The account watches on 2 devices and may on 2."),
        (Limits(4, of_kind=2), "The account watches on 2 devices of the kind tv and may on 2."),
        (Limits(4, of_event=2), "The account watches this event on 2 devices and may on 2."),
    ],
)
def test_refusal_says_which_limit_is_reached(limits: Limits, says: str) -> None:
    running = [replace(LEASE, session=f"ses_{n}", device=f"tv-{n}") for n in range(2)]
    assert rules.why_full(running, LEASE, limits) == says


def test_departed_session_is_remembered_until_its_time() -> None:
    departed = Departed()
    departed.add("ses_1", NOW + 30)
    assert (departed.has("ses_1", NOW + 29), departed.has("ses_1", NOW + 30)) == (True, False)
    assert not departed.has("ses_2", NOW)


def test_departed_sessions_are_forgotten_when_their_time_has_passed() -> None:
    departed = Departed()
    departed.add("ses_1", NOW + 10)
    departed.add("ses_2", NOW + 20)
    departed.forget(NOW + 10)
    assert not departed.has("ses_1", NOW)
    assert departed.has("ses_2", NOW)


def test_oldest_departed_session_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "DEPARTED_MAX", 2)
    departed = Departed()
    for n in range(3):
        departed.add(f"ses_{n}", NOW + 30)
    assert [departed.has(f"ses_{n}", NOW) for n in range(3)] == [False, True, True]
