"""How long a remembered value serves, and as what: pure."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import msgspec


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """What one cache may hold, and for how long. Ages count from when the source was asked.

    A value is *fresh* for `fresh_s` (one that says there is nothing: for `absent_s`), less a share of up to
    `jitter_share` drawn for each value and node, so that a million values do not end together. For
    `refresh_s` more it still answers at once while one refresh runs behind it. Until it is `stale_s` old it
    answers only if the source fails; a source that is known to fail is not waited for.
    """

    fresh_s: float
    absent_s: float
    refresh_s: float = 60.0
    stale_s: float = 6 * 3600.0
    jitter_share: float = 0.2
    retry_s: float = 2.0
    """Between two tries to refresh one value from a source that fails."""
    load_s_max: float = 2.0
    """For one answer of the source."""
    entries_max: int = 100_000
    """Values in this process; past it the least recently read goes."""
    bytes_max: int = 64 * 1024 * 1024
    """Their approximate memory in this process; past it the least recently read goes."""
    refreshes_max: int = 50
    """Refreshes at once; a value whose turn does not come stays as it is."""
    flights_max: int = 2_000
    """Reads of the shared cache or the source at once; past it a read that would wait is refused."""


class Use(Enum):
    """What a remembered value may be used for."""

    FRESH = "fresh"
    REFRESH = "answers at once while it is refreshed"
    LAST_RESORT = "answers if the source fails"
    GONE = "must be loaded"


class _Deadlines(Protocol):
    """Until when (monotonic seconds, excluded) a value may be used as what."""

    fresh_until: float
    refresh_until: float
    stale_until: float


class Lifetime(msgspec.Struct, frozen=True, gc=False):
    """The deadlines of one value."""

    fresh_until: float
    refresh_until: float
    stale_until: float


def lifetime(policy: CachePolicy, asked_at: float, fraction: float, *, absent: bool) -> Lifetime:
    """The deadlines of what the source said when it was asked at `asked_at`.

    `fraction` in [0, 1) says how much of the jitter this value gets.
    """
    fresh_s = policy.absent_s if absent else policy.fresh_s
    fresh_until = asked_at + fresh_s * (1 - policy.jitter_share * fraction)
    stale_until = max(fresh_until, asked_at + policy.stale_s)
    return Lifetime(fresh_until, min(fresh_until + policy.refresh_s, stale_until), stale_until)


def use_of(value: _Deadlines, now: float) -> Use:
    """What a value may be used for at `now`."""
    if now < value.fresh_until:
        return Use.FRESH
    if now < value.refresh_until:
        return Use.REFRESH
    return Use.LAST_RESORT if now < value.stale_until else Use.GONE


def next_try(policy: CachePolicy, now: float, fraction: float) -> float:
    """When a value that could not be refreshed may be tried again: half to one and a half `retry_s` on."""
    return now + policy.retry_s * (0.5 + fraction)
