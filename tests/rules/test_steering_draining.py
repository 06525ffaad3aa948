"""A CDN that drains while the loop is silent: its viewers go to the others by their room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.services.steering.rules import Pathway, drained

some_pathways = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=5).map(
    lambda some: [Pathway(f"cdn-{n}", weight, spare) for n, (weight, spare) in enumerate(some)]
)


@given(some_pathways, st.dictionaries(st.sampled_from(("cdn-0", "cdn-1")), st.floats(0, 1)))
def test_what_is_drained_goes_to_the_others_and_nothing_is_lost(pathways, taken) -> None:
    after = {one.id: one for one in drained(pathways, taken)}
    assert sum(one.weight for one in after.values()) == pytest.approx(sum(one.weight for one in pathways))
    if any(one.id not in taken for one in pathways):
        for one in pathways:
            gives = one.id in taken
            assert after[one.id].weight <= one.weight if gives else after[one.id].weight >= one.weight - 1e-9
            assert after[one.id].spare == (0 if gives else one.spare)


def test_it_goes_by_the_room_that_the_others_have() -> None:
    pathways = (Pathway("cdn-a", 0.5, 0.0), Pathway("cdn-b", 0.3, 0.2), Pathway("cdn-c", 0.2, 0.8))
    after = {one.id: one.weight for one in drained(pathways, {"cdn-a": 1.0})}
    assert after == pytest.approx({"cdn-a": 0.0, "cdn-b": 0.4, "cdn-c": 0.6})


def test_where_everything_drains_nothing_changes() -> None:
    pathways = (Pathway("cdn-a", 0.5), Pathway("cdn-b", 0.5))
    assert drained(pathways, {"cdn-a": 1.0, "cdn-b": 1.0}) == pathways
