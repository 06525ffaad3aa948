"""How long a remembered value serves and as what, and what bounds a cache's memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.cache.memory import ENTRY_OVERHEAD_BYTES, Memory, Remembered
from tifo.cache.policy import CachePolicy, Lifetime, Use, lifetime, next_try, use_of

ORDER = (Use.FRESH, Use.REFRESH, Use.LAST_RESORT, Use.GONE)
FOREVER = Lifetime(1e12, 1e12, 1e12)

seconds = st.floats(0.001, 100_000, allow_nan=False)
fractions = st.floats(0, 1, exclude_max=True)
policies = st.builds(
    CachePolicy,
    fresh_s=seconds,
    absent_s=seconds,
    refresh_s=seconds,
    stale_s=seconds,
    jitter_share=fractions,
    retry_s=seconds,
)


def uses(kept: Lifetime, ages: list[float]) -> list[int]:
    return [ORDER.index(use_of(kept, age)) for age in sorted(ages)]


@given(policies, fractions, st.booleans(), st.lists(seconds))
def test_value_never_grows_younger(policy, fraction, absent, ages) -> None:
    found = uses(lifetime(policy, 0.0, fraction, absent=absent), ages)
    assert found == sorted(found)


@given(policies, fractions, st.booleans())
def test_jitter_only_shortens_and_by_no_more_than_its_share(policy, fraction, absent) -> None:
    full_s = policy.absent_s if absent else policy.fresh_s
    fresh_s = lifetime(policy, 0.0, fraction, absent=absent).fresh_until
    assert full_s * (1 - policy.jitter_share) * 0.999 <= fresh_s <= full_s


@given(policies, fractions, st.booleans())
def test_no_value_serves_when_it_is_older_than_the_policy_allows(policy, fraction, absent) -> None:
    oldest_s = max(policy.stale_s, policy.fresh_s, policy.absent_s)
    assert use_of(lifetime(policy, 0.0, fraction, absent=absent), oldest_s) is Use.GONE


@given(policies, fractions)
def test_deadlines_are_in_order(policy, fraction) -> None:
    kept = lifetime(policy, 5.0, fraction, absent=False)
    assert kept.fresh_until <= kept.refresh_until <= kept.stale_until


@given(policies, seconds, fractions)
def test_next_try_is_later_and_spread(policy, now, fraction) -> None:
    assert now + 0.49 * policy.retry_s <= next_try(policy, now, fraction) <= now + 1.51 * policy.retry_s


@pytest.mark.parametrize(
    ("use", "first_s", "last_s"),
    [
        (Use.FRESH, 0, 59.9),
        (Use.REFRESH, 60, 99.9),
        (Use.LAST_RESORT, 100, 3_599.9),
        (Use.GONE, 3_600, 1e9),
    ],
)
def test_value_is_used_by_its_age(use: Use, first_s: float, last_s: float) -> None:
    policy = CachePolicy(fresh_s=60, absent_s=10, refresh_s=40, stale_s=3_600, jitter_share=0)
    kept = lifetime(policy, 0.0, 0.0, absent=False)
    assert use_of(kept, first_s) is use_of(kept, last_s) is use


def test_that_there_is_nothing_is_believed_for_a_time_of_its_own() -> None:
    policy = CachePolicy(fresh_s=60, absent_s=10, jitter_share=0)
    assert lifetime(policy, 0.0, 0.0, absent=True).fresh_until == 10


def test_a_million_lifetimes_end_spread_over_the_jitter() -> None:
    policy = CachePolicy(fresh_s=60, absent_s=10, jitter_share=0.2)
    ends = {round(lifetime(policy, 0.0, n / 1_000, absent=False).fresh_until) for n in range(1_000)}
    assert ends == set(range(48, 61))


# --- memory ---------------------------------------------------------------------------------------------


def memory(entries_max: int = 100, bytes_max: int = 10**9) -> Memory[str]:
    return Memory(CachePolicy(60, 10, entries_max=entries_max, bytes_max=bytes_max))


def kept_keys(one: Memory[str], keys: int) -> set[int]:
    return {n for n in range(keys) if one.read(str(n)) is not None}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2_000), st.booleans())), st.integers(1, 9))
def test_memory_is_bounded_by_entries_and_by_bytes_whatever_happens(steps, entries_max) -> None:
    one = memory(entries_max, 20_000)
    for key, size, forget in steps:
        one.keep(str(key), Remembered("x", size, FOREVER))
        if forget:
            one.forget(str(key))
        found = [one.read(str(n)) for n in range(21)]
        sizes = [value.size_bytes for value in found if value is not None]
        assert len(one) == len(sizes) <= entries_max
        assert one.size_bytes == sum(sizes) <= 20_000


def test_least_recently_read_goes_first() -> None:
    one = memory(entries_max=3)
    for n in range(3):
        one.keep(str(n), Remembered("x", 1, FOREVER))
    one.read("0")
    one.keep("3", Remembered("x", 1, FOREVER))
    assert kept_keys(one, 4) == {0, 2, 3}


def test_large_value_makes_room_for_itself() -> None:
    one = memory(bytes_max=4 * (ENTRY_OVERHEAD_BYTES + 5))
    for n in range(4):
        one.keep(str(n), Remembered("x", 1, FOREVER))
    one.keep("4", Remembered("x", 52, FOREVER))
    assert kept_keys(one, 5) == {2, 3, 4}


def test_value_larger_than_the_whole_memory_is_not_kept_nor_is_the_one_before() -> None:
    one = memory(bytes_max=1_000)
    one.keep("a", Remembered("x", 1, FOREVER))
    one.keep("a", Remembered("y", 1_000, FOREVER))
    assert one.read("a") is None
    assert len(one) == one.size_bytes == 0


def test_doubted_values_are_a_last_resort() -> None:
    one = memory()
    one.keep("a", Remembered("x", 1, FOREVER))
    assert one.doubt_all() == 1
    found = one.read("a")
    assert found is not None
    assert use_of(found, 5.0) is Use.LAST_RESORT
