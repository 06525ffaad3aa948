"""Time and identifiers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.kernel.clock import ManualClock, SystemClock, rfc3339
from tifo.kernel.ids import SequentialIds, SystemIds


def test_clock_by_hand_stands_until_it_is_moved(clock: ManualClock) -> None:
    before = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == before
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (before[0] + 1.5, before[1] + 1.5)


def test_clock_by_hand_never_goes_back(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-0.001)


def test_clock_of_the_machine_goes_on() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.now() > 1_600_000_000


@pytest.mark.parametrize(
    ("epoch_s", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_800_000_000, "2027-01-15T08:00:00.000Z"),
        (1_800_000_000.25, "2027-01-15T08:00:00.250Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds(epoch_s: float, text: str) -> None:
    assert rfc3339(epoch_s) == text


@given(st.floats(min_value=0, max_value=4e9))
def test_written_times_all_have_the_same_shape(epoch_s: float) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", rfc3339(epoch_s))


@pytest.mark.parametrize("ids", [SystemIds(), SequentialIds()], ids=["system", "sequential"])
def test_identifiers_differ_and_have_one_shape(ids: SystemIds | SequentialIds) -> None:
    made = [ids.new("ses") for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert all(re.fullmatch(r"ses_[0-9a-z]{20}", one) for one in made)


@pytest.mark.parametrize("ids", [SystemIds(), SequentialIds()], ids=["system", "sequential"])
def test_codes_differ_and_have_one_shape(ids: SystemIds | SequentialIds) -> None:
    made = [ids.code() for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert all(re.fullmatch(r"[0-9a-z]{10}", one) for one in made)


@pytest.mark.parametrize("ids", [SystemIds(), SequentialIds()], ids=["system", "sequential"])
def test_fractions_are_from_zero_to_below_one(ids: SystemIds | SequentialIds) -> None:
    assert all(0 <= ids.fraction() < 1 for _ in range(1_000))


def test_every_character_may_stand_in_an_identifier() -> None:
    seen = set("".join(SystemIds().new("x")[2:] for _ in range(500)))
    assert seen == set("0123456789abcdefghijklmnopqrstuvwxyz")
