"""Many callers make batches: each gets its own answer, and what goes wrong is told to those it befell."""

import asyncio
from collections.abc import Mapping

import pytest

from tifo.adapters.dynamodb.gatherer import Gatherer
from tifo.kernel.errors import Unavailable


class Table:
    """Doubles numbers, batch by batch; holds batches back while `open` is not set."""

    def __init__(self) -> None:
        self.batches: list[dict[str, int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fault: Exception | None = None
        self.under_way = self.under_way_max = 0

    async def send(self, asks: Mapping[str, int], answers: dict[str, int | Unavailable]) -> None:
        self.batches.append(dict(asks))
        self.under_way += 1
        self.under_way_max = max(self.under_way, self.under_way_max)
        await self.open.wait()
        self.under_way -= 1
        for key, ask in asks.items():
            if self.fault is not None and len(answers) == 1:
                raise self.fault
            answers[key] = ask * 2


@pytest.fixture
def table() -> Table:
    return Table()


def gatherer(table: Table, *, batch_max: int = 3, flights_max: int = 2, queue_max: int = 5):
    return Gatherer(
        "numbers",
        table.send,
        max,
        gather_s=0.001,
        batch_max=batch_max,
        flights_max=flights_max,
        queue_max=queue_max,
    )


async def test_callers_of_one_moment_share_a_batch_and_get_their_own_answers(table: Table) -> None:
    numbers = gatherer(table)
    assert await asyncio.gather(*(numbers.ask(f"{n}", n) for n in range(3))) == [0, 2, 4]
    assert table.batches == [{"0": 0, "1": 1, "2": 2}]
    await numbers.close()


async def test_callers_for_one_key_are_one_ask(table: Table) -> None:
    numbers = gatherer(table)
    assert await asyncio.gather(*(numbers.ask("same", n) for n in (1, 7, 3))) == [14, 14, 14]
    assert table.batches == [{"same": 7}]
    await numbers.close()


async def test_one_more_than_the_queue_holds_is_refused_at_once(table: Table) -> None:
    table.open.clear()
    numbers = gatherer(table, batch_max=1, flights_max=1, queue_max=2)
    asked = [asyncio.create_task(numbers.ask(f"{n}", n)) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as caught:
        await numbers.ask("more", 1)
    assert "2 calls" in caught.value.why
    table.open.set()
    assert await asyncio.gather(*asked) == [0, 2, 4]
    await numbers.close()


async def test_no_more_batches_than_may_be_are_under_way(table: Table, until) -> None:
    table.open.clear()
    numbers = gatherer(table, batch_max=1, flights_max=2)
    asked = [asyncio.create_task(numbers.ask(f"{n}", n)) for n in range(5)]
    await until(lambda: len(table.batches) == 2)
    table.open.set()
    assert await asyncio.gather(*asked) == [0, 2, 4, 6, 8]
    assert table.under_way_max == 2
    await numbers.close()


@pytest.mark.parametrize("fault", [Unavailable("numbers", "throttled"), RuntimeError("bug")])
async def test_fault_is_told_to_those_without_an_answer(table: Table, fault: Exception) -> None:
    table.fault = fault
    numbers = gatherer(table)
    first, *others = await asyncio.gather(
        *(numbers.ask(f"{n}", n + 1) for n in range(3)), return_exceptions=True
    )
    assert first == 2
    assert all(isinstance(one, Unavailable) for one in others)
    await numbers.close()


async def test_caller_who_goes_away_takes_nothing_from_the_others(table: Table, until) -> None:
    table.open.clear()
    numbers = gatherer(table)
    leaving = asyncio.create_task(numbers.ask("same", 4))
    staying = asyncio.create_task(numbers.ask("same", 4))
    await until(lambda: bool(table.batches))
    leaving.cancel()
    table.open.set()
    assert await staying == 8
    await numbers.close()


async def test_all_of_a_callers_asks_are_answered_or_told_why_not(table: Table) -> None:
    table.open.clear()
    numbers = gatherer(table, batch_max=1, flights_max=1, queue_max=2)
    asked = asyncio.create_task(numbers.ask_all([(f"{n}", n) for n in range(6)]))
    await asyncio.sleep(0)
    table.open.set()
    outcomes = await asked
    assert [one for one in outcomes if isinstance(one, int)] == [0, 2, 4]
    assert sum(isinstance(one, Unavailable) for one in outcomes) == 3
    assert await numbers.ask_all([]) == []
    await numbers.close()


async def test_what_waits_is_sent_before_it_closes(table: Table) -> None:
    numbers = gatherer(table)
    asked = asyncio.create_task(numbers.ask("last", 1))
    await asyncio.sleep(0)
    await numbers.close()
    assert await asked == 2
