"""What is told and not appended yet: in memory, bounded, and whatever is worth least makes room."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from tifo.eventlog.ports import Record
from tifo.eventlog.rules import Worth, worth


class Backlog:
    """Records in their order, by what they are worth: the most first, so that money leaves first."""

    def __init__(self) -> None:
        self._lanes: dict[Worth, deque[Record]] = {one: deque() for one in reversed(Worth)}

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def put(self, record: Record) -> None:
        """Add a record at the end."""
        self._lanes[worth(record)].append(record)

    def drop(self) -> Record:
        """Take out the oldest of what is worth least; raises `IndexError` for an empty backlog."""
        least = min((one for one, lane in self._lanes.items() if lane), default=Worth.TELEMETRY)
        return self._lanes[least].popleft()

    def first(self, records_max: int) -> list[Record]:
        """The next to append."""
        return list(islice((record for lane in self._lanes.values() for record in lane), records_max))

    def remove(self, records: Sequence[Record]) -> None:
        """They were appended: what `first` gave; some of them may have been dropped meanwhile."""
        for record in records:
            lane = self._lanes[worth(record)]
            if lane and lane[0] is record:
                lane.popleft()
