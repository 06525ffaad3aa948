"""What is told of a simulation: figures of known curves, the same for the same seed, and a picture."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import SettingsError
from tifo.simulate import match, picture, scenarios
from tifo.simulate.course import Course, Figures, figures
from tifo.simulate.measuring import DELAY_S, WINDOW_S, Eyes
from tifo.simulate.policies import POLICIES
from tifo.simulate.scenarios import SCENARIOS
from tifo.simulate.world import Second

LOST = SCENARIOS["cdn-lost-at-peak"]
SIZE = match.Size(20_000, 10, 0.1, 1)
BEGINS, ENDS = LOST.incident.begins_s, LOST.incident.ends_s


def quiet() -> Course:
    """100 watch all along, at 0.6 of each CDN, and nobody moves."""
    shape = (scenarios.END_S, len(LOST.cdns))
    return Course(
        asked_bps=np.full(shape, 6e11),
        capacity_bps=np.full(shape, 1e12),
        dead=np.zeros(shape, dtype=np.bool_),
        watching=np.full(shape[0], 100.0),
        stalled=np.zeros(shape[0]),
        moves=np.zeros(shape[0]),
    )


def of(course: Course) -> Figures:
    return figures("tifo", LOST, course, 0.0)


def test_figures_of_a_quiet_match() -> None:
    told = of(quiet())
    assert (told.peak_tbps, told.highest_load) == (2.4, 0.6)
    assert (told.seconds_to_last_move, told.seconds_to_last_stalled, told.moves) == (0, 0, 0)
    assert told.over_with_room is None
    assert told.cost == pytest.approx(6e11 * scenarios.END_S / 8e12 * (3.1 + 3.6 + 4.0 + 5.2), abs=0.01)


def test_last_move_is_the_last_before_a_minute_of_calm() -> None:
    course = quiet()
    course.moves[[BEGINS - 5, BEGINS + 3, BEGINS + 14, BEGINS + 200]] = 1
    assert of(course).seconds_to_last_move == 15


def test_moves_that_never_end_are_told_so() -> None:
    course = quiet()
    course.moves[BEGINS::30] = 1
    assert of(course).seconds_to_last_move is None


def test_highest_load_is_that_of_the_cdns_that_were_left_alone_and_during_the_incident() -> None:
    course = quiet()
    course.asked_bps[BEGINS + 5, 0] = 9.9e11
    course.asked_bps[BEGINS + 5, 2] = 9e11
    course.asked_bps[ENDS + 5, 1] = 9.5e11
    assert of(course).highest_load == 0.9


def test_full_one_beside_one_with_room_is_told() -> None:
    course = quiet()
    course.asked_bps[800:803, 1] = 1.2e12
    course.asked_bps[801, 1] = 1.3e12
    over = of(course).over_with_room
    assert over is not None
    assert (over.seconds, over.first_at_s, over.worst_at_s) == (3, 800, 801)
    assert over.loads == {"cdn-a": 0.6, "cdn-b": 1.3, "cdn-c": 0.6, "cdn-d": 0.6}


def test_dead_one_has_no_room() -> None:
    course = quiet()
    course.asked_bps[800, 1:] = 1.2e12
    course.dead[800, 0] = True
    assert of(course).over_with_room is None


def test_reports_come_late_and_tell_what_arrives_rather_than_what_is_asked_for() -> None:
    viewers, load = np.full((1, 2), 1000.0), np.array([[2.0, 0.5]])
    second = Second(
        7, viewers, np.array([[2e9, 1e9]]), np.array([1e9, 2e9]), load, np.array([False, True]), 0
    )
    eyes = Eyes(1)
    assert [eyes.look(second) for _ in range(DELAY_S)] == [None] * DELAY_S
    seen = eyes.look(second)
    assert seen is not None
    assert seen.bps[0, 0] == pytest.approx(1e9, rel=0.2)
    assert seen.bps[0, 1] == 0
    assert seen.rebuffer_ratio[0, 0] == pytest.approx(0.5, rel=0.2)
    assert seen.error_ratio[0, 1] > 0.8


def test_waits_are_told_of_half_a_minute_together() -> None:
    viewers, none = np.full((1, 2), 1000.0), np.array([False, False])
    full, calm = (
        Second(7, viewers, np.full((1, 2), 1e9), np.full(2, 1e9), np.full((1, 2), load), none, 0)
        for load in (2.0, 0.5)
    )
    eyes = Eyes(1)
    told = [eyes.look(one) for one in [full] * 10 + [calm] * (WINDOW_S + DELAY_S)]
    ratios = [float(one.rebuffer_ratio[0, 0]) for one in told if one is not None]
    assert ratios[9] == pytest.approx(0.5, rel=0.2)
    assert ratios[WINDOW_S - 1] == pytest.approx(0.5 * 10 / WINDOW_S, rel=0.2)
    assert ratios[-1] < 0.1


@pytest.fixture(scope="module")
def rans() -> tuple[match.Ran, ...]:
    return match.play(LOST, SIZE, tuple(POLICIES), 2, ManualClock(), lambda name, at: None)


def test_same_seed_is_the_same_night_on_any_number_of_cores(rans: tuple[match.Ran, ...]) -> None:
    again = match.play(LOST, SIZE, tuple(POLICIES), 1, ManualClock(), lambda name, at: None)
    assert [ran.figures for ran in again] == [ran.figures for ran in rans]


DECIDED = """
import hashlib
from tifo.simulate import scenarios
from tifo.simulate.crowd import gather
from tifo.simulate.policies import Tifo
from tifo.simulate.world import World

