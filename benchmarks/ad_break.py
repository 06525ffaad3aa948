"""The break itself: a crowd asks for its pods within two seconds, a part of them from a slow outside server.

Every viewer has said before that they are there, so the outside server was asked ahead, at the rate that it
declared. Crowds grow until one does not get all of its pods, legal and in time.
"""

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from benchmarks import ads, instance, open_model, recipes
from benchmarks.ad_server import SEEN, Seen
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.open_model import Paced, paced
from benchmarks.reads import tokens
from benchmarks.runner import STARTING_S, Effort, Progress
from benchmarks.servers import Process, Servers, free_port, running
from tifo.api.control import BreaksAnswer
from tifo.api.inventory import Campaign, CreativeEntry, Inventory, LineItem
from tifo.kernel.clock import SystemClock
from tifo.services.ads.settings import AdServerSettings, AdsSettings
from tifo.settings import Settings

CROWDS = (1_000, 2_000, 4_000, 6_000, 8_000)
"""Viewers, one crowd after the other as long as all get their pods."""
CROWD_MIN = 20
SPREAD_S = 2
"""All of a crowd ask within that time, each at a moment drawn by lot."""
DEADLINE_S = 1
"""A pod that comes later is no use to the player."""
LATE_MS_MAX = 100.0
"""How late the generator may be (p99) before the spike is a hill of its own making."""

BREAK_S = 60
PRESENT_PER_S = 2_000
"""Viewers who say that they are there, each second."""
NOTICE_S = 4
"""Seconds before a break for which players know of it, fewer than shipped as the two that follow."""
FETCH_FROM_S, FETCH_UNTIL_S = 16.0, 4.0
"""So that a crowd takes half a minute: 12 s in which the outside server is asked."""
LEAD_S = 1.0
"""Seconds between the last viewer's word and the first turn."""

SERVER_SLOW_S = 3.0
SERVER_PER_S_MAX = 200
SERVER_DEADLINE_S = 4.0
PARTNER, HOUSE, SLATE = "partner", "house", "slate"
PARTNER_S, HOUSE_S, SLATE_S = 20, 15, 5
"""Seconds of an outside ad, a house ad and a piece of slate: a place that the outside server leaves takes one
of each of the others."""

_OUTCOMES = re.compile(r'^tifo_outside_ads_total\{.*?outcome="([^"]+)".*?\} (\S+)$', re.MULTILINE)

COLUMNS = (
    Column("asked"),
    Column("legal inside 1 s"),
    Column("p50, ms", digits=1),
    Column("p99, ms", digits=1),
    Column("slowest, ms"),
    Column("outside ads, % of the time", digits=1),
    Column("sold by us, %", digits=1),
    Column("house ads, %", digits=1),
    Column("slate, %", digits=1),
    Column("asked of the outside server"),
    Column("most in a second (limit 200)"),
    Column("above its limit"),
    Column("generator late p99, ms", digits=1),
    Column("service, % of a core"),
)


@dataclass(frozen=True, slots=True)
class Crowd:
    """What one crowd got, and what the outside server saw.

    `busy` is the service's share of its core, `outcomes` what it counted of outside ads.
    """

    viewers: int
    got: Paced
    seen: Seen
    busy: float
    outcomes: Mapping[str, int]

    @property
    def verdict(self) -> str:
        """`pass`, `fail`, or that the generator was too late to tell."""
        pods = self.got.pods
        if pods is not None and pods.in_time == self.viewers and not self.seen.refused:
            return "pass" if self.on_time else "pass, though the generator was late"
        return "fail" if self.on_time else "the generator was the bottleneck"

    @property
    def on_time(self) -> bool:
        """Whether the generator sent at the moments that were drawn."""
        return self.got.late_p99_us / 1_000 <= LATE_MS_MAX and not self.got.dropped

    @property
    def row(self) -> Row:
        """As the table has it."""
        got, seen = self.got, self.seen
        shares = shares_of(got.pods.seconds if got.pods else {})
        times = (us / 1_000 for us in (got.p50_us, got.p99_us, got.max_us))
        values = (
            *(got.requests, got.pods.in_time if got.pods else 0, *times),
            *(100 * shares[kind] for kind in (PARTNER, "sold", HOUSE, SLATE)),
            *(seen.asked, seen.most_in_a_second, seen.refused),
            *(got.late_p99_us / 1_000, 100 * self.busy),
        )
        return Row(f"{self.viewers:,} viewers: {self.verdict}", tuple(map(float, values)))


