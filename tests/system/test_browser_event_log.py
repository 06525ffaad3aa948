"""The event log in the control room, in Debian's Chromium: what looks wrong, what waits, and dead letters."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import platforms
import pytest
from browsers import NEEDS_CHROMIUM, cockpit_of
from commands import START_S_MAX, eventually
from players import CLOCK, Platform
from playwright.sync_api import Browser, Page

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.anomalies import Anomaly, AnomalyPast
from tifo.api.reports import SpoolReport, StoreReport
from tifo.board.entries import ANOMALIES, NODE, AnomaliesReport, NodeReport
from tifo.eventlog.ports import Record

pytestmark = NEEDS_CHROMIUM

SAID_S = 300.0
"""Seconds for which what the stories put on the board stands."""


@pytest.fixture(scope="module")
def match(new_folder: platforms.NewFolder) -> Iterator[Platform]:
    with new_folder() as folder, platforms.one_machine(folder, break_every_s=0) as platform:
        yield platform


@pytest.fixture
def cockpit(browser: Browser, match: Platform) -> Iterator[Page]:
    with cockpit_of(browser, match, 1600, 1000) as page:
        yield page


def done(work: Coroutine[Any, Any, None]) -> None:
    """Beside the loop of the browser."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, work).result()


def say(match: Platform, **said: msgspec.Struct) -> None:
    """On the board of the platform, as a worker or another node would."""

    async def write() -> None:
        board = SqliteBoard(match.stores / "board.db", CLOCK)
        for key, value in said.items():
            await board.write(key, msgspec.json.encode(value), SAID_S)
        await board.close()

    done(write())


def has(page: Page, selector: str, words: str) -> None:
    eventually(lambda: words in page.inner_text(selector), START_S_MAX, f"{selector} says {words}")


def test_operator_sees_what_looks_wrong_and_what_did(match: Platform, cockpit: Page) -> None:
    has(cockpit, "#anomalies-note", "Nothing looks wrong.")
    now = CLOCK.now()
    # Newer than what the machine's own worker says meanwhile, which finds nothing.
    ahead = now + SAID_S
    lost = Anomaly("a", "cdn-lost", "cdn-a", now - 65, now, "cdn-a has 10 viewers; a minute ago 5,000.", {})
    crowd = Anomaly("b", "network-crowd", "192.0.2.0/24", now - 5, now, "700 sessions began.", {})
    say(match, **{f"{ANOMALIES}story": AnomaliesReport(ahead, (crowd, lost))})
    cockpit.wait_for_selector('[data-anomaly="cdn-lost"][data-tone="bad"]')
    cockpit.wait_for_selector('[data-anomaly="network-crowd"][data-tone="warn"]')
    first = cockpit.inner_text("#anomalies li:first-child")
    assert "A CDN has lost its viewers" in first
    assert lost.evidence in first
    assert "since" in first
    over = AnomalyPast("a", "cdn-lost", "cdn-a", lost.since, now, lost.evidence)
    say(match, **{f"{ANOMALIES}story": AnomaliesReport(ahead + 1, (), (over,))})
    has(cockpit, "#anomalies-note", "Nothing looks wrong.")
    cockpit.click("#anomalies-over summary")
    has(cockpit, "#anomalies-past", lost.evidence)


def test_operator_reads_what_waits_while_kafka_is_gone(match: Platform, cockpit: Page) -> None:
    cockpit.wait_for_selector("#log-note:visible")
    cockpit.wait_for_selector("#spools-note:visible")
    match.player()
    cockpit.wait_for_selector('[data-topic="sessions"] [data-reader="insight"]')
    spool = SpoolReport("holding", 12_340, 512 * 2**20, 2**30, 95.0, {"playback": 4}, 0)
    gone = StoreReport("eventlog", "kafka", "failing", CLOCK.now() - 95, 0.0, 0.0)
    say(match, **{f"{NODE}node-x": NodeReport((), (), "failing", stores=(gone,), spool=spool)})
    has(cockpit, "#log-troubles", "Kafka does not answer since")
    has(cockpit, "#log-troubles", "12,340 events wait on 1 node's disk.")
    has(cockpit, "#log-troubles", "dropped: 4 of playback.")
    assert cockpit.is_hidden("#log-note")
    row = '[data-spool="node-x"]'
    assert cockpit.get_attribute(f"{row} [role=meter]", "aria-valuenow") == "50"
    has(cockpit, row, "512 MiB of 1 GiB")
    has(cockpit, row, "1 min 35 s")


def test_operator_delivers_dead_letters_again(match: Platform, cockpit: Page) -> None:
    async def set_aside() -> None:
        log = SqliteEventLog(match.stores / "events.db", CLOCK)
        records = [
            Record("control", f"key-{n}", f"evt_{n}", "story.told", CLOCK.now(), b'{"n":7}') for n in (1, 2)
        ]
        await log.append(records)
        consumer = await log.consumer("story", ["control"], "story-1")
        while found := await consumer.poll():
            for one in found:
                if one.record.type == "story.told":
                    await consumer.park(one, "KeyError('device')")
        await consumer.commit()
        await log.close()

    done(set_aside())
    option = "#letters-group option:text-is('story')"
    cockpit.wait_for_selector(option, state="attached")
    cockpit.select_option("#letters-group", "story")
    has(cockpit, "#letters-note", "2 letters, the oldest first.")
    letter = '[data-letter="evt_1"]'
    has(cockpit, letter, "KeyError('device')")
    cockpit.click(f"{letter} summary")
    has(cockpit, letter, '"n": 7')
    cockpit.click("#letters-replay")
    has(cockpit, "#confirm-lines", "The oldest 2 letters of story are delivered to it again")
    cockpit.click("#confirm-yes")
    cockpit.wait_for_selector("text=2 delivered again to story.")
    has(cockpit, "#letters-note", "story has set nothing aside.")
    assert cockpit.is_disabled("#letters-replay")
    eventually(lambda: "replay-letters" in cockpit.inner_text("#audit"), what="the trail says it")
