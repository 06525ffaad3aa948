"""What a report says: the document of `tifo report --json`, and of it the page is made.

Times are epoch seconds. A figure that nobody can know, such as a cost without a price, is null; the
document's
`not_known` says why in sentences.
"""

from typing import Literal

import msgspec

VERSION = 1
"""Of the document; a field that means something else, or is gone, makes it another."""


class Minute(msgspec.Struct, frozen=True):
    """A minute of the event: who lived in it, who began, and the most starts of one of its seconds."""

    at: float
    viewers: int
    starts: int
    starts_per_s: int


class Flow(msgspec.Struct, frozen=True):
    """What one CDN carried in a minute: viewers on the mean, bits/s by the bitrates that players reported."""

    at: float
    pathway: str
    viewers: float
    bps: float | None


class Pathway(msgspec.Struct, frozen=True):
    """One CDN over the whole event; empty is who never told. `gigabytes` and `cost` are estimated.

    A session that moved counts at each CDN that it was on.
    """

    pathway: str
    sessions: int
    peak_viewers: int
    viewer_hours: float
    gigabytes: float | None
    cost: float | None
    start_p95_ms: float | None
    rebuffer_ratio: float | None
    error_ratio: float | None


class Quality(msgspec.Struct, frozen=True):
    """What viewers of an ISP had on a CDN, by those who reported.

    `start_p95_ms`: until the first picture, of 19 in 20; `rebuffer_ratio` of the time watched;
    `error_ratio` of
    sessions.
    """

    pathway: str
    isp: str
    reporting: int
    start_p95_ms: float | None
    rebuffer_ratio: float | None
    error_ratio: float


class Break(msgspec.Struct, frozen=True):
    """An ad break: sessions that asked, slots that they were given, and of these how many by line items.

    `shown` and `completed` are slots whose impression and end were told, `failed` those with an error.
    """

    id: str
    at: float
    asked: int
    asked_per_s: int
    slots: int
    filled: int
    shown: int
    completed: int
    failed: int


class Delivery(msgspec.Struct, frozen=True):
    """Slots of a creative of a line item; the line item is empty for house ads.

    `earned`: what its impressions are worth by the line item's price, in the inventory's currency.
    """

    line_item: str
    creative: str
    decided: int
    shown: int
    completed: int
    failed: int
    earned: float | None


class Refused(msgspec.Struct, frozen=True):
    """Starts that were not let in for one reason, of so many accounts."""

    code: str
    starts: int
    accounts: int


class Refusals(msgspec.Struct, frozen=True):
    """Starts that were not let in; `by_minute` has time, code and how many."""

    total: int
    by_code: tuple[Refused, ...]
    by_minute: tuple[tuple[float, str, int], ...]


class Incident(msgspec.Struct, frozen=True):
    """Something that happened, or was done, at a moment or until another.

    `kind` says who tells it: an `operator` what they did, the worker `anomalies` what looked wrong, this
    report
    a CDN that lost viewers while the audience stayed (`cdn`).
    """

    at: float
    until: float | None
    kind: Literal["operator", "anomaly", "cdn"]
    title: str
    text: str
    who: str = ""


class Share(msgspec.Struct, frozen=True):
    """Sessions of one kind."""

    name: str
    sessions: int


class Full(msgspec.Struct, frozen=True):
    """A CDN at twice the audience: what it may carry, the most it had been asked for, and since when too
    much."""

    pathway: str
    capacity_bps: float
    asked_bps: float
    full_at: float | None
    full_minutes: int


class Twice(msgspec.Struct, frozen=True):
    """What would have been with twice the audience, shared between CDNs as it was.

    `all_full_at`: when more was asked for than all CDNs with a stated capacity carry together.
    `capped_bps`: the most, had the best rendition been left out. Starts and ad pods are a second's, beside
    what
    the nodes were measured to carry.
    """

    asked_bps: float | None
    capped_bps: float | None
    capped_to_bps: float | None
    capacity_bps: float | None
    all_full_at: float | None
    cdns: tuple[Full, ...]
    starts_per_s: int
    starts_capacity_per_s: float | None
    pods_per_s: int
    pods_capacity_per_s: float | None


class Report(msgspec.Struct, frozen=True):
    """The morning after."""

    version: int
    event: str
    title: str
    began_at: float | None
    ended_at: float | None
    sessions: int
    accounts: int
    peak_viewers: int
    peak_at: float | None
    forecast_viewers: int | None
    peak_starts_per_s: int
    peak_starts_at: float | None
    viewer_hours: float
    median_stay_s: float | None
    gigabytes: float | None
    cost: float | None
    earned: float | None
    currency: str
    start_p95_ms: float | None
    rebuffer_ratio: float | None
    error_ratio: float | None
    summary: tuple[str, ...]
    not_known: tuple[str, ...]
    by_pathway: tuple[Pathway, ...]
    by_isp: tuple[Share, ...]
    by_device: tuple[Share, ...]
    by_end: tuple[Share, ...]
    quality: tuple[Quality, ...]
    breaks: tuple[Break, ...]
    deliveries: tuple[Delivery, ...]
    refusals: Refusals
    incidents: tuple[Incident, ...]
    twice: Twice
    minutes: tuple[Minute, ...]
    flows: tuple[Flow, ...]
