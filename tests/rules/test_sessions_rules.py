"""When a lease is renewed, whose it may be, and which session gives way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.services.sessions import rules
from tifo.services.sessions.ports import Lease
from tifo.services.sessions.rules import Departed, LeasePolicy

NOW = 1_800_000_000
POLICY = LeasePolicy(heartbeat_s=5, lease_s=30, token_ttl_s=3600)
LEASE = Lease("ses_1", "demo", "final", "tv-1", "tv", since=float(NOW), until=NOW + 30.0)
CLAIMS = rules.token_claims(LEASE, 2, NOW, POLICY)


@pytest.mark.parametrize(
    ("passed_s", "due"), [(0, False), (14.9, False), (15, True), (29, True), (500, True)]
)
def test_heartbeat_writes_once_half_of_the_lease_has_passed(passed_s: float, due: bool) -> None:
    assert rules.renewal_due(CLAIMS, NOW + passed_s, POLICY) is due


def test_heartbeat_of_a_node_whose_clock_is_behind_writes_nothing() -> None:
    assert not rules.renewal_due(CLAIMS, NOW - 60, POLICY)


@pytest.mark.parametrize(("passed_s", "freely"), [(0, True), (31, True), (60, True), (60.1, False)])
def test_store_that_was_just_opened_takes_back_whoever_was_running(passed_s: float, freely: bool) -> None:
    now = NOW + passed_s
    assert rules.adopted_freely(CLAIMS, now, now - 5, POLICY) is freely


@pytest.mark.parametrize(("opened_ago_s", "freely"), [(0, True), (59, True), (60, False), (86_400, False)])
def test_store_that_remembers_asks_for_a_free_slot(opened_ago_s: float, freely: bool) -> None:
    now = NOW + 31
    assert rules.adopted_freely(CLAIMS, now, now - opened_ago_s, POLICY) is freely


def test_token_says_all_that_a_heartbeat_needs() -> None:
    assert rules.lease_of(CLAIMS, LEASE.until) == LEASE
    assert (CLAIMS.nbf, CLAIMS.exp, CLAIMS.limit) == (NOW, NOW + 3600, 2)


@given(st.floats(min_value=NOW, max_value=NOW + 1e6))
def test_token_never_promises_more_lease_than_the_store_gave(until: float) -> None:
    assert rules.token_claims(replace(LEASE, until=until), 2, NOW, POLICY).until <= until


def running(*ages_s: int) -> list[Lease]:
    return [replace(LEASE, session=f"ses_{n}", since=float(NOW - age)) for n, age in enumerate(ages_s)]


def test_session_that_was_named_gives_way() -> None:
    chosen = rules.one_to_end(running(10, 30, 20), "ses_2", limit=3)
    assert chosen is not None
    assert chosen.session == "ses_2"


def test_oldest_session_gives_way_when_none_was_named() -> None:
    chosen = rules.one_to_end(running(10, 30, 20), "", limit=3)
    assert chosen is not None
    assert chosen.session == "ses_1"


def test_nobody_gives_way_for_a_named_session_that_has_ended() -> None:
    assert rules.one_to_end(running(10, 30), "ses_9", limit=2) is None


def test_nobody_gives_way_once_a_slot_has_become_free() -> None:
    assert rules.one_to_end(running(10, 30), "", limit=3) is None


def test_nobody_gives_way_where_nobody_watches() -> None:
    assert rules.one_to_end([], "", limit=0) is None


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
