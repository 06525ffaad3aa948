"""A dependency that hangs, fails or is asked by too many at once, and what is asked of it meanwhile."""

import asyncio
from collections import Counter

import pytest

from tifo.kernel.bulkhead import Budget, Bulkhead, Circuit
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SequentialIds
from tifo.telemetry.dependencies import counted_bulkhead
from tifo.telemetry.metrics import REGISTRY

BUDGET = Budget(calls_max=2, waiting_max=1, call_s_max=5.0, failures_max=3, probe_s=10.0)
NOW = 1_000.0


# --- the circuit --------------------------------------------------------------------------------------


def failed(times: int, circuit: Circuit | None = None) -> Circuit:
    circuit = circuit or Circuit()
    for _ in range(times):
        circuit = circuit.failed(NOW, BUDGET, 0.5)
    return circuit


def test_new_dependency_is_asked() -> None:
    assert Circuit().admits(NOW, BUDGET)


@pytest.mark.parametrize(("failures", "is_open"), [(2, False), (3, True), (4, True)])
def test_circuit_opens_after_failures_in_a_row(failures: int, is_open: bool) -> None:
    assert failed(failures).is_open(BUDGET) is is_open
    assert failed(failures).admits(NOW, BUDGET) is not is_open


def test_success_between_failures_begins_the_count_again() -> None:
    assert not failed(2, failed(2).succeeded()).is_open(BUDGET)


def test_open_circuit_lets_one_probe_out_each_time() -> None:
    circuit = failed(3)
    assert not circuit.admits(NOW + 9.9, BUDGET)
    assert circuit.admits(NOW + 10, BUDGET)
    probed = circuit.asked(NOW + 10, BUDGET, 0.5)
    assert not probed.admits(NOW + 19.9, BUDGET)
    assert probed.admits(NOW + 20, BUDGET)


def test_probe_that_succeeds_closes_the_circuit() -> None:
    assert failed(3).asked(NOW + 10, BUDGET, 0.5).succeeded().admits(NOW + 10, BUDGET)


@pytest.mark.parametrize(("jitter", "after_s"), [(0.0, 7.5), (0.5, 10.0), (0.999, 12.5)])
def test_probes_of_many_nodes_are_spread(jitter: float, after_s: float) -> None:
    circuit = failed(2).failed(NOW, BUDGET, jitter)
    assert circuit.probe_at - NOW == pytest.approx(after_s, abs=0.01)


# --- the bulkhead -------------------------------------------------------------------------------------


class Dependency:
    """Answers when it is let to."""

    def __init__(self) -> None:
        self.under_way = self.most = self.asked = 0
        self.gone = False
        self.go = asyncio.Event()

    async def answer(self) -> str:
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.go.wait()
        finally:
            self.under_way -= 1
        if self.gone:
            raise Unavailable("login", "connection refused")
        return "well"


@pytest.fixture
def dependency() -> Dependency:
    return Dependency()


@pytest.fixture
def outcomes() -> Counter[str]:
    return Counter()


def bulkhead(outcomes: Counter[str], clock: ManualClock, budget: Budget = BUDGET) -> Bulkhead:
    return Bulkhead("login", budget, clock, SequentialIds(), lambda outcome: outcomes.update([outcome]))


async def test_no_more_calls_at_once_than_the_budget_allows(dependency, outcomes, clock, until) -> None:
    wall = bulkhead(outcomes, clock)
    calls = [asyncio.create_task(wall.call(dependency.answer)) for _ in range(3)]
    await until(lambda: dependency.under_way == 2)
    assert wall.under_way == 3
    with pytest.raises(Unavailable, match="not available"):
        await wall.call(dependency.answer)
    dependency.go.set()
    assert await asyncio.gather(*calls) == ["well"] * 3
    assert (dependency.most, wall.under_way) == (2, 0)
    assert outcomes == {"ok": 3, "full": 1}
    assert not wall.failing


async def test_dependency_that_hangs_costs_its_budget_and_no_more(dependency, outcomes, clock) -> None:
    wall = bulkhead(outcomes, clock, Budget(calls_max=1, waiting_max=9, call_s_max=0.01, failures_max=3))
    answers = await asyncio.gather(*(wall.call(dependency.answer) for _ in range(3)), return_exceptions=True)
    assert [one.why for one in answers] == ["no answer within 0.01 s"] * 3
    assert (dependency.under_way, wall.under_way) == (0, 0)
    assert outcomes == {"timeout": 3}
    assert wall.failing


async def test_failed_dependency_is_asked_seldom_and_found_again(dependency, outcomes, clock) -> None:
    wall = bulkhead(outcomes, clock)
    dependency.go.set()
    dependency.gone = True
    for _ in range(10):
        with pytest.raises(Unavailable):
            await wall.call(dependency.answer)
    assert (dependency.asked, wall.failing) == (3, True)
    dependency.gone = False
    clock.advance(BUDGET.probe_s)
    assert await wall.call(dependency.answer) == "well"
    assert not wall.failing
    assert outcomes == {"failed": 3, "open": 7, "ok": 1}


async def test_caller_who_goes_away_is_no_failure(dependency, outcomes, clock, until) -> None:
    wall = bulkhead(outcomes, clock, Budget(failures_max=1))
    call = asyncio.create_task(wall.call(dependency.answer))
    await until(lambda: dependency.under_way == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (wall.failing, wall.under_way, outcomes) == (False, 0, {})


async def test_fault_of_ours_passes_through_and_blames_nobody(outcomes, clock) -> None:
    async def fault() -> None:
        raise KeyError("ours")

    wall = bulkhead(outcomes, clock, Budget(failures_max=1))
    with pytest.raises(KeyError):
        await wall.call(fault)
    assert (wall.failing, wall.under_way) == (False, 0)


async def test_calls_are_in_the_metrics(dependency, clock, until) -> None:
    wall = counted_bulkhead("kitchen", Budget(failures_max=1), clock, SequentialIds())
    name = {"dependency": "kitchen"}
    call = asyncio.create_task(wall.call(dependency.answer))
    await until(lambda: REGISTRY.get_sample_value("tifo_dependency_calls_under_way", name) == 1)
    dependency.go.set()
    await call
    dependency.gone = True
    with pytest.raises(Unavailable):
        await wall.call(dependency.answer)
    assert REGISTRY.get_sample_value("tifo_dependency_calls_under_way", name) == 0
    assert REGISTRY.get_sample_value("tifo_dependency_failing", name) == 1
    counts = [
        REGISTRY.get_sample_value("tifo_dependency_calls_total", {**name, "outcome": outcome})
        for outcome in ("ok", "failed")
    ]
    assert counts == [1, 1]
