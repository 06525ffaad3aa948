"""A table that throttles or does not answer is spared: few tries again, none for a while, nothing lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import dynamodb_local
import pytest
from patience import WITHIN_S_MAX
from throttling_proxy import ThrottlingProxy

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.patience import (
    BACKOFF_S_MAX,
    FAILURES_TO_GIVE_UP,
    PROBE_S,
    QUIET_S_TO_GIVE_UP,
    RETRIES_IN_HAND_MAX,
    RETRY_SHARE,
    Patience,
)
from tifo.adapters.dynamodb.profiles import Budgets, DynamoProfileStore
from tifo.kernel.clock import ManualClock, SystemClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.services.accounts.ports import DEVICES_MAX, Position, Profile, ProfileStore, Sighting
from tifo.telemetry.stores import StoreMeter

NOW = 1_800_000_000.0
UNHURRIED = {"read_s": 20.0, "write_s": 30.0, "exchange_s": 15.0}
"""For a machine that does other things too."""

needs_dynamodb = pytest.mark.skipif(bool(dynamodb_local.MISSING), reason=dynamodb_local.NOT_RUN)


@pytest.fixture
def proxy(dynamodb: str) -> Iterator[ThrottlingProxy]:
    with ThrottlingProxy(dynamodb) as proxy:
        yield proxy


@pytest.fixture
def meter() -> StoreMeter:
    return StoreMeter("profiles", "dynamodb", SystemClock())


class Lots(SystemIds):
    """Draws the lot that every new item asks for: whether its account has too many."""

    def fraction(self) -> float:
        return 0.0


def store(url: str, proxy: ThrottlingProxy, meter: StoreMeter, ids: SystemIds, **budgets: float):
    address = TableAddress.parse(url.replace(url.partition("endpoint=")[2].partition("&")[0], proxy.url))
    return DynamoProfileStore(address, meter, SystemClock(), ids, Budgets(**budgets))


@pytest.fixture
async def profiles(dynamodb_table: str, proxy: ThrottlingProxy, meter) -> AsyncIterator[ProfileStore]:
    profiles = store(dynamodb_table, proxy, meter, SystemIds(), **UNHURRIED)
    assert await profiles.profile("warm-up") is None
    proxy.calls.clear()
    yield profiles
    await profiles.close()


def sightings(count: int) -> list[Sighting]:
    return [Sighting(f"account-{n}", "tv", "tv", NOW) for n in range(count)]


# --- batches --------------------------------------------------------------------------------------------


@needs_dynamodb
async def test_reads_of_one_moment_are_one_exchange(profiles, proxy, meter) -> None:
    await asyncio.gather(*(profiles.profile(f"account-{n}") for n in range(90)))
    assert proxy.calls == {"BatchGetItem": 1}


@needs_dynamodb
async def test_reads_of_one_account_are_one_command(profiles, proxy, meter) -> None:
    meter.report(1.0)
    await asyncio.gather(*(profiles.profile("demo") for _ in range(90)))
    report = meter.report(1.0)
    assert (report.commands_per_s, report.round_trips_per_s) == (1.0, 1.0)


@needs_dynamodb
async def test_writes_go_out_in_batches(profiles, proxy) -> None:
    await profiles.saw_devices(sightings(100))
    # Each batch once as an update, once more to insert what was not there.
    assert proxy.calls["BatchExecuteStatement"] == 8
    proxy.calls.clear()
    await profiles.saw_devices([Sighting(one.account, "tv", "tv", NOW + 1) for one in sightings(100)])
    assert proxy.calls["BatchExecuteStatement"] == 4


@needs_dynamodb
async def test_batch_of_which_a_part_is_throttled_is_kept_whole(profiles, proxy) -> None:
    proxy.partly = 0.3
    await profiles.saw_devices(sightings(25))
    for n in range(3):
        await profiles.put_profile(Profile(f"account-{n}"))
    found = await asyncio.gather(*(profiles.profile(f"account-{n}") for n in range(25)))
    assert [one is not None for one in found] == [True] * 3 + [False] * 22
    await profiles.delete_account("account-0")
    proxy.partly = 0.0
    # One after the other: the tries in hand are spent, and 25 new connections at once may need one.
    histories = [await profiles.history(f"account-{n}") for n in range(25)]
    assert [len(one.devices) for one in histories] == [0] + [1] * 24


@needs_dynamodb
async def test_what_was_read_is_answered_although_the_rest_is_throttled_for_good(profiles, proxy) -> None:
    proxy.partly = 0.5
    patient = [profiles.profile(f"account-{n}") for n in range(100) for _ in range(2)]
    outcomes = await asyncio.gather(*patient, return_exceptions=True)
    assert {type(one) for one in outcomes} <= {type(None), Unavailable}
    assert None in outcomes


@needs_dynamodb
async def test_account_with_too_many_devices_is_pruned_in_the_table(dynamodb_table, proxy, meter) -> None:
    profiles = store(dynamodb_table, proxy, meter, Lots(), **UNHURRIED)
    for n in range(0, DEVICES_MAX + 20, 10):
        await profiles.saw_devices([Sighting("demo", f"tv-{m}", "tv", NOW + m) for m in range(n, n + 10)])
    assert len(await profiles._items("demo")) == DEVICES_MAX
    await profiles.close()


# --- throttled ------------------------------------------------------------------------------------------


@needs_dynamodb
async def test_throttled_calls_are_tried_again_and_done(profiles, proxy) -> None:
    proxy.share = 0.4
    for n in range(5):
        await profiles.put_profile(Profile(f"account-{n}"))
    proxy.share = 0.0
    assert None not in await asyncio.gather(*(profiles.profile(f"account-{n}") for n in range(5)))


@needs_dynamodb
async def test_table_that_throttles_half_is_asked_a_tenth_more_at_the_most(profiles, proxy, meter) -> None:
    proxy.share = 0.5
    asked = failed = 0
    for n in range(200):
        exchanges = proxy.calls.total()
        try:
            await profiles.profile(f"account-{n}")
        except Unavailable:
            failed += 1
        asked += proxy.calls.total() > exchanges
    assert failed
    assert proxy.calls.total() - asked <= RETRIES_IN_HAND_MAX + RETRY_SHARE * asked


@needs_dynamodb
async def test_table_that_throttles_everything_is_left_alone_but_for_a_probe(profiles, proxy, meter) -> None:
    proxy.share = 1.0
    calls = 0
    while not meter.failing:
        calls += 1
        with pytest.raises(Unavailable):
            await profiles.profile("demo")
    assert proxy.calls.total() <= calls * (1 + RETRY_SHARE) + RETRIES_IN_HAND_MAX
    proxy.calls.clear()
    outcomes = [profiles.put_profile(Profile(f"account-{n}")) for n in range(500)]
    assert all(
        isinstance(one, Unavailable) for one in await asyncio.gather(*outcomes, return_exceptions=True)
    )
    # All at once, so that a probe or two may be among them, and none is tried again.
    assert proxy.calls.total() < 10


@needs_dynamodb
async def test_table_that_is_back_is_found_by_a_probe(profiles, proxy, meter, until) -> None:
    await profiles.put_profile(Profile("demo"))
    proxy.share = 1.0
    while not meter.failing:
        with pytest.raises(Unavailable):
            await profiles.profile("demo")
    proxy.share = 0.0
    outcome: list[Profile | None] = []

    async def ask() -> None:
        while not outcome:
            try:
                outcome.append(await profiles.profile("demo"))
            except Unavailable:
                await asyncio.sleep(0.01)

    async with asyncio.timeout(WITHIN_S_MAX):
        await ask()
    assert outcome[0] == Profile("demo", version=1)
    assert not meter.failing


@needs_dynamodb
async def test_write_that_is_throttled_for_good_is_told_to_its_caller(profiles, proxy) -> None:
    proxy.share = 1.0
    with pytest.raises(Unavailable) as caught:
        await profiles.saw_devices(sightings(60))
    assert caught.value.part == "profiles"
    with pytest.raises(Unavailable):
        await profiles.put_positions([Position("demo", "final", 1.0, NOW)])
    with pytest.raises(Unavailable):
        await profiles.put_profile(Profile("demo"))
    with pytest.raises(Unavailable):
        await profiles.delete_account("demo")


@needs_dynamodb
async def test_table_that_does_not_answer_costs_a_call_its_budget(dynamodb_table, proxy, meter) -> None:
    profiles = store(dynamodb_table, proxy, meter, SystemIds(), read_s=0.1, write_s=0.1)
    with contextlib.suppress(Unavailable):
        await profiles.profile("warm-up")
    proxy.hang = True
    with pytest.raises(Unavailable):
        await profiles.profile("demo")
    with pytest.raises(Unavailable):
        await profiles.saw_devices(sightings(1))
    proxy.hang = False
    await profiles.close()


async def test_table_that_is_not_there_fails_at_once_and_names_no_secret(monkeypatch, meter) -> None:
    for name, value in dynamodb_local.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    address = TableAddress.parse("dynamodb://eu-west-3/nothing?endpoint=http://127.0.0.1:9&create=1")
    profiles = DynamoProfileStore(address, meter, SystemClock(), SystemIds())
    outcomes = await asyncio.gather(*(profiles.profile(f"{n}") for n in range(50)), return_exceptions=True)
    assert all(isinstance(one, Unavailable) for one in outcomes)
    assert meter.failing
    await profiles.close()


@needs_dynamodb
async def test_call_that_went_unanswered_but_was_done_is_no_conflict(
    dynamodb_table, proxy, meter, monkeypatch
) -> None:
    """The answer to a conditional write is lost: it is tried again, and finds its own."""
    profiles = store(dynamodb_table, proxy, meter, SystemIds(), **UNHURRIED)
    await profiles.profile("warm-up")
    proxy.lose_next_answer = True
    assert await profiles.put_profile(Profile("demo")) == Profile("demo", version=1)
    assert proxy.calls["PutItem"] == 2
    await profiles.close()


# --- patience -------------------------------------------------------------------------------------------


def test_tries_again_are_earned_by_calls(clock: ManualClock) -> None:
    patience = Patience(clock, SystemIds())
    saved = 0
    while patience.may_retry():
        saved += 1
    assert saved == RETRIES_IN_HAND_MAX
    granted = 0
    for _ in range(200):
        patience.called()
        granted += patience.may_retry()
    assert granted == pytest.approx(200 * RETRY_SHARE, abs=1)


def test_waits_grow_and_are_drawn_by_lot(clock: ManualClock) -> None:
    patience = Patience(clock, SystemIds())
    waits = [[patience.backoff_s(tries) for _ in range(50)] for tries in range(1, 12)]
    assert all(len(set(each)) > 40 for each in waits)
    assert max(waits[0]) < 0.025 < max(waits[3])
    assert max(map(max, waits)) <= BACKOFF_S_MAX


def test_after_failures_in_a_row_one_call_goes_out_now_and_then(clock: ManualClock) -> None:
    patience = Patience(clock, SystemIds())
    for _ in range(FAILURES_TO_GIVE_UP):
        assert patience.may_call()
        patience.failed()
        clock.advance(QUIET_S_TO_GIVE_UP / (FAILURES_TO_GIVE_UP - 1))
    assert patience.given_up and not patience.may_retry()
    clock.advance(PROBE_S * 1.25)
    assert [patience.may_call() for _ in range(5)] == [True, False, False, False, False]
    patience.failed()
    assert not patience.may_call()
    clock.advance(PROBE_S * 1.25)
    assert patience.may_call()
    patience.worked()
    assert patience.may_call() and not patience.given_up


def test_many_failures_of_one_moment_stop_nothing(clock: ManualClock) -> None:
    patience = Patience(clock, SystemIds())
    for _ in range(50):
        patience.failed()
    assert patience.may_call()


def test_failures_that_are_not_in_a_row_stop_nothing(clock: ManualClock) -> None:
    patience = Patience(clock, SystemIds())
    for _ in range(50):
        patience.failed()
        clock.advance(QUIET_S_TO_GIVE_UP)
        patience.worked()
    assert patience.may_call()
