"""What the accounts of this node have seen, as far as caps ask for it."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tifo.services.ads.model import Item

ACCOUNTS_MAX = 100_000
"""Accounts that a node remembers; those that it served least lately are forgotten first. About a kilobyte
each."""

NOTHING: Mapping[str, tuple[float, ...]] = MappingProxyType({})


class Exposures:
    """The last impressions of each account by cap, oldest first and no more than a cap's `times`.

    A viewer whom another node served before is one who has seen nothing.
    """

    def __init__(self, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._accounts_max = accounts_max
        self._accounts: OrderedDict[str, dict[str, tuple[float, ...]]] = OrderedDict()

    def seen(self, account: str) -> Mapping[str, tuple[float, ...]]:
        """The account's impressions by the caps' names; not a copy."""
        return self._accounts.get(account, NOTHING)

    def add(self, account: str, items: Iterable[Item], at: float) -> None:
        """One impression of each, at a time that is not before those of earlier."""
        seen, only = self._accounts.get(account), (at,)
        for item in items:
            for key, times, _ in item.caps:
                if seen is None:
                    seen = self._accounts[account] = {}
                before = seen.get(key)
                seen[key] = only if before is None else (*before, at)[-times:]
        if seen is not None:
            self._accounts.move_to_end(account)
            if len(self._accounts) > self._accounts_max:
                self._accounts.popitem(last=False)
