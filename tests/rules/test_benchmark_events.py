"""What the benchmarks of the event log make of what they measured, and the events that they are made with."""

import asyncio
from collections import Counter

import pytest
from benchmarks import cmcd, event_delay, event_mix
from benchmarks.event_costs import Reel
from benchmarks.event_done import Done
from benchmarks.events import cost_values, pair_rows, records, turns
from benchmarks.runner import Effort

from tifo.eventlog.records import from_record
from tifo.services.beacons.rules import read_report

AT = 1_764_000_000.0


def test_pair_says_how_much_of_the_others_rate_we_reach() -> None:
    samples = {"ours": [Done(100, 2.0, 1.0)] * 3, "bare": [Done(100, 1.0, 0.8)] * 3}
    ours, bare = pair_rows({"ours": "Tifo", "bare": "by itself"}, samples)
    assert (ours.title, ours.values) == ("Tifo", (50.0, 10_000.0, None, None))
    assert bare.values == pytest.approx((100.0, 8_000.0, 50.0, 80.0))


def test_costs_are_those_of_a_million() -> None:
    wrote = [Done(1_000, 1.0, 0.02, memory_mib=3.0, bytes=2**20)]
    assert cost_values(wrote) == pytest.approx((20.0, 50_000.0, 3.0, 1_000.0))
    assert cost_values([Done(1_000, 1.0, 0.02)])[-1] is None


def test_effort_is_bounded() -> None:
    assert (turns(Effort(9, 10)), turns(Effort(1, 10)), turns(Effort(9, 10), 3)) == (5, 1, 3)
    assert (records(Effort(1, 1, 0.5)), records(Effort(1, 1, 0.0))) == (100_000, 1)


def test_every_record_of_a_request_is_read() -> None:
    bodies = cmcd.bodies(40, 20)
    read = [read_report(one) for one in bodies]
    assert [(len(one.records), one.malformed, one.unknown_version) for one in read] == [(20, 0, 0)] * 2
    assert len({one["sid"] for report in read for one in report.records}) == 40


def test_mix_is_what_it_says() -> None:
    made = list(event_mix.mixed(1_000, 100, AT))
    assert all(from_record(one) is not None for one in made)
    assert len({one.id for one in made}) == 1_000
    assert Counter(one.type for one in made) == {
        "playback.reported": 600,
        "playback.pathway": 200,
        "ads.tracked": 100,
        "sessions.renewed": 50,
        "session.started": 20,
        "session.ended": 20,
        "ads.decided": 10,
    }


def test_reel_is_over_with_the_commit_of_its_last_record() -> None:
    async def played() -> list[tuple[int, bool]]:
        over, told = asyncio.Event(), []
        reel = Reel(event_mix.mixed(25, 10, AT), over)
        for _ in range(3):
            polled = await reel.poll(10)
            await reel.commit()
            told.append((len(polled), over.is_set()))
        return told

    assert asyncio.run(played()) == [(10, False), (10, False), (5, True)]


def test_delays_are_told_by_their_percentiles() -> None:
    told = event_delay.row("seen", [n / 100 for n in range(101)])
    assert told.values == pytest.approx((101, 0.5, 0.99, 1.0))


def test_pauses_keep_no_step() -> None:
    pauses = [event_delay.pause_s(n) for n in range(100)]
    assert max(pauses) < event_delay.PAUSE_S_MAX
    assert len({round(one * 10) for one in pauses}) == 11
