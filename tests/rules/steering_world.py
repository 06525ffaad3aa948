"""CDNs and their viewers under the steering loop, second by second, for the tests of its rules."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from tifo.workers.steering.rules import OTHERS, Cdn, Cell, Decided, Loop, Word, begin, step
from tifo.workers.steering.settings import SteeringLoopSettings

SETTINGS = SteeringLoopSettings()
LADDER = (1_000_000, 3_000_000, 6_000_000)
GBPS = 1e9
BPS_EACH = 5e6
CLEARLY = 1.05
"""Load above which a CDN counts as overloaded: what is less is hardly waited for."""
ISPS = ("AS1 One", "AS2 Two", "AS3 Three")

A = Cdn("cdn-a", 100 * GBPS)
B = Cdn("cdn-b", 100 * GBPS, cost=1.0)
C = Cdn("cdn-c", 100 * GBPS, cost=2.0)


WINDOW_S = 30
"""Of so many seconds together viewers say how long they waited."""


def cells(
    loads: Mapping[tuple[str, str], float],
    errors: Mapping[str, float] | None = None,
    waiting: Mapping[str, float] | None = None,
) -> list[Cell]:
    errors, waiting = errors or {}, waiting or {}
    return [
        Cell(cdn, isp, bps, int(bps / BPS_EACH) + 1 if bps else 0, errors.get(cdn), waiting.get(cdn))
        for (cdn, isp), bps in loads.items()
    ]


class World:
    """CDNs whose viewers follow the weights little by little, seen late and not quite as they are.

    Viewers wait on a CDN that is asked for more than its `real_bps`; where that is not said, nobody does.
    """

    def __init__(
        self,
        cdns: Sequence[Cdn],
        demand_bps: float,
        *,
        follow: float = 0.1,
        late: int = 0,
        noise: float = 0.0,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        self.cdns = cdns
        self.demand_bps = demand_bps
        self.now = 1_000.0
        self.loop: Loop = begin(cdns, {OTHERS: shares or {}}, {}, self.now)
        self.words: dict[str, Word] = {}
        self.errors: dict[str, float] = {}
        self.real_bps: dict[str, float] = {}
        self.waited: dict[str, deque[tuple[float, float]]] = {}
        self.overloaded_s = 0
        self.on = dict(self.loop.shares[OTHERS])
        self.said: list[str] = []
        self.weights: list[Mapping[str, float]] = []
        self._follow = follow
        self._seen: deque[list[Cell]] = deque(maxlen=late + 1)
        self._noise = noise
        self._dice = 7

    def run(self, seconds: int, each: Callable[[], None] = lambda: None) -> Decided:
        for _ in range(seconds):
            decided = self._second()
            each()
        return decided

    def _second(self) -> Decided:
        self.now += 1
        self._seen.append(cells(self._measured(), self.errors, self._waiting()))
        self.loop, decided = step(self.loop, self.cdns, self._seen[0], self.words, LADDER, self.now, SETTINGS)
        weights = shares_of(decided, ISPS[0])
        for cdn, weight in weights.items():
            self.on[cdn] += self._follow * (weight - self.on[cdn])
        self.said += [one.what for one in decided.decisions]
        self.weights.append(weights)
        return decided

    def _measured(self) -> dict[tuple[str, str], float]:
        return {
            (cdn, ISPS[0]): share * self.taken_bps * (1 + self._noise * (2 * self._dice_fraction() - 1))
            for cdn, share in self.on.items()
        }

    def _waiting(self) -> dict[str, float]:
        """The share of the playing time that is spent waiting, over the window."""
        loads = {cdn: self.on[cdn] * self.taken_bps / real for cdn, real in self.real_bps.items()}
        self.overloaded_s += any(load > CLEARLY for load in loads.values())
        for cdn, load in loads.items():
            window = self.waited.setdefault(cdn, deque(maxlen=WINDOW_S))
            window.append((self.on[cdn] * max(0.0, 1 - 1 / max(load, 1.0)), self.on[cdn]))
        sums = {cdn: map(sum, zip(*window, strict=True)) for cdn, window in self.waited.items()}
        return {cdn: waited / played if played else 0.0 for cdn, (waited, played) in sums.items()}

    @property
    def taken_bps(self) -> float:
        """Everybody has the best rendition that is offered."""
        cap = self.loop.caps.get(OTHERS)
        return self.demand_bps * ((cap and cap.bps) or max(LADDER)) / max(LADDER)

    def _dice_fraction(self) -> float:
        self._dice = (self._dice * 1_103_515_245 + 12_345) % (1 << 31)
        return self._dice / (1 << 31)


def stepped(
    cdns: Sequence[Cdn],
    demand: Mapping[str, float],
    said: Mapping[str, Word],
    shares: Mapping[str, float],
    seconds: int = 1,
) -> tuple[Loop, Decided, dict[str, float]]:
    loop = begin(cdns, {OTHERS: shares}, {}, 1_000.0)
    measured = [Cell(cdns[0].id, isp, bps, 10) for isp, bps in demand.items()]
    for second in range(1, seconds + 1):
        loop, decided = step(loop, cdns, measured, said, LADDER, 1_000.0 + second, SETTINGS)
    if not sum(demand.values()):
        return loop, decided, {OTHERS: 0.0}
    columns = {isp: demand[isp] for isp in decided.by_isp}
    rest = sum(bps for isp, bps in demand.items() if isp not in columns)
    return loop, decided, {OTHERS: rest, **columns}


def shares_of(decided: Decided, isp: str) -> Mapping[str, float]:
    return decided.by_isp.get(isp, decided.weights)
