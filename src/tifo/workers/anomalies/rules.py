"""What looks wrong: each rule looks at the audience as it is, as it was, and as it was expected to be.

Pure: the same looks find the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tifo.api.reports import PatternsReport
from tifo.workers.anomalies.settings import AnomaliesSettings

BASE_FROM_S = 90.0
BASE_UNTIL_S = 30.0
"""What a group had is the median of what it had between so many seconds ago."""

LOOKS_MAX = 600
"""Looks that are remembered."""

Group = tuple[str, str]
"""A respect in which viewers are alike (`cdn`, `isp`, `device`, `event`), and the name in it."""


@dataclass(frozen=True, slots=True)
class Look:
    """The audience at one moment.

    `expected` viewers where a forecast or the last weeks say how many, and `by` which of them. `explained`
    are groups that lose viewers because somebody wants it: a CDN that is drained, an event that ends. With
    `ending` everybody may go. `partitions` are those of which insight spoke.
    """

    at: float
    viewers: int
    groups: Mapping[Group, int]
    starts_per_s: float = 0.0
    expected: int = 0
    by: str = ""
    explained: frozenset[Group] = frozenset()
    ending: bool = False
    patterns: PatternsReport = field(default_factory=PatternsReport)
    partitions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks wrong: of which kind, with whom, in a sentence and in figures."""

    kind: str
    subject: str
    evidence: str
    figures: Mapping[str, float]


def find(looks: Sequence[Look], settings: AnomaliesSettings) -> tuple[Finding, ...]:
    """What the newest of these looks, oldest first, shows; one of each kind and subject."""
    if not looks:
        return ()
    now = looks[-1]
    found = [*_unexpected(now, settings), *_patterns(now, settings)]
    # While shares of insight change hands a part of the viewers is not told of, and nobody is lost.
    alike = [one for one in looks if one.partitions == now.partitions]
    before = [one for one in alike if BASE_UNTIL_S <= now.at - one.at <= BASE_FROM_S]
    if before:
        found += _lost(now, before, settings)
    return tuple(found)


def _lost(now: Look, before: Sequence[Look], settings: AnomaliesSettings) -> Iterator[Finding]:
    had = median(one.viewers for one in before)
    found = False
    for group in sorted({group for one in before for group in one.groups}):
        there = median(one.groups.get(group, 0) for one in before)
        left = now.groups.get(group, 0)
        if there >= settings.min_viewers and left <= there * _others(had, there, now, left, settings):
            found = True
            if group not in now.explained:
                yield _loss(f"{group[0]}-lost", group[1], there, left)
    gone = had >= settings.min_viewers and now.viewers <= had * (1 - settings.lost_share)
    if gone and not (found or now.ending):
        yield _loss("audience-lost", "", had, now.viewers)


def _others(had: float, there: float, now: Look, left: int, settings: AnomaliesSettings) -> float:
    """The share of its viewers at which a group is lost: by so much fewer than all others have kept.

    Half-time takes some of each group. Where nobody else is to compare with, none is lost: all are.
    """
    others = had - there
    if others < settings.min_viewers:
        return -1.0
    return min((now.viewers - left) / others, 1.0) * (1 - settings.lost_share)


def _loss(kind: str, subject: str, had: float, left: int) -> Finding:
    who = f"{subject} has" if subject else "There are"
    evidence = f"{who} {left:,} viewers; a minute ago it was {had:,.0f}."
    return Finding(kind, subject, evidence, {"before": float(had), "now": float(left)})


def _unexpected(now: Look, settings: AnomaliesSettings) -> Iterator[Finding]:
    if now.expected < settings.min_viewers:
        return
    ratio = now.viewers / now.expected
    figures = {"expected": float(now.expected), "now": float(now.viewers)}
    if ratio < settings.low_share:
        evidence = f"{now.viewers:,} viewers are there; {now.by} says {now.expected:,}."
        yield Finding("audience-low", "", evidence, figures)
    elif ratio > settings.high_share:
        evidence = (
            f"{now.viewers:,} viewers are there, {ratio:.1f} times the {now.expected:,} that {now.by} says."
        )
        yield Finding("audience-high", "", evidence, figures)


def _patterns(now: Look, settings: AnomaliesSettings) -> Iterator[Finding]:
    seen = now.patterns
    if seen.playless >= max(settings.min_viewers, settings.playless_share * now.viewers):
        yield Finding(
            "playless",
            "",
            f"{seen.playless:,} of {now.viewers:,} sessions renew their lease and never ask for a picture.",
            {"playless": float(seen.playless), "now": float(now.viewers)},
        )
    if seen.strays >= max(settings.min_viewers, settings.strays_share * now.viewers):
        yield Finding(
            "strays",
            "",
            f"{seen.strays:,} sessions play on although they ended, or that nobody started.",
            {"strays": float(seen.strays), "now": float(now.viewers)},
        )
    starts = 60 * now.starts_per_s
    for one in seen.networks:
        if one.starts >= max(settings.network_count_max, settings.network_share * starts):
            yield Finding(
                "network-crowd",
                one.network,
                f"{one.starts:,} sessions began from {one.network} within a minute,"
                f" of {one.accounts:,} accounts at the most.",
                {"starts": float(one.starts), "accounts": float(one.accounts)},
            )


def kept(looks: Iterable[Look], now: float) -> tuple[Look, ...]:
    """The looks that are still of use."""
    return tuple(one for one in looks if now - one.at <= BASE_FROM_S)[-LOOKS_MAX:]
