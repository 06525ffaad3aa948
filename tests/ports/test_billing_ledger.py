"""The contract of the billing ledger, over every adapter."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import dynamodb_local
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.billing import DynamoBillingLedger
from tifo.adapters.sqlite.billing import SqliteBillingLedger
from tifo.api.billing import DECIDED, BilledAsked, BilledLine
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import StoreMeter
from tifo.workers.billing.ports import FACTS_MAX, BillingLedger, BillingTerms, Fact, Taken
from tifo.workers.billing.slots import book

HOUR = 3_600
NOW = 1_800_000_000 // HOUR * HOUR
TERMS = BillingTerms(late_s_max=600, behind_s_max=HOUR, beacon_s_max=HOUR, figures_s=48 * HOUR)

_events = itertools.count()

Opener = Callable[[], BillingLedger]


DYNAMODB = pytest.param(
    "dynamodb", marks=pytest.mark.skipif(bool(dynamodb_local.MISSING), reason=dynamodb_local.NOT_RUN)
)


@pytest.fixture(params=["sqlite", DYNAMODB])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Another process's view of the same books."""
    if request.param == "sqlite":
        return lambda: SqliteBillingLedger(tmp_path / "billing.db", TERMS)
    address = TableAddress.parse(request.getfixturevalue("dynamodb_table"))
    clock = SystemClock()
    return lambda: DynamoBillingLedger(
        address, StoreMeter("billing", "dynamodb", clock), clock, SystemIds(), TERMS
    )


@pytest.fixture
async def ledger(reopen: Opener) -> AsyncIterator[BillingLedger]:
    ledger = reopen()
    yield ledger
    await ledger.close()


def fact(
    what: str = "impression", at: float = 0, n: int = 1, event: str = "final", partition: int = 0
) -> Fact:
    item = "brew" if what == DECIDED else ""
    return Fact(f"ses_{n}", event, "brk-1", 1, "ad", what, NOW + at, item, partition)


async def take(ledger: BillingLedger, *facts: Fact, now: float = NOW + 2 * HOUR) -> Taken:
    return await ledger.take(facts, now)


async def short(ledger: BillingLedger, asked: BilledAsked | None = None) -> dict[str, int]:
    found = await ledger.lines(asked or BilledAsked())
    return {f"{one.standing} {one.what}": one.count for one in found}


async def test_facts_are_counted_and_read_back(ledger: BillingLedger) -> None:
    facts = [fact(what, 10, n) for n in range(3) for what in (DECIDED, "impression")]
    assert await take(ledger, *facts, fact("click", 20)) == Taken(news=7)
    assert set(await ledger.lines(BilledAsked())) == {
        BilledLine("final", "brk-1", "brew", "ad", NOW, "counted", what, count)
        for what, count in ((DECIDED, 3), ("impression", 3), ("click", 1))
    }


async def test_nothing_is_a_batch_too(ledger: BillingLedger) -> None:
    assert await ledger.take([], NOW) == Taken()
    assert await ledger.lines(BilledAsked()) == ()


async def test_what_was_taken_is_not_counted_again(ledger: BillingLedger, reopen: Opener) -> None:
    facts = [fact(DECIDED), fact(at=5), fact(at=5), fact(at=9)]
    assert await take(ledger, *facts) == Taken(news=2, repeated=2)
    other = reopen()
    assert await take(other, *facts) == Taken(repeated=4)
    assert await short(other) == {"counted decided": 1, "counted impression": 1}
    await other.close()


async def test_unmatched_is_settled_by_another_process(ledger: BillingLedger, reopen: Opener) -> None:
    await take(ledger, fact(at=5))
    assert await short(ledger) == {"unmatched impression": 1}
    other = reopen()
    await take(other, fact(DECIDED))
    assert await short(ledger) == {"counted decided": 1, "counted impression": 1}
    await other.close()


async def test_lines_of_an_event_and_of_hours(ledger: BillingLedger) -> None:
    await take(ledger, fact(n=1), fact(n=2, at=HOUR), fact(n=3, event="semi"))
    assert [one.hour for one in await ledger.lines(BilledAsked("final"))] == [NOW + HOUR, NOW]
    assert {one.event for one in await ledger.lines(BilledAsked(until=NOW + HOUR))} == {"final", "semi"}
    assert [one.hour for one in await ledger.lines(BilledAsked(since=NOW + 1))] == [NOW + HOUR]
    assert [one.hour for one in await ledger.lines(BilledAsked(), lines_max=1)] == [NOW + HOUR]


