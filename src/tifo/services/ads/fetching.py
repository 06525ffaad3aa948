"""What is fetched of one outside ad server: job after job at its pace, each until its deadline."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from tifo.api.creatives import Creative
from tifo.api.reports import AdServerReport
from tifo.kernel.bulkhead import Budget, Bulkhead, NotAsked, TimedOut
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.services.ads import outside_vast
from tifo.services.ads.chain import Chain, Gate
from tifo.services.ads.outside_tally import OutsideTally
from tifo.services.ads.outside_vast import OutsideAd, VastError, asked_url
from tifo.services.ads.settings import AdServerSettings
from tifo.services.ads.shaping import AHEAD_S, call_s, may_begin

CALLS_MAX = 1_000
"""Ads of one server that are fetched at once."""

FAILURES_MAX = 5
"""Failures in a row after which a server is only probed."""

OUTCOMES: Mapping[int, str] = {
    outside_vast.NOT_XML: "unreadable",
    outside_vast.NOT_VAST: "unreadable",
    outside_vast.VERSION: "unreadable",
    outside_vast.DURATION: "wrong-length",
    outside_vast.NO_MEDIA: "no-media",
    outside_vast.NO_AD: "no-ad",
    outside_vast.WRAPPER: "wrapper",
    outside_vast.WRAPPERS_MAX: "wrapper",
    outside_vast.TIMEOUT: "late",
}
"""What the metrics call an error of VAST."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """An ad to fetch until `wanted_by` (epoch seconds); `once` tells it from all others, `keep` takes it."""

    creative: Creative
    once: str
    wanted_by: float
    headers: Mapping[str, str] = field(repr=False)
    keep: Callable[[OutsideAd], None]


def budget(settings: AdServerSettings, requests_per_s: float) -> Budget:
    """What one server may cost: as many calls at once as its rate and its deadline can make."""
    calls = max(1, min(CALLS_MAX, math.ceil(requests_per_s * (settings.deadline_s + AHEAD_S))))
    return Budget(calls, waiting_max=0, call_s_max=call_s(settings.deadline_s), failures_max=FAILURES_MAX)


class Fetcher:
    """One for each declared server."""

    def __init__(self, gate: Gate, chain: Chain, bulkhead: Bulkhead, clock: Clock) -> None:
        self.gate = gate
        self._chain = chain
        self._bulkhead = bulkhead
        self._clock = clock
        self._tally = OutsideTally(gate.settings.id)
        self._calls_max = budget(gate.settings, gate.share.requests_per_s).calls_max
        self._jobs: deque[Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def offer(self, job: Job) -> None:
        """Have an ad fetched, after those that were offered before."""
        self._jobs.append(job)

    def start_due(self) -> None:
        """Give their times to those that may go out soon; what can no longer be here in time is given up."""
        until = self._clock.now() + AHEAD_S
        while self._jobs and len(self._tasks) < self._calls_max and self.gate.next_at <= until:
            job = self._jobs.popleft()
            if may_begin(self._clock.now(), job.wanted_by, self.gate.settings.deadline_s):
                task = asyncio.create_task(self._fetch(job, self.gate.reserve()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                self.count("late")

    def count(self, outcome: str) -> None:
        """Tell what came of an ad."""
        self._tally.count(outcome)

    def report(self, every_s: float) -> AdServerReport:
        """What came of the last minutes' asking; asked each `every_s`."""
        failing = self._bulkhead.failing
        return self._tally.report(every_s, self.gate.share.requests_per_s, failing=failing)

    async def settle(self) -> None:
        """Until what is under way has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Give up what is under way and what was to come."""
        self._jobs.clear()
        for task in self._tasks:
            task.cancel()
        await self.settle()

    async def _fetch(self, job: Job, at: float) -> None:
        await self.gate.wait(at)
        url = asked_url(job.creative.tag_url, job.once, at)
        seconds = job.creative.duration_s
        try:
            ad = await self._bulkhead.call(lambda: self._chain.ad(url, seconds, job.headers))
        except VastError as error:
            self.count(OUTCOMES[error.code])
        except NotAsked:
            self.count("unasked")
        except TimedOut:
            self.count("timeout")
        except Unavailable:
            self.count("failed")
        except Exception:
            _log.exception("outside-ad.fault", server=self.gate.settings.id)
            self.count("failed")
        else:
            self.count("fetched")
            job.keep(ad)
