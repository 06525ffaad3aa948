"""What the accounts of this node have seen, as far as caps ask for it."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from tifo.services.ads.model import Item
from tifo.services.ads.ports import Limit, Mark

ACCOUNTS_MAX = 100_000
"""Accounts that a node remembers; those that it served least lately are forgotten first. About a kilobyte
each."""

UNSAVED_MAX = 200_000
"""Impressions that wait to be told to the other nodes, some 150 bytes each; then the oldest are dropped."""

MARK_S = 1e-6
"""Seconds between two impressions of a node, at the least: the time is what tells one from another."""

NOTHING: Mapping[str, tuple[float, ...]] = MappingProxyType({})


def joined(before: Iterable[float], more: Iterable[float], times: int) -> tuple[float, ...]:
    """The last `times` impressions of both, oldest first; one that is in both is one.

    So it does not matter in what order things are told, nor how often.
    """
    return tuple(sorted({*before, *more})[-times:])


class Exposures:
    """The last impressions of each account by cap, oldest first and no more than a cap's `times`.

    What other nodes have shown is in it as far as it was `heard`.
    """

    def __init__(self, accounts_max: int = ACCOUNTS_MAX, unsaved_max: int = UNSAVED_MAX) -> None:
        self._accounts_max = accounts_max
        self._accounts: OrderedDict[str, dict[str, tuple[float, ...]]] = OrderedDict()
        self._unsaved: deque[Mark] = deque(maxlen=unsaved_max)
        self._last = 0.0
        self.dropped = 0
        """Impressions that no other node will know of."""

    def seen(self, account: str) -> Mapping[str, tuple[float, ...]]:
        """The account's impressions by the caps' names; not a copy."""
        return self._accounts.get(account, NOTHING)

    def add(self, account: str, items: Iterable[Item], at: float) -> None:
        """One impression of each, at a time that is not before those of earlier."""
        for item in items:
            if item.caps:
                self._last = at = max(at, self._last + MARK_S)
                self._add(account, item.caps, at)
        if account in self._accounts:
            self._touch(account)

    def hear(self, account: str, found: Mapping[str, Sequence[float]], caps: Mapping[str, Limit]) -> None:
        """What all nodes have shown the account; kept as far as it is of these caps, as is our own."""
        before = self.seen(account)
        names = (before.keys() | found.keys()) & caps.keys()
        if names:
            self._accounts[account] = {
                one: joined(before.get(one, ()), found.get(one, ()), caps[one].times) for one in names
            }
            self._touch(account)
        else:
            self._accounts.pop(account, None)

    @property
    def unsaved(self) -> int:
        """Impressions that are to be told to the other nodes."""
        return len(self._unsaved)

    def take_unsaved(self, count: int) -> list[Mark]:
        """The oldest of them, so many at the most; they are the caller's from now on."""
        return [self._unsaved.popleft() for _ in range(min(count, len(self._unsaved)))]

    def _add(self, account: str, caps: tuple[Limit, ...], at: float) -> None:
        seen = self._accounts.setdefault(account, {})
        for cap in caps:
            before = seen.get(cap.key)
            if before is None:
                seen[cap.key] = (at,)
            elif before[-1] < at:
                seen[cap.key] = (*before, at)[-cap.times :]
            else:  # another node's clock is ahead of ours
                seen[cap.key] = joined(before, (at,), cap.times)
        if len(self._unsaved) == self._unsaved.maxlen:
            self.dropped += 1
        self._unsaved.append(Mark(account, caps, at))

    def _touch(self, account: str) -> None:
        self._accounts.move_to_end(account)
        if len(self._accounts) > self._accounts_max:
            self._accounts.popitem(last=False)
