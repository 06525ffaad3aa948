"""What a rehearsal's figures are worth, and what they are held against."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.kernel.errors import SettingsError
from tifo.rehearsal.command import own_limits, refuse_absurd, refuse_crowd
from tifo.rehearsal.curve import Shape, Size, spread, viewers_of
from tifo.rehearsal.found import Found, Latency
from tifo.rehearsal.scenario import objectives
from tifo.rehearsal.sessions import SESSIONS
from tifo.rehearsal.target import base_of, read_tokens
from tifo.rehearsal.verdict import health, hints, judge

PLANNED = 1_000
OBJECTIVES = SESSIONS.objectives
MATCH = spread(Size(Shape.MATCH, 1, 1), PLANNED)
FAST = Latency(p50=2, p99=9, max=20, count=1_000)
WELL = Found(
    arrivals=PLANNED, entered=PLANNED, starts=1_020, reloads=20, playlists=1_020, steerings=2_000,
    heartbeats=5_000, ended=900, silent=100, requests=10_000, start_ms=FAST, arrival_ms=FAST,
    playlist_ms=FAST, heartbeat_ms=FAST, steering_ms=FAST, late_ms=FAST,
)  # fmt: skip


def judged(found: Found, *, cores_used: float = 0.5, busy: float | None = 0.5, **own: float):
    state = health(found, MATCH, cores_used, 2, busy)
    return judge(found, objectives(SESSIONS, own, (), {}), MATCH, state)


def with_(**changes) -> Found:
    return msgspec.structs.replace(WELL, **changes)


def states(verdict) -> dict[str, str]:
    return {one.name: one.state for one in verdict.objectives}


def test_a_good_night_passes() -> None:
    verdict = judged(WELL)
    assert (verdict.verdict, verdict.reasons, verdict.generator.state) == ("pass", (), "ok")
    assert set(states(verdict).values()) == {"met"}


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"entered": 998}, "not_let_in"),
        ({"starts_failed": 3}, "starts_failed"),
        ({"start_ms": Latency(p99=501, count=1)}, "start_p99"),
        ({"arrival_ms": Latency(p99=2_001, count=1)}, "arrival_p99"),
        ({"playlists_failed": 3}, "playlists_failed"),
        ({"heartbeat_ms": Latency(p99=251, count=1)}, "heartbeat_p99"),
        ({"heartbeats_lost": 6}, "heartbeats_lost"),
        ({"wrongly_ended": 1}, "wrongly_ended"),
        ({"steerings_failed": 3}, "steerings_failed"),
    ],
)
def test_each_objective_can_fail_the_night_alone(changes, missed: str) -> None:
    verdict = judged(with_(**changes))
    assert verdict.verdict == "fail"
    assert [name for name, state in states(verdict).items() if state == "missed"] == [missed]
    assert [reason.partition(":")[0] for reason in verdict.reasons] == [missed]


def test_every_objective_is_tested_alone() -> None:
    tested = test_each_objective_can_fail_the_night_alone.pytestmark[0].args[1]
    assert {missed for _, missed in tested} == {one.name for one in OBJECTIVES}


@given(st.integers(0, 200))
def test_a_figure_at_its_limit_is_met(limit: int) -> None:
    verdict = judged(with_(start_ms=Latency(p99=limit, count=1)), start_p99=limit)
    assert verdict.verdict == "pass"


def test_what_was_never_asked_is_not_met() -> None:
    verdict = judged(with_(heartbeats=0, heartbeat_ms=Latency()))
    assert verdict.verdict == "fail"
    assert states(verdict)["heartbeat_p99"] == "not-measured"
    assert "nothing to measure" in " ".join(verdict.reasons)


@pytest.mark.parametrize(
    ("changes", "cores_used", "says"),
    [
        ({"late_ms": Latency(p99=800, count=1)}, 0.5, "800 ms late"),
        ({"arrivals": 900}, 0.5, "did not come to 100 of 1,000"),
        ({}, 1.95, "1.9 of its 2 cores"),
        ({"broken": 2}, 0.5, "cannot read"),
    ],
)
def test_a_generator_that_did_not_keep_up_measures_nothing(changes, cores_used: float, says: str) -> None:
    verdict = judged(with_(**changes), cores_used=cores_used)
    assert (verdict.verdict, verdict.generator.state) == ("fail", "bottleneck")
    assert set(states(verdict).values()) == {"not-measured"}
    assert says in verdict.reasons[0]
    assert len(verdict.reasons) == 1


def test_a_figure_is_shown_though_it_was_not_measured_well() -> None:
    verdict = judged(with_(late_ms=Latency(p99=800, count=1)))
    assert next(one for one in verdict.objectives if one.name == "start_p99").value == 9


def test_a_busy_machine_is_named_beside_a_late_generator_and_not_alone() -> None:
    late = with_(late_ms=Latency(p99=800, count=1))
    assert "kept 99% of this machine's cores busy" in judged(late, busy=0.99).reasons[0]
    assert judged(WELL, busy=0.99).verdict == "pass"
    assert judged(late, busy=None).generator.machine_busy is None


def test_a_busy_machine_is_named_beside_a_time_that_was_missed() -> None:
    slow = with_(start_ms=Latency(p99=900, count=1))
    assert "kept 99% of this machine's cores busy" in " ".join(judged(slow, busy=0.99).hints)
    assert not judged(slow, busy=0.5).hints


def test_viewers_who_were_held_back_are_the_platforms_fault() -> None:
    verdict = judged(with_(arrivals=900, entered=900, unmade=100))
    assert verdict.generator.state == "ok"
    assert states(verdict)["not_let_in"] == "missed"
    assert "were not sent" in " ".join(verdict.hints)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"answered": {"429": 7}}, "edge.rate.requests_per_s = 0"),
        ({"answered": {"409": 7}}, "stream limit"),
        ({"answered": {"403": 7}}, "may not watch"),
        ({"answered": {"none": 7}}, "no answer"),
        ({"heartbeats": 0}, "heartbeat_s"),
    ],
)
def test_telling_answers_are_explained(changes, says: str) -> None:
    (hint,) = hints(with_(**changes))
    assert says in hint


def test_a_taken_over_stream_limit_needs_no_word() -> None:
    assert not list(hints(with_(answered={"409": 7}, takeovers=7)))


def test_what_is_left_out_is_not_held_against_anybody() -> None:
    names = {one.name for one in objectives(SESSIONS, {}, ("playlist",), {})}
    assert {one.name for one in OBJECTIVES} - names == {"playlists_failed", "steerings_failed"}


def test_limits_of_ones_own_are_read() -> None:
    assert own_limits(SESSIONS, ("start_p99=300", "wrongly_ended=2")) == {
        "start_p99": 300,
        "wrongly_ended": 2,
    }


@pytest.mark.parametrize(
    ("given", "says"), [("start_p99", "not NAME=NUMBER"), ("speed=1", "there is no speed")]
)
def test_limits_that_make_no_sense_are_refused(given: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        own_limits(SESSIONS, (given,))


@pytest.mark.parametrize(
    ("scale", "minutes", "says"),
    [
        (0, 2, "--scale"),
        (-1, 2, "--scale"),
        (21, 2, "--scale"),
        (float("nan"), 2, "--scale"),
        (1, 0, "--minutes"),
        (1, 1_000, "--minutes"),
    ],
)
def test_absurd_sizes_are_refused(scale: float, minutes: float, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        refuse_absurd(scale, minutes)


def test_the_reference_itself_is_not_absurd() -> None:
    refuse_absurd(1, 15)
    refuse_crowd(viewers_of(Size(Shape.MATCH, 1, 15)), 1, 15)


@pytest.mark.parametrize(
    ("scale", "minutes", "says"), [(20, 240, "viewers; one run takes"), (0.00005, 0.05, "nobody at all")]
)
def test_a_crowd_that_cannot_be_held_and_none_at_all_are_refused(
    scale: float, minutes: float, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        refuse_crowd(viewers_of(Size(Shape.MATCH, scale, minutes)), scale, minutes)


@pytest.mark.parametrize("url", ["http://tv.example", "https://192.0.2.7:8080", "http://127.0.0.1.example/"])
def test_a_strangers_platform_is_not_loaded(url: str) -> None:
    with pytest.raises(SettingsError, match="not this machine"):
        base_of(url, mine=False)
    assert base_of(url, mine=True)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8080/watch/demo", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_a_target_is_an_address_without_its_path(url: str, base: str) -> None:
    assert base_of(url, mine=False) == base


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="no address"):
        base_of(url, mine=False)


def test_each_viewer_needs_a_token_of_their_own(tmp_path) -> None:
    file = tmp_path / "tokens"
    file.write_text("one\ntwo\nthree\n")
    assert read_tokens(file, 2) == "one\ntwo"
    with pytest.raises(SettingsError, match="3 tokens for 4 viewers"):
        read_tokens(file, 4)
    with pytest.raises(SettingsError, match="none"):
        read_tokens(tmp_path / "none", 1)