def shares_of(seconds: Mapping[str, float]) -> dict[str, float]:
    """What part of the time each kind of ad fills, by seconds of creatives; what is no other kind is sold."""
    found = dict.fromkeys((PARTNER, "sold", HOUSE, SLATE), 0.0)
    for creative, s in seconds.items():
        kind = creative.partition("-")[0]
        found[kind if kind in found else "sold"] += s
    total = sum(found.values())
    return {kind: s / total if total else 0.0 for kind, s in found.items()}


def outcomes_of(metrics: str) -> dict[str, int]:
    """What became of outside ads, by outcome, as a service's metrics tell it."""
    return {outcome: int(float(count)) for outcome, count in _OUTCOMES.findall(metrics)}


def notes(crowds: tuple[Crowd, ...]) -> tuple[str, ...]:
    """The largest crowd that passed, what became of outside ads, and what was wrong."""
    passed = [one.viewers for one in crowds if one.verdict.startswith("pass")]
    said = [f"The largest crowd that passes: {max(passed):,} viewers." if passed else "No crowd passed."]
    for one in crowds:
        counts = ", ".join(f"{name} {count:,}" for name, count in sorted(one.outcomes.items()))
        said.append(f"{one.viewers:,} viewers, outside ads: {counts or 'none'}")
        if one.got.first_error:
            said.append(f"{one.viewers:,} viewers: {one.got.first_error}")
    return tuple(said)


