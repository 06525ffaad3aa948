"""The contract of sketches, over every adapter: counts that can be joined, and an error that is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.adapters.sketches.hll import HllSketch, HllSketches
from tifo.api.sketches import Sketch, Sketches

EVERY = pytest.mark.parametrize("sketches", [HllSketches()], ids=["hll"])


def sketch_of(sketches: Sketches, names: list[int]) -> Sketch:
    made = sketches.new()
    for one in names:
        made.add(f"name-{one}")
    return made


def test_sketches_make_their_kind() -> None:
    assert isinstance(HllSketches().new(), HllSketch)


@EVERY
def test_nobody_and_few_are_counted_as_they_are(sketches: Sketches) -> None:
    assert sketches.new().count() == 0
    assert sketch_of(sketches, [*range(60), *range(60)]).count() == 60


@EVERY
@pytest.mark.parametrize("count", [10_000, 200_000])
def test_many_are_counted_within_the_error(sketches: Sketches, count: int) -> None:
    assert 0 < sketches.error < 0.05
    # The names are always the same: this is no matter of luck.
    assert sketch_of(sketches, list(range(count))).count() == pytest.approx(count, rel=sketches.error)


@EVERY
def test_dump_is_small_and_says_all(sketches: Sketches) -> None:
    many = sketch_of(sketches, list(range(100_000)))
    assert len(many.dump()) < 8_000
    again = sketches.new()
    again.join(many.dump())
    assert again.count() == pytest.approx(many.count(), rel=sketches.error)


@EVERY
@given(left=st.lists(st.integers(0, 99)), right=st.lists(st.integers(0, 99)))
def test_joined_is_what_both_have_counted(sketches: Sketches, left: list[int], right: list[int]) -> None:
    joined = sketch_of(sketches, left)
    for _ in range(2):
        joined.join(sketch_of(sketches, right).dump())
    joined.add("name-0")
    assert joined.count() == len({0, *left, *right})


@EVERY
@pytest.mark.parametrize("dump", [b"", b"no sketch", b"\x00" * 40])
def test_what_is_no_sketch_is_refused_and_changes_nothing(sketches: Sketches, dump: bytes) -> None:
    one = sketch_of(sketches, [1, 2])
    with pytest.raises(ValueError, match="no sketch"):
        one.join(dump)
    assert one.count() == 2
