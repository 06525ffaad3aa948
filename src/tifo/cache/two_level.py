"""Reads of a slow source through two memories: this process's, then the one that all nodes share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec
import structlog
from cachebox import LRUCache

from tifo.cache.memory import Memory, Remembered
from tifo.cache.policy import CachePolicy, Use, lifetime, next_try, use_of
from tifo.cache.ports import SHARED_VALUE_BYTES_MAX, SharedCache, SharedValue
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import Ids
from tifo.telemetry.stores import Meters

KEY_CHARS_MAX = 256
"""A longer key, and one that does not print, is not remembered: each read of it asks the source."""

WRITES_KEPT_MAX = 10_000
"""Keys of which a node remembers when it last heard that they were written."""

HEARD_S_MAX = 1.0
"""How long a write may take until every node has heard of it."""

FAILING_RETRIES = 5
"""A source that failed is believed to fail for so many `retry_s`, unless it answers before."""

T = TypeVar("T")
Load = Callable[[str], Awaitable[T | None]]

_log = structlog.get_logger(__name__)


def _is_kept(key: str) -> bool:
    return len(key) <= KEY_CHARS_MAX and key.isprintable()


class _Landed(msgspec.Struct, Generic[T], frozen=True):
    """How a flight ended: a value or an error; `outcome` is a word of the cache's metrics."""

    outcome: str
    value: Remembered[T] | None = None
    error: Exception | None = None
    share: SharedValue | None = None


