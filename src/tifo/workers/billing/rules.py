"""What an event of the log tells the books."""

from itertools import zip_longest

from tifo.api.billing import DECIDED, TRACKED
from tifo.api.events import AdTracked, AnyEvent, BreakDecided
from tifo.workers.billing.ports import Fact

AT_MAX = 1e11
"""Epoch seconds of any moment that is believed."""

_TRACKED = frozenset(TRACKED)


def facts_of(event: AnyEvent | None, at: float, partition: int) -> tuple[Fact, ...]:
    """The facts that an event of that time tells; none for what is no business of the books.

    What happens to a break as a whole (slot 0) is none, and neither is anything of a time that cannot be.
    """
    if not 0 <= at < AT_MAX:
        return ()
    if isinstance(event, BreakDecided):
        return _decided(event, at, partition)
    if isinstance(event, AdTracked) and event.slot > 0 and event.what in _TRACKED:
        return (
            Fact(
                event.session, event.event, event.break_id, event.slot, event.creative, event.what, at,
                partition=partition,
            ),
        )  # fmt: skip
    return ()


def _decided(event: BreakDecided, at: float, partition: int) -> tuple[Fact, ...]:
    items = event.line_items[: len(event.creatives)]
    return tuple(
        Fact(event.session, event.event, event.break_id, n, creative, DECIDED, at, item, partition)
        for n, (creative, item) in enumerate(zip_longest(event.creatives, items, fillvalue=""), 1)
    )
