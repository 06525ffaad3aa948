"""The steering loop: nothing is overloaded while another has room, and nothing swings."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tifo.workers.steering.allocation import Limits, Placement
from tifo.workers.steering.rules import OTHERS, Cdn, Cell, Decided, Loop, Word, begin, step
from tifo.workers.steering.settings import SteeringLoopSettings

SETTINGS = SteeringLoopSettings()
LADDER = (1_000_000, 3_000_000, 6_000_000)
GBPS = 1e9
BPS_EACH = 5e6
ISPS = ("AS1 One", "AS2 Two", "AS3 Three")

A = Cdn("cdn-a", 100 * GBPS)
B = Cdn("cdn-b", 100 * GBPS, cost=1.0)
C = Cdn("cdn-c", 100 * GBPS, cost=2.0)


def cells(loads: Mapping[tuple[str, str], float], errors: Mapping[str, float] | None = None) -> list[Cell]:
    errors = errors or {}
    return [
        Cell(cdn, isp, bps, int(bps / BPS_EACH) + 1 if bps else 0, errors.get(cdn))
        for (cdn, isp), bps in loads.items()
    ]


class World:
    """CDNs whose viewers follow the weights little by little, seen late and not quite as they are."""

    def __init__(
        self,
        cdns: Sequence[Cdn],
        demand_bps: float,
        *,
        follow: float = 0.1,
        late: int = 0,
        noise: float = 0.0,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        self.cdns = cdns
        self.demand_bps = demand_bps
        self.now = 1_000.0
        self.loop: Loop = begin(cdns, {OTHERS: shares or {}}, 0, self.now)
        self.words: dict[str, Word] = {}
        self.errors: dict[str, float] = {}
        self.on = dict(self.loop.shares[OTHERS])
        self.said: list[str] = []
        self.weights: list[Mapping[str, float]] = []
        self._follow = follow
        self._seen: deque[list[Cell]] = deque(maxlen=late + 1)
        self._noise = noise
        self._dice = 7

    def run(self, seconds: int, each: Callable[[], None] = lambda: None) -> Decided:
        for _ in range(seconds):
            decided = self._second()
            each()
        return decided

    def _second(self) -> Decided:
        self.now += 1
        self._seen.append(cells(self._measured(), self.errors))
        self.loop, decided = step(self.loop, self.cdns, self._seen[0], self.words, LADDER, self.now, SETTINGS)
        weights = shares_of(decided, ISPS[0])
        for cdn, weight in weights.items():
            self.on[cdn] += self._follow * (weight - self.on[cdn])
        self.said += [one.what for one in decided.decisions]
        self.weights.append(weights)
        return decided

    def _measured(self) -> dict[tuple[str, str], float]:
        return {
            (cdn, ISPS[0]): share * self.taken_bps * (1 + self._noise * (2 * self._dice_fraction() - 1))
            for cdn, share in self.on.items()
        }

    @property
    def taken_bps(self) -> float:
        """Everybody has the best rendition that is offered."""
        return self.demand_bps * (self.loop.cap.bps or max(LADDER)) / max(LADDER)

    def _dice_fraction(self) -> float:
        self._dice = (self._dice * 1_103_515_245 + 12_345) % (1 << 31)
        return self._dice / (1 << 31)


# --- placing ----------------------------------------------------------------------------------------------

capacities = st.integers(0, 200_000).map(lambda mbps: mbps * 1e6)
demands = st.dictionaries(st.sampled_from(ISPS), capacities, min_size=1)


@st.composite
def some_cdns(draw: st.DrawFn) -> tuple[Cdn, ...]:
    numbers = [isp.partition(" ")[0] for isp in ISPS]
    return tuple(
        Cdn(
            f"cdn-{n}",
            draw(st.one_of(capacities, st.just(inf))),
            cost=draw(st.sampled_from((0.0, 1.0, 2.0))),
            weight=draw(st.floats(0, 4)),
            isp_capacity_bps=draw(st.dictionaries(st.sampled_from(numbers), capacities)),
            warm_up_s=draw(st.sampled_from((0.0, 60.0))),
        )
        for n in range(draw(st.integers(2, 4)))
    )


words = st.builds(
    Word,
    st.sampled_from(("in", "in", "draining", "out")),
    st.one_of(st.none(), st.floats(0, 1)),
)


@st.composite
def moments(draw: st.DrawFn) -> tuple[tuple[Cdn, ...], dict[str, float], dict[str, Word], dict[str, float]]:
    cdns = draw(some_cdns())
    said = {cdn.id: draw(words) for cdn in cdns}
    shares = {cdn.id: draw(st.floats(0, 1)) for cdn in cdns}
    return cdns, draw(demands), said, shares


def stepped(
    cdns: Sequence[Cdn],
    demand: Mapping[str, float],
    said: Mapping[str, Word],
    shares: Mapping[str, float],
    seconds: int = 1,
) -> tuple[Loop, Decided, dict[str, float]]:
    loop = begin(cdns, {OTHERS: shares}, 0, 1_000.0)
    measured = [Cell(cdns[0].id, isp, bps, 10) for isp, bps in demand.items()]
    for second in range(1, seconds + 1):
        loop, decided = step(loop, cdns, measured, said, LADDER, 1_000.0 + second, SETTINGS)
    if not sum(demand.values()):
        return loop, decided, {OTHERS: 0.0}
    columns = {isp: demand[isp] for isp in decided.by_isp}
    rest = sum(bps for isp, bps in demand.items() if isp not in columns)
    return loop, decided, {OTHERS: rest, **columns}


def shares_of(decided: Decided, isp: str) -> Mapping[str, float]:
    return decided.by_isp.get(isp, decided.weights)


@given(moments())
def test_weights_sum_to_one_and_none_is_negative(moment) -> None:
    _, decided, _ = stepped(*moment, seconds=3)
    for some in (decided.weights, *decided.by_isp.values()):
        assert sum(some.values()) == pytest.approx(1)
        assert min(some.values()) >= 0


def most_placed(cdns: Sequence[Cdn], columns: Mapping[str, float]) -> float:
    """What could be carried at all: by a placement without preferences."""
    limits = Limits(
        {cdn.id: cdn.capacity_bps for cdn in cdns},
        {
            (isp, cdn.id): cdn.isp_capacity_bps.get(isp.partition(" ")[0], inf)
            for isp in columns
            for cdn in cdns
        },
    )
    left = Placement({}, tuple(columns), 1e-3).place(columns, [{cdn.id: 1.0 for cdn in cdns}], limits)
    return sum(columns.values()) - sum(left.values())


@given(moments())
@settings(max_examples=300)
def test_no_cdn_is_above_its_capacity_while_another_has_room(moment) -> None:
    cdns, demand, said, shares = moment
    _, decided, columns = stepped(cdns, demand, said, shares)
    live = [cdn for cdn in cdns if said[cdn.id].state != "out"] or list(cdns)
    if most_placed(live, columns) < sum(columns.values()) - 1:
        return
    crumbs = sum(columns.values()) * 1e-6
    for cdn in live:
        on = sum(shares_of(decided, isp)[cdn.id] * bps for isp, bps in columns.items())
        assert on <= cdn.capacity_bps * 1.000_001 + crumbs
        for isp, bps in columns.items():
            most = cdn.isp_capacity_bps.get(isp.partition(" ")[0], inf)
            assert shares_of(decided, isp)[cdn.id] * bps <= most * 1.000_001 + crumbs


@given(moments())
def test_what_is_out_gets_nobody_at_once_unless_all_are(moment) -> None:
    cdns, demand, said, shares = moment
    _, decided, columns = stepped(cdns, demand, said, shares)
    out = {cdn.id for cdn in cdns if said[cdn.id].state == "out"}
    if len(out) < len(cdns) and sum(columns.values()) > 0:
        assert all(shares_of(decided, isp)[cdn] == 0 for isp in columns for cdn in out)


@given(moments())
def test_a_step_moves_no_more_than_its_bound_and_what_is_dead_or_too_much(moment) -> None:
    cdns, demand, said, shares = moment
    cdns = tuple(replace(cdn, isp_capacity_bps={}) for cdn in cdns)
    before = begin(cdns, {OTHERS: shares}, 0, 0.0).shares[OTHERS]
    _, decided, _ = stepped(cdns, demand, said, shares)
    total = sum(demand.values())
    live = [cdn for cdn in cdns if said[cdn.id].state != "out"] or list(cdns)
    most = dict.fromkeys(before, 0.0) | {cdn.id: cdn.capacity_bps for cdn in live}
    if sum(most.values()) >= total > 0:
        needed = sum(max(0.0, share - most[cdn] / total) for cdn, share in before.items())
        moved = sum(max(0.0, share - decided.weights[cdn]) for cdn, share in before.items())
        assert moved <= needed + SETTINGS.move_per_s + 1e-6


# --- over time --------------------------------------------------------------------------------------------


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
    loop = begin((A, B), {OTHERS: {"cdn-a": 0.2, "cdn-b": 0.8}}, 3_000_000, 1.0)
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
    loop = begin((A, B, C), {OTHERS: before}, 0, 0.0)
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
    loop = begin((A, B), {OTHERS: {"cdn-a": 1.0}}, 0, 0.0)
    measured = [
        Cell("cdn-a", ISPS[0], 10 * GBPS, 2_000, 0.0, rebuffer_ratio=0.3),
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