class AdBreak:
    """A fresh platform for each crowd."""

    name = "ads-break"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes, whatever the effort, if all crowds pass."""
        return sum(STARTING_S + _ahead_s(_size(n, effort)) + SPREAD_S + DEADLINE_S for n in CROWDS)

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """One row for each crowd, until one does not pass."""
        crowds: list[Crowd] = []
        for viewers in CROWDS:
            progress.doing(f"{self.name}: {_size(viewers, effort):,} viewers")
            crowds.append(_crowd(_size(viewers, effort), cores, progress))
            if not crowds[-1].verdict.startswith("pass"):
                break
        return Found(findings=(_finding(tuple(crowds)),))


def _size(viewers: int, effort: Effort) -> int:
    return max(CROWD_MIN, round(viewers * effort.scale))


def _ahead_s(viewers: int) -> float:
    """Seconds from the plan of a break to its start: all come first, then their ads are fetched."""
    return viewers / PRESENT_PER_S + LEAD_S + FETCH_FROM_S


def _crowd(viewers: int, cores: Cores, progress: Progress) -> Crowd:
    with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name:
        folder = Path(name)
        server = _ad_server(free_port())
        settings = _settings(folder, server.ready_url.removesuffix(SEEN.decode()))
        asyncio.run(ads.stock(settings, _inventory(settings.ads.servers[0].base_url)))
        with (
            running((server,), cores.generator, folder),
            running(recipes.tifo().processes(settings), cores.server, folder) as servers,
        ):
            progress.advance(STARTING_S)
            return _Night(settings, servers, cores, progress).crowd(viewers, server.ready_url)


@dataclass(frozen=True, slots=True)
class _Night:
    settings: Settings
    servers: Servers
    cores: Cores
    progress: Progress

    def crowd(self, viewers: int, seen_url: str) -> Crowd:
        asking = tokens(self.settings, viewers)
        brk, starts_at = self._planned(_ahead_s(viewers))
        self._arrive(asking)
        pods = open_model.write(
            self.settings.folder("pods.txt"), (f"GET /v1/ads/{one}/breaks/{brk}" for one in asking)
        )
        while (left_s := starts_at - SystemClock().now()) > 0:
            self._wait(min(left_s, 0.5))
        judging = ("-spread", f"{SPREAD_S}s", "-length", str(BREAK_S), "-deadline", f"{DEADLINE_S}s")
        cpu_s = self.servers.cpu_s()
        got = self._sent((*pods, *judging), SPREAD_S)
        busy = (self.servers.cpu_s() - cpu_s) / (got.duration_us / 1e6)
        seen = msgspec.json.decode(httpx.get(seen_url, trust_env=False).content, type=Seen)
        metrics = httpx.get(f"{self._operators}/metrics", trust_env=False).text
        return Crowd(viewers, got, seen, min(1.0, busy), outcomes_of(metrics))

    @property
    def _operators(self) -> str:
        edge = self.settings.edge
        return f"http://{edge.operator_host}:{edge.operator_port}"

    def _planned(self, ahead_s: float) -> tuple[str, float]:
        """The break that operators plan, by its id and start."""
        body = {"starts_at": SystemClock().now() + ahead_s, "duration_s": BREAK_S}
        answer = httpx.post(f"{self._operators}/v1/control/breaks", json=body, trust_env=False)
        if not answer.is_success:
            raise CannotMeasure(f"a break was answered {answer.status_code}: {answer.text}")
        (planned,) = msgspec.json.decode(answer.content, type=BreaksAnswer).breaks
        return planned.id, planned.starts_at

    def _arrive(self, asking: list[str]) -> None:
        """Everybody says that they will be there."""
        file = self.settings.folder("present.txt")
        words = open_model.write(file, (f"POST /v1/ads/{one}/present" for one in asking))
        came = self._sent((*words, *open_model.steady(PRESENT_PER_S)), len(asking) / PRESENT_PER_S)
        if came.first_error:
            raise CannotMeasure(f"not all could say that they are there: {came.first_error}")

    def _sent(self, words: tuple[str, ...], seconds: float) -> Paced:
        return paced(self.settings.viewers_url, words, self.cores.generator, seconds, self.progress.advance)

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)
        self.progress.advance(seconds)


def _ad_server(port: int) -> Process:
    words = (str(port), f"{SERVER_SLOW_S:g}", str(SERVER_PER_S_MAX), str(PARTNER_S))
    command = (sys.executable, "-m", "benchmarks.ad_server", *words)
    return Process("partner", command, f"http://127.0.0.1:{port}{SEEN.decode()}")


def _settings(folder: Path, partner: str) -> Settings:
    server = AdServerSettings(
        PARTNER, partner, float(SERVER_PER_S_MAX), viewers_max=20_000, deadline_s=SERVER_DEADLINE_S
    )
    settings = AdsSettings(fetch_from_s=FETCH_FROM_S, fetch_until_s=FETCH_UNTIL_S, servers=(server,))
    base = instance.settings(folder, SystemClock())
    channel = msgspec.structs.replace(base.channel, break_every_s=0, break_notice_s=NOTICE_S)
    return msgspec.structs.replace(base, ads=settings, channel=channel)


def _inventory(partner: str) -> Inventory:
    """What `ads-pods` has, and before it a place in each pod that the outside server fills."""
    now = SystemClock().now()
    sold = ads.inventory(now)
    starts, ends = now - ads.DAY_S, now + ads.DAY_S
    own = LineItem(PARTNER, PARTNER, (PARTNER,), starts, ends, ads.IMPRESSIONS, pace="asap", priority=1)
    return msgspec.structs.replace(
        sold,
        campaigns=(Campaign(PARTNER, PARTNER), *sold.campaigns),
        line_items=(own, *(msgspec.structs.replace(one, priority=2) for one in sold.line_items)),
        creatives=(*_own_creatives(partner), *sold.creatives),
        house=(HOUSE,),
        slate=(SLATE,),
    )


def _own_creatives(partner: str) -> Iterator[CreativeEntry]:
    yield CreativeEntry(PARTNER, PARTNER_S, tag_url=f"{partner}/vast?cb=[CACHEBUSTING]")
    yield CreativeEntry(HOUSE, HOUSE_S)
    yield CreativeEntry(SLATE, SLATE_S)


def _finding(crowds: tuple[Crowd, ...]) -> Finding:
    return Finding(
        name=AdBreak.name,
        title="One break that a crowd asks for within 2 s, on one core",
        parameters={
            "break": f"{BREAK_S} s",
            "line items": f"{ads.LINE_ITEMS:,}",
            "outside server": f"{SERVER_SLOW_S:g} s an answer, enforces {SERVER_PER_S_MAX} requests/s",
            "asked ahead": f"for {FETCH_FROM_S - FETCH_UNTIL_S:g} s",
            "a place of it": f"{PARTNER_S} s in each pod",
        },
        columns=COLUMNS,
        rows=tuple(one.row for one in crowds),
        notes=notes(crowds),
    )
