"""Ads of outside servers: fetched ahead of a break for those who are there, so that no pod waits for one."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from zlib import crc32

import msgspec

from tifo.api.breaks import Break, Breaks
from tifo.api.creatives import Creative
from tifo.api.inventory import CREATIVES_MAX
from tifo.api.reports import AdServerReport
from tifo.board.ad_levers import AdLevers
from tifo.kernel.background import Background
from tifo.kernel.bulkhead import Budget, Bulkhead
from tifo.kernel.clock import Clock
from tifo.kernel.web import web_address
from tifo.services.ads.chain import Chain, Gate, Server
from tifo.services.ads.deciding import KEPT_S, PODS_MAX, Decider
from tifo.services.ads.decision import fillers
from tifo.services.ads.fetching import Fetcher, Job, budget
from tifo.services.ads.index import Index
from tifo.services.ads.model import Pick, Viewer
from tifo.services.ads.outside_vast import OutsideAd
from tifo.services.ads.ports import AdServers
from tifo.services.ads.settings import AdsSettings
from tifo.services.ads.shaping import share, turns, window

LOOK_S = 0.05
VIEWERS_MAX = 50_000
"""Viewers that a node knows to be there; those that asked least lately are forgotten first."""

TURNS_MAX = 200
"""Pods that are decided in one look: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Device:
    """What an outside server is told of a viewer: headers of VAST 4.3 (section 1.1.3), those not empty."""

    address: str = ""
    agent: str = ""
    languages: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """As a request has them; what no header can carry is left out."""
        told = {
            "X-Device-IP": self.address,
            "X-Device-User-Agent": self.agent,
            "X-Device-Accept-Language": self.languages,
        }
        return {name: text for name, text in told.items() if text and text.isascii() and text.isprintable()}


@dataclass(frozen=True, slots=True)
class _Present:
    viewer: Viewer
    device: Device
    until: float


@dataclass(slots=True)
class _Round:
    """What is done for one break.

    `room` is left by server, `ready` by session and creative; `settled` has the picks of each session that
    came for its pod, and what became of them.
    """

    brk: Break
    planned: bool = False
    turns: deque[tuple[float, str]] = field(default_factory=deque)
    room: dict[str, int] = field(default_factory=dict)
    ready: dict[tuple[str, str], OutsideAd] = field(default_factory=dict)
    settled: dict[str, tuple[tuple[Pick, ...], tuple[Pick, ...]]] = field(default_factory=dict)