class ReadThrough(Generic[T]):
    """One read of a port, remembered. Made by `Caches.over`.

    `get` answers from this process's memory, then from the shared cache, then from `load`, the port's own
    read, whose None (there is nothing) is remembered too. Callers that wait for one key share one flight,
    and a caller that is cancelled ends it for nobody else. How long a value serves is the policy's. While
    the source fails, values of before answer for hours and each is tried again now and then. The shared
    cache is a help and never a need: when it fails, reads go past it.

    Whoever writes the source says so by `put` or `invalidate`: this node and the shared cache know at once,
    the other nodes within a second.
    """

    def __init__(
        self,
        name: str,
        load: Load[T],
        kind: type[T],
        policy: CachePolicy,
        *,
        clock: Clock,
        ids: Ids,
        meters: Meters,
        shared: SharedCache | None,
        tell: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self._load = load
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._policy = policy
        self._clock = clock
        self._monotonic = clock.monotonic
        self._ids = ids
        self._memory: Memory[T] = Memory(policy)
        self._meter = meters.cache(name, self._memory.__len__)
        self._shared = shared
        self._tell = tell
        self._flights: dict[str, asyncio.Future[_Landed[T]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshing: set[str] = set()
        self._failing_until: float | None = None
        self._written: LRUCache[str, float] = LRUCache(WRITES_KEPT_MAX)

    def peek(self, key: str) -> Remembered[T] | None:
        """The fresh value that this process remembers, without any wait; None: ask `get`."""
        found = self._memory.read(key)
        if found is None or found.fresh_until <= self._monotonic():
            return None
        self._meter.read("hit")
        return found

    async def get(self, key: str) -> T | None:
        """What the source says of the key, of now or of before; None when it says that there is nothing.

        Raises what `load` raises when nothing of before may be used, and `Unavailable` when it takes too
        long. An error is shared by those who waited for it and remembered for nobody else.
        """
        found = self.peek(key)
        return found.value if found is not None else await self._get(key)

    async def put(self, key: str, value: T | None) -> None:
        """The source now says `value` (None: nothing): remember it, and have the other nodes forget."""
        if _is_kept(key):
            self.forget(key)
            remembered, share = self._remember(value, self._monotonic())
            self._memory.keep(key, remembered)
            await self._to_shared(key, share)
            self._tell(self.name, key)

    async def invalidate(self, key: str) -> None:
        """What the source says of the key has changed: forget it here, in the shared cache and elsewhere."""
        if _is_kept(key):
            self.forget(key)
            await self._to_shared(key, None)
            self._tell(self.name, key)

    def forget(self, key: str) -> None:
        """The key was written: what this node remembers of it, or is reading, is of before."""
        self._written[key] = self._monotonic()
        self._flights.pop(key, None)
        self._memory.forget(key)

    def doubt_all(self) -> int:
        """This node missed what others wrote: every value is asked for again, and until then a last resort.

        How many values that was.
        """
        self._flights.clear()
        return self._memory.doubt_all()

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _get(self, key: str) -> T | None:
        if not _is_kept(key):
            self._meter.read("miss")
            return await self._ask(key)
        now, found = self._monotonic(), self._memory.read(key)
        if found is not None and self._answers_now(found, now):
            self._refresh(key, found, now)
            self._meter.read("stale")
            return found.value
        return await self._wait(key)

    def _answers_now(self, found: Remembered[T], now: float) -> bool:
        use = use_of(found, now)
        if use is not Use.LAST_RESORT:
            return use is not Use.GONE
        failing = self._failing_until is not None and now < self._failing_until
        return failing or now < found.retry_at or self._crowded()

    def _refresh(self, key: str, found: Remembered[T], now: float) -> None:
        if now < found.retry_at or key in self._flights or self._crowded():
            return
        if len(self._refreshing) < self._policy.refreshes_max:
            self._refreshing.add(key)
            self._take_off(key)

    async def _wait(self, key: str) -> T | None:
        flight = self._flights.get(key)
        joined = flight is not None
        if flight is None:
            if self._crowded():
                self._meter.read("failed")
                raise Unavailable(self.name, f"more than {self._policy.flights_max} reads under way")
            flight = self._take_off(key)
        landed = await asyncio.shield(flight)
        self._meter.read("coalesced" if joined and landed.error is None else landed.outcome)
        if landed.error is not None:
            # Each waiter begins a traceback of its own, or a thousand of them would make one of a thousand.
            raise landed.error.with_traceback(None)
        return landed.value.value if landed.value is not None else None

    def _crowded(self) -> bool:
        return len(self._tasks) >= self._policy.flights_max

    def _take_off(self, key: str) -> asyncio.Future[_Landed[T]]:
        flight: asyncio.Future[_Landed[T]] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        task = asyncio.create_task(self._fly(key, flight), name=f"cache-{self.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flight

    async def _fly(self, key: str, flight: asyncio.Future[_Landed[T]]) -> None:
        """Fetch, hand the answer to those who wait, and only then to the shared cache.

        A flight that is not the key's any more was overtaken by a write: its answer is good for those who
        asked before, and is kept nowhere.
        """
        try:
            landed = await self._fetch(key)
            current = self._flights.get(key) is flight
            if current and landed.value is not None:
                self._memory.keep(key, landed.value)
            self._leave(key, flight)
            flight.set_result(landed)
            if current and landed.share is not None:
                await self._to_shared(key, landed.share)
        finally:
            self._leave(key, flight)
            flight.cancel()

    def _leave(self, key: str, flight: asyncio.Future[_Landed[T]]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        self._refreshing.discard(key)

    async def _fetch(self, key: str) -> _Landed[T]:
        shared: Remembered[T] | None = None
        try:
            shared = await self._from_shared(key)
            asked_at = self._monotonic()
            if shared is not None and use_of(shared, asked_at) is Use.FRESH:
                return _Landed("shared-hit", shared)
            value = await self._ask(key)
            remembered, share = self._remember(value, asked_at)
        except Exception as error:
            return self._fall_back(key, shared, error)
        self._say_well()
        return _Landed("miss", remembered, share=share)

    async def _ask(self, key: str) -> T | None:
        try:
            async with asyncio.timeout(self._policy.load_s_max):
                return await self._load(key)
        except TimeoutError:
            raise Unavailable(self.name, f"no answer within {self._policy.load_s_max} s") from None

    def _fall_back(self, key: str, shared: Remembered[T] | None, error: Exception) -> _Landed[T]:
        """What of before answers now that the source failed; a refusal is an answer, and no failure."""
        now, found = self._monotonic(), self._memory.read(key)
        refused = isinstance(error, Refusal) and not isinstance(error, Unavailable)
        if isinstance(error, Unavailable):
            self._say_failing(error, now)
        elif not refused:
            _log.error("cache.load-broken", cache=self.name, exc_info=error)
        usable = [one for one in (found, shared) if one is not None and use_of(one, now) is not Use.GONE]
        for one in usable:
            one.retry_at = next_try(self._policy, now, self._ids.fraction())
        if refused or not usable:
            return _Landed("failed", error=error)
        return _Landed("stale", max(usable, key=lambda one: one.stale_until))

    def _remember(self, value: T | None, asked_at: float) -> tuple[Remembered[T], SharedValue]:
        encoded = None if value is None else self._encoder.encode(value)
        length = 0 if encoded is None else len(encoded)
        kept = lifetime(self._policy, asked_at, self._ids.fraction(), absent=value is None)
        return Remembered(value, length, kept), SharedValue(encoded, self._monotonic() - asked_at)

    async def _from_shared(self, key: str) -> Remembered[T] | None:
        """What the shared cache holds, fresh or not; None when that is nothing or cannot be told."""
        if self._shared is None:
            return None
        try:
            found = await self._shared.get(f"{self.name}:{key}")
            value = None if found is None or found.value is None else self._decoder.decode(found.value)
        except (Unavailable, msgspec.DecodeError):  # a node of another version may have put another shape
            return None
        if found is None:
            return None
        asked_at = self._monotonic() - max(0.0, found.age_s)
        written_at: float | None = self._written.get(key)
        if written_at is not None and asked_at < written_at - HEARD_S_MAX:
            return None  # the writer could not reach the shared cache
        kept = lifetime(self._policy, asked_at, self._ids.fraction(), absent=value is None)
        return Remembered(value, len(found.value or b""), kept)

    async def _to_shared(self, key: str, share: SharedValue | None) -> None:
        """Put a value, or drop the key. A shared cache that fails is counted and told by its own adapter."""
        if self._shared is None:
            return
        too_long = share is not None and len(share.value or b"") > SHARED_VALUE_BYTES_MAX
        try:
            if share is None or too_long:
                await self._shared.drop(f"{self.name}:{key}")
            else:
                await self._shared.put(f"{self.name}:{key}", share, self._policy.stale_s)
        except Unavailable:
            return

    def _say_failing(self, error: Unavailable, now: float) -> None:
        if self._failing_until is None:
            _log.warning(
                "cache.source-failing", cache=self.name, why=error.why, effect="values of before answer"
            )
        self._failing_until = now + FAILING_RETRIES * self._policy.retry_s

    def _say_well(self) -> None:
        if self._failing_until is not None:
            _log.info("cache.source-back", cache=self.name)
        self._failing_until = None
