"""What the rehearsal of video sends and is held against, and what it says of a core."""

import inspect
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo import cli_rehearse
from tifo.kernel.errors import SettingsError
from tifo.rehearsal import report
from tifo.rehearsal.command import SCENARIOS, refuse_absurd
from tifo.rehearsal.curve import Shape, Size
from tifo.rehearsal.found import Found, Latency
from tifo.rehearsal.scenario import Scenario, objectives
from tifo.rehearsal.verdict import health, hints, judge
from tifo.rehearsal.video import PLATEAU_S_MIN, REFERENCE_PER_S, VIDEO, match

SIZE = Size(Shape.MATCH, 0.1, 1, interval_s=10)
MATCH = match(SIZE)
FAST = Latency(p50=1, p95=3, p99=5, max=9, count=1_000)
WELL = Found(
    arrivals=MATCH.viewers, entered=MATCH.viewers, starts=MATCH.viewers, playlists=16_000, mpds=4_000,
    steerings=60_000, media_playlists=150, segments=200, heartbeats=9_000, ended=MATCH.viewers,
    requests=120_000, start_ms=FAST, playlist_ms=FAST, mpd_ms=FAST, steering_ms=FAST, heartbeat_ms=FAST,
    late_ms=FAST, plateau_ms=Latency(p50=1, p95=3, p99=5, max=9, count=40_880),
)  # fmt: skip
OF_BREAKS = ("operators", "spread_s", "break_s")
USUAL = {name: share.usual for name, share in VIDEO.shares.items()}


def with_(**changes) -> Found:
    return msgspec.structs.replace(WELL, **changes)


def judged(found: Found, without=(), shares=USUAL):
    state = health(found, MATCH, 0.5, 2, 0.5)
    return judge(found, objectives(VIDEO, {}, without, shares), MATCH, state)


def capacity(found: Found, cores: float) -> report.Capacity:
    return report.capacity(VIDEO, found, MATCH, judged(found), cores)


@given(st.floats(0.001, 2), st.floats(1, 300), st.floats(0.05, 30))
def test_as_many_come_as_ask_at_the_references_rate(scale: float, interval_s: float, minutes: float) -> None:
    made = match(Size(Shape.MATCH, scale, minutes, interval_s))
    assert made.viewers / interval_s == pytest.approx(REFERENCE_PER_S * scale, abs=1)
    assert made.plateau_s == pytest.approx(max(PLATEAU_S_MIN, 2 * interval_s))
    assert made.plateau_at_s >= len(made.arrivals_per_s)


def test_everybody_asks_at_least_twice_before_the_whistle() -> None:
    assert (MATCH.viewers, MATCH.plateau_s, MATCH.plateau_per_s) == (20_440, 20, 2_044)
    assert MATCH.whistle_at_s == MATCH.plateau_at_s + 20


def test_a_good_night_passes() -> None:
    assert (judged(WELL).verdict, judged(WELL).reasons) == ("pass", ())


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"entered": 20_000}, "not_let_in"),
        ({"starts_failed": 300}, "starts_failed"),
        ({"start_ms": Latency(p99=501, count=1)}, "start_p99"),
        ({"plateau_ms": Latency(p99=10.1, count=40_880)}, "metadata_p99"),
        ({"plateau_ms": Latency(p99=5, count=38_000)}, "rate_short"),
        ({"playlists_failed": 17}, "playlists_failed"),
        ({"mpds_failed": 5}, "mpds_failed"),
        ({"steerings_failed": 61}, "steerings_failed"),
        ({"media_playlists_failed": 1}, "media_failed"),
        ({"segments_failed": 1}, "media_failed"),
        ({"heartbeat_ms": Latency(p99=251, count=1)}, "heartbeat_p99"),
        ({"heartbeats_lost": 10}, "heartbeats_lost"),
        ({"wrongly_ended": 1}, "wrongly_ended"),
    ],
)
def test_each_objective_can_fail_the_night_alone(changes, missed: str) -> None:
    verdict = judged(with_(**changes))
    assert [one.name for one in verdict.objectives if one.state == "missed"] == [missed]
    assert verdict.verdict == "fail"


