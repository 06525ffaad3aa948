"""What a CDN carries in truth: learned from its viewers, put to the test again, and never a swing."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steering_world import GBPS, ISPS, LADDER, SETTINGS, A, B, C, World

from tifo.workers.steering.health import EVERYWHERE
from tifo.workers.steering.learning import Learned
from tifo.workers.steering.rules import OTHERS, Cdn, Cell, Decided, Loop, begin, step
from tifo.workers.steering.settings import SteeringLoopSettings


def turns(shares: list[float]) -> int:
    """How often a curve changes its direction by more than noise."""
    kept = [shares[0]]
    for share in shares[1:]:
        if abs(share - kept[-1]) > 0.03:
            kept.append(share)
    steps = [two - one for one, two in pairwise(kept)]
    return sum(one * two < 0 for one, two in pairwise(steps))


@given(
    real=st.floats(0.2, 1.2),
    gbps=st.sampled_from((40, 80, 120)),
    late=st.sampled_from((0, 5, 10)),
    noise=st.sampled_from((0.0, 0.05)),
)
@settings(max_examples=25, deadline=None)
def test_a_capacity_that_is_wrong_is_found_and_hardly_exceeded(real, gbps, late, noise) -> None:
    world = World((A, B, C), gbps * GBPS, late=late, noise=noise)
    world.real_bps = {"cdn-a": real * 100 * GBPS, "cdn-b": 1e15, "cdn-c": 1e15}
    world.run(200)
    assert "learn" in world.said or not world.overloaded_s
    assert world.overloaded_s <= 60 + late
    world.overloaded_s, world.weights = 0, []
    world.run(1_500)
    assert world.overloaded_s <= 1_500 * 0.1
    assert turns([weights["cdn-a"] for weights in world.weights]) <= 8


def test_the_figure_is_put_to_the_test_less_and_less_often() -> None:
    world = World((A, B), 80 * GBPS)
    world.real_bps = {"cdn-a": 50 * GBPS, "cdn-b": 1e15}
    lessons = []
    for second in range(4_000):
        before = len(world.said)
        world.run(1)
        lessons += [second for what in world.said[before:] if what == "learn"]
    pauses = [two - one for one, two in pairwise(lessons)]
    assert pauses == sorted(pauses)
    assert len(lessons) <= 6


def test_a_cdn_that_recovers_gets_its_viewers_back_with_a_ramp_and_its_lesson_is_forgotten() -> None:
    world = World((A, B), 80 * GBPS)
    world.real_bps = {"cdn-a": 100 * GBPS, "cdn-b": 1e15}
    world.run(100)
    world.real_bps["cdn-a"] = 30 * GBPS
    world.run(100)
    assert world.weights[-1]["cdn-a"] * 80 <= 30
    world.real_bps["cdn-a"] = 100 * GBPS
    world.weights.clear()
    world.run(1_500)
    first = [weights["cdn-a"] for weights in world.weights]
    assert first[-1] == pytest.approx(1.0, abs=SETTINGS.dead_band)
    assert max(two - one for one, two in pairwise(first)) <= SETTINGS.move_per_s + 1e-6
    assert world.said[-1] in ("return", "move")
    assert "return" in world.said
    assert not world.loop.lesson


def look(*some: Cell, loop: Loop | None = None, seconds: int = 10) -> tuple[Loop, Decided]:
    """The same measurements for some seconds."""
    now = loop.at if loop else 0.0
    loop = loop or begin((A, B, C), {OTHERS: {"cdn-a": 1.0}}, {}, now)
    for second in range(1, seconds + 1):
        loop, decided = step(loop, (A, B, C), some, {}, LADDER, now + second, SETTINGS)
    return loop, decided


def cell(cdn: str, waiting: float, gbps: float = 40.0, isp: int = 0, viewers: int = 2_000) -> Cell:
    return Cell(cdn, ISPS[isp], gbps * GBPS, viewers, 0.0, waiting)


def test_what_viewers_of_all_cdns_wait_alike_is_no_cdns_capacity() -> None:
    loop, _ = look(cell("cdn-a", 0.2), cell("cdn-b", 0.15))
    assert not [one for one in loop.lesson.values() if one.bps < 1e15]
    loop, decided = look(cell("cdn-a", 0.2), cell("cdn-b", 0.01))
    assert decided.learned_bps == {"cdn-a": pytest.approx(40 * GBPS * 0.8 * 0.8)}


def test_what_viewers_of_all_cdns_wait_alike_moves_nobody() -> None:
    loop, before = look(cell("cdn-a", 0.0), cell("cdn-b", 0.0), seconds=60)
    loop, after = look(cell("cdn-a", 0.4), cell("cdn-b", 0.3), loop=loop, seconds=60)
    assert not loop.bads
    assert after.weights == before.weights


def test_who_comes_from_a_dead_cdn_brings_no_lesson_to_the_next() -> None:
    dead = Cell("cdn-a", ISPS[0], 40 * GBPS, 2_000, 0.9, 0.9)
    loop, decided = look(dead, cell("cdn-b", 0.15), cell("cdn-c", 0.01), seconds=10)
    loop, decided = look(cell("cdn-b", 0.15), cell("cdn-c", 0.01), loop=loop, seconds=30)
    assert not loop.lesson
    assert not [place for place in loop.bads if place[0] != "cdn-a"]
    loop, decided = look(cell("cdn-b", 0.15), cell("cdn-c", 0.01), loop=loop, seconds=20)
    assert decided.learned_bps.keys() == {"cdn-b"}


def test_a_lesson_that_could_not_be_tested_for_an_hour_is_forgotten() -> None:
    loop, _ = look(cell("cdn-a", 0.2), cell("cdn-b", 0.0))
    loop = replace(loop, at=loop.at + 3_600)
    loop, decided = look(cell("cdn-b", 0.0), loop=loop, seconds=1)
    assert decided.learned_bps
    loop, decided = look(cell("cdn-b", 0.0), loop=replace(loop, at=loop.at + 200), seconds=1)
    assert not decided.learned_bps


def test_a_way_into_one_isp_is_learned_for_that_isp_alone() -> None:
    loop, decided = look(cell("cdn-a", 0.2, isp=0), cell("cdn-a", 0.0, isp=1))
    assert loop.lesson["cdn-a", ISPS[0]].bps == pytest.approx(40 * GBPS * 0.8 * 0.8)
    assert not decided.learned_bps
    assert decided.by_isp[ISPS[0]]["cdn-a"] < 0.7
    assert decided.weights["cdn-a"] == pytest.approx(1.0)


def test_who_carries_next_to_nothing_teaches_nothing() -> None:
    loop, _ = look(cell("cdn-a", 0.2, gbps=1.0), cell("cdn-b", 0.0))
    assert not loop.lesson


def test_what_is_bad_although_it_carries_little_is_avoided() -> None:
    loop, _ = look(cell("cdn-a", 0.3), cell("cdn-b", 0.0))
    loop, decided = look(cell("cdn-a", 0.3, gbps=20.0), cell("cdn-b", 0.0), loop=loop, seconds=60)
    assert loop.bads["cdn-a", ISPS[0]].until > loop.at
    assert decided.by_isp[ISPS[0]]["cdn-a"] < 1e-6


def test_a_short_overload_is_not_poor_for_a_minute() -> None:
    loop, decided = look(cell("cdn-a", 0.3), cell("cdn-b", 0.0))
    assert not loop.bads
    assert decided.weights["cdn-a"] > 0


def test_errors_are_no_matter_of_load() -> None:
    loop, _ = look(Cell("cdn-a", ISPS[0], 40 * GBPS, 2_000, 0.9, 0.9), cell("cdn-b", 0.0))
    assert ("cdn-a", EVERYWHERE) in loop.bads
    assert not loop.lesson


def test_the_next_loop_goes_on_with_what_was_learned() -> None:
    loop = begin((A, B), {OTHERS: {"cdn-a": 1.0}}, {}, 0.0, {"cdn-a": 50 * GBPS})
    assert loop.lesson == {("cdn-a", EVERYWHERE): Learned(50 * GBPS, held_until=0.0)}
    _, decided = look(cell("cdn-a", 0.0, gbps=80.0), loop=loop, seconds=1)
    assert decided.weights["cdn-a"] <= 0.51 / 0.8


def test_it_is_told_with_both_figures() -> None:
    _, decided = look(cell("cdn-a", 0.2), cell("cdn-b", 0.01), seconds=5)
    loop, _ = look(cell("cdn-a", 0.2), cell("cdn-b", 0.01), seconds=3)
    _, decided = look(cell("cdn-a", 0.2), cell("cdn-b", 0.01), loop=loop, seconds=1)
    (said,) = [one for one in decided.decisions if one.what == "learn"]
    assert (said.pathway, said.isp) == ("cdn-a", "")
    assert said.reason == (
        "its viewers wait: it counts as 25.6 Gbit/s, not the 100.0 that are stated; more is tried after 120 s"
    )


def test_without_a_stated_capacity_nothing_is_learned() -> None:
    cdns = (Cdn("cdn-a"), Cdn("cdn-b"))
    loop = begin(cdns, {OTHERS: {"cdn-a": 1.0}}, {}, 0.0)
    for second in range(10):
        some = (cell("cdn-a", 0.05), cell("cdn-b", 0.0))
        loop, _ = step(loop, cdns, some, {}, LADDER, float(second), SteeringLoopSettings())
    assert not loop.lesson
