"""Placing a demand on CDNs: exact, whatever the ways between ISPs and CDNs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tifo.workers.steering.allocation import Limits, Placement


@given(
    st.lists(st.floats(0, 50), min_size=3, max_size=3),
    st.lists(st.floats(0, 60), min_size=3, max_size=3),
    st.lists(st.lists(st.floats(0, 30), min_size=3, max_size=3), min_size=3, max_size=3),
)
@settings(max_examples=200)
def test_a_placement_leaves_nobody_over_who_has_a_way(demand, capacity, peering) -> None:
    """Held against the cut that limits it: ISPs on one side, CDNs on the other (max-flow min-cut)."""
    names, isps = ("a", "b", "c"), ("x", "y", "z")
    limits = Limits(
        dict(zip(names, capacity, strict=True)),
        {(isp, cdn): peering[i][c] for i, isp in enumerate(isps) for c, cdn in enumerate(names)},
    )
    rest = dict(zip(isps, demand, strict=True))
    left = Placement({}, isps, 1e-9).place(rest, [{"a": 1.0}, {"b": 2.0, "c": 1.0}], limits)
    cuts = []
    for cut_isps in range(8):
        for cut_cdns in range(8):
            inside = [i for i in range(3) if cut_isps >> i & 1]
            outside = [i for i in range(3) if i not in inside]
            into = [c for c in range(3) if not cut_cdns >> c & 1]
            through = sum(capacity[c] for c in range(3) if c not in into)
            cuts.append(
                sum(demand[i] for i in outside) + through + sum(peering[i][c] for i in inside for c in into)
            )
    assert sum(demand) - sum(left.values()) == pytest.approx(min(cuts), abs=1e-6)


def test_a_dearer_tier_gets_only_what_the_cheaper_cannot_carry() -> None:
    placement = Placement({}, ("x",), 1e-9)
    limits = Limits({"a": 10.0, "b": 4.0}, {})
    left = placement.place({"x": 12.0}, [{"a": 1.0}, {"b": 1.0}], limits)
    assert (placement.on("a"), placement.on("b"), left) == (10.0, 2.0, {"x": 0.0})


def test_within_a_tier_it_goes_by_weight_until_one_is_full() -> None:
    placement = Placement({}, ("x", "y"), 1e-9)
    limits = Limits({"a": 6.0, "b": 100.0}, {})
    placement.place({"x": 10.0, "y": 10.0}, [{"a": 1.0, "b": 1.0}], limits)
    assert placement.on("a") == pytest.approx(6.0)
    assert placement.on("b") == pytest.approx(14.0)


def test_what_has_no_place_goes_over_everything_in_proportion() -> None:
    placement = Placement({}, ("x",), 1e-9)
    left = placement.place({"x": 10.0}, [{"a": 1.0, "b": 1.0}], Limits({"a": 2.0, "b": 2.0}, {}))
    assert left == {"x": 6.0}
    placement.overflow(left, {"a": 1.0, "b": 2.0})
    assert (placement.on("a"), placement.on("b")) == (4.0, 6.0)
