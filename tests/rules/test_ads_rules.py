"""What fills a break."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tifo.api.breaks import Break
from tifo.api.creatives import HOUSE_CREATIVES, Creative
from tifo.services.ads.rules import QUARTILES, TRACKED, fill, lengths, pad, shares

BREAK = Break("brk-1", 1_800_000_000.0, 20.0)

creatives = st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=8).map(
    lambda found: tuple(Creative(f"ad-{n}", "", seconds) for n, seconds in enumerate(found))
)
breaks = st.builds(Break, st.text(max_size=20), st.just(0.0), st.floats(min_value=0, max_value=300))


@given(st.text(max_size=64), breaks, creatives)
def test_pod_fits_its_break(session: str, brk: Break, some: tuple[Creative, ...]) -> None:
    assert sum(creative.duration_s for creative in fill(session, brk, some)) <= brk.duration_s


@given(st.text(max_size=64), breaks, creatives)
def test_same_viewer_and_break_get_the_same_pod(session: str, brk: Break, some: tuple[Creative, ...]) -> None:
    assert fill(session, brk, some) == fill(session, brk, some)


@given(st.text(max_size=64), breaks, creatives)
def test_no_creative_comes_twice_while_another_fills_as_well(
    session: str, brk: Break, some: tuple[Creative, ...]
) -> None:
    pod = fill(session, brk, some)
    left = sum(creative.duration_s for creative in pod)
    sums = lengths((one.duration_s for one in some), left)
    for place, creative in enumerate(pod):
        unseen = [
            one
            for one in some
            if one not in pod[:place] and one.duration_s <= left and sums >> left - one.duration_s & 1
        ]
        assert creative not in pod[:place] or not unseen
        left -= creative.duration_s


@given(breaks, creatives)
def test_pod_is_as_long_as_its_creatives_can_be(brk: Break, some: tuple[Creative, ...]) -> None:
    durations = {one.duration_s for one in some}
    best = {0}
    for second in range(1, int(brk.duration_s) + 1):
        if any(second - one in best for one in durations):
            best.add(second)
    assert sum(one.duration_s for one in fill("ses_1", brk, some)) == max(best)
    assert sum(one.duration_s for one in pad(int(brk.duration_s), some)) == max(best)


@given(st.integers(0, 300), creatives, creatives)
def test_house_ads_leave_what_the_slate_can_fill(left_s: int, house, slate) -> None:
    house_s, slate_s = shares(left_s, house, slate)
    filled = sum(one.duration_s for one in (*fill("s", BREAK, house, house_s), *pad(slate_s, slate)))
    together = lengths((one.duration_s for one in (*house, *slate)), left_s)
    assert house_s + slate_s == left_s
    assert (filled == left_s) == bool(together >> left_s & 1)


def test_break_of_the_house_is_full() -> None:
    pod = fill("ses_1", BREAK, HOUSE_CREATIVES)
    assert sum(creative.duration_s for creative in pod) == BREAK.duration_s
    assert len(set(pod)) == 2


def test_break_that_is_too_short_stays_empty() -> None:
    assert fill("ses_1", Break("brk-1", 0.0, 5.0), HOUSE_CREATIVES) == ()


def test_break_without_creatives_stays_empty() -> None:
    assert fill("ses_1", BREAK, ()) == ()


def test_neighbours_see_different_ads_first() -> None:
    first = Counter(fill(f"ses_{n}", BREAK, HOUSE_CREATIVES)[0].id for n in range(900))
    assert all(200 < count < 400 for count in first.values())
    assert len(first) == 3


def test_tracking_points_are_the_standards_in_order() -> None:
    assert [name for name, _ in QUARTILES] == [
        "impression", "firstQuartile", "midpoint", "thirdQuartile", "complete",
    ]  # fmt: skip
    assert [share for _, share in QUARTILES] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert {name for name, _ in QUARTILES} == TRACKED
