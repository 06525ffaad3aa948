"""What one worker knows of the partitions that it holds, and nothing of those of others."""

from collections.abc import Collection, Iterable, Mapping

from tifo.api.events import AnyEvent, PathwayUsed, PlaybackReported, SessionStarted
from tifo.api.reports import PatternsReport, QoeCell
from tifo.board.audience import networks_together
from tifo.eventlog.ports import Delivery
from tifo.workers.insight.qoe import Qoe, cells
from tifo.workers.insight.rules import Audience, Cell, Crowd, Rate
from tifo.workers.insight.settings import InsightSettings
from tifo.workers.insight.strays import Origins, Strays
from tifo.workers.insight.window import Window

SETTLE_S = 2.0
"""Seconds that a log may take to begin with what it has of a share."""


class Share:
    """What the partitions of one number have said, from a while before it came here.

    It is `told` of once it knows what was said until it came: a part of the viewers is worse than none.
    """

    def __init__(self, audience: Audience, qoe: Qoe, starts: Rate, now: float) -> None:
        self.audience = audience
        self.qoe = qoe
        self.starts = starts
        self.strays = Strays()
        self.origins = Origins()
        self.came = now
        self.told = False
        self._next: dict[str, int] = {}

    def follows(self, delivery: Delivery) -> bool:
        """Whether the record comes after those of its topic that are known; one before them begins anew."""
        return delivery.offset >= self._next.get(delivery.partition.topic, 0)

    def pass_over(self, delivery: Delivery) -> None:
        """The record's place is behind us, whatever became of it."""
        self._next[delivery.partition.topic] = delivery.offset + 1
        self.told = self.told or delivery.record.at >= self.came

    def see(self, event: AnyEvent, at: float, now: float) -> None:
        """Take one event of the log into account."""
        self.audience.see(event, at, now)
        self.qoe.see(event, self.audience, at, now)
        match event:
            case SessionStarted():
                self.starts.add(min(at, now))
                if event.network:
                    self.origins.add(event.network, event.account, min(at, now))
            case PathwayUsed() | PlaybackReported():
                if self.audience.event_of(event.session) is None:
                    self.strays.hear(event.session, min(at, now))
                else:
                    self.strays.forget(event.session)
            case _:
                pass

    def forget_silent(self, now: float) -> None:
        """Leave out who was not heard of for long."""
        self.audience.forget_silent(now)
        self.qoe.forget_silent(now)


class Shares:
    """The shares of one worker, by their number. What left it is forgotten, what comes again begins anew.

    What players had is noted in one window for all: a share that left stays in it until the window has
    moved on, which makes the sample a little larger and no figure wrong.
    """

    def __init__(self, settings: InsightSettings, pathways: Collection[str]) -> None:
        self._settings = settings
        self._pathways = frozenset(pathways)
        self._window = Window(settings.qoe_window_s)
        self._by_number: dict[int, Share] = {}

    def hold(self, numbers: Collection[int], now: float) -> None:
        """The worker has these now, and no others."""
        kept = {number: share for number, share in self._by_number.items() if number in numbers}
        self._by_number = {number: kept.get(number) or self._new(now) for number in numbers}

    def of(self, delivery: Delivery, now: float) -> Share:
        """Where a record belongs."""
        number = delivery.partition.number
        share = self._by_number.get(number)
        if share is None or not share.follows(delivery):
            share = self._by_number[number] = self._new(now)
        return share

    def caught_up(self, now: float) -> None:
        """There is nothing to read now, nor will there be of those that came a while ago."""
        for share in self._by_number.values():
            share.told = share.told or now - share.came >= SETTLE_S

    def forget_silent(self, now: float) -> None:
        """Leave out who was not heard of for long."""
        for share in self._by_number.values():
            share.forget_silent(now)

    def told(self) -> Mapping[int, Share]:
        """Those that know what was said before they came, by number."""
        return {number: share for number, share in sorted(self._by_number.items()) if share.told}

    def crowd(self) -> Crowd:
        """The viewers of those shares that are told of."""
        crowd = Crowd()
        for share in self.told().values():
            crowd.join(share.audience.crowd)
        return crowd

    def starts_per_s(self, now: float) -> float:
        """Of the same."""
        return round(sum(share.starts.per_s(now) for share in self.told().values()), 2)

    def patterns(self, now: float) -> PatternsReport:
        """Of the same: what does not go with sessions."""
        told = self.told().values()
        return PatternsReport(
            playless=sum(share.audience.playless for share in told),
            strays=sum(share.strays.count(now) for share in told),
            networks=networks_together(share.origins.top(now) for share in told),
        )

    def cells(self, viewers: Mapping[Cell, int], now: float) -> tuple[QoeCell, ...]:
        """What these viewers had."""
        return cells(viewers, self._window.totals(now))

    def _new(self, now: float) -> Share:
        settings = self._settings
        qoe = Qoe(self._window, self._pathways)
        return Share(Audience(settings.silent_s), qoe, Rate(settings.rate_window_s), now)


def numbers_of(partitions: Iterable[tuple[str, int]], topics: Collection[str]) -> frozenset[int]:
    """The numbers of the partitions of these topics."""
    return frozenset(number for topic, number in partitions if topic in topics)
