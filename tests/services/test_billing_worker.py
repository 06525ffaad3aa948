"""The worker that counts ads: from the log to the books, across failures, restarts and what does not read."""

import asyncio
import csv
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from patience import WITHIN_S_MAX

from tifo import cli_ads
from tifo.adapters.sqlite.billing import SqliteBillingLedger
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.billing import BilledAnswer, BilledAsked, BreakBilled
from tifo.api.events import AdTracked, BreakDecided
from tifo.api.inventory import Campaign, Inventory, LineItem
from tifo.eventlog import following
from tifo.eventlog.ports import Record
from tifo.eventlog.records import to_record
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Unavailable
from tifo.services.ads import billed as ads_billed
from tifo.services.ads import billed_routes
from tifo.services.ads.billed import BilledDesk, summed
from tifo.services.ads.ports import KeptInventory
from tifo.services.control import billed_routes as control_billed_routes
from tifo.serving.responders import application
from tifo.serving.routes import Listener
from tifo.telemetry.metrics import EVENTS_SKIPPED
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing
from tifo.workers.billing.ports import BillingTerms, Fact, Taken
from tifo.workers.billing.service import GROUP, BillingWorker
from tifo.workers.billing.settings import BillingSettings

TERMS = BillingTerms(late_s_max=600, behind_s_max=3_600, beacon_s_max=3_600, figures_s=86_400)


class Ledger(SqliteBillingLedger):
    """May be gone, and may choke."""

    gone = False
    poison = ""

    async def take(self, facts: Sequence[Fact], now: float) -> Taken:
        if self.gone:
            raise Unavailable("billing", "disk I/O error")
        if self.poison and any(fact.session == self.poison for fact in facts):
            raise ZeroDivisionError
        return await super().take(facts, now)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger(tmp_path / "billing.db", TERMS)
    yield ledger
    await ledger.close()


@asynccontextmanager
async def working(log: SqliteEventLog, ledger: Ledger, clock: ManualClock) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = BillingWorker(log, ledger, clock, BillingSettings(poll_s=0.01), "node-1")
    running = asyncio.create_task(worker.run(stop))
    yield
    stop.set()
    async with asyncio.timeout(WITHIN_S_MAX):
        await running


async def caught_up(log: SqliteEventLog) -> None:
    async with asyncio.timeout(WITHIN_S_MAX):
        while not (lags := await log.lag()) or any(lag.records for lag in lags):
            pass


async def counted(ledger: Ledger) -> dict[str, int]:
    return {f"{one.standing} {one.what}": one.count for one in await ledger.lines(BilledAsked())}


def decided(n: int, at: float) -> Record:
    event = BreakDecided(
        session=f"ses_{n}", event="final", break_id="brk-1", creatives=("ad",), line_items=("brew",)
    )
    return to_record(event, f"evt_d{n}", at)


def tracked(n: int, at: float, what: str = "impression") -> Record:
    event = AdTracked(session=f"ses_{n}", event="final", break_id="brk-1", slot=1, creative="ad", what=what)
    return to_record(event, f"evt_{what}{n}", at)


async def test_each_beacon_is_counted_once(log, ledger, clock) -> None:
    now = clock.now()
    told = [one for n in range(20) for one in (decided(n, now), tracked(n, now), tracked(n, now + 1))]
    await log.append([*told, *told])
    async with working(log, ledger, clock):
        await caught_up(log)
    assert await counted(ledger) == {"counted decided": 20, "counted impression": 20}


