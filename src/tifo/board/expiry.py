"""When entries expire: the next one is known without looking at the others."""

import heapq
from collections.abc import Mapping

from tifo.board.ports import Entry

OUTDATED_MIN = 1_000
"""Times of entries that were written anew since; so many at least are worth sorting out."""


class Expiry:
    """The times at which the entries of a mapping expire, kept beside it by whoever changes it."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._times: list[tuple[float, str]] = []

    def add(self, entry: Entry) -> None:
        """The entry was put into the mapping, perhaps in another's place."""
        if entry.expires_at is not None:
            heapq.heappush(self._times, (entry.expires_at, entry.key))
        if len(self._times) > 2 * len(self._entries) + OUTDATED_MIN:
            self._sort_out()

    def due(self, now: float) -> list[str]:
        """The keys of entries that have expired and were not told yet: to be taken out of the mapping."""
        found: list[str] = []
        while self._times and self._times[0][0] <= now:
            at, key = heapq.heappop(self._times)
            entry = self._entries.get(key)
            if entry is not None and entry.expires_at == at:
                found.append(key)
        return found

    def _sort_out(self) -> None:
        found = self._entries.values()
        self._times = [(one.expires_at, one.key) for one in found if one.expires_at is not None]
        heapq.heapify(self._times)
