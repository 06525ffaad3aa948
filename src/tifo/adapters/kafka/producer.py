"""Appends of many callers, sent by librdkafka in batches of its own and answered with few wake-ups."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tifo.adapters.kafka.client import PART, Client
from tifo.eventlog.ports import APPEND_QUEUE_RECORDS_MAX
from tifo.kernel.errors import Unavailable

APPEND_S_MAX = 3.0
"""Seconds in which a record is kept or given up, tries again included."""

GATHER_MS = 5
"""How long a record waits for others that go to the same broker."""

QUEUE_KIB_MAX = 64 * 1024
IN_FLIGHT_MAX = 5
"""KiB that wait to be sent, and requests of one broker at once: the most that keep their order."""

POLL_S = 0.1
CLOSE_S_MAX = 5.0

Outgoing = tuple[str, Mapping[str, Any]]
"""A topic by its name in the cluster, and the other arguments of `produce`."""


class _Batch:
    """What one caller waits for."""

    __slots__ = ("done", "left", "records", "why")

    def __init__(self, records: int, done: "asyncio.Future[None]") -> None:
        self.records = records
        self.left = records
        self.done = done
        self.why = ""


class _Lane:
    """One librdkafka producer and the thread that hears of its deliveries."""

    def __init__(
        self,
        client: Client,
        loop: asyncio.AbstractEventLoop,
        settle: Callable[[Sequence[_Batch]], None],
    ) -> None:
        self._client = client
        compression = {"compression.type": client.address.compression}
        self._producer = client.make(Producer, _CONFIG | compression)
        self._loop = loop
        self._settle = settle
        self._settled: list[_Batch] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._hear, name="kafka-producer", daemon=True)
        self.broken = False
        self._thread.start()

    def send(self, records: Sequence[Outgoing], batch: _Batch) -> str:
        """Hand them to librdkafka, which does not wait; why it took not all of them, or nothing."""

        def delivered(error: KafkaError | None, _: Message) -> None:
            self._delivered(batch, error)

        for n, (topic, arguments) in enumerate(records):
            try:
                self._producer.produce(topic, on_delivery=delivered, **arguments)
            except BufferError:
                why = "its queue is full"
            except KafkaException as error:
                self.broken = True
                why = str(error.args[0])
            else:
                continue
            batch.left -= len(records) - n
            return why
        return ""

    def close(self) -> None:
        """Send what is left, for a bounded time; whatever was not sent is told so. Waits."""
        self._stopping.set()
        self._thread.join()

    def _delivered(self, batch: _Batch, error: KafkaError | None) -> None:
        # In the thread, from within `poll` or `flush`.
        if error is not None:
            batch.why = self._client.explain(error)
            self.broken = self.broken or error.fatal() or error.code() == KafkaError._FATAL
        batch.left -= 1
        if batch.left <= 0:
            self._settled.append(batch)

    def _hear(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(POLL_S)
            self._tell()
        self._producer.flush(CLOSE_S_MAX)
        self._producer.purge()
        self._producer.flush(POLL_S)
        self._tell()

    def _tell(self) -> None:
        settled, self._settled = self._settled, []
        if settled and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, settled)


_CONFIG = {
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": GATHER_MS,
    # Of the keys' CRC-32, which is what `lane_of` knows.
    "partitioner": "consistent_random",
    "delivery.timeout.ms": round(APPEND_S_MAX * 1_000),
    "queue.buffering.max.messages": 2 * APPEND_QUEUE_RECORDS_MAX,
    "queue.buffering.max.kbytes": QUEUE_KIB_MAX,
    "max.in.flight.requests.per.connection": IN_FLIGHT_MAX,
}


class KafkaProducer:
    """Idempotent: a record that is sent twice stands once, and in order, unless it was given up.

    The event loop only hands records over; a thread hears of deliveries and wakes it once for all that
    came together. A producer that Kafka has fenced is replaced with the next send.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lane: _Lane | None = None
        self._replacing = asyncio.Lock()
        self._waiting: set[_Batch] = set()
        self._queued = 0
        self._failing = ""
        self._well_at = 0.0

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Keep them on every replica in sync.

        Raises `Unavailable`, at once when the queue is full, and when nothing was kept for `APPEND_S_MAX`
        seconds and somebody else waits to see whether that is over.
        """
        if self._failing and self._waiting and self._now() - self._well_at > APPEND_S_MAX:
            raise Unavailable(PART, self._failing)
        if self._queued + len(records) > APPEND_QUEUE_RECORDS_MAX:
            raise Unavailable(PART, "its queue is full")
        batch = _Batch(len(records), asyncio.get_running_loop().create_future())
        self._queued += len(records)
        self._waiting.add(batch)
        try:
            lane = self._lane
            if lane is None or lane.broken:
                lane = await self._new_lane()
            batch.why = lane.send(records, batch)
        except Unavailable as error:
            batch.why = error.why
        if batch.why:
            self._settle([batch])
        await batch.done

    async def close(self) -> None:
        """Send what is queued, for `CLOSE_S_MAX` seconds."""
        lane, self._lane = self._lane, None
        if lane is not None:
            await asyncio.to_thread(lane.close)
        await asyncio.sleep(0)
        for batch in self._waiting:
            batch.why = batch.why or "it was closed"
        self._settle(list(self._waiting))

    async def _new_lane(self) -> _Lane:
        loop = asyncio.get_running_loop()
        async with self._replacing:
            lane = self._lane
            if lane is not None and not lane.broken:
                return lane
            self._lane = made = await asyncio.to_thread(_Lane, self._client, loop, self._settle)
        if lane is not None:
            await asyncio.to_thread(lane.close)
        return made

    def _settle(self, batches: Sequence[_Batch]) -> None:
        for batch in batches:
            if batch not in self._waiting:
                continue
            self._waiting.discard(batch)
            self._queued -= batch.records
            self._learn(batch.why)
            if batch.done.done():
                continue
            if batch.why:
                batch.done.set_exception(Unavailable(PART, batch.why))
            else:
                batch.done.set_result(None)

    def _learn(self, why: str) -> None:
        self._client.meter.answers(well=not why)
        self._failing = why
        if not why:
            self._client.well()
            self._well_at = self._now()

    def _now(self) -> float:
        return self._client.clock.monotonic()
