"""The way to Redis: few round trips, and one server's death is nobody's wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis_server import (
    NOT_RUN,
    RedisCluster,
    RedisServer,
    installed,
    redis_cluster,
    redis_server,
)

from tifo.adapters.redis import lane, link
from tifo.adapters.redis.connection import Call, RedisConnection, RedisConnections, Script
from tifo.adapters.redis.link import OWN_DELAY_S_MAX, Target
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import Meters, StoreMeter

pytestmark = pytest.mark.skipif(not installed(), reason=NOT_RUN)

ECHO = Script("echo", "return {KEYS[1], ARGV[1]}")
ADD = Script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])")
BACK_TRIES_MAX = 800

Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Meter(StoreMeter):
    """Remembers how many commands each round trip had."""

    def __init__(self) -> None:
        super().__init__("test", "redis", SystemClock())
        self.exchanges: list[int] = []

    def exchanged(self, commands: int) -> None:
        self.exchanges.append(commands)


@pytest.fixture
def meter() -> Meter:
    return Meter()


@asynccontextmanager
async def connected(url: str, meter: StoreMeter, gather_s: float = 0.005) -> AsyncIterator[RedisConnection]:
    connection = RedisConnection(url, "sessions", meter, SystemIds(), gather_s=gather_s)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that a test may stop and start."""
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with redis_cluster(tmp_path_factory.mktemp("replicated"), replicas=1) as cluster:
        yield cluster


async def works(connection: RedisConnection, key: str = "k") -> bool:
    try:
        return bool(await connection.run(ECHO, key, "x") == [key.encode(), b"x"])
    except Unavailable:
        return False


async def until_it_works(connection: RedisConnection, key: str = "k") -> None:
    for _ in range(BACK_TRIES_MAX):
        if await works(connection, key):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


def owner_of(cluster: RedisCluster, key: str) -> RedisServer:
    return next(one for one in cluster.masters if "MOVED" not in one.cli("GET", key))


async def why(connection: RedisConnection) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await connection.run(ECHO, "k", "x")
    return caught.value


async def test_answers_come_back_to_who_asked(redis: RedisServer, meter: Meter) -> None:
    async with connected(redis.url, meter) as connection:
        answers = await asyncio.gather(*(connection.run(ECHO, f"k{n}", n) for n in range(100)))
    assert answers == [[f"k{n}".encode(), str(n).encode()] for n in range(100)]


async def test_what_is_asked_at_one_time_is_one_round_trip(redis: RedisServer, meter: Meter) -> None:
    async with connected(redis.url, meter, gather_s=0.05) as connection:
        await works(connection)
        meter.exchanges.clear()
        await asyncio.gather(*(connection.run(ECHO, f"k{n}", n) for n in range(60)))
    assert meter.exchanges == [60]


async def test_one_round_trip_has_a_bound(redis: RedisServer, meter: Meter) -> None:
    calls = [Call(ECHO, f"k{n}", (n,)) for n in range(2 * lane.EXCHANGE_COMMANDS_MAX + 1)]
    async with connected(redis.url, meter) as connection:
        await works(connection)
        meter.exchanges.clear()
        answers = await connection.run_many(calls)
    assert meter.exchanges == [lane.EXCHANGE_COMMANDS_MAX, lane.EXCHANGE_COMMANDS_MAX, 1]
    assert answers[-1] == [calls[-1].key.encode(), str(len(calls) - 1).encode()]


async def test_each_master_is_asked_once_for_all_its_slots(redis_cluster: RedisCluster, meter: Meter) -> None:
    async with connected(redis_cluster.url, meter, gather_s=0.05) as connection:
        await asyncio.gather(*(works(connection, f"k{n}") for n in range(90)))
        meter.exchanges.clear()
        await asyncio.gather(*(connection.run(ECHO, f"k{n}", n) for n in range(90)))
    assert len(meter.exchanges) == 3
    assert sum(meter.exchanges) == 90


async def test_queue_has_a_bound(redis: RedisServer, meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "QUEUE_COMMANDS_MAX", 10)
    async with connected(redis.url, meter) as connection:
        answers = await connection.run_many([Call(ECHO, "k", (n,)) for n in range(12)])
        assert [isinstance(one, Unavailable) for one in answers] == [False] * 10 + [True] * 2
        assert await works(connection)


async def test_scripts_are_loaded_again_after_they_were_flushed(redis: RedisServer, meter: Meter) -> None:
    async with connected(redis.url, meter) as connection:
        assert await works(connection)
        redis.cli("SCRIPT", "FLUSH")
        answers = await connection.run_many([Call(ECHO, "k", ("x",)), Call(ADD, "n", (0,))])
        assert answers == [[b"k", b"x"], 0]


