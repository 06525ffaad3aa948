"""Pods of an ad break: what every viewer's player asks for in the same seconds."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import msgspec

from benchmarks import recipes
from benchmarks.heartbeat import CONNECTIONS
from benchmarks.reads import Reads, tokens
from benchmarks.runner import Benchmark
from benchmarks.servers import Process
from tifo import stores
from tifo.api.ad_control import AdLever
from tifo.api.breaks import BreakSchedule
from tifo.api.inventory import Campaign, Cap, CreativeEntry, Inventory, LineItem
from tifo.board.entries import AD_LEVER, AdLeverState
from tifo.kernel.clock import SystemClock
from tifo.services.ads.settings import AdsSettings
from tifo.settings import Settings

SESSIONS = 150_000
"""Each asks once: a pod that was asked for before is remembered, and no measure of deciding one."""

LINE_ITEMS = 1_000
ADVERTISERS = 120
LENGTHS_S = (10, 15, 20, 30)
PRIORITIES = 5
BREAK_S = 60
BREAK_EVERY_S = 180
"""With these and the settings' margins a break may be asked for at any time."""

IMPRESSIONS = 100_000_000
DAY_S = 86_400

BODY_BYTES: Mapping[AdLever, int] = MappingProxyType({"personal": 10_500, "cohort": 10_300})
"""About as long as an asset list of such a break is."""


def pods() -> Benchmark:
    """A decision of its own for each viewer."""
    return _benchmark("ads-pods", "Pods through the whole edge, on one core", "personal")


def cohort_pods() -> Benchmark:
    """One decision for all who are alike, as in the posture `lean`."""
    return _benchmark("ads-cohort", "Pods by cohort through the whole edge, on one core", "cohort")


def _benchmark(name: str, title: str, lever: AdLever) -> Benchmark:
    reads = Reads("pod", SESSIONS, _paths)
    return Benchmark(
        name=name,
        title=title,
        operation="pods",
        parameters={
            "line items": str(LINE_ITEMS),
            "break": f"{BREAK_S} s",
            "connections": str(CONNECTIONS),
        },
        recipes=(_tifo(lever), recipes.envoy_direct(_body(BODY_BYTES[lever]))),
        load=reads.load,
        probe=reads.probe,
    )


def _tifo(lever: AdLever) -> recipes.Recipe:
    """Tifo with an inventory, and the lever that operators have set."""
    whole = recipes.tifo()

    def processes(settings: Settings) -> tuple[Process, ...]:
        channel = msgspec.structs.replace(
            settings.channel, break_every_s=BREAK_EVERY_S, break_duration_s=BREAK_S
        )
        stocked = msgspec.structs.replace(settings, channel=channel)
        asyncio.run(stock(stocked, inventory(SystemClock().now()), lever))
        return whole.processes(stocked)

    return replace(whole, processes=processes)


async def stock(settings: Settings, ads: Inventory, lever: AdLever = "personal") -> None:
    """Put an inventory and a lever where a platform with these settings finds them when it starts."""
    kept, board = stores.inventory_store(settings), stores.board(settings)
    await kept.put(ads, 0)
    await board.write(AD_LEVER, msgspec.json.encode(AdLeverState(lever)))
    await kept.close()
    await board.close()


def inventory(now: float) -> Inventory:
    """Line items with budgets and caps of their own, of campaigns that have a cap too."""
    return Inventory(
        campaigns=tuple(
            Campaign(f"campaign-{n}", f"advertiser-{n}", (f"category-{n % 30}",), caps=(Cap(3, 3_600),))
            for n in range(ADVERTISERS)
        ),
        creatives=tuple(
            CreativeEntry(f"creative-{n}", LENGTHS_S[n % len(LENGTHS_S)]) for n in range(LINE_ITEMS)
        ),
        line_items=tuple(
            LineItem(
                id=f"item-{n}",
                campaign=f"campaign-{n % ADVERTISERS}",
                creatives=(f"creative-{n}",),
                starts=now - DAY_S,
                ends=now + DAY_S,
                impressions=IMPRESSIONS,
                pace="asap",
                priority=1 + n % PRIORITIES,
                caps=(Cap(2, 3_600),),
            )
            for n in range(LINE_ITEMS)
        ),
    )


def _paths(settings: Settings, count: int) -> list[str]:
    brk = open_break(SystemClock().now())
    return [f"/v1/ads/{token}/breaks/{brk}" for token in tokens(settings, count)]


def open_break(now: float) -> str:
    """The latest that may be asked for, so that it stays open the longest."""
    found = BreakSchedule(BREAK_EVERY_S, BREAK_S).between(now - BREAK_EVERY_S, now + AdsSettings().early_s)
    return found[-1].id


def _body(length: int) -> bytes:
    """A document as long as an asset list, to be answered by Envoy alone."""
    return msgspec.json.encode({"ASSETS": "t" * length})