def test_every_objective_is_tested_alone() -> None:
    tested = test_each_objective_can_fail_the_night_alone.pytestmark[0].args[1]
    assert {missed for _, missed in tested} == {one.name for one in VIDEO.objectives}


@pytest.mark.parametrize(
    ("without", "shares", "away"),
    [
        ((), {"dash": 0.0, "segments": 0.5}, {"mpds_failed"}),
        ((), {"dash": 1.0, "segments": 0.5}, {"playlists_failed"}),
        ((), {"dash": 0.5, "segments": 0.0}, {"media_failed"}),
        (
            ("sessions",),
            USUAL,
            {"starts_failed", "start_p99", "heartbeat_p99", "heartbeats_lost", "wrongly_ended"},
        ),
    ],
)
def test_what_nobody_asks_is_held_against_nobody(without, shares, away: set[str]) -> None:
    held = {one.name for one in objectives(VIDEO, {}, without, shares)}
    assert {one.name for one in VIDEO.objectives} - held == away


def test_players_who_bring_their_tokens_need_no_heartbeat() -> None:
    brought = with_(starts=0, start_ms=Latency(), heartbeats=0, heartbeat_ms=Latency())
    verdict = judged(brought, without=("sessions",))
    assert (verdict.verdict, verdict.hints) == ("pass", ())


def test_a_refused_signed_address_is_told_from_a_refused_viewer() -> None:
    (hint,) = hints(with_(answered={"403": 3}, segments_failed=3))
    assert "compare the keys and the clocks" in hint


def test_what_the_reference_takes_is_extrapolated_from_what_a_core_held() -> None:
    told = capacity(WELL, cores=0.5)
    assert (told.per_s, told.reference_share, told.per_core_per_s) == (2_044, 0.1, 4_088)
    assert told.cores_for_reference == 5
    assert (
        "Extrapolated in a straight line, not measured: the reference takes 5 such cores"
        in report.in_cores(told)
    )


@pytest.mark.parametrize(
    ("found", "cores", "says"),
    [
        (WELL, 0, "--cores N"),
        (with_(steerings_failed=600), 1, "nothing is said of a core"),
        (with_(late_ms=Latency(p99=900, count=1)), 1, "nothing is said of a core"),
    ],
)
def test_nothing_is_said_of_a_core_that_nobody_counted_or_that_did_not_hold(
    found: Found, cores: float, says: str
) -> None:
    told = capacity(found, cores)
    assert (told.per_core_per_s, told.cores_for_reference) == (None, None)
    assert says in report.in_cores(told)


@pytest.mark.parametrize(
    ("size", "says"),
    [
        (SIZE, "but 0.1 of its rate, 1 of its 15 minutes: 20,440 players in 1 min, then 20 s in which"),
        (SIZE, "they ask 2,044 times a second, for this platform's TTL is 10 s."),
        (Size(Shape.MATCH, 1, 15, 60), "The reference's requests in full: 1,226,400 players in 15 min"),
    ],
)
def test_what_is_shrunk_is_said(size: Size, says: str) -> None:
    assert says in VIDEO.in_words(size)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match=r"--dash: .* is no share from 0 to 1"):
        refuse_absurd(1, 1, 0, {"dash": share})


@pytest.mark.parametrize("cores", [-1, 2_000_000, float("nan")])
def test_cores_that_nobody_has_are_refused(cores: float) -> None:
    with pytest.raises(SettingsError, match="--cores"):
        refuse_absurd(1, 1, cores)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_the_command_line_offers_what_a_scenario_has(scenario: Scenario) -> None:
    offered = inspect.signature(getattr(cli_rehearse, scenario.name)).parameters
    without, *_ = get_args(get_args(offered["without"].annotation)[0])
    assert set(get_args(without)) == set(scenario.without)
    of_breaks = OF_BREAKS if scenario.takes_breaks else ()
    assert set(offered) == {"scale", "without", "night", *scenario.shares, *of_breaks}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_what_falls_away_are_objectives_of_the_scenario(scenario: Scenario) -> None:
    names = {one.name for one in scenario.objectives}
    fallen = [*scenario.without.values(), *(one.at_none for one in scenario.shares.values())]
    fallen += [one.at_all for one in scenario.shares.values()]
    assert {name for away in fallen for name in away} <= names