async def test_what_was_handled_and_not_committed_comes_again_and_counts_once(
    log, ledger, clock, tmp_path
) -> None:
    now = clock.now()
    await log.append([one for n in range(5) for one in (decided(n, now), tracked(n, now))])

    class Died(Exception):
        pass

    class Dying(SqliteEventLog):
        async def consumer(self, group, topics, member, memory_s=0.0):
            consumer = await super().consumer(group, topics, member, memory_s)

            async def commit() -> None:
                raise Died

            consumer.commit = commit
            return consumer

    dying = Dying(tmp_path / "events.db", clock)
    with pytest.raises(Died):
        await BillingWorker(dying, ledger, clock, BillingSettings(poll_s=0.01), "node-1").run(asyncio.Event())
    await dying.close()
    before = await counted(ledger)
    assert before == {"counted decided": 5, "counted impression": 5}
    async with working(log, ledger, clock):
        await caught_up(log)
    assert await counted(ledger) == before


async def test_record_that_does_not_read_is_set_aside_and_stops_nobody(log, ledger, clock, logged) -> None:
    now = clock.now()
    poison = Record("ads", "ses_1", "evt_0", "ads.tracked", now, b"{\xff")
    strange = Record("ads", "ses_1", "evt_9", "ads.applauded", now, b"{}")
    await log.append([poison, strange, tracked(1, now)])
    skipped = EVENTS_SKIPPED.labels(GROUP, "ads")
    before = skipped._value.get()
    async with working(log, ledger, clock):
        await caught_up(log)
    assert skipped._value.get() - before == 1
    assert await counted(ledger) == {"unmatched impression": 1}
    assert [one.record.id for one in await log.letters(GROUP)] == ["evt_0"]
    assert [entry["event"] for entry in logged] == ["billing.parked"]


async def test_record_that_the_ledger_chokes_on_is_set_aside_alone(log, ledger, clock) -> None:
    now = clock.now()
    ledger.poison = "ses_2"
    await log.append([tracked(n, now) for n in range(5)])
    async with working(log, ledger, clock):
        await caught_up(log)
    assert await counted(ledger) == {"unmatched impression": 4}
    (letter,) = await log.letters(GROUP)
    assert (letter.record.id, letter.reason) == ("evt_impression2", "ZeroDivisionError()")


async def test_ledger_that_is_gone_is_written_when_it_is_back(
    log, ledger, clock, monkeypatch, until, logged
) -> None:
    monkeypatch.setattr(following, "RETRY_S", 0.01)
    await log.append([decided(1, clock.now()), tracked(1, clock.now())])
    ledger.gone = True
    async with working(log, ledger, clock):
        await until(lambda: any(entry["event"] == "billing.failing" for entry in logged))
        ledger.gone = False
        await caught_up(log)
    assert [entry["event"] for entry in logged] == ["billing.failing", "billing.back"]
    assert await counted(ledger) == {"counted decided": 1, "counted impression": 1}


async def test_stale_record_is_said(log, ledger, clock, logged) -> None:
    now = clock.now()
    await log.append([tracked(1, now), tracked(1, now - 3_601, "complete")])
    async with working(log, ledger, clock):
        await caught_up(log)
    assert [(entry["event"], entry["facts"]) for entry in logged] == [("billing.stale", 1)]


# --- what operators see -----------------------------------------------------------------------------------


class Prices:
    """An inventory in force, which sells `brew` at 24.50 a thousand."""

    item = LineItem("brew", "summer", ("ad",), 0.0, 1.0, cpm_cents=2_450)
    kept = KeptInventory(3, Inventory(campaigns=(Campaign("summer", "brewery"),), line_items=(item,)))


@pytest.fixture
async def http(ledger, clock) -> AsyncIterator[httpx.AsyncClient]:
    handlers = billed_routes.handlers(BilledDesk(ledger, Prices(), clock))
    tracing = Tracing("", "tests")
    handlers |= control_billed_routes.handlers(BilledDesk(ledger, Prices(), clock))
    routes = billed_routes.ROUTES + control_billed_routes.ROUTES
    app = application(Listener.OPERATORS, routes, handlers, RequestMetrics(), tracing)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tifo") as client:
        yield client
    tracing.close()


