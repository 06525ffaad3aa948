"""What billing counts: each beacon once, in any order, told as often as anybody likes."""

from collections import Counter
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.billing import DECIDED, TRACKED
from tifo.api.events import AdTracked, BreakDecided, SessionEnded
from tifo.workers.billing.ports import BillingTerms, Fact, Taken
from tifo.workers.billing.rules import facts_of
from tifo.workers.billing.slots import Line, Slot, book

NOW = 1_800_000_000.0 // 3600 * 3600
LATE_S = 600.0
TERMS = BillingTerms(late_s_max=LATE_S, behind_s_max=3_600, beacon_s_max=3_600, figures_s=86_400)


def fact(what: str = "impression", at: float = 0.0, session: str = "ses_1", **more: object) -> Fact:
    told = {"event": "final", "break_id": "brk-1", "slot": 1, "creative": "ad", **more}
    return Fact(session=session, what=what, at=NOW + at, **told)


class Books:
    """The least that can be called a ledger."""

    def __init__(self, terms: BillingTerms = TERMS) -> None:
        self.slots: dict[bytes, Slot] = {}
        self.seen: dict[int, float] = {}
        self.counts: Counter[Line] = Counter()
        self.terms = terms

    def take(self, *facts: Fact, now: float = NOW + 86_400) -> Taken:
        booking = book(facts, self.slots.get, self.seen, self.terms, now)
        self.slots |= booking.slots
        self.counts.update(booking.counts)
        return booking.taken

    def short(self) -> dict[tuple[str, str, str], int]:
        """Counts by standing, line item and what."""
        found: Counter[tuple[str, str, str]] = Counter()
        for line, count in self.counts.items():
            found[line.standing, line.line_item, line.what] += count
        return {key: count for key, count in found.items() if count}


@pytest.fixture
def books() -> Books:
    return Books()


def decided(at: float = 0.0, item: str = "brew", **more: object) -> Fact:
    return fact(DECIDED, at, line_item=item, **more)


# --- what the log tells ---------------------------------------------------------------------------------


def test_decision_tells_of_each_slot() -> None:
    event = BreakDecided(
        session="ses_1", event="final", break_id="brk-1", creatives=("a", "b", "c"), line_items=("brew", "")
    )
    assert facts_of(event, NOW, 3) == tuple(
        fact(DECIDED, slot=n, creative=creative, line_item=item, partition=3)
        for n, creative, item in ((1, "a", "brew"), (2, "b", ""), (3, "c", ""))
    )


def test_line_items_of_no_slot_are_passed_over() -> None:
    event = BreakDecided(session="s", event="e", break_id="b", creatives=("a",), line_items=("x", "y"))
    assert [one.line_item for one in facts_of(event, NOW, 0)] == ["x"]


@pytest.mark.parametrize("what", TRACKED)
def test_beacon_tells_what_happened(what: str) -> None:
    event = AdTracked(session="ses_1", event="final", break_id="brk-1", slot=1, creative="ad", what=what)
    assert facts_of(event, NOW, 0) == (fact(what),)


@pytest.mark.parametrize(
    ("event", "at"),
    [
        (None, NOW),
        (SessionEnded(session="s", event="e", why="left"), NOW),
        (AdTracked(session="s", event="e", break_id="b", slot=0, creative="", what="breakStart"), NOW),
        (AdTracked(session="s", event="e", break_id="b", slot=0, creative="", what="error"), NOW),
        (AdTracked(session="s", event="e", break_id="b", slot=1, creative="a", what="applause"), NOW),
        (AdTracked(session="s", event="e", break_id="b", slot=1, creative="a", what="click"), float("nan")),
        (AdTracked(session="s", event="e", break_id="b", slot=1, creative="a", what="click"), -1.0),
        (AdTracked(session="s", event="e", break_id="b", slot=1, creative="a", what="click"), 1e300),
    ],
    ids=["unread", "session", "break", "break-error", "unknown", "never", "before-time", "far-away"],
)
def test_what_is_no_business_of_the_books_tells_nothing(event, at: float) -> None:
    assert facts_of(event, at, 0) == ()


# --- what counts -----------------------------------------------------------------------------------------


def test_impression_of_a_decided_slot_counts_for_its_line_item(books: Books) -> None:
    assert books.take(decided(), fact(at=20)) == Taken(news=2)
    assert books.counts == {
        Line("final", "brk-1", "brew", "ad", int(NOW), "counted", DECIDED): 1,
        Line("final", "brk-1", "brew", "ad", int(NOW), "counted", "impression"): 1,
    }


def test_what_is_told_again_counts_once(books: Books) -> None:
    books.take(decided(), fact(at=20))
    assert books.take(fact(at=25), decided(3), fact(at=20)) == Taken(repeated=3)
    assert books.short() == {("counted", "brew", DECIDED): 1, ("counted", "brew", "impression"): 1}


def test_slots_sessions_and_creatives_count_apart(books: Books) -> None:
    books.take(fact(), fact(slot=2), fact(session="ses_2"), fact(creative="other"), fact(break_id="brk-2"))
    assert books.short() == {("unmatched", "", "impression"): 5}


def test_unmatched_is_settled_when_the_decision_comes(books: Books) -> None:
    books.take(fact(at=20), fact("click", 21))
    assert books.short() == {("unmatched", "", "impression"): 1, ("unmatched", "", "click"): 1}
    books.take(decided())
    assert books.short() == {
        ("counted", "brew", DECIDED): 1,
        ("counted", "brew", "impression"): 1,
        ("counted", "brew", "click"): 1,
    }


