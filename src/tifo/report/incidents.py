"""What happened and who did what, on one line of time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tifo.report.document import Flow, Incident
from tifo.report.gathering import Rows

LOST_SHARE = 0.15
"""Share of its viewers that a CDN must lose within `WITHIN_MINUTES` for it to be told."""

WITHIN_MINUTES = 3
STAYED_SHARE = 0.95
"""Share of the audience that must be there still: else it is the audience that leaves, and no CDN."""

VIEWERS_MIN = 20.0
"""Viewers that a CDN must have before; of fewer, a share says little."""

INCIDENTS_MAX = 300


def incidents(acts: Rows, anomalies: Rows, flows: Sequence[Flow]) -> tuple[Incident, ...]:
    """Everything in the order of its beginning."""
    found = [*_acts(acts), *_anomalies(anomalies), *losses(flows)]
    return tuple(sorted(found, key=lambda one: one.at)[:INCIDENTS_MAX])


def _acts(acts: Rows) -> Iterator[Incident]:
    for at, operator, action, target, detail in acts:
        yield Incident(at, None, "operator", f"{action} {target}".strip(), detail or "", operator)


def _anomalies(anomalies: Rows) -> Iterator[Incident]:
    for at, lasted_s, what, subject, evidence in anomalies:
        until = None if lasted_s is None else at + lasted_s
        yield Incident(at, until, "anomaly", f"{what} {subject or ''}".strip(), evidence or "")


def losses(flows: Sequence[Flow]) -> Iterator[Incident]:
    """Each time that a CDN lost viewers who did not leave: they were moved, or moved themselves."""
    everybody: defaultdict[float, float] = defaultdict(float)
    own: defaultdict[str, list[Flow]] = defaultdict(list)
    for one in flows:
        everybody[one.at] += one.viewers
        if one.pathway:
            own[one.pathway].append(one)
    for pathway, course in sorted(own.items()):
        quiet_until = 0.0
        for before, after in _falls(course):
            if before.at < quiet_until or everybody[after.at] < STAYED_SHARE * everybody[before.at]:
                continue
            quiet_until = after.at
            yield _loss(pathway, before, after)


def _falls(course: Sequence[Flow]) -> Iterator[tuple[Flow, Flow]]:
    """A minute and, of those soon after, the one with the fewest viewers, where it is far fewer."""
    for n, before in enumerate(course):
        after = min(course[n + 1 : n + 1 + WITHIN_MINUTES], key=lambda one: one.viewers, default=None)
        if after and before.viewers >= VIEWERS_MIN and after.viewers <= (1 - LOST_SHARE) * before.viewers:
            yield before, after


def _loss(pathway: str, before: Flow, after: Flow) -> Incident:
    share = 1 - after.viewers / before.viewers
    minutes = round((after.at - before.at) / 60)
    within = "a minute" if minutes == 1 else f"{minutes} minutes"
    text = (
        f"lost {share:.0%} of its viewers within {within}, from {before.viewers:,.0f} to {after.viewers:,.0f}, "
        "while the audience stayed"
    )
    return Incident(before.at + 60, after.at + 60, "cdn", pathway, text)
