"""The books in DynamoDB: what a table that throttles, or an answer that is lost, does to them is nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import dynamodb_local
import pytest
from throttling_proxy import ThrottlingProxy

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.billing import DynamoBillingLedger
from tifo.adapters.dynamodb.billing_items import ACTIONS_MAX, FACT_BYTES_MAX
from tifo.api.billing import DECIDED, BilledAsked
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import StoreMeter
from tifo.workers.billing.ports import BillingTerms, Fact, Taken

HOUR = 3_600
NOW = 1_800_000_000 // HOUR * HOUR
TERMS = BillingTerms(late_s_max=600, behind_s_max=HOUR, beacon_s_max=HOUR, figures_s=48 * HOUR)
SLOTS = 250
WHATS = (DECIDED, "impression", "complete")

pytestmark = pytest.mark.skipif(bool(dynamodb_local.MISSING), reason=dynamodb_local.NOT_RUN)


@pytest.fixture
def proxy(dynamodb: str) -> Iterator[ThrottlingProxy]:
    with ThrottlingProxy(dynamodb) as proxy:
        yield proxy


@pytest.fixture
async def ledger(dynamodb_table: str, proxy: ThrottlingProxy) -> AsyncIterator[DynamoBillingLedger]:
    clock = SystemClock()
    endpoint = dynamodb_table.partition("endpoint=")[2].partition("&")[0]
    address = TableAddress.parse(dynamodb_table.replace(endpoint, proxy.url))
    meter = StoreMeter("billing", "dynamodb", clock)
    ledger = DynamoBillingLedger(address, meter, clock, SystemIds(), TERMS)
    await ledger.lines(BilledAsked())  # the table is there from here on
    proxy.calls.clear()
    yield ledger
    proxy.hang = False
    await ledger.close()


def facts(slots: int = SLOTS) -> list[Fact]:
    """Of slots of two line items in one break, which differ in nothing else that is counted."""
    return [
        Fact(f"ses_{n}", "final", "brk-1", 1, "ad", what, NOW + n % 60, item if what == DECIDED else "")
        for n in range(slots)
        for item in (("brew", "cola")[n % 2],)
        for what in WHATS
    ]


async def counts(ledger: DynamoBillingLedger) -> Counter[str]:
    found = await ledger.lines(BilledAsked())
    return Counter({f"{one.line_item} {one.what}": one.count for one in found})


def wanted(slots: int = SLOTS) -> Counter[str]:
    return Counter(f"{('brew', 'cola')[n % 2]} {what}" for n in range(slots) for what in WHATS)


async def take(ledger: DynamoBillingLedger, told: list[Fact]) -> Taken:
    return await ledger.take(told, NOW + HOUR)


async def until_taken(ledger: DynamoBillingLedger, told: list[Fact]) -> None:
    """As the worker does: what fails is told again, whole."""
    async with asyncio.timeout(120):
        while True:
            try:
                await take(ledger, told)
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return


async def test_slots_and_their_lines_fill_transactions(ledger, proxy) -> None:
    call, written = ledger._table.call, []

    async def watched(budget_s: float, operation: str, **parameters: object) -> dict[str, object]:
        if operation == "transact_write_items":
            written.append(len(parameters["TransactItems"]))
        return await call(budget_s, operation, **parameters)

    ledger._table.call = watched
    assert await take(ledger, facts()) == Taken(news=3 * SLOTS)
    lines = 2 * len(WHATS)
    assert written == [ACTIONS_MAX, 6 + lines, ACTIONS_MAX, 6 + lines, 50 + lines]
    assert await counts(ledger) == wanted()


async def test_what_is_known_writes_nothing(ledger, proxy) -> None:
    await take(ledger, facts(10))
    proxy.calls.clear()
    assert await take(ledger, facts(10)) == Taken(repeated=30)
    assert set(proxy.calls) == {"GetItem", "BatchGetItem"}


async def test_answer_that_was_lost_counts_nothing_twice(ledger, proxy) -> None:
    for told in (facts(5), facts(40)):
        proxy.lose_next_answer = True
        await until_taken(ledger, told)
    assert await counts(ledger) == wanted(40)


async def test_lost_answer_of_a_transaction_is_told_again(ledger, proxy) -> None:
    await take(ledger, facts(5))
    call = ledger._table.call

    async def losing(budget_s: float, operation: str, **parameters: object) -> dict[str, object]:
        proxy.lose_next_answer = operation == "transact_write_items"
        return await call(budget_s, operation, **parameters)

    ledger._table.call = losing
    assert await take(ledger, facts(40)) == Taken(news=105, repeated=15)
    assert proxy.calls["TransactWriteItems"] > 2
    assert await counts(ledger) == wanted(40)


async def test_table_that_throttles_is_asked_until_all_is_taken_once(ledger, proxy) -> None:
    proxy.share = 0.4
    await until_taken(ledger, facts())
    proxy.share = 0.0
    assert proxy.throttled
    assert await counts(ledger) == wanted()


async def test_worker_that_dies_between_two_transactions_takes_the_rest_later(ledger, proxy) -> None:
    call, written = ledger._table.call, []

    async def dying(budget_s: float, operation: str, **parameters: object) -> dict[str, object]:
        if operation == "transact_write_items":
            if written:
                raise asyncio.CancelledError
            written.append(operation)
        return await call(budget_s, operation, **parameters)

    ledger._table.call = dying
    with pytest.raises(asyncio.CancelledError):
        await take(ledger, facts())
    ledger._table.call = call
    assert 0 < (await counts(ledger)).total() < wanted().total()
    await until_taken(ledger, facts()[::-1])
    assert await counts(ledger) == wanted()


async def test_table_that_does_not_answer_is_unavailable(ledger, proxy) -> None:
    proxy.hang = True
    with pytest.raises(Unavailable):
        await take(ledger, facts(1))
    proxy.hang = False
    await until_taken(ledger, facts(1))
    assert await counts(ledger) == wanted(1)


async def test_fact_that_no_table_takes_is_refused_and_nothing_is_taken(ledger) -> None:
    too_long = Fact("ses_1", "final", "b" * FACT_BYTES_MAX, 1, "ad", DECIDED, NOW)
    with pytest.raises(ValueError, match="bytes"):
        await take(ledger, [*facts(1), too_long])
    assert not await counts(ledger)


async def test_fact_of_before_all_that_is_remembered_is_stale(ledger) -> None:
    old = Fact("ses_1", "final", "brk-1", 1, "ad", DECIDED, NOW - 31 * 24 * HOUR)
    assert await take(ledger, [old]) == Taken(stale=1)
