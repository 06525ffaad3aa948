"""Which server has which slots: one for all of them, or the masters of a cluster."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from redis.crc import key_slot

from tifo.adapters.redis.lane import PROBE_EVERY_S, Failed, Lane
from tifo.adapters.redis.link import Address, Link, LinkFailed, Target
from tifo.kernel.ids import Ids

SLOTS = 16_384
"""Slots of a cluster: Redis Cluster's specification."""


class Servers:
    """The lanes of one URL. A cluster's are learned from any of its nodes, and again when a slot has
    moved or a master is down; until they are known, calls fail at once while we go on asking."""

    def __init__(self, url: str, ids: Ids, gather_s: float) -> None:
        self.ids = ids
        self.users = 0
        self._target = Target.parse(url)
        self._gather_s = gather_s
        self._lanes: dict[Address, Lane] = {}
        self._slots: list[Lane | None] = []
        self._unknown = ""
        self._learning: asyncio.Task[None] | None = None
        self._seeking: asyncio.Task[None] | None = None

    @property
    def down(self) -> bool:
        """Whether any master does not answer, as far as is known."""
        return bool(self._unknown) or any(lane.down for lane in self._lanes.values())

    async def lane_of(self, key: str) -> Lane | Failed:
        """The lane to the master of the key's slot."""
        if not self._target.cluster:
            return self.lane_at(self._target.seeds[0])
        if not self._slots and not self._unknown:
            await self.learn()
        if not self._slots:
            return Failed(self._unknown)
        slot = key_slot(key.encode())
        return self._slots[slot] or Failed(f"no master has the slot {slot}")

    def lane_at(self, address: Address) -> Lane:
        """The lane to this server."""
        if address not in self._lanes:
            self._lanes[address] = Lane(self._target, address, self._gather_s, self.ids, self._while_down)
        return self._lanes[address]

    async def learn(self) -> None:
        """Ask the cluster who has which slots; those who ask at the same time share the answer."""
        if self._learning is None:
            self._learning = asyncio.create_task(self._learn(), name="redis-slots")
        await asyncio.shield(self._learning)

    async def close(self) -> None:
        """Leave every server."""
        for task in (self._learning, self._seeking):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        for lane in self._lanes.values():
            await lane.close()

    async def _while_down(self) -> None:
        if self._target.cluster:
            await self.learn()

    async def _learn(self) -> None:
        try:
            why = "no node of the cluster is known"
            for address in self._nodes():
                try:
                    await self._keep(address, await self._ask(address))
                except LinkFailed as error:
                    why = error.why
                else:
                    return
            if not self._slots:
                self._seek(why)
        finally:
            self._learning = None

    def _nodes(self) -> list[Address]:
        """Whom to ask: masters that answer, then the addresses of the URL."""
        alive = [address for address, lane in self._lanes.items() if not lane.down]
        return list(dict.fromkeys(alive[:2] + list(self._target.seeds)))

    async def _ask(self, address: Address) -> Sequence[Any]:
        link = Link(self._target, address)
        try:
            (answer,) = await link.exchange([("CLUSTER", "SLOTS")])
        finally:
            await link.drop()
        if not isinstance(answer, list):
            raise LinkFailed(f"{address[0]}:{address[1]}: {answer}")
        return answer[:SLOTS]

    async def _keep(self, asked: Address, ranges: Sequence[Any]) -> None:
        slots: list[Lane | None] = [None] * SLOTS
        for first, last, master, *_ in ranges:
            lane = self.lane_at(((master[0] or b"").decode() or asked[0], int(master[1])))
            slots[first : last + 1] = [lane] * (last + 1 - first)
        self._slots, self._unknown = slots, ""
        for address in [one for one, lane in self._lanes.items() if lane not in slots]:
            await self._lanes.pop(address).close()

    def _seek(self, why: str) -> None:
        self._unknown = why
        if self._seeking is None:
            self._seeking = asyncio.create_task(self._keep_asking(), name="redis-seek")

    async def _keep_asking(self) -> None:
        while not self._slots:
            await asyncio.sleep(PROBE_EVERY_S * (0.75 + 0.5 * self.ids.fraction()))
            await self.learn()
        self._seeking = None
