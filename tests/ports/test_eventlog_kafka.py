"""What a Kafka has that a file has not: brokers that die, doors with locks, topics made by somebody else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import kafka_server
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from event_logs import BASE, COMES_S_MAX, KafkaLogPlace, by_key, eventually, record, take
from kafka_server import KafkaCluster

from tifo.adapters.kafka import iam
from tifo.adapters.kafka.address import KafkaAddress
from tifo.adapters.kafka.eventlog import KafkaEventLog
from tifo.adapters.kafka.producer import APPEND_S_MAX
from tifo.api.events import SessionEnded
from tifo.eventlog.ports import EventLog, Record
from tifo.eventlog.records import from_record, to_record
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.stores import StoreMeter

Open = Callable[[str], KafkaEventLog]


@pytest.fixture
async def open_log() -> AsyncIterator[Open]:
    """A log by its URL, closed after the test."""
    logs: list[KafkaEventLog] = []

    def open_log(url: str) -> KafkaEventLog:
        clock = SystemClock()
        logs.append(KafkaEventLog(KafkaAddress.parse(url), StoreMeter("eventlog", "kafka", clock), clock))
        return logs[-1]

    yield open_log
    for one in logs:
        await one.close()


async def kept(log: EventLog, one: Record) -> None:
    """Once it is kept, tried again as by every caller: a broker whose first guest we are may take seconds."""

    async def append() -> bool:
        try:
            await log.append([one])
        except Unavailable:
            return False
        return True

    await eventually(append)


async def refused(log: EventLog) -> str:
    with pytest.raises(Unavailable) as caught:
        await asyncio.wait_for(log.append([record(1)]), COMES_S_MAX)
    return caught.value.why


async def test_topic_that_is_not_there_and_may_not_be_made_is_named(
    kafka: KafkaCluster, open_log: Open
) -> None:
    log = open_log(f"kafka://{kafka.seeds}/nobody-made")
    assert "there is no topic nobody-made.sessions" in await refused(log)
    with pytest.raises(Unavailable):
        await log.consumer("g", ["sessions"], "m")


async def test_topics_are_made_as_the_url_says(kafka: KafkaCluster, open_log: Open) -> None:
    layout = "create=1&partitions=3&replicas=1&retention_h=2&retention_mib=5"
    await open_log(f"kafka://{kafka.seeds}/made?{layout}&compression=zstd").append([record(1)])
    admin = AdminClient({"bootstrap.servers": kafka.seeds})
    assert len(admin.list_topics(timeout=10).topics["made.sessions"].partitions) == 3
    (told,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, "made.sessions")]).values()
    config = await asyncio.wrap_future(told)
    assert (config["retention.ms"].value, config["retention.bytes"].value) == ("7200000", "5242880")


@pytest.mark.parametrize("sasl", ["scram-sha-512", "plain"])
async def test_broker_that_asks_who_we_are_is_told(
    kafka: KafkaCluster, open_log: Open, tmp_path: Path, sasl: str
) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{kafka_server.PASSWORD}\n")
    door = f"tls=1&ca={quote(str(kafka.ca))}&sasl={sasl}&user={kafka_server.USER}&password_file={secret}"
    log = open_log(f"kafka://{kafka.secure_seeds}/secure-{sasl}?{door}&create=1&replicas=1&partitions=1")
    await kept(log, record(1))
    (delivery,) = await take(await log.consumer("g", ["sessions"], "m"), 1)
    assert delivery.record == record(1)


async def test_tokens_as_msk_asks_for_open_the_door(
    kafka: KafkaCluster, open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def tokens(region: str, now: Callable[[], float]) -> Callable[[str], tuple[str, float]]:
        def token(_: str) -> tuple[str, float]:
            asked.append(region)
            return kafka_server.unsigned_token(now(), 900), now() + 900

        return token

    monkeypatch.setattr(iam, "msk_tokens", tokens)
    door = f"tls=1&ca={quote(str(kafka.ca))}&sasl=msk-iam&region=eu-west-3"
    log = open_log(f"kafka://{kafka.secure_seeds}/tokens?{door}&create=1&replicas=1&partitions=1")
    await kept(log, record(1))
    consumer = await log.consumer("g", ["sessions"], "m")
    (delivery,) = await take(consumer, 1)
    await consumer.park(delivery, "poison")
    await consumer.commit()
    assert (await log.replay("g"), len(await log.lag())) == (1, 1)
    assert set(asked) == {"eu-west-3"}


async def test_credentials_that_are_not_there_are_told(
    kafka: KafkaCluster, open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tokens(region: str, now: Callable[[], float]) -> Callable[[str], tuple[str, float]]:
        def token(_: str) -> tuple[str, float]:
            raise RuntimeError("no AWS credentials were found")

        return token

    monkeypatch.setattr(iam, "msk_tokens", tokens)
    door = f"tls=1&ca={quote(str(kafka.ca))}&sasl=msk-iam&region=eu-west-3"
    assert "no AWS credentials" in await refused(open_log(f"kafka://{kafka.secure_seeds}/nobody?{door}"))


async def test_file_that_is_not_there_is_told(kafka: KafkaCluster, open_log: Open) -> None:
    log = open_log(f"kafka://{kafka.secure_seeds}/nobody?tls=1&ca=/nowhere/ca.pem")
    assert "ssl.ca.location" in await refused(log)


async def test_wrong_password_is_told_and_not_shown(
    kafka: KafkaCluster, open_log: Open, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("open barley")
    door = f"tls=1&ca={quote(str(kafka.ca))}&sasl=plain&user={kafka_server.USER}&password_file={secret}"
    why = await refused(open_log(f"kafka://{kafka.secure_seeds}/locked?{door}"))
    assert "uthentication" in why
    assert "barley" not in why


async def test_password_that_is_not_there_is_told(kafka: KafkaCluster, open_log: Open) -> None:
    door = "sasl=plain&user=tifo&password_file=/nowhere/password"
    assert "/nowhere/password" in await refused(open_log(f"kafka://{kafka.seeds}/locked?{door}"))


async def test_broker_that_does_not_answer_fails_appends_until_it_does(
    kafka: KafkaCluster, open_log: Open
) -> None:
    log = open_log(f"kafka://{kafka.seeds}/paused?create=1&replicas=1&partitions=1")
    await log.append([record(1)])
    (broker,) = kafka.brokers
    broker.pause()
    try:
        assert await refused(log)
        probe = asyncio.create_task(log.append([record(3)]))
        await asyncio.sleep(0)
        assert await refused(log)
        assert not probe.done(), "nobody waits beside the one that finds out"
    finally:
        broker.resume()
    await asyncio.gather(probe, return_exceptions=True)

    await kept(log, record(2))
    found = by_key(await take(await log.consumer("g", ["sessions"], "m"), 2))
    assert found["a"][0] == "evt_1"


async def test_producer_that_is_of_no_use_any_more_is_replaced(kafka: KafkaCluster, open_log: Open) -> None:
    log = open_log(f"kafka://{kafka.seeds}/fenced?create=1&replicas=1&partitions=1")
    await log.append([record(1)])
    lane = log._producer._lane
    assert lane is not None
    lane.broken = True
    await asyncio.gather(*(log.append([record(n)]) for n in range(2, 20)))
    found = await take(await log.consumer("g", ["sessions"], "m"), 19)
    assert {one.record.id for one in found} == {f"evt_{n}" for n in range(1, 20)}


async def test_cancelled_poll_leaves_its_records_to_the_next(kafka: KafkaCluster, open_log: Open) -> None:
    log = open_log(f"kafka://{kafka.seeds}/cancelled?create=1&replicas=1&partitions=1")
    await log.append([record(1)])
    consumer = await log.consumer("g", ["sessions"], "m")
    found: list[str] = []

    async def came() -> bool:
        poll = asyncio.create_task(consumer.poll())
        await asyncio.sleep(0)
        poll.cancel()
        found.extend(one.record.id for one in await consumer.poll())
        return bool(found)

    await eventually(came)
    assert found == ["evt_1"]


async def test_message_of_somebody_else_stops_nobody(kafka: KafkaCluster, open_log: Open) -> None:
    log = open_log(f"kafka://{kafka.seeds}/foreign?create=1&replicas=1&partitions=1")
    await log.append([record(1)])
    stranger = Producer({"bootstrap.servers": kafka.seeds})
    stranger.produce("foreign.sessions", None, None)
    stranger.produce("foreign.sessions", b"\xff", b"\xff", headers=[("id", b"\xff"), ("type", None)])
    await asyncio.to_thread(stranger.flush, COMES_S_MAX)
    consumer = await log.consumer("g", ["sessions"], "m")
    bare, broken = (await take(consumer, 3))[1:]
    assert (bare.record.id, bare.record.key, bare.record.value) == ("sessions-0-1", "", b"")
    assert (broken.record.id, broken.record.value, from_record(broken.record)) == ("\ufffd", b"\xff", None)
    await consumer.commit()
    await consumer.park(broken, "not ours")
    assert [one.reason for one in await log.letters("g")] == ["not ours"]


async def test_records_are_cloud_events_to_others(kafka: KafkaCluster, open_log: Open) -> None:
    log = open_log(f"kafka://{kafka.seeds}/others?create=1&replicas=1&partitions=1")
    event = SessionEnded(session="ses_1", event="final", why="left")
    await log.append([to_record(event, "evt_1", BASE)])
    stranger = Consumer(
        {"bootstrap.servers": kafka.seeds, "group.id": "stranger", "auto.offset.reset": "earliest"}
    )
    stranger.subscribe(["others.sessions"])
    got = await asyncio.to_thread(stranger.poll, COMES_S_MAX)
    stranger.close()
    read = from_kafka_event(KafkaMessage(dict(got.headers()), got.key(), got.value()))
    assert (read.get_type(), read.get_id(), read.get_time().timestamp()) == (
        "tifo.session.ended.v1", "evt_1", BASE,
    )  # fmt: skip
    assert read.get_extension("partitionkey") == "ses_1"
    assert read.get_data()["why"] == "left"


async def test_record_of_the_version_before_comes_whole(kafka: KafkaCluster, open_log: Open) -> None:
    log = open_log(f"kafka://{kafka.seeds}/before?create=1&replicas=1&partitions=1")
    await log.append([record(1)])
    former = Producer({"bootstrap.servers": kafka.seeds})
    one = record(2)
    former.produce(
        "before.sessions", one.value, one.key, timestamp=round(one.at * 1_000),
        headers=[("id", one.id.encode()), ("type", one.type.encode())],
    )  # fmt: skip
    await asyncio.to_thread(former.flush, COMES_S_MAX)
    found = await take(await log.consumer("g", ["sessions"], "m"), 2)
    assert [delivery.record for delivery in found] == [record(1), record(2)]


async def test_cluster_that_is_not_there_fails_at_once_the_second_time(open_log: Open) -> None:
    log = open_log("kafka://127.0.0.1:1/nobody")
    assert await refused(log)
    assert await asyncio.wait_for(refused(log), APPEND_S_MAX / 2)
    with pytest.raises(Unavailable):
        await log.lag()


# --- three brokers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    if kafka_server.MISSING:
        pytest.skip(kafka_server.NOT_RUN)
    with kafka_server.kafka_cluster(tmp_path_factory.mktemp("kafka-three"), brokers=3) as cluster:
        yield cluster


class Writer:
    """Appends one key's events in order; one that fails again and again under its id, as publishers do."""

    def __init__(self, log: EventLog, key: str) -> None:
        self._log = log
        self._key = key
        self.kept: list[str] = []

    async def write(self, until: asyncio.Event) -> None:
        while not until.is_set():
            one: Record = record(len(self.kept), key=self._key)
            try:
                await self._log.append([one])
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                self.kept.append(one.id)