class OutsideAds:
    """One for each node; without declared servers it does nothing.

    It fetches only while ads are decided for each viewer. What was fetched before that ended is still shown
    to whoever has the pod that it was fetched for.
    """

    def __init__(
        self,
        breaks: Breaks,
        decider: Decider,
        levers: AdLevers,
        servers: AdServers,
        bulkhead: Callable[[str, Budget], Bulkhead],
        clock: Clock,
        settings: AdsSettings,
    ) -> None:
        self._breaks = breaks
        self._decider = decider
        self._levers = levers
        self._clock = clock
        self._settings = settings
        self._fetchers = _fetchers(servers, bulkhead, clock, settings)
        self._present: OrderedDict[str, _Present] = OrderedDict()
        self._rounds: dict[str, _Round] = {}
        self._asked_of: Index | None = None
        self._is_sold = False
        self._looking = Background("outside-ads", LOOK_S, self.look, "breaks get house ads in their place")

    @property
    def declared(self) -> bool:
        """Whether there is a server to ask."""
        return bool(self._fetchers)

    async def open(self) -> None:
        """Begin to fetch, where a server is declared."""
        if self._fetchers:
            await self._looking.open()

    async def close(self) -> None:
        """Stop; what is under way is given up."""
        await self._looking.close()
        for one in self._fetchers.values():
            await one.close()

    def seen(self, viewer: Viewer, device: Device) -> None:
        """A viewer is there now, and ads are fetched for them from now on."""
        if not self._fetchers:
            return
        until = self._clock.now() + self._settings.present_s
        self._present[viewer.session] = _Present(viewer, device, until)
        self._present.move_to_end(viewer.session)
        if len(self._present) > VIEWERS_MAX:
            self._present.popitem(last=False)

    def settle(self, viewer: Viewer, brk: Break, picks: tuple[Pick, ...]) -> tuple[Pick, ...]:
        """The pod with what was fetched for it, and the house's ads and slate for what was not.

        The same for the same picks, however late an ad arrives. Tags of servers that are not declared stay.
        """
        if not self._fetchers or not any(self._fetcher(one.creative) for one in picks):
            return picks
        made = self._round(brk)
        before = made.settled.get(viewer.session)
        if before is not None and before[0] == picks:
            return before[1]
        settled = tuple(one for pick in picks for one in self._settled(viewer, made, pick))
        if len(made.settled) < PODS_MAX:
            made.settled[viewer.session] = (picks, settled)
        return settled

    async def look(self) -> None:
        """Decide and fetch what is due, where the lever leaves it; forget what is over."""
        now = self._clock.now()
        self._forget(now)
        if self._levers.in_force != "personal":
            return
        if self._sold():
            for brk in self._breaks.between(now, now + self._settings.fetch_from_s):
                if now < brk.start < brk.end:
                    self._plan(brk, now)
        for one in self._rounds.values():
            if one.turns:
                self._decide_due(one, now)
        for fetcher in self._fetchers.values():
            fetcher.start_due()

    def reports(self, every_s: float) -> tuple[AdServerReport, ...]:
        """What came of asking each declared server; asked each `every_s`."""
        return tuple(one.report(every_s) for one in self._fetchers.values())

    async def finish(self) -> None:
        """Until every request that is under way has ended."""
        for one in self._fetchers.values():
            await one.settle()

    # --- ahead of a break -------------------------------------------------------------------------------

    def _plan(self, brk: Break, now: float) -> None:
        one = self._round(brk)
        if one.planned:
            return
        one.planned = True
        within = window(brk.start, now, self._settings.fetch_from_s, self._settings.fetch_until_s)
        one.turns = deque(turns(self._present, brk.id, within))
        gates = (fetcher.gate for fetcher in self._fetchers.values())
        one.room = {gate.settings.id: gate.share.room(within.length_s) for gate in gates}

    def _round(self, brk: Break) -> _Round:
        """That of a break: a player may come for its pod before anything was fetched for it."""
        return self._rounds.setdefault(brk.id, _Round(brk))

    def _decide_due(self, one: _Round, now: float) -> None:
        brk = self._breaks.find(one.brk.id)
        if brk is None or brk.end == brk.start or brk.start <= now:  # called off, or too late to fetch for
            one.turns.clear()
            return
        one.brk = brk  # until it is announced it may be moved
        for _ in range(TURNS_MAX):
            if not one.turns or one.turns[0][0] > now:
                return
            present = self._present.get(one.turns.popleft()[1])
            if present is not None:
                self._order(one, present)

    def _order(self, one: _Round, present: _Present) -> None:
        """Have fetched what the viewer's pod has of outside servers, as far as they have room."""
        session = present.viewer.session
        for pick in self._decider.pod(present.viewer, one.brk).picks:
            fetcher = self._fetcher(pick.creative)
            if fetcher is None:
                continue
            server = fetcher.gate.settings.id
            if one.room[server] <= 0:
                fetcher.count("over")
                continue
            one.room[server] -= 1
            fetcher.offer(self._job(one, session, pick.creative, present.device))

    def _job(self, one: _Round, session: str, creative: Creative, device: Device) -> Job:
        key = session, creative.id

        def keep(ad: OutsideAd) -> None:
            one.ready[key] = ad

        once = f"{crc32(f'{session}|{one.brk.id}|{creative.id}'.encode()):010}"
        return Job(creative, once, one.brk.start, device.headers, keep)

    def _forget(self, now: float) -> None:
        for session, present in list(islice(self._present.items(), TURNS_MAX)):
            if present.until > now:
                break
            del self._present[session]
        for key in [key for key, one in self._rounds.items() if one.brk.end + KEPT_S < now]:
            del self._rounds[key]

    # --- when the pod is asked for ----------------------------------------------------------------------

    def _settled(self, viewer: Viewer, made: _Round, pick: Pick) -> Iterator[Pick]:
        fetcher = self._fetcher(pick.creative)
        if fetcher is None:
            yield pick
            return
        ad = made.ready.pop((viewer.session, pick.creative.id), None)
        fetcher.count("house" if ad is None else "shown")
        if ad is None:
            yield from fillers(self._decider.index, viewer.session, made.brk, pick.creative.duration_s)
        else:
            title = ad.title or pick.creative.title
            shown = msgspec.structs.replace(pick.creative, title=title, click_url=ad.click_url, tag_url="")
            yield pick._replace(creative=shown, outside=ad)

    # --- which server -----------------------------------------------------------------------------------

    def _fetcher(self, creative: Creative) -> Fetcher | None:
        return self._fetchers.get(_server(creative.tag_url)) if creative.tag_url else None

    def _sold(self) -> bool:
        """Whether any line item's place is for a declared server."""
        index = self._decider.index
        if self._asked_of is not index:
            self._asked_of = index
            creatives = (creative for item in index.items for creative in item.creatives)
            self._is_sold = any(self._fetcher(one) for one in creatives)
        return self._is_sold


def _fetchers(
    servers: AdServers, bulkhead: Callable[[str, Budget], Bulkhead], clock: Clock, settings: AdsSettings
) -> Mapping[Server, Fetcher]:
    gates = {}
    for one in settings.servers:
        part = share(one.requests_per_s, one.viewers_max, settings.nodes)
        gates[web_address(one.base_url).server] = Gate(one, part, clock)
    return {
        where: Fetcher(
            gate,
            Chain(gate, gates, servers),
            bulkhead(gate.settings.id, budget(gate.settings, gate.share.requests_per_s)),
            clock,
        )
        for where, gate in gates.items()
    }


@lru_cache(maxsize=CREATIVES_MAX)
def _server(tag_url: str) -> Server:
    """Who answers a tag; nobody for one that is no address."""
    try:
        return web_address(tag_url).server
    except ValueError:
        return "", "", 0
