"""What is billed: figures of ads by line item, creative, break and hour, and what operators are answered."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

LINES_MAX = 20_000
"""Lines of the books that are read at once."""

Standing = Literal["counted", "late", "unmatched"]
"""A beacon of a slot that was decided; one that came more than `billing.late_s_max` after that; one of a slot
of which no decision was told yet."""

DECIDED = "decided"
TRACKED = (
    "impression", "firstQuartile", "midpoint", "thirdQuartile", "complete", "skip", "click", "error",
)  # fmt: skip
WHATS = (DECIDED, *TRACKED)
"""What may happen to an ad of a pod. Money goes by `impression`; the others say how it was delivered."""


class BilledLine(msgspec.Struct, frozen=True):
    """How often `what` happened to a creative in a break within the hour that begins at `hour` (epoch s).

    `line_item` is empty for house ads and slate, and for what is unmatched.
    """

    event: str
    break_id: str
    line_item: str
    creative: str
    hour: int
    standing: Standing
    what: str
    count: int


HOURS = 24
HOURS_MAX = 24 * 400
"""Whole hours of the books that are asked for: without saying so, and at the most."""


class ItemBilled(msgspec.Struct, frozen=True):
    """A line item: slots decided, what was counted of them, and the impressions that came too late.

    `share` is impressions of decided, None without any. `amount_micros` is what the impressions come to, in
    millionths of the currency, by `cpm_cents` of the inventory in force; the line item's `campaign` is empty
    where that does not have it any more.
    """

    line_item: str
    decided: int
    impressions: int
    first_quartiles: int
    midpoints: int
    third_quartiles: int
    completes: int
    skips: int
    clicks: int
    errors: int
    late: int
    share: float | None = None
    campaign: str = ""
    cpm_cents: int = 0
    amount_micros: int = 0


class CampaignBilled(msgspec.Struct, frozen=True):
    """The line items of a campaign together."""

    campaign: str
    advertiser: str
    decided: int
    impressions: int
    completes: int
    clicks: int
    late: int
    share: float | None
    amount_micros: int


class BreakBilled(msgspec.Struct, frozen=True):
    """A break: slots decided against impressions. `share` is impressions of decided, None without any."""

    event: str
    break_id: str
    decided: int
    impressions: int
    share: float | None
    late: int
    unmatched: int


class BilledAnswer(msgspec.Struct, frozen=True):
    """The books: by line item, by break, line by line unless that was left out, and by campaign.

    `currency` is that of the inventory in force.
    """

    line_items: tuple[ItemBilled, ...]
    breaks: tuple[BreakBilled, ...]
    lines: tuple[BilledLine, ...]
    campaigns: tuple[CampaignBilled, ...] = ()
    currency: str = ""


class Billed(Protocol):
    """What was billed, summed up."""

    @abstractmethod
    async def billed(self, event: str, hours: int, *, lines: bool) -> BilledAnswer:
        """Of an event, or of all when empty, and of so many whole hours and the one that runs.

        Raises `Refusal` (invalid) for more than is read at once, and `Unavailable`.
        """


@dataclass(frozen=True, slots=True)
class BilledAsked:
    """Which lines: of one event or, when empty, of all; of hours that begin in [since, until), epoch s."""

    event: str = ""
    since: float = 0.0
    until: float = 1e12


class Books(Protocol):
    """What was billed, to read."""

    @abstractmethod
    async def lines(self, asked: BilledAsked, lines_max: int = LINES_MAX) -> tuple[BilledLine, ...]:
        """Lines with a count, newest hour first, `lines_max` at the most. Raises `Unavailable`."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""
