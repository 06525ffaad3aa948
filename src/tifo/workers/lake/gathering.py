"""What was read of the log and is not written yet, partition by partition."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from tifo.eventlog.ports import Delivery, Partition
from tifo.lake.layout import PART, Place, name_of
from tifo.lake.tables import Row


class Gathered:
    """Rows on their way to their places.

    A partition that went to another member is forgotten: that one reads it again from where it was committed.
    """

    def __init__(self) -> None:
        self._rows: defaultdict[Partition, list[tuple[Place, Row]]] = defaultdict(list)
        self._extents: dict[Partition, tuple[int, int]] = {}
        self._sizes: Counter[Partition] = Counter()
        self.count = 0

    def add(self, delivery: Delivery, place: Place, row: Row) -> None:
        """Take a row that came with a delivery."""
        self._rows[delivery.partition].append((place, row))
        self.count += 1
        self._sizes[delivery.partition] += len(delivery.record.value)

    def came(self, delivery: Delivery) -> None:
        """Note how far its partition was read; one that begins again is begun again."""
        first, last = self._extents.get(delivery.partition, (delivery.offset, delivery.offset - 1))
        if delivery.offset <= last:
            self._forget(delivery.partition)
            first = delivery.offset
        self._extents[delivery.partition] = (first, delivery.offset)

    def keep_only(self, held: Collection[Partition]) -> None:
        """Forget what came of partitions that are not held any more."""
        for partition in [one for one in self._extents if one not in held]:
            self._forget(partition)

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return self._sizes.total()

    @property
    def name(self) -> str:
        """Of the files: the same records make the same files again."""
        return name_of(PART, (f"{one} {extent}" for one, extent in self._extents.items()))

    def by_place(self) -> Mapping[Place, list[Row]]:
        """The rows of each place in the order of their times, each id once."""
        places: defaultdict[Place, dict[object, Row]] = defaultdict(dict)
        for rows in self._rows.values():
            for place, row in rows:
                places[place].setdefault(row[0], row)
        return {place: sorted(rows.values(), key=_moment) for place, rows in places.items()}

    def _forget(self, partition: Partition) -> None:
        self.count -= len(self._rows.pop(partition, ()))
        self._extents.pop(partition, None)
        self._sizes.pop(partition, None)


def _moment(row: Row) -> tuple[int, str]:
    return int(str(row[1])), str(row[0])