async def test_broker_that_dies_while_records_flow_loses_none_that_was_kept(three: KafkaCluster) -> None:
    log = KafkaLogPlace(three, replicas=3).open()
    writers = [Writer(log, f"key-{n}") for n in range(12)]
    over = asyncio.Event()
    writing = [asyncio.create_task(one.write(over)) for one in writers]
    await eventually(lambda: _all_kept(writers, 10))
    three.brokers[1].kill()
    before = [len(one.kept) for one in writers]
    for one, had in zip(writers, before, strict=True):
        await eventually(lambda one=one, had=had: _all_kept([one], had + 20))
    over.set()
    await asyncio.gather(*writing)

    consumer = await log.consumer("g", ["sessions"], "m")
    wanted = {(f"key-{n}", name) for n, one in enumerate(writers) for name in one.kept}
    found: dict[str, list[str]] = {}

    async def all_found() -> bool:
        for key, names in by_key(await consumer.poll()).items():
            found.setdefault(key, []).extend(names)
        return wanted <= {(key, name) for key, names in found.items() for name in names}

    await eventually(all_found)
    for n, one in enumerate(writers):
        first_times = list(dict.fromkeys(found[f"key-{n}"]))
        assert first_times[: len(one.kept)] == one.kept, "in order, whatever came twice"
    await consumer.commit()
    await log.close()


async def _all_kept(writers: list[Writer], count: int) -> bool:
    return all(len(one.kept) >= count for one in writers)
