"""What insight workers say of their shares, put together."""

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.reports import AudienceCount, AudienceReport, AudienceSplit, GroupLag
from tifo.board import audience
from tifo.board.audience import split, whole_audience
from tifo.board.entries import InsightReport

NOW = 1_800_000_000.0


def report(viewers: int, *partitions: int, at: float = NOW, **more: Any) -> InsightReport:
    split = AudienceSplit((AudienceCount("final", viewers),))
    values = {"pathways": {"cdn-a": viewers}, "groups": (), "audience": AudienceReport(event=split)}
    return InsightReport(
        at=at, viewers=viewers, starts_per_s=1.0, events_per_s=2.0, partitions=partitions, **(values | more)
    )


def test_nobody_speaks() -> None:
    assert whole_audience([]) is None


def test_one_worker_speaks_for_all() -> None:
    one = report(7, 0, 1, 2)
    assert whole_audience([one]) == one


def test_shares_of_several_workers_add_up() -> None:
    groups = (GroupLag("insight", "sessions", 3),)
    told = whole_audience(
        [report(7, 0, 2, at=NOW - 1), report(5, 1, pathways={"cdn-a": 4, "cdn-b": 1}, groups=groups)]
    )
    assert told is not None
    assert (told.viewers, told.starts_per_s, told.events_per_s) == (12, 2.0, 4.0)
    assert (told.at, told.groups, told.partitions) == (NOW, groups, (0, 1, 2))
    assert told.pathways == {"cdn-a": 11, "cdn-b": 1}
    assert told.audience.event == AudienceSplit((AudienceCount("final", 12),))


def test_share_that_changes_hands_counts_once_by_the_newer_word() -> None:
    told = whole_audience([report(9, 0, 1, at=NOW - 2), report(4, 1), report(3, 2)])
    assert told is not None
    assert (told.viewers, told.partitions) == (7, (1, 2))


def test_split_of_many_names_adds_up(monkeypatch) -> None:
    monkeypatch.setattr(audience, "TOP_MAX", 2)

    def of_isps(others: int, **viewers: int) -> AudienceReport:
        top = tuple(AudienceCount(name, count) for name, count in viewers.items())
        return AudienceReport(isp=AudienceSplit(top, others))

    told = whole_audience(
        [report(9, 0, audience=of_isps(2, a=4, b=3)), report(9, 1, audience=of_isps(1, c=5, b=3))]
    )
    assert told is not None
    assert told.audience.isp == AudienceSplit((AudienceCount("b", 6), AudienceCount("c", 5)), 7)


def test_split_names_the_largest_and_adds_up_the_rest(monkeypatch) -> None:
    monkeypatch.setattr(audience, "TOP_MAX", 2)
    found = split(Counter({"a": 1, "b": 5, "c": 3, "d": 3}))
    assert ({one.name: one.viewers for one in found.top}, found.others) == ({"b": 5, "c": 3}, 4)


@given(st.lists(st.tuples(st.sets(st.integers(0, 11)), st.floats(0, 9)), max_size=6))
def test_no_share_is_told_of_twice(spoken: list[tuple[set[int], float]]) -> None:
    told = whole_audience(report(len(numbers), *numbers, at=NOW - ago) for numbers, ago in spoken)
    numbers = told.partitions if told else ()
    assert len(set(numbers)) == len(numbers)
    assert told is None or told.viewers == len(numbers)
    assert msgspec.json.encode(told)
