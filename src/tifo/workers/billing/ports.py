"""What billing needs: books that count each fact once, however often it is told."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from tifo.api.billing import Books

FACTS_MAX = 10_000
"""Facts that are taken at once."""


class Fact(msgspec.Struct, frozen=True, gc=False):
    """`what` happened at `at` (epoch s) to the creative in a slot of a session's break.

    `line_item` is that of a decision. `partition` is the event log's, within which records come in order but
    for what was delayed.
    """

    session: str
    event: str
    break_id: str
    slot: int
    creative: str
    what: str
    at: float
    line_item: str = ""
    partition: int = 0


@dataclass(frozen=True, slots=True)
class BillingTerms:
    """When a beacon is late, and for how long a slot can still be told of.

    `late_s_max`: seconds after its decision. `behind_s_max`: seconds that a fact may be behind the newest of
    its partition. `beacon_s_max`: seconds between the first and the last beacon that can be accepted of one
    slot. `figures_s`: seconds that figures are kept.
    """

    late_s_max: float
    behind_s_max: float
    beacon_s_max: float
    figures_s: float

    @property
    def keep_s(self) -> float:
        """Seconds after which a slot may be forgotten: whatever still comes of it is refused as stale."""
        return self.behind_s_max + self.beacon_s_max


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of facts: news, told before, or too old to tell whether they were."""

    news: int = 0
    repeated: int = 0
    stale: int = 0


class BillingLedger(Books, Protocol):
    """Books to write in. Safe for many callers at once, in one process and in several."""

    @abstractmethod
    async def take(self, facts: Sequence[Fact], now: float) -> Taken:
        """Take at most `FACTS_MAX` facts: durable, all of them or none, when this returns.

        A fact that was taken before changes nothing, so this may be repeated. Raises `Unavailable`, and
        `ValueError` for too many.
        """
