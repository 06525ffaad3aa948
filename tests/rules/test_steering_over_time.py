"""The steering loop over time: it comes to rest, leaves what is dead, and comes back to it."""

from itertools import pairwise

import pytest
from steering_world import GBPS, ISPS, LADDER, SETTINGS, A, B, C, World, stepped

from tifo.workers.steering.rules import OTHERS, Cdn, Cell, Word, begin, step


def test_the_cheapest_is_filled_up_to_the_target_and_the_next_takes_the_rest() -> None:
    world = World((A, B, C), 120 * GBPS)
    decided = world.run(120)
    assert decided.weights["cdn-a"] == pytest.approx(85 / 120, abs=0.02)
    assert decided.weights["cdn-b"] == pytest.approx(35 / 120, abs=0.02)
    assert decided.weights["cdn-c"] == pytest.approx(0, abs=0.01)


def test_without_capacities_and_costs_the_settings_weights_stay() -> None:
    world = World((Cdn("cdn-a", weight=3), Cdn("cdn-b", weight=1)), 50 * GBPS)
    assert world.run(60).weights == pytest.approx({"cdn-a": 0.75, "cdn-b": 0.25})
    assert not world.said


def test_nothing_measured_changes_nothing() -> None:
    loop = begin((A, B), {OTHERS: {"cdn-a": 0.2, "cdn-b": 0.8}}, {OTHERS: 3_000_000}, 1.0)
    for second in range(2, 60):
        loop, decided = step(loop, (A, B), [], {}, LADDER, float(second), SETTINGS)
    assert decided.weights == {"cdn-a": 0.2, "cdn-b": 0.8}
    assert decided.bandwidth_max_bps == 3_000_000
    assert not decided.decisions


@pytest.mark.parametrize(
    ("said", "weights"),
    [
        ({"cdn-a": Word("draining")}, {"cdn-a": 0.0, "cdn-b": 0.4, "cdn-c": 0.6}),
        ({"cdn-a": Word("out")}, None),
        ({"cdn-a": Word("in", 0.75)}, {"cdn-a": 0.75, "cdn-b": 0.1, "cdn-c": 0.15}),
        ({"cdn-a": Word("in", 0.9), "cdn-c": Word("in", 0.9)}, {"cdn-a": 0.5, "cdn-b": 0.0, "cdn-c": 0.5}),
        ({cdn: Word("out") for cdn in ("cdn-a", "cdn-b", "cdn-c")}, None),
    ],
)
def test_with_nothing_measured_operators_are_obeyed_and_their_words_taken_back(said, weights) -> None:
    before = {"cdn-a": 0.5, "cdn-b": 0.2, "cdn-c": 0.3}
    loop = begin((A, B, C), {OTHERS: before}, {}, 0.0)
    for second in range(1, 60):
        loop, decided = step(loop, (A, B, C), [], said, LADDER, float(second), SETTINGS)
    assert decided.weights == pytest.approx(weights or before)
    for second in range(60, 120):
        loop, decided = step(loop, (A, B, C), [], {}, LADDER, float(second), SETTINGS)
    assert decided.weights == pytest.approx(before)


@pytest.mark.parametrize("late", [0, 10, 30])
@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("gbps", [60, 120, 165])
def test_it_comes_to_rest_under_noise_and_delay(late: int, noise: float, gbps: float) -> None:
    world = World((A, B), gbps * GBPS, late=late, noise=noise)
    world.run(200)
    world.weights.clear()
    world.run(300)
    first = [weights["cdn-a"] for weights in world.weights]
    turns = sum(
        1
        for one, two, three in zip(first, first[1:], first[2:], strict=False)
        if (two - one) * (three - two) < -1e-9
    )
    assert max(first) - min(first) < 0.05
    assert turns <= 10


@pytest.mark.parametrize("late", [0, 10])
def test_a_dead_cdn_is_left_at_once_and_gets_its_viewers_back_little_by_little(late: int) -> None:
    world = World((A, B), 80 * GBPS, late=late, shares={"cdn-a": 1.0})
    world.run(60)
    world.errors = {"cdn-a": 0.9}
    world.run(late + 10)
    assert world.weights[-1] == {"cdn-a": 0.0, "cdn-b": 1.0}
    world.errors = {}
    world.weights.clear()
    world.run(240)
    first = [weights["cdn-a"] for weights in world.weights]
    assert first[-1] == pytest.approx(1.0)
    assert max(two - one for one, two in pairwise(first)) <= SETTINGS.move_per_s + 1e-9
    trial = [share for share in first if 0 < share < 0.021]
    assert len(trial) >= SETTINGS.trial_s - 5
    assert "return" in world.said


def test_a_cdn_that_stays_bad_is_tried_less_and_less_often() -> None:
    world = World((A, B), 80 * GBPS)
    world.run(30)
    world.errors = {"cdn-a": 0.9}
    world.weights.clear()
    world.run(1200)
    carried = [weights["cdn-a"] > 0 for weights in world.weights[10:]]
    begun = [n for n, (one, two) in enumerate(pairwise(carried)) if two and not one]
    pauses = [two - one for one, two in pairwise(begun)]
    assert pauses == sorted(pauses)
    assert len(begun) <= 5


def test_of_what_a_dead_cdn_carried_no_survivor_gets_more_than_it_can_carry() -> None:
    three = (A, Cdn("cdn-b", 60 * GBPS), Cdn("cdn-c", 200 * GBPS, cost=1.0, warm_up_s=60))
    world = World(three, 140 * GBPS)
    world.run(90)
    world.errors = {"cdn-a": 0.9}
    world.run(10)
    weights = world.weights[-1]
    assert weights["cdn-a"] == 0
    assert weights["cdn-b"] * 140 <= 60.001