def test_decision_of_another_creative_in_the_slot_matches_nothing(books: Books) -> None:
    books.take(decided(creative="other"), fact())
    assert ("unmatched", "", "impression") in books.short()


def test_late_is_counted_apart(books: Books) -> None:
    books.take(decided(), fact(at=LATE_S), fact("complete", LATE_S + 1))
    assert books.short() == {
        ("counted", "brew", DECIDED): 1,
        ("counted", "brew", "impression"): 1,
        ("late", "brew", "complete"): 1,
    }


def test_of_a_beacon_called_twice_the_first_call_says_when(books: Books) -> None:
    books.take(decided(), fact(at=LATE_S + 50))
    assert ("late", "brew", "impression") in books.short()
    books.take(fact(at=LATE_S - 50))
    assert ("counted", "brew", "impression") in books.short()
    assert ("late", "brew", "impression") not in books.short()


def test_of_two_decisions_the_first_says_whose_slot_it_is(books: Books) -> None:
    books.take(decided(5, "later"), fact(at=20))
    books.take(decided(0, "first"))
    assert books.short() == {("counted", "first", DECIDED): 1, ("counted", "first", "impression"): 1}


def test_hour_is_that_of_the_beacon(books: Books) -> None:
    books.take(decided(3_590), fact(at=3_605))
    assert {line.what: line.hour for line in books.counts} == {DECIDED: NOW, "impression": NOW + 3_600}


def test_change_of_what_is_late_moves_no_count(books: Books) -> None:
    books.take(decided(), fact(at=20))
    books.terms = BillingTerms(1.0, 3_600, 3_600, 86_400)
    books.take(fact("complete", 30))
    assert all(count >= 0 for count in books.counts.values())
    assert ("counted", "brew", "complete") in books.short()


def test_too_far_behind_its_partition_is_stale(books: Books) -> None:
    books.take(fact(at=7_200), fact(at=7_200, partition=1, session="ses_9"))
    assert books.take(fact(at=3_599, session="ses_2")) == Taken(stale=1)
    assert books.take(fact(at=3_600, session="ses_3")) == Taken(news=1)
    assert books.take(fact(at=0, session="ses_4", partition=2)) == Taken(news=1)


def test_clock_that_is_ahead_makes_nobody_stale(books: Books) -> None:
    books.take(fact(at=86_400), now=NOW)
    assert books.take(fact(session="ses_2")) == Taken(news=1)


# --- in any order ----------------------------------------------------------------------------------------

some_facts = st.lists(
    st.builds(
        lambda session, slot, what, at, item: fact(
            what, at, session, slot=slot, line_item=item if what == DECIDED else ""
        ),
        st.sampled_from(("ses_1", "ses_2")),
        st.sampled_from((1, 2)),
        st.sampled_from((DECIDED, "impression", "complete")),
        st.integers(0, 1_200),
        st.sampled_from(("brew", "cola")),
    ),
    max_size=30,
)


def by_hand(facts: Iterable[Fact]) -> Counter[Line]:
    """The books of facts that are all known, by another way than the rules'."""
    facts = list(facts)
    counts: Counter[Line] = Counter()
    for slot in {(one.session, one.slot) for one in facts}:
        own = [one for one in facts if (one.session, one.slot) == slot]
        first = min(((one.at, one.line_item) for one in own if one.what == DECIDED), default=None)
        for what in {one.what for one in own}:
            at = min(one.at for one in own if one.what == what)
            standing = "unmatched" if first is None else "late" if at > first[0] + LATE_S else "counted"
            item = first[1] if first else ""
            counts[Line("final", "brk-1", item, "ad", int(at // 3600) * 3600, standing, what)] += 1
    return counts


@given(facts=some_facts, data=st.data())
def test_any_order_repeats_crashes_and_redeliveries_give_the_same_books(facts, data) -> None:
    """A crash before the transaction is a batch that is lost and comes again; one after it is a repeat."""
    told = data.draw(st.permutations(facts + data.draw(st.lists(st.sampled_from(facts or [fact()])))))
    if not facts:
        told = []
    books, place = Books(), 0
    while place < len(told):
        size = data.draw(st.integers(1, 8))
        batch = told[place : place + size]
        match data.draw(st.sampled_from(("fine", "died before", "died after"))):
            case "fine":
                books.take(*batch)
                place += size
            case "died after":
                books.take(*batch)
                books.take(*batch[: data.draw(st.integers(0, len(batch)))])
                place += size
    assert +books.counts == by_hand(facts)
    assert not -books.counts


SHORT = BillingTerms(late_s_max=LATE_S, behind_s_max=100, beacon_s_max=200, figures_s=86_400)


@given(facts=some_facts, told=st.integers(1, 3))
def test_forgetting_what_can_come_no_more_changes_nothing(facts, told: int) -> None:
    """All beacons of a slot come within `beacon_s_max`; the log comes in its order, again and again."""
    apart = [
        msgspec.structs.replace(
            one, at=NOW + one.slot * 1_000 + (one.session == "ses_2") * 300 + one.at % 200
        )
        for one in facts
    ]
    books = Books(SHORT)
    for one in sorted(apart, key=lambda one: one.at) * told:
        books.take(one)
        books.slots = {k: s for k, s in books.slots.items() if s.last_at >= books.seen[0] - SHORT.keep_s}
    assert +books.counts == by_hand(apart)
    assert not -books.counts
