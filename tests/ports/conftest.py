"""Servers that several suites share: started once, when the first test asks."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import board_places
import dynamodb_local
import kafka_server
import pytest
import redis_server
import session_stores
from board_places import Place, RedisPlace, SqlitePlace
from event_logs import KafkaLogPlace, LogPlace, SqliteLogPlace

from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.adapters.redis.board import RedisBoard
from tifo.adapters.redis.sessions import RedisSessionStore
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.board.ports import Board
from tifo.eventlog.ports import EventLogStore
from tifo.kernel.clock import ManualClock
from tifo.services.sessions.ports import SessionStore


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[str]:
    """The address of a real DynamoDB Local."""
    with dynamodb_local.dynamodb_local() as endpoint:
        yield endpoint


_tables = itertools.count()


@pytest.fixture
def dynamodb_table(dynamodb: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a table that nobody else has; it is made when it is first asked."""
    for name, value in dynamodb_local.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return f"dynamodb://{dynamodb_local.REGION}/profiles-{next(_tables)}?endpoint={dynamodb}&create=1"


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.RedisServer]:
    """A real Redis; who needs one of their own to stop starts it themselves."""
    if not redis_server.installed():
        pytest.skip(redis_server.NOT_RUN)
    with redis_server.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.RedisCluster]:
    """A real cluster of three masters."""
    if not redis_server.installed():
        pytest.skip(redis_server.NOT_RUN)
    with redis_server.redis_cluster(tmp_path_factory.mktemp("redis-cluster")) as cluster:
        yield cluster


@pytest.fixture(params=["memory", "redis", "redis-cluster"])
async def session_store(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[SessionStore]:
    """Every adapter of the session store, new."""

    def in_redis(server: str) -> RedisSessionStore:
        url = request.getfixturevalue(server).url
        return session_stores.redis_store(url, clock, session_stores.new_prefix())

    openers: dict[str, Callable[[], SessionStore]] = {
        "memory": lambda: MemorySessionStore(clock),
        "redis": lambda: in_redis("redis"),
        "redis-cluster": lambda: in_redis("redis_cluster"),
    }
    store = openers[request.param]()
    yield store
    await store.close()


@pytest.fixture(scope="module")
def board_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.RedisServer]:
    """A Redis of a suite's own, for it is stopped and emptied."""
    with board_places.own_redis(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture
async def redis_place(board_redis: redis_server.RedisServer) -> AsyncIterator[RedisPlace]:
    """Where boards in Redis are."""
    place = RedisPlace(board_redis)
    yield place
    await place.close()


@pytest.fixture(params=[SqliteBoard, RedisBoard])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Where boards of every adapter are."""
    places: dict[type[Board], Callable[[], Place]] = {
        SqliteBoard: lambda: SqlitePlace(tmp_path),
        RedisBoard: lambda: RedisPlace(request.getfixturevalue("board_redis")),
    }
    place = places[request.param]()
    yield place
    await place.close()


# --- the event log ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_server.KafkaCluster]:
    """A real Kafka of one broker."""
    if kafka_server.MISSING:
        pytest.skip(kafka_server.NOT_RUN)
    with kafka_server.kafka_cluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "kafka"])
def log_place(request: pytest.FixtureRequest, tmp_path: Path) -> LogPlace:
    """A log that nobody else has, to be opened."""
    if request.param == "sqlite":
        return SqliteLogPlace(tmp_path)
    return KafkaLogPlace(request.getfixturevalue("kafka"))


@pytest.fixture
async def log(log_place: LogPlace) -> AsyncIterator[EventLogStore]:
    log = log_place.open()
    yield log
    await log.close()
