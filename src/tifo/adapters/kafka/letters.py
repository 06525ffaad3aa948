"""A group's dead letters in the cluster: a topic of one partition, and how far it was replayed."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from tifo.adapters.kafka import wire
from tifo.adapters.kafka.client import PART, REQUEST_S_MAX, Client
from tifo.eventlog.ports import Letter
from tifo.kernel.errors import Unavailable

READ_S_MAX = 0.5
"""Seconds without a letter after which those at hand are all: offsets may have gaps."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pile:
    """Letters from the oldest that was not replayed, and the offset after the last of them."""

    letters: tuple[Letter, ...]
    next_offset: int


class PileOfLetters:
    """One group's. Each call makes a client of its own: letters are read by hand, and rarely."""

    def __init__(self, client: Client, group: str) -> None:
        self._client = client
        self._topic = wire.dead_topic(client.address.prefix, group)

    async def read(self, letters_max: int) -> Pile:
        """The oldest that were not replayed. Raises `Unavailable`."""
        return await asyncio.to_thread(self._with, lambda consumer: self._read(consumer, letters_max))

    async def remember(self, next_offset: int) -> None:
        """All before this offset were replayed. Raises `Unavailable`."""
        done = [TopicPartition(self._topic, 0, next_offset)]
        await asyncio.to_thread(
            self._with, lambda consumer: consumer.commit(offsets=done, asynchronous=False)
        )

    def _with(self, work: Callable[[Consumer], T]) -> T:
        config = {"group.id": self._topic, "enable.auto.commit": False}
        try:
            with closing(self._client.make(Consumer, config)) as consumer:
                return work(consumer)
        except KafkaException as error:
            raise Unavailable(PART, self._client.explain(error.args[0])) from error

    def _read(self, consumer: Consumer, letters_max: int) -> Pile:
        place = TopicPartition(self._topic, 0)
        (committed,) = consumer.committed([place], timeout=REQUEST_S_MAX)
        oldest, end = consumer.get_watermark_offsets(place, timeout=REQUEST_S_MAX)
        offset = max(committed.offset, oldest)
        consumer.assign([TopicPartition(self._topic, 0, offset)])
        letters: list[Letter] = []
        while offset < end and len(letters) < letters_max:
            message = self._next(consumer)
            if message is None:
                break
            letters.append(wire.letter(message))
            offset = (message.offset() or 0) + 1
        return Pile(tuple(letters), offset)

    def _next(self, consumer: Consumer) -> Message | None:
        message = consumer.poll(READ_S_MAX)
        error = message and message.error()
        if error:
            raise KafkaException(error)
        return message