async def test_script_that_fails_harms_only_its_caller(redis: RedisServer, meter: Meter) -> None:
    wrong = Script("wrong", "return redis.call('NONSENSE')")
    async with connected(redis.url, meter) as connection:
        bad, good = await connection.run_many([Call(wrong, "k"), Call(ECHO, "k", ("x",))])
        assert isinstance(bad, Unavailable)
        assert good == [b"k", b"x"]


async def test_dead_server_fails_calls_at_once_and_comes_back(server: RedisServer, meter: Meter) -> None:
    async with connected(server.url, meter) as connection:
        assert await works(connection)
        server.kill()
        problem = await why(connection)
        assert (problem.part, problem.code) == ("sessions", "unavailable")
        assert meter.failing
        before = len(meter.exchanges)
        for _ in range(200):
            assert not await works(connection)
        assert len(meter.exchanges) <= before + 5, "a dead server is not asked for every caller"
        server.start()
        await until_it_works(connection)
        assert not meter.failing


async def test_server_that_was_restarted_while_nobody_asked_is_just_asked(
    server: RedisServer, meter: Meter
) -> None:
    async with connected(server.url, meter) as connection:
        assert await works(connection)
        server.restart()
        assert await works(connection)


async def test_server_that_never_answered_fails_calls(meter: Meter) -> None:
    async with connected("redis://127.0.0.1:1", meter) as connection:
        assert "127.0.0.1:1" in (await why(connection)).why
    async with connected("redis+cluster://127.0.0.1:1,127.0.0.1:2", meter) as connection:
        assert not await works(connection)
        assert not await works(connection)


async def test_stopped_server_costs_one_time_limit_for_all(server: RedisServer, meter: Meter) -> None:
    async with connected(server.url, meter) as connection:
        assert await works(connection)
        server.pause()
        began_s = asyncio.get_running_loop().time()
        outcomes = await asyncio.gather(*(works(connection) for _ in range(50)))
        for _ in range(50):
            outcomes.append(await works(connection))
        took_s = asyncio.get_running_loop().time() - began_s
        assert not any(outcomes)
        assert took_s < 20 * link.EXCHANGE_S_MAX, "one limit, not one for each of a hundred callers"
        server.resume()
        await until_it_works(connection)


async def test_pause_of_our_own_is_not_the_servers(redis: RedisServer, meter: Meter, until: Until) -> None:
    async with connected(redis.url, meter) as connection:
        assert await works(connection)
        meter.exchanges.clear()
        redis.pause()
        asked = asyncio.create_task(works(connection))
        await until(lambda: bool(meter.exchanges))
        redis.resume()
        busy_until_s = asyncio.get_running_loop().time() + link.EXCHANGE_S_MAX + 3 * OWN_DELAY_S_MAX
        while asyncio.get_running_loop().time() < busy_until_s:
            pass
        assert await asked


async def test_dead_master_fails_only_its_own_slots(tmp_path: Path, meter: Meter) -> None:
    with redis_cluster(tmp_path) as cluster:
        async with connected(cluster.url, meter) as connection:
            keys = [f"k{n}" for n in range(60)]
            assert all([await works(connection, key) for key in keys])
            cluster.masters[0].kill()
            await connection.run_many([Call(ECHO, key, ("x",)) for key in keys])
            alive = [key for key in keys if await works(connection, key)]
            assert 20 <= len(alive) <= 55
            assert meter.failing
            cluster.masters[0].start()
            for key in keys:
                await until_it_works(connection, key)
            assert not meter.failing


async def test_failover_to_a_replica_is_followed(replicated: RedisCluster, meter: Meter) -> None:
    async with connected(replicated.url, meter) as connection:
        keys = [f"k{n}" for n in range(60)]
        assert all([await works(connection, key) for key in keys])
        dead = replicated.masters[0]
        dead.kill()
        try:
            for key in keys:
                await until_it_works(connection, key)
            assert not meter.failing, "the dead server is no master any more"
        finally:
            dead.start()


async def test_slots_that_moved_are_followed(redis_cluster: RedisCluster, meter: Meter) -> None:
    slot = redis_cluster.masters[0].cli("CLUSTER", "KEYSLOT", "moving")
    home = owner = owner_of(redis_cluster, "moving")
    async with connected(redis_cluster.url, meter) as connection:
        assert await works(connection, "moving")
        for new in [one for one in redis_cluster.masters if one is not home] + [home]:
            names = [one.cli("CLUSTER", "MYID") for one in (owner, new)]
            new.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", names[0])
            for one in (new, owner, *redis_cluster.masters):
                one.cli("CLUSTER", "SETSLOT", slot, "NODE", names[1])
            assert await works(connection, "moving")
            owner = new


