"""From a player's report to those who read of it: the cockpit's overview, and a question to the lake."""

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import quantiles

import httpx

from benchmarks import event_mix, instance, recipes
from benchmarks.cmcd import MEDIA, NO_CONTENT, PATH
from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.instance import PATHWAYS
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.runner import STARTING_S, Effort, Progress
from benchmarks.servers import Process, running
from tifo import app, stores
from tifo.adapters.lake import asking
from tifo.api.events import SessionStarted
from tifo.eventlog.records import to_record
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.settings import Settings

WORKERS = ("insight", "lake")
PATHWAY = PATHWAYS[0]
REPORTS_MAX = 400
"""Sessions that are there before, each of which reports once at the most."""

TIMES_S = 6.0
"""Times the seconds of a measurement: a report is waited for before the next is made."""

LOOK_S = 0.02
LAKE_LOOK_S = 0.25
PAUSE_S_MAX = 1.0
"""Seconds between two looks, and of the pause between two reports at the most."""

GOLDEN = 0.618034

SEEN_S_MAX = 60.0
LEASE_S = 3_600
COLUMNS = (Column("reports"), Column("p50, s", 2), Column("p99, s", 2), Column("slowest, s", 2))


class Delay:
    """The services in one process and the workers in another, on one core, everything in files."""

    name = "events-delay"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes."""
        return 2 * STARTING_S + TIMES_S * effort.seconds + SEEN_S_MAX / 2

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Both from the moment at which the player sent its report."""
        progress.doing(f"{self.name}: starting")
        with tempfile.TemporaryDirectory(prefix="tifo-bench-") as name:
            folder = Path(name)
            settings = instance.settings(folder, SystemClock())
            asyncio.run(_start_sessions(settings))
            parts = (*recipes.tifo().processes(settings), _workers(settings))
            with running(parts, cores.server, folder), _Seen(settings) as seen:
                progress.advance(2 * STARTING_S)
                overview = _reported(settings, seen, TIMES_S * effort.seconds, progress)
                lake = seen.delays()
        told = {
            "overview": "asked 50 times a second",
            "lake": f"asked each {LAKE_LOOK_S:g} s; settings as shipped",
        }
        rows = (
            row("the report counts in the cockpit's overview", overview),
            row("a question to the lake finds it", lake),
        )
        title = "From a player's report to those who read of it, on one core"
        return Found(findings=(Finding(self.name, title, told, COLUMNS, rows),))


def row(title: str, delays_s: Sequence[float]) -> Row:
    """How many there were, their median, their 99th percentile and the slowest."""
    cuts = quantiles(delays_s, n=100, method="inclusive")
    return Row(title, (len(delays_s), cuts[49], cuts[98], max(delays_s)))


def pause_s(number: int) -> float:
    """After report `number`: evenly from 0 to `PAUSE_S_MAX`, so that nothing that beats keeps step."""
    return number * GOLDEN % 1 * PAUSE_S_MAX


class _Seen:
    """Asks the lake again and again which sessions' reports are there, in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._address = stores.lake_at(settings)
        self._sent: dict[str, float] = {}
        self._found: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lake", daemon=True)

    def __enter__(self) -> "_Seen":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def sent(self, session: str) -> None:
        """A session reports now."""
        self._sent[session] = time.monotonic()

    def delays(self) -> list[float]:
        """Of all of them but the first, in seconds; waits for the last."""
        until = time.monotonic() + SEEN_S_MAX
        while self._sent.keys() - self._found.keys():
            if time.monotonic() > until:
                raise CannotMeasure(f"the lake has {len(self._found)} of {len(self._sent)} reports")
            time.sleep(LAKE_LOOK_S)
        return [self._found[session] - at for session, at in islice(self._sent.items(), 1, None)]

    def _look(self) -> None:
        while not self._over.wait(LAKE_LOOK_S):
            try:
                answer = asking.ask(self._address, "select session from playback_reported", REPORTS_MAX)
            except (Refusal, Unavailable):
                continue  # no lake yet, or no report in it
            now = time.monotonic()
            for (session,) in answer.rows:
                self._found.setdefault(str(session), now)


def _workers(settings: Settings) -> Process:
    file = settings.folder("run") / "settings.toml"
    command = (sys.executable, "-m", "tifo", "worker", *WORKERS)
    return Process("workers", command, "", {app.CONFIG_VARIABLE: str(file), "TIFO_NODE": "workers"})


async def _start_sessions(settings: Settings) -> None:
    """Tell the log of sessions that will report; they are let in by nobody."""
    log, now = stores.event_log(settings), SystemClock().now()
    events = [
        SessionStarted(
            session=event_mix.session_of(n),
            event=instance.EVENT,
            account=f"account-{n}",
            device=f"device-{n}",
            device_kind="tv",
            lease_s=LEASE_S,
        )
        for n in range(REPORTS_MAX)
    ]
    await log.append([to_record(one, f"evt-{n}", now) for n, one in enumerate(events)])
    await log.close()


def _reported(settings: Settings, seen: _Seen, seconds: float, progress: Progress) -> list[float]:
    """One report after the other for so long: seconds until each counted in the overview."""
    delays: list[float] = []
    with httpx.Client(trust_env=False, timeout=SEEN_S_MAX) as client:
        overview = _Overview(client, settings)
        # The first waits for the workers too, and is not counted.
        _report(client, settings, overview, seen, 0)
        until = time.monotonic() + seconds
        while time.monotonic() < until and len(delays) + 1 < REPORTS_MAX:
            began = time.monotonic()
            delays.append(_report(client, settings, overview, seen, len(delays) + 1))
            progress.doing(f"events-delay: {len(delays)} reports")
            time.sleep(pause_s(len(delays)))
            progress.advance(time.monotonic() - began)
    return delays


def _report(
    client: httpx.Client, settings: Settings, overview: "_Overview", seen: _Seen, number: int
) -> float:
    session, at = event_mix.session_of(number), SystemClock().now()
    line = event_mix.line(session, number * len(PATHWAYS), round(at * 1_000))
    began = time.monotonic()
    seen.sent(session)
    answer = client.post(f"{settings.viewers_url}{PATH}", content=line, headers={"content-type": MEDIA})
    if answer.status_code != NO_CONTENT:
        raise CannotMeasure(f"a report was answered {answer.status_code}: {answer.text}")
    overview.until(lambda: overview.on_pathway() > number)
    return time.monotonic() - began


class _Overview:
    """What the cockpit shows."""

    def __init__(self, client: httpx.Client, settings: Settings) -> None:
        edge = settings.edge
        self._client = client
        self._url = f"http://{edge.operator_host}:{edge.operator_port}/v1/control/overview"

    def on_pathway(self) -> int:
        """Those that said they are on `PATHWAY`."""
        told = self._client.get(self._url).json()["pathways"]
        return next(int(one["viewers"]) for one in told if one["id"] == PATHWAY)

    def until(self, holds: Callable[[], bool]) -> None:
        """Look until it is so; raises `CannotMeasure` when it takes too long."""
        until = time.monotonic() + SEEN_S_MAX
        while not holds():
            if time.monotonic() > until:
                raise CannotMeasure("the overview does not show what was told")
            time.sleep(LOOK_S)