async def test_stale_is_told_and_counted_nowhere(ledger: BillingLedger, reopen: Opener) -> None:
    await take(ledger, fact(at=HOUR + 1, n=1), fact(n=7, partition=1))
    other = reopen()
    assert await take(other, fact(at=0, n=2), fact(at=0, n=3, partition=1)) == Taken(news=1, stale=1)
    assert sum(one.count for one in await other.lines(BilledAsked())) == 3
    await other.close()


async def test_slot_that_was_forgotten_is_not_counted_again(ledger: BillingLedger) -> None:
    await take(ledger, fact(n=1))
    await take(ledger, fact(at=2 * HOUR + 1, n=2), now=NOW + 3 * HOUR)
    assert await take(ledger, fact(n=1), fact(at=1, n=1)) == Taken(stale=2)
    counts = [one.count for one in await ledger.lines(BilledAsked())]
    assert counts == [1, 1]


async def test_figures_are_kept_for_their_time(ledger: BillingLedger) -> None:
    await take(ledger, fact(n=1))
    later = 48 * HOUR + 1
    await take(ledger, fact(at=later, n=2), now=NOW + later)
    assert [one.hour for one in await ledger.lines(BilledAsked())] == [NOW + 48 * HOUR]


async def test_newest_hours_are_told_whole_whatever_partitions_they_came_by(ledger: BillingLedger) -> None:
    told = [fact(at=-hour * 600, n=n, partition=n % 3) for n in range(12) for hour in range(12)]
    events = [msgspec.structs.replace(one, event=f"event-{int(-one.at) % 7}") for one in told]
    await take(ledger, *told, *events)
    everything = await ledger.lines(BilledAsked())
    assert len({one.hour for one in everything}) == 2
    for lines_max in range(1, len(everything) + 1):
        some = await ledger.lines(BilledAsked(), lines_max)
        assert [one.hour for one in some] == [one.hour for one in everything[:lines_max]]
        assert set(some) <= set(everything)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_order_repeats_and_members_give_the_same_figures(reopen: Opener, data) -> None:
    event = f"event-{next(_events)}"
    facts = data.draw(
        st.lists(
            st.builds(
                lambda n, what, at, partition: fact(what, at, n, event, partition),
                st.integers(0, 3),
                st.sampled_from((DECIDED, "impression", "click")),
                st.integers(0, 1_200),
                st.integers(0, 1),
            ),
            max_size=12,
        )
    )
    told = data.draw(st.permutations(facts + facts))
    members = [reopen(), reopen()]
    batches = [told[begin : begin + 5] for begin in range(0, len(told), 5)]
    taken = await asyncio.gather(*(take(members[n % 2], *batch) for n, batch in enumerate(batches)))
    alone = book(facts, lambda _: None, {}, TERMS, NOW + 2 * HOUR)
    found = await members[0].lines(BilledAsked(event))
    for one in members:
        await one.close()
    assert {one: one.count for one in found} == {
        BilledLine(*line, count): count for line, count in alone.counts.items()
    }
    assert sum(one.news + one.repeated for one in taken) == len(told)


async def test_too_many_at_once_are_refused(ledger: BillingLedger) -> None:
    with pytest.raises(ValueError, match="more than"):
        await ledger.take([fact()] * (FACTS_MAX + 1), NOW)
    assert await ledger.lines(BilledAsked()) == ()


async def test_batch_that_cannot_be_taken_changes_nothing(ledger: BillingLedger) -> None:
    with pytest.raises(UnicodeEncodeError):
        await take(ledger, fact(n=1), fact(event="\ud800"))
    assert await ledger.lines(BilledAsked()) == ()
    assert await take(ledger, fact(n=1)) == Taken(news=1)


async def test_many_who_take_the_same_at_once_count_it_once(reopen: Opener) -> None:
    ledgers = [reopen() for _ in range(3)]
    batches = [[fact(what, n % 7, n) for what in (DECIDED, "impression")] for n in range(40)]
    taken = await asyncio.gather(
        *(take(ledgers[(n + turn) % 3], *batch) for turn in range(3) for n, batch in enumerate(batches))
    )
    assert sum(one.repeated for one in taken) == 160
    assert await short(ledgers[0]) == {"counted decided": 40, "counted impression": 40}
    for one in ledgers:
        await one.close()
