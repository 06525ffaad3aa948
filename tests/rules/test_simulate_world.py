"""The simulated crowd and world: the services' choice for everybody at once, and nobody lost on the way."""

import math

import numpy as np
import pytest

from tifo.kernel.errors import SettingsError
from tifo.services.steering import rules
from tifo.services.steering.rules import Pathway
from tifo.simulate import choice, crowd, policies, scenarios
from tifo.simulate.crowd import Crowd, gather
from tifo.simulate.policies import POLICIES, Policy
from tifo.simulate.scenarios import SCENARIOS, Incident, Scenario, is_dead, left_of
from tifo.simulate.world import Second, World

VIEWERS = 20_000
LOST = SCENARIOS["cdn-lost-at-peak"]
SESSIONS = tuple(f"session-{n}" for n in range(2_000))
WEIGHTS = {"cdn-a": 0.5, "cdn-b": 0.25, "cdn-c": 0.2, "cdn-d": 0.05}


@pytest.fixture(scope="module")
def some() -> Crowd:
    return gather(LOST, VIEWERS, 1, 10, 0.1)


def play(people: Crowd, scenario: Scenario, policy: Policy, until: int) -> list[Second]:
    world, seconds = World(people, scenario), []
    for at in range(until):
        seconds.append(world.second(at, policy.answer(seconds[-1] if seconds else None)))
    return seconds


@pytest.fixture(scope="module")
def weighted(some: Crowd) -> list[Second]:
    return play(some, LOST, POLICIES["weighted"](LOST, VIEWERS, 1), scenarios.END_S)


# --- the choice ------------------------------------------------------------------------------------------


def energies_of_the_rules() -> crowd.Floats:
    """-log of the draws that the rules make."""
    return np.array(
        [[-math.log(rules._draws(session, cdn)[0]) for session in SESSIONS] for cdn in WEIGHTS],
        dtype=np.float64,
    )


def ranked_by_best(energies: crowd.Floats, weights: np.ndarray, left: tuple[int, ...]) -> np.ndarray:
    """The order (rank x session), by taking away from each session's CDNs what is best time and again."""
    ranked = np.full((len(left), energies.shape[1]), left[0], dtype=np.int8)
    if len(left) > 1:
        ranked[0] = np.array(left)[choice.best(energies[list(left)], weights[list(left)])]
        for cdn in left:
            who = ranked[0] == cdn
            others = tuple(other for other in left if other != cdn)
            ranked[1:, who] = ranked_by_best(energies[:, who], weights, others)
    return ranked


@pytest.mark.parametrize(
    "weights",
    [tuple(WEIGHTS.values()), (0.7, 0.0, 0.3, 0.0), (0.0, 0.0, 0.0, 0.0)],
    ids=["all-weighted", "two-without-weight", "none-weighted"],
)
def test_order_of_many_is_that_of_the_rules_for_the_same_draws(weights: tuple[float, ...]) -> None:
    names = tuple(WEIGHTS)
    pathways = [Pathway(id, weight) for id, weight in zip(names, weights, strict=True)]
    ranked = ranked_by_best(energies_of_the_rules(), np.array(weights), (0, 1, 2, 3))
    for n, session in enumerate(SESSIONS):
        assert tuple(names[cdn] for cdn in ranked[:, n]) == rules.order(session, pathways, ())


@pytest.mark.parametrize("weights", [(0.5, 0.25, 0.2, 0.05), (0.7, 0.0, 0.3, 0.0), (1.0, 0.0, 0.0, 0.0)])
def test_next_after_a_lost_one_is_the_second_of_the_order(weights: tuple[float, ...]) -> None:
    energies = energies_of_the_rules()
    ranked = ranked_by_best(energies, np.array(weights), (0, 1, 2, 3))
    on_first = ranked[0] == 0
    spare = choice.best(energies[:, on_first], choice.without(np.array(weights), 0))
    assert (spare == ranked[1, on_first]).all()


def test_share_of_a_cdn_is_its_weight(some: Crowd) -> None:
    chosen = choice.best(some.energies, np.array([0.6, 0.3, 0.1, 0.0]))
    assert np.bincount(chosen, minlength=4) / VIEWERS == pytest.approx([0.6, 0.3, 0.1, 0.0], abs=0.015)


def test_cdn_without_weight_is_nobodys_first() -> None:
    assert not (choice.best(np.ones((2, 5), dtype=np.float32), np.array([0.0, 1.0])) == 0).any()


def test_without_the_only_one_the_others_share_alike() -> None:
    assert choice.without(np.array([1.0, 0.0, 0.0]), 0).tolist() == [0.0, 1.0, 1.0]


# --- the crowd -------------------------------------------------------------------------------------------


def test_same_seed_is_the_same_crowd(some: Crowd) -> None:
    again, other = gather(LOST, VIEWERS, 1, 10, 0.1), gather(LOST, VIEWERS, 2, 10, 0.1)
    assert (again.energies == some.energies).all()
    assert again.blocks == some.blocks
    assert (other.energies != some.energies).any()


def test_every_player_is_in_one_block_of_their_isp(some: Crowd) -> None:
    assert [block.first for block in some.blocks] == [0, *(block.last for block in some.blocks[:-1])]
    assert some.blocks[-1].last == VIEWERS
    assert all((some.isps[block.first : block.last] == block.isp).all() for block in some.blocks)