async def test_books_are_told_by_line_item_and_by_break(log, ledger, clock, http, capsys) -> None:
    now = clock.now()
    records = [decided(n, now) for n in range(4)] + [tracked(n, now) for n in range(3)]
    records += [tracked(1, now, "complete"), tracked(3, now + 700), tracked(9, now)]
    await log.append(records)
    async with working(log, ledger, clock):
        await caught_up(log)
    answer = await http.get("/v1/control/ads/billed", params={"event": "final"})
    billed = summed(await ledger.lines(BilledAsked()), Prices.kept.inventory)
    assert answer.json()["breaks"] == [
        {
            "event": "final", "break_id": "brk-1", "decided": 4, "impressions": 3, "share": 0.75, "late": 1,
            "unmatched": 1,
        }
    ]  # fmt: skip
    (item,) = billed.line_items
    assert (item.line_item, item.decided, item.impressions, item.completes, item.late) == ("brew", 4, 3, 1, 1)
    assert (item.campaign, item.share, item.amount_micros) == ("summer", 0.75, 3 * 24_500)
    (campaign,) = answer.json()["campaigns"]
    assert (campaign["campaign"], campaign["advertiser"], campaign["amount_micros"]) == (
        "summer",
        "brewery",
        73_500,
    )
    cli_ads._show_billed(billed)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "brew 4 3 1 0 0 0 1" in lines
    assert "brk-1 final 4 3 75.0% 1 1" in lines


async def test_control_room_has_the_sums_and_takes_them_away_as_csv(log, ledger, clock, http) -> None:
    now = clock.now()
    await log.append([decided(n, now) for n in range(2)] + [tracked(0, now), tracked(0, now, "click")])
    async with working(log, ledger, clock):
        await caught_up(log)
    answer = (await http.get("/v1/control/billed")).json()
    assert (answer["lines"], answer["currency"]) == ([], "EUR")
    assert [one["campaign"] for one in answer["campaigns"]] == ["summer"]
    sheet = await http.get("/v1/control/billed.csv?event=final&hours=2")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert "attachment" in sheet.headers["content-disposition"]
    (row,) = csv.DictReader(sheet.text.splitlines())
    assert (row["campaign"], row["line_item"], row["decided"], row["clicks"]) == ("summer", "brew", "2", "1")
    assert (row["share"], row["amount"], row["currency"]) == ("0.5", "0.024500", "EUR")
    assert (await http.get("/v1/control/billed.csv?hours=0")).status_code == 422


async def test_what_the_inventory_does_not_know_has_no_price_and_no_campaign(ledger, clock) -> None:
    now = clock.now()
    facts = [Fact("s", "final", "b", 1, "a", what, now, "gone") for what in ("decided", "impression")]
    await ledger.take(facts, now)
    answer = summed(await ledger.lines(BilledAsked()), Prices.kept.inventory, lines=False)
    (item,) = answer.line_items
    assert (item.line_item, item.campaign, item.amount_micros) == ("gone", "", 0)
    assert answer.campaigns == ()


@pytest.mark.parametrize("hours", ["0", "x", "9601", "-1"])
async def test_hours_that_are_none_are_refused(http, hours: str) -> None:
    answer = await http.get("/v1/control/ads/billed", params={"hours": hours})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_figures_that_do_not_fit_are_refused_and_not_cut(http, monkeypatch, ledger, clock) -> None:
    monkeypatch.setattr(ads_billed, "LINES_MAX", 1)
    await ledger.take([Fact("s", "e", "b", 1, "a", "click", clock.now())], clock.now())
    answer = await http.get("/v1/control/ads/billed")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_empty_books_say_what_to_look_at(capsys) -> None:
    cli_ads._show_billed(BilledAnswer((), (), ()))
    assert "tifo worker billing" in capsys.readouterr().out


def test_break_that_nobody_decided_has_no_share(capsys) -> None:
    answer = BilledAnswer((), (BreakBilled("final", "brk-1", 0, 0, None, 0, 2),), (None,))
    cli_ads._show_billed(answer)
    assert "brk-1 final 0 0 0 2" in " ".join(capsys.readouterr().out.split())
