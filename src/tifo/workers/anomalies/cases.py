"""From what looks wrong now to what is wrong: told once it has lasted, over once it is right for a while."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from msgspec.structs import replace

from tifo.api.anomalies import Anomaly, AnomalyPast
from tifo.workers.anomalies.rules import Finding
from tifo.workers.anomalies.settings import AnomaliesSettings

CASES_MAX = 100
"""Anomalies at once; further ones are not told: one cause shows in many groups."""

NEW_NORMAL_S = 900.0
"""Seconds after which what was lost is not missed any more: it is how things are."""

PAST_MAX = 20
"""Anomalies that are over and still told of."""

PAST_S_MAX = 6 * 3_600.0
"""Seconds for which they are."""

LOST = "-lost"

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cases:
    """What is wrong now, since when something looks wrong that is not told yet, and right that was."""

    open: Mapping[Key, Anomaly] = field(default_factory=dict)
    doubted: Mapping[Key, float] = field(default_factory=dict)
    better: Mapping[Key, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What is new: an anomaly that began, or one that is over."""

    anomaly: Anomaly
    over: bool


def resumed(anomalies: Iterable[Anomaly]) -> Cases:
    """What a worker goes on with that takes over from another."""
    return Cases(open=MappingProxyType({(one.kind, one.subject): one for one in anomalies}))


def step(
    cases: Cases, found: Iterable[Finding], groups: Mapping[Key, int], now: float, settings: AnomaliesSettings
) -> tuple[Cases, tuple[Change, ...]]:
    """The cases after one more look, and what is to be told of them.

    `groups` say how many viewers each has now, by which one that was lost is found again.
    """
    findings = {(one.kind, one.subject): one for one in found}
    still = {key for key, one in cases.open.items() if key in findings or _still_lost(one, groups, now)}
    better = {key: cases.better.get(key, now) for key in cases.open.keys() - still}
    over = {key for key, since in better.items() if now - since >= settings.over_s}
    doubted = {key: cases.doubted.get(key, now) for key in findings if key not in cases.open}
    room = CASES_MAX - len(cases.open) + len(over)
    begun = [key for key, since in sorted(doubted.items()) if now - since >= settings.confirm_s]
    opened = {key: _anomaly(findings[key], now) for key in begun[: max(0, room)]}
    going = {
        key: _told_again(one, findings.get(key), now) for key, one in cases.open.items() if key not in over
    }
    changes = [Change(one, over=False) for one in opened.values()]
    changes += [Change(cases.open[key], over=True) for key in sorted(over)]
    after = Cases(
        open={**going, **opened},
        doubted={key: since for key, since in doubted.items() if key not in opened},
        better={key: since for key, since in better.items() if key not in over},
    )
    return after, tuple(changes)


def past(before: Iterable[AnomalyPast], changes: Iterable[Change], now: float) -> tuple[AnomalyPast, ...]:
    """What is over, the last first, after one more look."""
    over = [
        AnomalyPast(one.id, one.kind, one.subject, one.since, now, one.evidence)
        for one in (change.anomaly for change in changes if change.over)
    ]
    recent = (one for one in before if now - one.until <= PAST_S_MAX)
    return (*over, *recent)[:PAST_MAX]


def _anomaly(finding: Finding, now: float) -> Anomaly:
    return Anomaly(
        id=f"{finding.kind}-{round(now)}-{finding.subject}".rstrip("-"),
        kind=finding.kind,
        subject=finding.subject,
        since=now,
        seen=now,
        evidence=finding.evidence,
        figures=dict(finding.figures),
    )


def _told_again(one: Anomaly, finding: Finding | None, now: float) -> Anomaly:
    if finding is None:
        return one
    if one.kind.endswith(LOST):
        # Its figures stay those of its beginning: what was there before is soon not there to be seen.
        return replace(one, seen=now)
    return replace(one, seen=now, evidence=finding.evidence, figures=dict(finding.figures))


def _still_lost(one: Anomaly, groups: Mapping[Key, int], now: float) -> bool:
    if not one.kind.endswith(LOST) or now - one.since > NEW_NORMAL_S:
        return False
    before, after = one.figures.get("before", 0.0), one.figures.get("now", 0.0)
    return groups.get((one.kind.removesuffix(LOST), one.subject), 0) < (before + after) / 2