def test_players_ask_at_the_jittered_lifetime(some: Crowd) -> None:
    assert {block.ttl_s for block in some.blocks} == {9, 10, 11}
    asking = [sum(b.last - b.first for b in some.blocks if at % b.ttl_s == b.phase) for at in range(990)]
    assert sum(asking) / 990 == pytest.approx(VIEWERS / 10, rel=0.02)
    assert max(asking) < 1.2 * VIEWERS / 10


def test_lifetimes_are_those_of_the_service_for_the_same_chance() -> None:
    chances = np.random.default_rng(3).random(2_000, dtype=np.float32)
    lives = crowd.lives_s(np.random.default_rng(3), 10, 0.1, 2_000)
    assert lives.tolist() == [rules.seconds_to_next(10, 0.1, float(chance)) for chance in chances]


def test_energies_are_those_of_uniform_draws(some: Crowd) -> None:
    draws = np.exp(-some.energies.astype(np.float64))
    assert draws.mean() == pytest.approx(0.5, abs=0.01)
    assert (some.energies > 0).all()
    assert math.isclose(draws.var(), 1 / 12, rel_tol=0.05)


# --- the incident ----------------------------------------------------------------------------------------


def test_flapping_one_is_dead_for_a_part_of_each_period() -> None:
    flapping = Incident("flapping", "cdn-a", 100, 220, down_s=20, period_s=60)
    dead = [at for at in range(300) if is_dead(flapping, at)]
    assert dead == [*range(100, 120), *range(160, 180)]


def test_slow_one_loses_its_capacity_little_by_little_and_gets_it_back_so() -> None:
    slow = Incident("slow", "cdn-a", 100, 300, left=0.4, ramp_s=100)
    assert [left_of(slow, at) for at in (0, 100, 150, 200, 299, 350, 400)] == pytest.approx(
        [1, 1, 0.7, 0.4, 0.4, 0.7, 1]
    )


def test_unknown_scenario_is_refused_with_the_list() -> None:
    with pytest.raises(SettingsError, match="cdn-lost-at-peak, brown-out, wrong-capacity, isp-peering"):
        scenarios.scenario("earthquake")


# --- the world -------------------------------------------------------------------------------------------


def test_nobody_is_counted_twice_or_forgotten(some: Crowd, weighted: list[Second]) -> None:
    watching = [one.viewers.sum() for one in weighted]
    assert max(watching) == VIEWERS
    assert watching[-1] == 0
    assert weighted[-1].asked_bps.sum() == pytest.approx(0, abs=1.0)
    assert all((one.viewers >= 0).all() for one in weighted)


def test_half_time_is_seen(weighted: list[Second]) -> None:
    middle = weighted[scenarios.SECOND_HALF_S - 60].viewers.sum()
    assert middle == pytest.approx(0.88 * weighted[scenarios.HALF_TIME_S - 1].viewers.sum(), rel=0.02)


def test_fixed_weights_move_nobody_while_nothing_happens(weighted: list[Second]) -> None:
    assert not any(one.moves for one in weighted[: LOST.incident.begins_s])


def test_everybody_has_left_a_dead_cdn_by_themselves_within_their_patience(weighted: list[Second]) -> None:
    begins = LOST.incident.begins_s
    assert weighted[begins].viewers[:, 0].sum() > 0.2 * VIEWERS
    assert weighted[begins + crowd.PATIENCE_S[1] + 1].viewers[:, 0].sum() == 0


def test_who_was_failed_by_a_cdn_keeps_off_it_until_the_penalty_is_over(weighted: list[Second]) -> None:
    assert weighted[LOST.incident.ends_s - 1].viewers[:, 0].sum() < 0.01 * VIEWERS
    assert weighted[LOST.incident.ends_s + 30].viewers[:, 0].sum() > 0.2 * VIEWERS


def test_lists_of_one_order_put_all_of_a_lost_cdn_on_the_next(some: Crowd) -> None:
    seconds = play(some, LOST, POLICIES["priority"](LOST, VIEWERS, 1), 740)
    before, after = seconds[719].viewers.sum(axis=0), seconds[739].viewers.sum(axis=0)
    assert after[1] == pytest.approx(before[0] + before[1], rel=0.01)
    assert after[2:] == pytest.approx(before[2:], rel=0.02)
    assert seconds[739].load[:, 1].max() > 1


def test_players_hear_new_weights_when_they_ask_and_not_before(some: Crowd) -> None:
    class Turning(Policy):
        def answer(self, last: Second | None) -> policies.Answer:
            one = 1 if last and last.at >= 599 else 0
            weights = np.zeros((len(LOST.isps), len(LOST.cdns)))
            weights[:, one] = 1.0
            return policies.Answer(weights, version=one)

    moves = [one.moves for one in play(some, LOST, Turning(), 640)]
    assert not any(moves[:600])
    assert all(0 < n < 0.2 * VIEWERS for n in moves[600:609])
    assert not any(moves[611:])


def test_narrow_link_concerns_its_isp_only(some: Crowd) -> None:
    narrow = SCENARIOS["isp-peering"]
    load = play(some, narrow, POLICIES["weighted"](narrow, VIEWERS, 1), 760)[-1].load
    assert load[0, 0] > 1
    assert load[1:].max() < 1
