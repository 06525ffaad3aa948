"""What a node remembers of what accounts have seen, and of who is there."""

from ads_world import NOW, item
from ads_world import inventory as inventory_of
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.inventory import Cap, Inventory
from tifo.services.ads.exposures import Exposures, joined
from tifo.services.ads.index import Index
from tifo.services.ads.ports import WINDOW_S_MAX
from tifo.services.ads.presence import Present

DAY = 86_400


def capped(times: int) -> Inventory:
    return inventory_of(item("ad", caps=(Cap(times, DAY),)))


moments = st.lists(st.integers(0, 20).map(float), max_size=8)


@given(one=moments, other=moments, third=moments, times=st.integers(1, 5))
def test_joining_minds_no_order_and_no_repetition(one, other, third, times) -> None:
    together = joined(joined(one, other, times), third, times)
    assert together == joined(third, joined(other, one, times), times)
    assert together == joined(together, other, times)
    assert together == tuple(sorted({*one, *other, *third})[-times:])


def test_window_that_is_longer_than_any_is_as_long_as_the_longest() -> None:
    index = Index(inventory_of(item("ad", caps=(Cap(1, 10**12),))))
    assert [one.per_s for one in index.caps.values()] == [WINDOW_S_MAX]


def test_what_is_not_in_the_inventory_is_not_remembered() -> None:
    index = Index(capped(2))
    exposures = Exposures()
    exposures.hear("demo", {"l:ad/2/86400": (1.0, 3.0), "l:gone/1/60": (2.0,)}, index.caps)
    assert exposures.seen("demo") == {"l:ad/2/86400": (1.0, 3.0)}
    exposures.hear("demo", {}, {})
    assert exposures.seen("demo") == {}


def test_what_was_shown_meanwhile_is_not_forgotten_and_no_more_than_the_cap_is_kept() -> None:
    index = Index(capped(2))
    exposures = Exposures()
    exposures.add("demo", index.items, 5.0)
    exposures.hear("demo", {"l:ad/2/86400": (1.0, 9.0)}, index.caps)
    assert exposures.seen("demo") == {"l:ad/2/86400": (5.0, 9.0)}
    exposures.add("demo", index.items, 7.0)  # the other node's clock is ahead
    assert exposures.seen("demo") == {"l:ad/2/86400": (7.0, 9.0)}


def test_two_in_one_moment_are_two() -> None:
    exposures = Exposures()
    for _ in range(2):
        exposures.add("demo", Index(capped(3)).items, NOW)
    assert len(set(exposures.seen("demo")["l:ad/3/86400"])) == 2
    assert len({one.at for one in exposures.take_unsaved(9)}) == 2


def test_impressions_that_wait_are_bounded_and_what_is_dropped_is_counted() -> None:
    exposures = Exposures(unsaved_max=2)
    for n in range(5):
        exposures.add("demo", Index(capped(1)).items, NOW + n)
    assert [one.at for one in exposures.take_unsaved(9)] == [NOW + 3, NOW + 4]
    assert exposures.dropped == 3


def test_accounts_that_are_there_are_bounded() -> None:
    present = Present(accounts_max=2)
    for account in "abcabd":
        present.arrived(account)
    assert set(present.accounts()) == {"a", "b", "c", "d"}
    for account in "efghij":
        present.arrived(account)
    assert set(present.accounts()) == set(present.new) == {"g", "h", "i", "j"}
