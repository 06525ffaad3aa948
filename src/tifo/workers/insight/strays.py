"""Who plays without a session, and where sessions come from: what a crowd that is none would look like."""

from collections import OrderedDict, defaultdict

from tifo.api.reports import NetworkStarts
from tifo.board.audience import top_networks

STRAYS_MAX = 50_000
"""Sessions of one share that play and are not known; past it the one that was heard first is forgotten."""

STRAY_S = 10.0
"""Seconds for which one plays on before it is a stray: its start may come after, and its end before."""

HEARD_S = 60.0
"""Seconds after which a stray that says nothing more is gone."""

BUCKET_S = 10
BUCKETS = 6
"""Starts are counted over a minute, in steps of ten seconds."""

NETWORKS_MAX = 20_000
"""Networks of one step that are told apart; further ones are not counted."""

ACCOUNTS_MAX = 100
"""Accounts of one network and step that are told apart."""


class Strays:
    """Sessions that play and are not known to live."""

    def __init__(self) -> None:
        self._heard: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def hear(self, session: str, at: float) -> None:
        """One that is not known said that it plays."""
        first, last = self._heard.pop(session, (at, at))
        self._heard[session] = (first, max(at, last))
        if len(self._heard) > STRAYS_MAX:
            self._heard.popitem(last=False)

    def forget(self, session: str) -> None:
        """It is known after all."""
        self._heard.pop(session, None)

    def count(self, now: float) -> int:
        """How many there are; those who fell silent are forgotten."""
        while self._heard and next(iter(self._heard.values()))[1] < now - HEARD_S:
            self._heard.popitem(last=False)
        return sum(last - first >= STRAY_S for first, last in self._heard.values())


class _Origin:
    """One network in one step."""

    __slots__ = ("accounts", "starts")

    def __init__(self) -> None:
        self.starts = 0
        self.accounts: set[str] = set()


class Origins:
    """From which networks sessions were started over the last minute."""

    def __init__(self) -> None:
        self._buckets: dict[int, dict[str, _Origin]] = {}

    def add(self, network: str, account: str, at: float) -> None:
        """One was started."""
        bucket = self._buckets.setdefault(int(at // BUCKET_S), {})
        origin = bucket.get(network)
        if origin is None:
            if len(bucket) >= NETWORKS_MAX:
                return
            origin = bucket[network] = _Origin()
        origin.starts += 1
        if len(origin.accounts) < ACCOUNTS_MAX:
            origin.accounts.add(account)

    def top(self, now: float) -> tuple[NetworkStarts, ...]:
        """Those of the most starts, the most first."""
        newest = int(now // BUCKET_S)
        self._buckets = {tick: one for tick, one in self._buckets.items() if tick > newest - BUCKETS}
        starts: defaultdict[str, int] = defaultdict(int)
        accounts: defaultdict[str, set[str]] = defaultdict(set)
        for bucket in self._buckets.values():
            for network, origin in bucket.items():
                starts[network] += origin.starts
                accounts[network] |= origin.accounts
        return top_networks(starts, {name: len(known) for name, known in accounts.items()})
