from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from tifo.api.inventory import Inventory

INVENTORY_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of an inventory as JSON."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A node's wish for a part of a budget, and the pace at which all nodes together may have it.

    `goal` is the whole budget. Of the flight's hours `ran_s` seconds are over and `left_s` are to come.
    `rate_max` is in impressions per second of these hours, and 0 where there is no pace. What was not taken
    in time may be made up for, `burst_s` seconds' worth at once and no more.
    """

    budget: str
    want: int
    goal: int
    ran_s: float = 0.0
    left_s: float = 0.0
    rate_max: float = 0.0
    burst_s: float = 0.0


class BudgetStore(Protocol):
    """What is taken of each budget by all nodes. Raises `Unavailable` when it does not answer.

    Nodes take parts ahead of what they show, so a budget is never overspent; what a node took and did not
    show is lost when it dies.
    """

    @abstractmethod
    async def take(self, asks: Sequence[Ask], now: float) -> tuple[int, ...]:
        """What each may have, at most what it wants: atomic for each, whoever else asks.

        Never more than the goal in all, nor than its pace allows at `now` (epoch seconds). Repeated, it
        takes again: an answer that was lost is budget that was lost.
        """

    @abstractmethod
    async def taken(self, budgets: Sequence[str]) -> tuple[int, ...]:
        """What all nodes have taken of each, less what came back; 0 of one that nobody has asked for."""

    @abstractmethod
    async def give_back(self, unused: Mapping[str, int]) -> None:
        """Return what was taken and will not be shown, by budget. To be done once."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""


WINDOW_S_MAX = 400 * 86_400
"""Seconds of a cap's window; a longer one is as long as this."""


class Limit(NamedTuple):
    """A cap, and the name under which an account's impressions are remembered for it."""

    key: str
    times: int
    per_s: int


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One impression that an account had at `at` (epoch seconds), and the caps that count it.

    Of an account no two that a cap counts have the same time.
    """

    account: str
    caps: tuple[Limit, ...]
    at: float


MARKS_MAX = 8_000
"""Impressions, and accounts, that one call is about."""


class ExposureStore(Protocol):
    """What all nodes have shown to each account, as far as caps ask for it. Raises `Unavailable`.

    Each cap has the last `times` impressions of an account, and a time is one impression: what is told twice
    changes nothing, and neither does the order. So a call may be repeated, and callers never conflict.
    """

    @abstractmethod
    async def add(self, marks: Sequence[Mark], now: float) -> None:
        """Remember these, each for every cap that counts it, until the cap's window is over.

        At most `MARKS_MAX`, else `ValueError`. A call that fails may have kept some.
        """

    @abstractmethod
    async def read(self, accounts: Sequence[str], now: float) -> tuple[Mapping[str, Sequence[float]], ...]:
        """What each account has seen, by the caps' names: epoch seconds, oldest first.

        What is out of a cap's window at `now` may be left out. At most `MARKS_MAX`, else `ValueError`.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""


@dataclass(frozen=True, slots=True)
class KeptInventory:
    """An inventory as it is kept: each that is put has the next revision. 0 is the empty one before all."""

    revision: int
    inventory: Inventory


class InventoryConflict(Exception):
    """Another inventory was put meanwhile; `found` is the revision that stands there."""

    def __init__(self, found: int) -> None:
        super().__init__(f"the inventory has the revision {found}")
        self.found = found


class InventoryStore(Protocol):
    """The inventory that is in force. Raises `Unavailable` when it does not answer."""

    @abstractmethod
    async def revision(self) -> int:
        """Of the inventory that stands there; cheaper than reading it."""

    @abstractmethod
    async def read(self) -> KeptInventory:
        """The inventory, whole: never one half of one and one half of another."""

    @abstractmethod
    async def put(self, inventory: Inventory, on: int) -> int:
        """Keep it in place of the one with the revision `on`; durable when this returns its revision.

        Raises `InventoryConflict` where another revision stands there, and `ValueError` past
        `INVENTORY_BYTES_MAX`. Of many callers on one revision exactly one succeeds.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""


ANSWER_BYTES_MAX = 256 * 1024
"""Bytes of an outside ad server's answer, unpacked."""


@dataclass(frozen=True, slots=True)
class AdAnswer:
    """What an outside ad server answered: a document, or in `location` where it is, as it was written."""

    body: bytes
    location: str = ""


class AdServers(Protocol):
    """Asks ad servers that are not ours."""

    @abstractmethod
    async def ask(self, url: str, headers: Mapping[str, str]) -> AdAnswer:
        """One exchange with whoever is at an http address; the caller bounds its time and follows redirects.

        The body is at most `ANSWER_BYTES_MAX` long, and empty where the server says so. Raises
        `Unavailable` when it does not answer, refuses, or answers longer, and `ValueError` for an address
        that cannot be asked. Repeated, it asks again.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""
