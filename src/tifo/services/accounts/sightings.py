"""Which devices accounts watch on: gathered and written in the background; losing some costs nothing."""

from cachebox import LRUCache

from tifo.kernel.background import Background
from tifo.kernel.errors import Unavailable
from tifo.services.accounts.ports import ProfileStore, Sighting
from tifo.telemetry.metrics import SIGHTINGS_LOST

FLUSH_S = 0.25
WAITING_MAX = 20_000
"""Sightings that wait for a store that does not answer; more are lost."""
BATCH_MAX = 500
TOLD_ENTRIES_MAX = 100_000
"""Devices remembered as written down lately."""

_Key = tuple[str, str]


class Sightings:
    """What is to be written of devices; one that was written within `again_s` is not written again."""

    def __init__(self, store: ProfileStore, again_s: float) -> None:
        self._store = store
        self._again_s = again_s
        self._waiting: dict[_Key, Sighting] = {}
        self._told: LRUCache[_Key, float] = LRUCache(TOLD_ENTRIES_MAX)
        self._background = Background(
            "accounts.devices", FLUSH_S, self.flush, "new devices are not known yet"
        )

    async def open(self) -> None:
        """Begin to write."""
        await self._background.open()

    async def close(self) -> None:
        """Write what waits, as far as the store answers."""
        await self._background.close()
        try:
            await self.flush()
        except Unavailable:
            SIGHTINGS_LOST.inc(len(self._waiting))

    def saw(self, sighting: Sighting) -> None:
        """Have a device written down; returns at once."""
        key = sighting.account, sighting.device
        told_at: float | None = self._told.get(key)
        if told_at is not None and sighting.at < told_at + self._again_s:
            return
        if key not in self._waiting and len(self._waiting) >= WAITING_MAX:
            SIGHTINGS_LOST.inc()
            return
        self._waiting[key] = sighting

    async def flush(self) -> None:
        """Write all that waits; what a store did not take waits on. Raises `Unavailable`."""
        while self._waiting:
            batch = tuple(self._waiting.values())[:BATCH_MAX]
            await self._store.saw_devices(batch)
            for one in batch:
                key = one.account, one.device
                self._told[key] = one.at
                if self._waiting.get(key) is one:
                    del self._waiting[key]
