"""The steering loop: nothing is overloaded while another has room, and nothing swings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steering_world import ISPS, SETTINGS, shares_of, stepped

from tifo.workers.steering.allocation import Limits, Placement
from tifo.workers.steering.rules import OTHERS, Cdn, Word, begin

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
    before = begin(cdns, {OTHERS: shares}, {}, 0.0).shares[OTHERS]
    _, decided, _ = stepped(cdns, demand, said, shares)
    total = sum(demand.values())
    live = [cdn for cdn in cdns if said[cdn.id].state != "out"] or list(cdns)
    most = dict.fromkeys(before, 0.0) | {cdn.id: cdn.capacity_bps for cdn in live}
    if sum(most.values()) >= total > 0:
        needed = sum(max(0.0, share - most[cdn] / total) for cdn, share in before.items())
        moved = sum(max(0.0, share - decided.weights[cdn]) for cdn, share in before.items())
        assert moved <= needed + SETTINGS.move_per_s + 1e-6
