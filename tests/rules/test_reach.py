"""How many different viewers there were, by sketches of several workers."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tifo.adapters.sketches.hll import HllSketches
from tifo.api.events import (
    AnyEvent,
    PathwayUsed,
    PlaybackReported,
    SessionEnded,
    SessionsRenewed,
    SessionStarted,
)
from tifo.api.reports import AudienceCount
from tifo.board.entries import SketchReport
from tifo.board.ports import Entry
from tifo.services.control import reach as control_reach
from tifo.services.control.reach import ReachDesk, reach_view
from tifo.workers.insight import reach
from tifo.workers.insight.reach import Reach

NOW = 1_800_000_000.0
SKETCHES = HllSketches()


def started(n: int, event: str = "final", account: str = "") -> SessionStarted:
    return SessionStarted(
        session=f"ses_{n}", event=event, account=account or f"account-{n}", device="d", device_kind="tv"
    )


def heard(*events: AnyEvent, at: float = NOW) -> Reach:
    worker = Reach(SKETCHES)
    for event in events:
        worker.see(event, at)
    return worker


def view(*workers: Reach, now: float = NOW):
    return reach_view([one.report(now) for one in workers], SKETCHES, now)


def test_few_are_counted_as_they_are() -> None:
    found = view(heard(*(started(n) for n in range(40)), started(99, account="account-0")))
    assert (found.heard, found.accounts) == (41, (AudienceCount("final", 40),))


def test_each_sign_of_life_is_heard_and_an_end_is_none() -> None:
    worker = heard(
        SessionsRenewed(batch="ses_1", sessions=("ses_1", "ses_2")),
        PathwayUsed(session="ses_3", event="final", pathway="cdn-a"),
        PlaybackReported(session="ses_4", values={}),
        SessionEnded(session="ses_5", event="final", why="left"),
    )
    assert view(worker).heard == 4


def test_whom_two_workers_have_heard_of_counts_once() -> None:
    one, two = heard(*(started(n) for n in range(30))), heard(*(started(n) for n in range(20, 60)))
    assert (view(one, two).heard, view(one, two).accounts) == (60, (AudienceCount("final", 60),))


def test_who_was_not_heard_of_for_two_minutes_does_not_watch_and_has_watched() -> None:
    worker = heard(started(1))
    worker.see(started(2), NOW + 100)
    assert view(worker, now=NOW + 100).heard == 2
    assert view(worker, now=NOW + 125).heard == 1
    assert view(worker, now=NOW + 125).accounts == (AudienceCount("final", 2),)


def test_worker_that_died_long_ago_speaks_of_accounts_only() -> None:
    said = heard(started(1)).report(NOW)
    found = reach_view([said], SKETCHES, NOW + 31)
    assert (found.heard, found.accounts) == (0, (AudienceCount("final", 1),))


def test_words_are_joined_when_they_change_or_grow_old(monkeypatch) -> None:
    joined: list[float] = []
    whole = control_reach.reach_view

    def reach_view(reports, sketches, now):
        joined.append(now)
        return whole(reports, sketches, now)

    monkeypatch.setattr(control_reach, "reach_view", reach_view)
    desk = ReachDesk(SKETCHES)
    joined.clear()
    entries = {"node-1": Entry("node-1", msgspec.json.encode(heard(started(1)).report(NOW)), 7, None)}
    seen = [desk.view(entries, NOW + after_s).heard for after_s in (0, 1, 30, 31, 60)]
    assert (seen, joined) == ([1, 1, 1, 0, 0], [NOW, NOW + 31])
    entries["node-1"] = Entry("node-1", msgspec.json.encode(heard(started(1)).report(NOW + 61)), 8, None)
    assert desk.view(entries, NOW + 61).heard == 1


def test_worker_that_comes_back_goes_on() -> None:
    again = Reach(SKETCHES)
    again.resume(heard(started(1), started(2)).report(NOW))
    again.see(started(2), NOW)
    again.see(started(3), NOW)
    assert view(again).accounts == (AudienceCount("final", 3),)


def test_word_that_does_not_read_is_left_out() -> None:
    for dump in (b"*", b"\x00\x00\x00", b""):
        said = SketchReport(NOW, dump, {"final": dump})
        assert reach_view([said], SKETCHES, NOW).heard == 0
        again = Reach(SKETCHES)
        again.resume(said)
        assert view(again).heard == 0


def test_events_are_bounded_and_the_least_makes_room(monkeypatch) -> None:
    monkeypatch.setattr(reach, "EVENTS_MAX", 2)
    crowd = [started(n) for n in range(9)] + [started(n, "semi") for n in range(2)]
    worker = heard(*crowd, started(1, "quiz"))
    assert view(worker).accounts == (AudienceCount("final", 9), AudienceCount("quiz", 1))


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 4))
def test_it_does_not_matter_who_heard_what_how_often(names: list[int], workers: int) -> None:
    shared = [heard(*(started(n) for n in names[k::workers])) for k in range(workers)]
    assert view(*shared, *shared) == view(heard(*(started(n) for n in names)))
