"""What a node remembers of one cache: bounded by entries and by bytes, the least recently read goes first."""

from typing import Generic, TypeVar

from cachebox import LRUCache

from tifo.cache.policy import CachePolicy, Lifetime

ENTRY_OVERHEAD_BYTES = 250
"""What any value costs: its key, its deadlines, its place in the table."""

OBJECTS_SHARE = 5
"""How much larger a value's objects are than its encoded form, about; both as measured on profiles."""

T = TypeVar("T")


class Remembered(Generic[T]):
    """One value of a cache; `value` is None when the source said that there is nothing.

    Only the cache changes it: it moves the deadlines when it has reason to doubt the value.
    """

    __slots__ = ("fresh_until", "refresh_until", "retry_at", "size_bytes", "stale_until", "value")

    def __init__(self, value: T | None, encoded_bytes: int, lifetime: Lifetime) -> None:
        self.value = value
        self.size_bytes = ENTRY_OVERHEAD_BYTES + OBJECTS_SHARE * encoded_bytes
        self.fresh_until = lifetime.fresh_until
        self.refresh_until = lifetime.refresh_until
        self.stale_until = lifetime.stale_until
        self.retry_at = 0.0

    def doubt(self) -> None:
        """From now on it answers only if the source fails."""
        self.fresh_until = self.refresh_until = 0.0


class Memory(Generic[T]):
    """The values of one cache by key. Sizes are approximate: the encoded form and an overhead."""

    def __init__(self, policy: CachePolicy) -> None:
        self._entries_max = policy.entries_max
        self._values: LRUCache[str, Remembered[T]] = LRUCache(policy.bytes_max, getsizeof=_size_bytes)
        self.read = self._values.get
        """The value of a key or None; it becomes the most recently read."""

    def __len__(self) -> int:
        """How many values are remembered."""
        return len(self._values)

    @property
    def size_bytes(self) -> int:
        """Their approximate memory."""
        return int(self._values.current_size())

    def keep(self, key: str, value: Remembered[T]) -> None:
        """Remember a value; one that is larger than the whole memory is not kept."""
        self._values.pop(key, None)
        if value.size_bytes > self._values.maxsize:
            return
        self._values[key] = value
        while len(self._values) > self._entries_max:
            self._values.popitem()

    def forget(self, key: str) -> None:
        """Forget a key; nothing happens when it is unknown."""
        self._values.pop(key, None)

    def doubt_all(self) -> int:
        """From now on every value answers only if the source fails; how many there are."""
        for value in self._values.values():
            value.doubt()
        return len(self._values)


def _size_bytes(_key: str, value: Remembered[T]) -> int:
    return value.size_bytes
