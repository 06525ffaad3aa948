"""What is not as it should be with those who watch."""

import msgspec

KINDS = (
    "audience-low", "audience-high", "audience-lost", "event-lost", "cdn-lost", "isp-lost", "device-lost",
    "playless", "strays", "network-crowd",
)  # fmt: skip
"""Fewer or more viewers than expected, viewers of a group gone at once, and patterns of no viewers."""


class Anomaly(msgspec.Struct, frozen=True):
    """One thing that looks wrong, since when, and what shows it; times in epoch seconds.

    `kind` is of `KINDS`. `subject` is the CDN, ISP and so on; empty where it is everybody. It was last
    `seen` then; `evidence` is a sentence, `figures` what it says in numbers.
    """

    id: str
    kind: str
    subject: str
    since: float
    seen: float
    evidence: str
    figures: dict[str, float]


class AnomalyPast(msgspec.Struct, frozen=True):
    """One that is over: from `since` to `until`, in epoch seconds."""

    id: str
    kind: str
    subject: str
    since: float
    until: float
    evidence: str