async def test_slot_that_moves_is_asked_for_at_both_ends(redis_cluster: RedisCluster, meter: Meter) -> None:
    slot = int(redis_cluster.masters[0].cli("CLUSTER", "KEYSLOT", "half"))
    owner = owner_of(redis_cluster, "half")
    other = next(one for one in redis_cluster.masters if one is not owner)
    async with connected(redis_cluster.url, meter) as connection:
        other.cli("CLUSTER", "SETSLOT", str(slot), "IMPORTING", owner.cli("CLUSTER", "MYID"))
        owner.cli("CLUSTER", "SETSLOT", str(slot), "MIGRATING", other.cli("CLUSTER", "MYID"))
        try:
            assert await connection.run(ADD, "half", 2) == 2
            assert await connection.run(ADD, "half", 2) == 4
        finally:
            for one in (owner, other):
                one.cli("CLUSTER", "SETSLOT", str(slot), "STABLE")
                one.cli("FLUSHALL")


async def test_wrong_password_is_said_without_the_password(tmp_path: Path, meter: Meter) -> None:
    with redis_server(tmp_path, password="open-sesame") as server:
        async with connected(server.url, meter) as connection:
            assert await works(connection)
        wrong = server.url.replace("open-sesame", "hunter2")
        async with connected(wrong, meter) as connection:
            problem = await why(connection)
            assert "hunter2" not in f"{problem} {problem.why} {problem!r}"
            assert "password" in problem.why.lower()
        async with connected(server.url.replace(":open-sesame@", ""), meter) as connection:
            assert not await works(connection)


def test_target_never_shows_its_password() -> None:
    target = Target.parse("rediss://me:hunter2%21@host/3?ca=/ca")
    assert "hunter2" not in repr(target)
    assert (target.username, target.password, target.db, target.seeds) == (
        "me",
        "hunter2!",
        3,
        (("host", 6379),),
    )


async def test_server_with_tls_is_known_by_its_authority(tmp_path: Path, meter: Meter) -> None:
    with (
        redis_server(tmp_path / "right", tls=True) as server,
        redis_server(tmp_path / "other", tls=True) as other,
    ):
        async with connected(server.url, meter) as connection:
            assert await works(connection)
        stranger = server.url.replace(str(server.folder), str(other.folder))
        for url in (stranger, server.url.partition("?")[0]):
            async with connected(url, meter) as connection:
                assert "certificate" in (await why(connection)).why


async def test_database_of_the_url_is_the_one_that_is_used(redis: RedisServer, meter: Meter) -> None:
    async with connected(f"{redis.url}/0", meter) as first, connected(f"{redis.url}/3", meter) as other:
        await first.run(ADD, "of-a-database", 5)
        assert await other.run(ADD, "of-a-database", 1) == 1


async def test_stores_of_one_url_share_its_round_trips_and_are_counted_apart(redis: RedisServer) -> None:
    meters = Meters(SystemClock())
    connections = RedisConnections(meters, SystemIds())
    board, sessions = connections.of(redis.url, "board"), connections.of(redis.url, "sessions")
    await asyncio.gather(works(board), works(sessions), works(sessions, "other"))
    reports = {one.name: one for one in meters.stores(1.0)}
    assert (reports["board"].commands_per_s, reports["sessions"].commands_per_s) >= (1, 2)
    await board.close()
    assert await works(sessions)
    await sessions.close()


async def test_what_waits_when_the_connection_closes_is_told(server: RedisServer, meter: Meter) -> None:
    connection = RedisConnection(server.url, "sessions", meter, SystemIds(), gather_s=5.0)
    waiting = asyncio.create_task(connection.run_many([Call(ECHO, "k", ("x",))]))
    await asyncio.sleep(0)
    await connection.close()
    (answer,) = await waiting
    assert isinstance(answer, Unavailable)


async def test_caller_who_gives_up_disturbs_nobody(redis: RedisServer, meter: Meter) -> None:
    async with connected(redis.url, meter, gather_s=0.05) as connection:
        impatient = asyncio.create_task(connection.run(ECHO, "k", "1"))
        patient = asyncio.create_task(connection.run(ECHO, "k", "2"))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient == [b"k", b"2"]
        assert impatient.cancelled() or impatient.cancelling()
