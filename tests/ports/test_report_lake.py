"""The contract of what a report is made from, and the questions of it on a lake that can be counted by
hand."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from small_lake import AT, fill

from tifo.adapters.lake.reporting import AskedLake, over
from tifo.kernel.errors import Refusal, Unavailable
from tifo.lake.address import FolderAddress
from tifo.report.gathering import Facts, gather, known_events
from tifo.report.ports import Asked

T = TypeVar("T")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    asyncio.run(fill(root))
    return root


@pytest.fixture(scope="module")
def facts(root: Path) -> Facts:
    return asked(root, lambda lake: gather(lake, "final", lambda what, done, every: None))


def asked(root: Path, do: Callable[[Asked], T]) -> T:
    return over(FolderAddress(root), do)


# --- the port -------------------------------------------------------------------------------------------


def test_what_is_kept_can_be_asked_and_is_gone_with_the_connection(root: Path) -> None:
    def twice(lake: Asked) -> tuple[tuple[object, ...], ...]:
        assert isinstance(lake, AskedLake)
        lake.keep("few", "SELECT session FROM session_started WHERE event = $event", event="final")
        return lake.ask("SELECT count(*), $word FROM few", word="a'b")

    assert asked(root, twice) == ((3, "a'b"),)
    with pytest.raises(Refusal, match="few"):
        asked(root, lambda lake: lake.ask("SELECT * FROM few"))


def test_no_lake_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="tifo up"):
        asked(tmp_path, known_events)


def test_a_file_that_does_not_read_is_told_as_a_lake_that_does_not_answer(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    broken = next(tmp_path.rglob("type=session.started/**/*.parquet"))
    broken.write_bytes(b"PAR1" + bytes(40))
    with pytest.raises(Unavailable):
        asked(tmp_path, known_events)


# --- the questions ---------------------------------------------------------------------------------------


def test_how_many_and_how_long(facts: Facts) -> None:
    sessions, accounts, began, ended, median_stay, watched = facts.totals
    assert (sessions, accounts, began, ended) == (3, 2, AT, AT + 240)
    assert (median_stay, watched) == (120, 240 + 90 + 120)


def test_viewers_and_starts_by_minute(facts: Facts) -> None:
    assert [(at - AT, viewers, starts, most) for at, viewers, starts, most, _ in facts.minutes] == [
        (0, 2, 2, 2), (60, 3, 1, 1), (120, 2, 0, 0), (180, 2, 0, 0), (240, 1, 0, 0),
    ]  # fmt: skip


def test_seconds_watched_on_each_cdn(facts: Facts) -> None:
    seconds = {(pathway, at - AT): watched for at, pathway, watched in facts.flows}
    assert seconds["cdn-a", 0] == pytest.approx(60 + 59.5)
    assert seconds["cdn-a", 60] == pytest.approx(60 + 30.5)
    assert (seconds["cdn-a", 120], seconds["cdn-b", 120], seconds["cdn-b", 180]) == (0, 60, 60)
    assert (seconds["", 60], seconds["", 120], seconds["", 180]) == (60, 60, 0)
    assert sum(seconds.values()) == pytest.approx(450)


def test_quality_is_of_sessions_of_the_event(facts: Facts) -> None:
    assert {row[:3]: row[4:] for row in facts.quality} == {
        (None, None, 3): (600, 1), ("cdn-a", None, 2): (0, 1), ("cdn-a", "AS64500 One", 2): (0, 1),
        ("cdn-b", None, 1): (600, 0), ("cdn-b", "AS64500 One", 1): (600, 0),
    }  # fmt: skip
    assert {row[:2]: row[2:] for row in facts.bitrates} == {
        (AT, "cdn-a"): (5e6, 2), (AT + 120, "cdn-b"): (2e6, 1),
    }  # fmt: skip


def test_breaks_slots_refusals_and_who_did_what(facts: Facts) -> None:
    assert facts.breaks == (("brk-1", AT + 150, 2, 2),)
    assert facts.slots == (("brk-1", "", "house-1", 2, 1, 0, 1), ("brk-1", "brew", "cr-1", 2, 1, 1, 0))
    assert [row[:3] for row in facts.refused] == [("stream-limit", 2, 1), ("not-entitled", 1, 1)]
    assert [row[1:] for row in facts.refusals] == [("stream-limit", 2), ("not-entitled", 1)]
    assert facts.acts == ((AT + 80, "ana", "pathway-out", "cdn-a", "errors"),)
    assert facts.anomalies == ((AT + 90, 110.0, "cdn-lost", "cdn-a", "a third is gone"),)


def test_an_event_that_nobody_knows_has_nothing(root: Path) -> None:
    nothing = asked(root, lambda lake: gather(lake, "derby", lambda what, done, every: None))
    assert nothing.totals[:2] == (0, 0)
    assert nothing.quality == ((None, None, 0, None, None, 0),)
    assert not any(nothing._replace(totals=(), quality=()))
    assert asked(root, known_events) == ("final",)
