"""Outside ad servers that answer as they are told, and a node that fetches from them step by step."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec
import pytest
from ads_world import item
from delivery_parts import NOW, SCHEDULE, bulkhead
from outside_answers import inline, vast

from tifo.adapters.memory.budgets import MemoryBudgetStore
from tifo.api.breaks import Break, Breaks
from tifo.api.inventory import Campaign, CreativeEntry, Inventory
from tifo.board.ad_levers import AdLevers
from tifo.kernel.clock import ManualClock
from tifo.services.ads.budgets import Ledger
from tifo.services.ads.deciding import Decider
from tifo.services.ads.index import Index
from tifo.services.ads.model import Pick, Viewer
from tifo.services.ads.outside import LOOK_S, Device, OutsideAds
from tifo.services.ads.ports import AdAnswer, AdServers
from tifo.services.ads.settings import AdServerSettings, AdsSettings

BASE = "https://ads.other.example"
TAG = f"{BASE}/vast?cb=[CACHEBUSTING]"
SERVER = AdServerSettings("other", BASE, requests_per_s=1_000.0, viewers_max=10_000, follows=("dsp.example",))
UPCOMING = Break("brk-10000001", NOW + 180.0, 20.0)
FROM_S, UNTIL_S = 32.0, 30.0

Said = Callable[[str], AdAnswer] | bytes | Exception


def inventory(tag_url: str = TAG) -> Inventory:
    """Half of each break is another server's."""
    bought, _ = item("ad", starts=NOW - 10, ends=NOW + 86_400)
    return Inventory(
        campaigns=(Campaign("ad", "ad"),),
        line_items=(bought,),
        creatives=(CreativeEntry("cr-ad", 10, "Other", tag_url=tag_url),),
    )


class Outside(AdServers):
    """Ad servers that answer as they are told, by host; counts who was asked, and what for."""

    def __init__(self) -> None:
        self.says: dict[str, Said] = {"ads.other.example": vast(inline())}
        self.asked: Counter[str] = Counter()
        self.urls: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.held: asyncio.Event | None = None

    async def ask(self, url: str, headers: Mapping[str, str]) -> AdAnswer:
        host = url.split("/")[2]
        self.asked[host] += 1
        self.urls.append(url)
        self.headers.append(headers)
        if self.held is not None:
            await self.held.wait()
        said = self.says[host]
        if isinstance(said, Exception):
            raise said
        return AdAnswer(said) if isinstance(said, bytes) else said(url)

    async def close(self) -> None:
        pass


class Book(Breaks):
    """The schedule, whose breaks may be called off just before their viewers' turns."""

    called_off = False

    def between(self, begin: float, end: float) -> tuple[Break, ...]:
        return SCHEDULE.between(begin, end)

    def find(self, break_id: str) -> Break | None:
        found = SCHEDULE.find(break_id)
        return replace(found, returned_at=found.start) if found and self.called_off else found


@dataclass
class Node:
    """One node's outside ads, looked at step by step."""

    outside: OutsideAds
    decider: Decider
    breaks: Book
    clock: ManualClock

    def arrive(self, count: int) -> list[Viewer]:
        viewers = [Viewer(f"ses_{n}", f"acc_{n}", "final", "tv") for n in range(count)]
        for viewer in viewers:
            self.outside.seen(viewer, Device())
        return viewers

    async def pass_window(self) -> None:
        """All that is done before players come for the next break."""
        self.clock.advance(UPCOMING.start - FROM_S - self.clock.now())
        for _ in range(round((FROM_S - UNTIL_S) / LOOK_S) + 2):
            await self.outside.look()
            await asyncio.sleep(0)
            self.clock.advance(LOOK_S)
        for _ in range(40):
            await self.outside.finish()
            await self.outside.look()
            self.clock.advance(LOOK_S)
        await self.outside.finish()

    def pod(self, viewer: Viewer) -> tuple[Pick, ...]:
        """As it is shown; whole, whatever the servers did."""
        picks = self.outside.settle(viewer, UPCOMING, self.decider.pod(viewer, UPCOMING).picks)
        assert sum(one.creative.duration_s for one in picks) == 20
        assert self.outside.settle(viewer, UPCOMING, self.decider.pod(viewer, UPCOMING).picks) == picks
        return picks

    def fetched(self, viewers: list[Viewer]) -> int:
        """How many have an outside ad in their pod."""
        return sum(any(one.outside for one in self.pod(viewer)) for viewer in viewers)


@pytest.fixture
def servers() -> Outside:
    return Outside()


@pytest.fixture
def node(servers: Outside, levers: AdLevers, clock: ManualClock, ids) -> Callable[..., Node]:
    def make(tag_url: str = TAG, nodes: int = 1, **more: object) -> Node:
        declared = msgspec.structs.replace(SERVER, **more)
        settings = AdsSettings(fetch_from_s=FROM_S, fetch_until_s=UNTIL_S, servers=(declared,), nodes=nodes)
        decider = Decider(Ledger(MemoryBudgetStore(), clock, settings), clock)
        decider.use(Index(inventory(tag_url)))
        book = Book()
        made = OutsideAds(book, decider, levers, servers, bulkhead(clock, ids), clock, settings)
        return Node(made, decider, book, clock)

    return make
