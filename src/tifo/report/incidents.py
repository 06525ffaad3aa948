"""What happened and who did what, on one line of time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from tifo.report.document import Flow, Incident
from tifo.report.gathering import Rows

LOST_SHARE = 0.15
"""Share of its viewers that a CDN must lose for it to be told."""

FALL_SHARE = 0.05
"""Share that it loses each minute for as long as that goes on."""

STAYED_SHARE = 0.95
"""Share of the audience that must be there still: else it is the audience that leaves, and no CDN."""

VIEWERS_MIN = 20.0
"""Viewers that a CDN must have before; of fewer, a share says little."""

MINUTE_S = 60.0
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
    own: defaultdict[str, dict[float, float]] = defaultdict(dict)
    for one in flows:
        own[one.pathway][one.at] = one.viewers
    for pathway, course in own.items():
        for begins, ends in _falls(course) if pathway else ():
            gains = {name: other.get(ends, 0.0) - other.get(begins, 0.0) for name, other in own.items()}
            everybody = sum(other.get(begins, 0.0) for other in own.values())
            if sum(gains.values()) >= (STAYED_SHARE - 1) * everybody:
                yield _loss(pathway, course, begins, ends, max(gains, key=lambda name: gains[name]))


def _falls(course: Mapping[float, float]) -> Iterator[tuple[float, float]]:
    """The minute before each run of minutes that all have far fewer viewers than the one before, and its
    last."""
    begins = ends = None
    for at, after in pairwise(sorted(course)):
        if course[after] <= (1 - FALL_SHARE) * course[at]:
            begins, ends = at if begins is None else begins, after
            continue
        if begins is not None and ends is not None and _far(course[begins], course[ends]):
            yield begins, ends
        begins = ends = None
    if begins is not None and ends is not None and _far(course[begins], course[ends]):
        yield begins, ends


def _far(before: float, after: float) -> bool:
    return before >= VIEWERS_MIN and after <= (1 - LOST_SHARE) * before


def _loss(pathway: str, course: Mapping[float, float], begins: float, ends: float, gained: str) -> Incident:
    minutes = round((ends - begins) / MINUTE_S)
    within = "a minute" if minutes == 1 else f"{minutes} minutes"
    text = (
        f"lost {1 - course[ends] / course[begins]:.0%} of its viewers within {within}, from "
        f"{course[begins]:,.0f} to {course[ends]:,.0f}, while the audience stayed; most went to "
        f"{gained or 'a CDN not told'}"
    )
    return Incident(begins + MINUTE_S, ends + MINUTE_S, "cdn", pathway, text)
