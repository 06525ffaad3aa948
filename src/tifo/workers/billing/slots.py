"""What is known of one slot, and the lines it stands in: rules that a store may call.

A slot's knowledge only grows: of whatever is told twice, the earliest counts. So the order in which facts
come, and how often, makes no difference; and the books are the sum of the lines of all slots, kept up to date
by what each change adds and takes away.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from tifo.api.billing import DECIDED, Standing
from tifo.workers.billing.ports import BillingTerms, Fact, Taken

HOUR_S = 3600


class Line(NamedTuple):
    """What a count is of."""

    event: str
    break_id: str
    line_item: str
    creative: str
    hour: int
    standing: Standing
    what: str


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """One creative in one slot of one session's break: who decided it when, and what happened at which times.

    `late_s_max` is what was in force when it was first heard of, so that a change of it moves no count.
    """

    event: str
    break_id: str
    creative: str
    late_s_max: float
    partition: int
    last_at: float
    decided_at: float | None = None
    line_item: str = ""
    told: tuple[tuple[str, float], ...] = ()


Seen = MutableMapping[int, float]
"""The newest time that was told in each partition."""


class Booking(NamedTuple):
    """What a batch changes: slots as they are now, and what is added to each line."""

    slots: dict[bytes, Slot]
    counts: dict[Line, int]
    taken: Taken


def key_of(fact: Fact) -> bytes:
    """The slot that a fact is of."""
    said = "\0".join((fact.session, fact.event, fact.break_id, str(fact.slot), fact.creative))
    return blake2b(said.encode(), digest_size=16).digest()


def book(
    facts: Iterable[Fact], find: Callable[[bytes], Slot | None], seen: Seen, terms: BillingTerms, now: float
) -> Booking:
    """What the facts change; `seen` is brought up to date.

    A fact that is further behind its partition than a slot is sure to be remembered is stale.
    """
    slots: dict[bytes, Slot] = {}
    counts: Counter[Line] = Counter()
    told: Counter[str] = Counter()
    for fact in facts:
        if is_stale(fact, seen, terms, now):
            told["stale"] += 1
            continue
        key = key_of(fact)
        before = slots.get(key) or find(key)
        after = joined(before, fact, terms.late_s_max)
        told["repeated" if after is before else "news"] += 1
        if after is not before:
            slots[key] = after
            counts.update(lines(after))
            counts.subtract(lines(before) if before is not None else ())
    changed = {line: count for line, count in counts.items() if count}
    return Booking(slots, changed, Taken(**told))


def is_stale(fact: Fact, seen: Seen, terms: BillingTerms, now: float) -> bool:
    """Whether it is too far behind its partition; `seen` is brought up to date by one that is not."""
    newest = seen.get(fact.partition, 0.0)
    if fact.at < newest - terms.behind_s_max:
        return True
    # A clock that is ahead of ours must not make the others' facts stale.
    seen[fact.partition] = max(newest, min(fact.at, now))
    return False


def joined(slot: Slot | None, fact: Fact, late_s_max: float) -> Slot:
    """The slot with what the fact tells; the very same object when that is nothing new."""
    if slot is None:
        slot = Slot(fact.event, fact.break_id, fact.creative, late_s_max, fact.partition, fact.at)
    last_at = max(slot.last_at, fact.at)
    if fact.what == DECIDED:
        if slot.decided_at is not None and (slot.decided_at, slot.line_item) <= (fact.at, fact.line_item):
            return slot
        return msgspec.structs.replace(slot, decided_at=fact.at, line_item=fact.line_item, last_at=last_at)
    told = dict(slot.told)
    if told.get(fact.what, fact.at + 1) <= fact.at:
        return slot
    told[fact.what] = fact.at
    return msgspec.structs.replace(slot, told=tuple(sorted(told.items())), last_at=last_at)


def lines(slot: Slot) -> Iterator[Line]:
    """The lines in which the slot counts once each."""

    def line(what: str, at: float, standing: Standing) -> Line:
        hour = int(at // HOUR_S) * HOUR_S
        return Line(slot.event, slot.break_id, slot.line_item, slot.creative, hour, standing, what)

    if slot.decided_at is not None:
        yield line(DECIDED, slot.decided_at, "counted")
    for what, at in slot.told:
        yield line(what, at, _standing(slot, at))


def _standing(slot: Slot, at: float) -> Standing:
    if slot.decided_at is None:
        return "unmatched"
    return "late" if at > slot.decided_at + slot.late_s_max else "counted"
