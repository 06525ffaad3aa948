"""The caches of one process: what they share, made once by the wiring and handed to whoever reads a port."""

from typing import Any, TypeVar

from tifo.cache.invalidation import Invalidations
from tifo.cache.policy import CachePolicy
from tifo.cache.ports import SharedCache
from tifo.cache.two_level import Load, ReadThrough
from tifo.kernel.clock import Clock
from tifo.kernel.ids import Ids
from tifo.telemetry.stores import Meters

T = TypeVar("T")


class Caches:
    """Makes a cache over any read of a port, for values that are frozen and that msgspec can encode.

    A service takes `Caches` in its constructor and reads through what it makes:

        PROFILES = CachePolicy(fresh_s=60, absent_s=10)

        class AccountService(Accounts):
            def __init__(self, profiles: ProfileStore, caches: Caches, ...) -> None:
                self._profiles = caches.over("profiles", profiles.profile, Viewer, PROFILES)

            async def viewer(self, ...) -> Viewer:
                profile = await self._profiles.get(account)      # Viewer | None; may raise Unavailable

    After a write of the source: `await self._profiles.put(account, viewer)` when the new value is at hand,
    else `await self._profiles.invalidate(account)`. Where not even an `await` is wanted, `peek(account)`
    answers from memory: `found.value` of a fresh value, or None.

    `shared` is the cache that all nodes share (None: each node for itself); `others` has the other nodes
    forget what this one wrote (None: this process is the only one).
    """

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        meters: Meters,
        shared: SharedCache | None = None,
        others: Invalidations | None = None,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._meters = meters
        self._shared = shared
        self._others = others
        self._made: list[ReadThrough[Any]] = []

    def over(self, name: str, load: Load[T], kind: type[T], policy: CachePolicy) -> ReadThrough[T]:
        """A cache of its own over `load`; `name` is its name in the metrics and on every node."""
        cache = ReadThrough(
            name,
            load,
            kind,
            policy,
            clock=self._clock,
            ids=self._ids,
            meters=self._meters,
            shared=self._shared,
            tell=_tell_nobody if self._others is None else self._others.tell,
        )
        if self._others is not None:
            self._others.join(cache)
        self._made.append(cache)
        return cache

    async def open(self) -> None:
        """Begin to hear what other nodes write, and to tell them."""
        if self._others is not None:
            await self._others.open()

    async def close(self) -> None:
        """Tell the others what is left, and end what is under way; the shared cache stays its owner's."""
        for cache in self._made:
            await cache.close()
        if self._others is not None:
            await self._others.close()


def _tell_nobody(_cache: str, _key: str) -> None:
    """A process that is alone has nobody to tell."""
