"""The values that decisions are made of; what is made for each pod is of the kind that is made fastest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from tifo.api.creatives import Creative
from tifo.api.inventory import Position
from tifo.services.ads.outside_vast import OutsideAd
from tifo.services.ads.ports import Limit

OFFERS_MAX = 250
"""Line items that are offered a place in one pod; who came first by priority, then by lot, was asked."""

Verdict = Literal[
    "chosen", "inactive", "flight", "daypart", "event", "team", "device-kind", "isp", "region", "cohort",
    "budget", "cap", "advertiser", "category", "creative", "position", "length", "slots", "full", "not-asked",
    "lever",
]  # fmt: skip
"""What became of a line item; `VERDICTS` says it in a sentence."""

VERDICTS: Mapping[Verdict, str] = {
    "chosen": "it is in the pod",
    "inactive": "it is switched off",
    "flight": "its flight has not begun or is over",
    "daypart": "it does not run at this hour",
    "event": "it is for other events",
    "team": "none of its teams plays",
    "device-kind": "it is for other kinds of device",
    "isp": "it is for other ISPs",
    "region": "it is for other regions",
    "cohort": "it is for other cohorts of accounts",
    "budget": "nothing is left of what this node may show of it now",
    "cap": "the account has seen it as often as it may",
    "advertiser": "its advertiser is in the pod",
    "category": "a competitor is in the pod",
    "creative": "its creatives are in the pod already",
    "position": "its position in the pod is taken",
    "length": "none of its creatives fits what is left of the break",
    "slots": "the pod has as many ads as it may",
    "full": "the pod is full",
    "not-asked": f"{OFFERS_MAX} others were asked first",
    "lever": "under this lever no line item is shown",
}


class Viewer(msgspec.Struct, frozen=True, gc=False):
    """Whom a pod is for; `isp` as claims say it, and empty what is not known."""

    session: str
    account: str
    event: str
    device_kind: str
    isp: str = ""
    region: str = ""
    cohort: str = ""
    """The account's, where it is not to be found by the account's name."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A line item with what its campaign adds to it. `bit` is its place in every set of its index."""

    id: str
    bit: int
    priority: int
    advertiser: str
    categories: frozenset[str]
    creatives: tuple[Creative, ...]
    shortest_s: int
    """Of its creatives."""
    position: Position
    budgets: tuple[str, ...]
    """Names of the budgets that each impression takes one from."""
    caps: tuple[Limit, ...]


class State(msgspec.Struct, frozen=True):
    """What has happened until `now` (epoch seconds), as far as this node knows.

    `running` is the set of items in their flight and hours, `funded` of those that may have something left.
    `left`: impressions that may be taken from each budget. `seen`: the account's last impressions by cap, in
    epoch seconds, the oldest first and no more than the cap's `times`.
    """

    now: float
    running: int
    left: Mapping[str, int]
    seen: Mapping[str, Sequence[float]]
    funded: int = -1


class Pick(NamedTuple):
    """One slot of a pod: `item` is None for house ads and slate, `outside` an outside server's ad for it."""

    creative: Creative
    item: Item | None
    kind: Literal["ad", "house", "slate"]
    outside: OutsideAd | None = None


class Decision(msgspec.Struct, frozen=True):
    """A pod in its order. `rest_s`: seconds at its end that nothing fills; the channel shows its own."""

    picks: tuple[Pick, ...]
    rest_s: float

    @property
    def items(self) -> tuple[Item, ...]:
        """The line items that were chosen."""
        return tuple([one.item for one in self.picks if one.item is not None])
