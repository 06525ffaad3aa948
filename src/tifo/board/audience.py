"""From what each insight worker says of its share to what is so of all viewers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest

from tifo.api.reports import AudienceCount, AudienceReport, AudienceSplit, NetworkStarts, PatternsReport
from tifo.board.entries import InsightReport

TOP_MAX = 50
"""Groups of each split that are told by name."""

NETWORKS_MAX = 10
"""Networks that are told of."""


def whole_audience(reports: Iterable[InsightReport]) -> InsightReport | None:
    """All shares together; None where nobody speaks.

    Where two speak of one share, which changes hands just then, the newer is believed and the older left out:
    nobody counts twice, and who is missed is back with the next report.
    """
    told = _of_different_shares(sorted(reports, key=lambda report: -report.at))
    if not told:
        return None
    newest = told[0]
    pathways: Counter[str] = Counter()
    for one in told:
        pathways.update(one.pathways)
    return InsightReport(
        at=newest.at,
        viewers=sum(one.viewers for one in told),
        starts_per_s=round(sum(one.starts_per_s for one in told), 2),
        events_per_s=round(sum(one.events_per_s for one in told), 2),
        pathways=dict(pathways),
        groups=newest.groups,
        audience=AudienceReport(
            event=_together([one.audience.event for one in told]),
            device_kind=_together([one.audience.device_kind for one in told]),
            isp=_together([one.audience.isp for one in told]),
        ),
        partitions=tuple(sorted(number for one in told for number in one.partitions)),
        patterns=PatternsReport(
            playless=sum(one.patterns.playless for one in told),
            strays=sum(one.patterns.strays for one in told),
            networks=networks_together(one.patterns.networks for one in told),
        ),
    )


def networks_together(tops: Iterable[Iterable[NetworkStarts]]) -> tuple[NetworkStarts, ...]:
    """Networks of several shares: a session is in one share, and an account may be in some."""
    starts: Counter[str] = Counter()
    accounts: Counter[str] = Counter()
    for top in tops:
        for one in top:
            starts[one.network] += one.starts
            accounts[one.network] += one.accounts
    return top_networks(starts, accounts)


def top_networks(starts: Mapping[str, int], accounts: Mapping[str, int]) -> tuple[NetworkStarts, ...]:
    """Those of the most starts, the most first."""
    names = nsmallest(NETWORKS_MAX, starts, key=lambda name: (-starts[name], name))
    return tuple(NetworkStarts(name, starts[name], accounts[name]) for name in names)


def split(viewers: Counter[str], others: int = 0) -> AudienceSplit:
    """The largest groups by name, and the rest together, `others` among them."""
    top = nsmallest(TOP_MAX, viewers.items(), key=lambda group: (-group[1], group[0]))
    rest = viewers.total() - sum(count for _, count in top)
    return AudienceSplit(tuple(AudienceCount(*group) for group in top), others + rest)


def _of_different_shares(newest_first: Sequence[InsightReport]) -> list[InsightReport]:
    told: list[InsightReport] = []
    spoken_of: set[int] = set()
    for one in newest_first:
        if spoken_of.isdisjoint(one.partitions):
            told.append(one)
            spoken_of.update(one.partitions)
    return told


def _together(splits: Sequence[AudienceSplit]) -> AudienceSplit:
    viewers: Counter[str] = Counter()
    for one in splits:
        for group in one.top:
            viewers[group.name] += group.viewers
    return split(viewers, sum(one.others for one in splits))
