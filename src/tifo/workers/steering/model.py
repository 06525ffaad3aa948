"""The values that the steering loop is told in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Literal

OTHERS = ""
"""Instead of an ISP: all viewers of ISPs that need no shares of their own."""

Shares = Mapping[str, Mapping[str, float]]
"""Shares by CDN, by ISP; `OTHERS` is always there."""


@dataclass(frozen=True, slots=True)
class Cdn:
    """One CDN: what it may carry in bits/s, in all and into ISPs by AS number, and what it costs.

    CDNs of the same cost are filled together by weight; a dearer one takes what they cannot. One with a
    `warm_up_s` gets little at first for so long.
    """

    id: str
    capacity_bps: float = inf
    cost: float = 0.0
    weight: float = 1.0
    isp_capacity_bps: Mapping[str, float] = field(default_factory=dict)
    warm_up_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Word:
    """What an operator says of one CDN."""

    state: Literal["in", "draining", "out"] = "in"
    share: float | None = None


Words = Mapping[str, Word]


@dataclass(frozen=True, slots=True)
class Cell:
    """What the viewers of one ISP have from one CDN. Ratios from 0 to 1, None where nobody said."""

    cdn: str
    isp: str
    bps: float
    viewers: int
    error_ratio: float | None = None
    rebuffer_ratio: float | None = None


Cells = Sequence[Cell]


def as_number(isp: str) -> str:
    """The AS number that an ISP's text begins with."""
    return isp.partition(" ")[0]


def normal(some: Mapping[str, float]) -> dict[str, float]:
    """In proportion, with a sum of one; all zero where there is nothing."""
    whole = sum(some.values())
    return {cdn: part / whole if whole > 0 else 0.0 for cdn, part in some.items()}


def distance(some: Mapping[str, float], others: Mapping[str, float]) -> float:
    """The share that must be moved to get from some shares to others."""
    return sum(abs(some.get(cdn, 0.0) - others.get(cdn, 0.0)) for cdn in {**some, **others}) / 2
