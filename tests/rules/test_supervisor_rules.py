from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.supervisor.logs import LOG_FILES_KEPT_MAX, TAIL_LINES_MAX, PartLog
from tifo.supervisor.parts import Part, PartState, State
from tifo.supervisor.probes import AliveProbe
from tifo.supervisor.rules import (
    BACKOFF_S_MAX,
    RESTART_WINDOW_S,
    RESTARTS_PER_WINDOW_MAX,
    Health,
    PartsError,
    Timing,
    backoff_s,
    culprit,
    ending,
    failures_in_a_row,
    given_up,
    layers,
    may_start,
    observed,
    window_wait_s,
    with_log,
)

TIMING = Timing(start_s_max=60, failing_s_max=15)


def part(name: str, *needs: str) -> Part:
    return Part(name, ("true",), AliveProbe(0), needs=needs)


def state(name: str, where: State, restarts: int = 0) -> PartState:
    return PartState(name, where, None, restarts, 0, "")


def test_backoff_doubles_from_half_a_second_to_ten():
    waits = [backoff_s(failures, 0.5, TIMING) for failures in range(1, 8)]
    assert waits == [0.5, 1, 2, 4, 8, 10, 10]


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_backoff_with_any_jitter_keeps_within_its_bounds(failures: int, fraction: float):
    assert 0.4 <= backoff_s(failures, fraction, TIMING) <= BACKOFF_S_MAX


def test_jitter_shortens_and_lengthens():
    assert backoff_s(1, 0, TIMING) < backoff_s(1, 0.5, TIMING) < backoff_s(1, 0.99, TIMING)


def test_failures_are_forgotten_after_half_a_minute_of_running():
    assert failures_in_a_row(5, 29.9, TIMING) == 6
    assert failures_in_a_row(5, 30, TIMING) == 1


def test_restarts_within_the_bound_wait_for_nothing():
    assert window_wait_s([0.0] * (RESTARTS_PER_WINDOW_MAX - 1), 1) == 0


def test_one_restart_too_many_waits_until_the_oldest_is_out_of_the_window():
    restarts = [float(at) for at in range(RESTARTS_PER_WINDOW_MAX)]
    assert window_wait_s(restarts, 10) == RESTART_WINDOW_S - 10
    assert window_wait_s(restarts, RESTART_WINDOW_S + 1) == 0


def test_a_part_starts_when_all_it_needs_is_running():
    edge = part("edge", "channel", "insight")
    assert not may_start(edge, {"channel": State.RUNNING, "insight": State.STARTING})
    assert may_start(edge, {"channel": State.RUNNING, "insight": State.RUNNING})
    assert may_start(part("channel"), {})


def test_layers_follow_needs_and_not_the_order_given():
    parts = (part("edge", "cdn-a", "insight"), part("cdn-a", "channel"), part("insight"), part("channel"))
    assert [set(layer) for layer in layers(parts)] == [{"insight", "channel"}, {"cdn-a"}, {"edge"}]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((part("a", "b"), part("b", "a")), "circle"),
        ((part("a", "ghost"),), "needs ghost, which is not there"),
        ((part("a"), part("a")), "same name"),
        ((part("../a"),), "a part's name is"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(parts: tuple[Part, ...], said: str):
    with pytest.raises(PartsError, match=said):
        layers(parts)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, "exited with status 0"),
        (3, "exited with status 3"),
        (-9, "killed by SIGKILL"),
        (-11, "killed by SIGSEGV"),
        (-45, "killed by signal 45"),
    ],
)
def test_an_exit_is_said_in_words(status: int, said: str):
    assert ending(status) == said


def test_the_log_follows_only_where_there_is_one():
    assert with_log("exited with status 3", "") == "exited with status 3"
    assert (
        with_log("exited with status 3", "no such file")
        == "exited with status 3; its log ends:\nno such file"
    )


def test_a_part_that_is_not_ready_in_time_is_given_up():
    health = observed(Health(started_at=100), "refused", 101)
    assert given_up(health, 159, TIMING) == ""
    assert given_up(health, 160, TIMING) == "not ready within 60 s: refused"


def test_a_running_part_is_given_up_after_failing_without_a_break():
    health = observed(observed(Health(started_at=100), "", 101), "refused", 200)
    assert given_up(health, 214, TIMING) == ""
    assert (
        given_up(observed(health, "still refused", 215), 215, TIMING)
        == "not answering for 15 s: still refused"
    )


def test_one_good_probe_ends_a_failing_time():
    health = observed(observed(observed(Health(started_at=0), "", 1), "refused", 2), "", 16)
    assert given_up(observed(health, "refused", 17), 18, TIMING) == ""
    assert health.ready_at == 1


def test_the_culprit_is_the_part_that_others_wait_for():
    parts = (part("edge", "channel"), part("channel"))
    states = {name: state(name, State.STARTING) for name in ("edge", "channel")}
    assert culprit(parts, states) == states["channel"]


def test_the_culprit_is_the_part_that_failed_most():
    parts = (part("slow"), part("broken"))
    states = {"slow": state("slow", State.STARTING), "broken": state("broken", State.BACKING_OFF, restarts=2)}
    assert culprit(parts, states) == states["broken"]


def test_there_is_no_culprit_when_all_run():
    assert culprit((part("a"),), {"a": state("a", State.RUNNING)}) is None


def test_the_tail_has_only_what_the_newest_process_wrote(tmp_path: Path):
    log = PartLog(tmp_path / "logs" / "edge.log")
    for text in (b"first run\n", b"second run\n"):
        with log.open("start") as file:
            file.write(text)
    assert log.tail() == "second run"
    assert "first run" in log.path.read_text()


def test_the_tail_is_short_and_without_terminal_codes(tmp_path: Path):
    log = PartLog(tmp_path / "edge.log")
    with log.open("start") as file:
        file.write(b"x" * 100_000 + b"\n" + b"\x1b[31mred\x1b[0m \x07\xff\n" * 50)
    assert log.tail().splitlines() == ["red \N{REPLACEMENT CHARACTER}"] * TAIL_LINES_MAX


def test_a_full_log_is_moved_aside_and_only_some_are_kept(tmp_path: Path):
    log = PartLog(tmp_path / "edge.log", bytes_max=100)
    for number in range(LOG_FILES_KEPT_MAX + 3):
        with log.open(f"start {number}") as file:
            file.write(b"x" * 100)
    assert "start 5" in log.path.read_text()
    assert "start 4" in (tmp_path / "edge.log.1").read_text()
    assert len(list(tmp_path.iterdir())) == 1 + LOG_FILES_KEPT_MAX


def test_a_log_is_rotated_under_a_process_that_goes_on_writing(tmp_path: Path):
    log = PartLog(tmp_path / "edge.log", bytes_max=100)
    with log.open("start") as file:
        file.write(b"x" * 100)
        log.rotate()
        file.write(b"after\n")
    assert log.path.read_bytes() == b"after\n"
    assert log.tail() == "after"