def test_a_trial_that_nobody_was_there_for_shows_nothing() -> None:
    world = World((A, B), 80 * GBPS, shares={"cdn-a": 1.0})
    world.run(30)
    world.errors = {"cdn-a": 0.9}
    world.run(10)
    world.errors = {}
    # Whatever the loop gives it, its viewers' players still keep off it.
    world.run(200, each=lambda: world.on.update({"cdn-a": 0.0}))
    assert "return" not in world.said
    assert world.weights[-1]["cdn-a"] == pytest.approx(SETTINGS.warm_up_share)


def test_room_is_what_each_has_left_and_nothing_on_what_is_out_or_bad() -> None:
    cdns = (
        Cdn("cdn-a", 100 * GBPS),
        Cdn("cdn-b", 100 * GBPS),
        Cdn("cdn-c", 50 * GBPS, cost=1.0),
        Cdn("cdn-d"),
    )
    _, decided, _ = stepped(cdns, {ISPS[0]: 80 * GBPS}, {"cdn-d": Word("out")}, {"cdn-a": 1.0, "cdn-b": 1.0})
    assert decided.weights == pytest.approx({"cdn-a": 0.5, "cdn-b": 0.5, "cdn-c": 0.0, "cdn-d": 0.0})
    room = {"cdn-a": 60.0, "cdn-b": 60.0, "cdn-c": 50.0, "cdn-d": 0.0}
    assert decided.spare == pytest.approx({name: gbps / 170 for name, gbps in room.items()})


def test_a_backup_is_warm_before_it_takes_load() -> None:
    backup = Cdn("cdn-b", 100 * GBPS, cost=1.0, warm_up_s=60)
    world = World((A, backup), 60 * GBPS, shares={"cdn-a": 1.0})
    world.run(60)
    assert world.weights[-1]["cdn-b"] == 0
    world.demand_bps = 95 * GBPS
    world.weights.clear()
    world.run(180)
    second = [weights["cdn-b"] for weights in world.weights]
    begun = next(n for n, share in enumerate(second) if share > 0)
    assert max(second[begun : begun + 55]) <= SETTINGS.warm_up_share + 1e-9
    assert second[-1] == pytest.approx(1 - 85 / 95, abs=0.02)
    assert "warm-up" in world.said


def test_draining_takes_viewers_off_little_by_little() -> None:
    world = World((A, B), 80 * GBPS)
    world.run(90)
    world.words = {"cdn-a": Word("draining")}
    world.weights.clear()
    world.run(90)
    first = [weights["cdn-a"] for weights in world.weights]
    assert max(one - two for one, two in pairwise(first)) <= SETTINGS.move_per_s + 1e-9
    assert first[-1] == pytest.approx(0, abs=0.01)
    assert "drain" in world.said


def test_a_fixed_share_is_kept_whatever_would_be_cheaper() -> None:
    world = World((A, B), 50 * GBPS)
    world.run(90)
    world.words = {"cdn-b": Word("in", 0.3)}
    assert world.run(60).weights["cdn-b"] == pytest.approx(0.3, abs=0.01)


def test_an_isp_whose_way_is_narrow_has_shares_of_its_own() -> None:
    narrow = Cdn("cdn-a", 100 * GBPS, isp_capacity_bps={"AS1": 10 * GBPS})
    demand = {ISPS[0]: 20 * GBPS, ISPS[1]: 40 * GBPS}
    _, decided, _ = stepped((narrow, B), demand, {}, {"cdn-a": 1.0}, seconds=60)
    assert decided.by_isp[ISPS[0]]["cdn-a"] <= 0.5
    assert decided.weights["cdn-a"] == pytest.approx(1.0)


def test_a_cdn_that_is_poor_at_one_isp_is_avoided_there_only() -> None:
    loop = begin((A, B), {OTHERS: {"cdn-a": 1.0}}, {}, 0.0)
    measured = [
        Cell("cdn-a", ISPS[0], 10 * GBPS, 2_000, 0.2, rebuffer_ratio=0.3),
        Cell("cdn-a", ISPS[1], 10 * GBPS, 2_000, 0.0, rebuffer_ratio=0.0),
    ]
    for second in range(1, 40):
        loop, decided = step(loop, (A, B), measured, {}, LADDER, float(second), SETTINGS)
    assert decided.by_isp[ISPS[0]]["cdn-a"] < 0.1
    assert decided.weights["cdn-a"] == pytest.approx(1.0)


def test_the_best_rendition_goes_before_anybody_is_refused_and_comes_back_later() -> None:
    world = World((A, B), 150 * GBPS)
    assert world.run(60).bandwidth_max_bps == 0
    world.demand_bps = 195 * GBPS
    capped = world.run(30).bandwidth_max_bps
    assert capped == 3_000_000
    world.demand_bps = 150 * GBPS
    assert world.run(100).bandwidth_max_bps == capped, "the demand without a cap would be near it"
    world.demand_bps = 40 * GBPS
    assert world.run(30).bandwidth_max_bps == capped
    assert world.run(120).bandwidth_max_bps == 0
    assert world.said.count("cap") == 1
    assert world.said.count("uncap") == 1


def test_no_cap_leaves_out_the_last_rendition() -> None:
    world = World((A, B), 900 * GBPS)
    assert world.run(200).bandwidth_max_bps == min(LADDER)