lost = scenarios.SCENARIOS["cdn-lost-at-peak"]
policy, world = Tifo(lost, 3000, 1), World(gather(lost, 3000, 1, 10, 0.1), lost)
last, digest = None, hashlib.sha256()
for at in range(lost.incident.ends_s):
    answer = policy.answer(last)
    digest.update(answer.weights.tobytes())
    last = world.second(at, answer)
print(digest.hexdigest())
"""


def decided(hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", DECIDED],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_same_seed_is_the_same_night_in_every_process() -> None:
    assert decided("11") == decided("12")


def test_loop_leaves_a_dead_cdn_and_comes_back_to_it(rans: tuple[match.Ran, ...]) -> None:
    asked = rans[0].course.asked_bps[:, 0]
    assert asked[BEGINS - 1] > 0.2 * rans[0].course.asked_bps[BEGINS - 1].sum()
    assert asked[BEGINS + 30] == 0
    assert asked[scenarios.WHISTLE_S - 1] > 0.2 * rans[0].course.asked_bps[scenarios.WHISTLE_S - 1].sum()


def test_loop_costs_less_than_weights_by_contract(rans: tuple[match.Ran, ...]) -> None:
    assert rans[0].figures.cost < rans[1].figures.cost


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_played_to_its_end_by_the_loop(name: str) -> None:
    heard: list[int] = []
    (ran,) = match.play(
        SCENARIOS[name], SIZE, ("tifo",), 1, ManualClock(), lambda _name, at: heard.append(at)
    )
    assert heard[-1] == scenarios.END_S
    assert ran.figures.peak_tbps == pytest.approx(3.6 * SIZE.viewers / 3.2e6, rel=0.02)
    assert msgspec.json.decode(msgspec.json.encode(ran.figures), type=Figures) == ran.figures


@pytest.mark.parametrize(
    ("name", "bad_minutes", "moves"),
    [("wrong-capacity", 0.8, 3.0), ("brown-out", 0.6, 3.0), ("isp-peering", 0.2, 3.0)],
)
def test_a_cdn_that_carries_less_than_is_stated_makes_no_swing(
    name: str, bad_minutes: float, moves: float
) -> None:
    """By viewer: minutes on a bad CDN, and moves. Without lessons the first has 1.7 and 13."""
    play = match.play(SCENARIOS[name], SIZE, ("tifo",), 1, ManualClock(), lambda _name, at: None)
    assert play[0].figures.stalled_viewer_minutes < bad_minutes * SIZE.viewers
    assert play[0].figures.moves < moves * SIZE.viewers


@pytest.mark.parametrize("suffix", picture.SUFFIXES)
def test_picture_is_drawn_in_the_form_of_its_suffix(
    tmp_path: Path, rans: tuple[match.Ran, ...], suffix: str
) -> None:
    file = tmp_path / f"night{suffix}"
    picture.draw(file, LOST, rans, SIZE.viewers)
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert file.read_bytes().startswith(begins)


def test_without_matplotlib_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingsError, match=r"pip install 'tifo\[simulate\]'"):
        picture.require()
