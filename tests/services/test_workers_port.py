"""The port of a process of workers: who may read what there, and when it is ready."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager

import httpx
import pytest
from event_logs import eventually
from prometheus_client.parser import text_string_to_metric_families

from tifo.adapters.sqlite.billing import SqliteBillingLedger
from tifo.api.events import AdTracked
from tifo.eventlog import following
from tifo.eventlog.records import to_record
from tifo.eventlog.watched import WatchedLog
from tifo.kernel.errors import Unavailable
from tifo.serving.workers import WorkersReadiness, worker_application
from tifo.workers.billing.ports import BillingTerms, Fact, Taken
from tifo.workers.billing.service import BillingWorker
from tifo.workers.billing.settings import BillingSettings

TOKEN = "operator-token-of-more-than-32-characters"
TERMS = BillingTerms(late_s_max=600, behind_s_max=3_600, beacon_s_max=3_600, figures_s=86_400)
SILENT_S_MAX = 60.0


class Ledger(SqliteBillingLedger):
    """May be gone."""

    gone = False

    async def take(self, facts: Sequence[Fact], now: float) -> Taken:
        if self.gone:
            raise Unavailable("billing", "disk I/O error")
        return await super().take(facts, now)


def caller(readiness: WorkersReadiness, token: str = "") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(worker_application(readiness, token))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9100")


async def test_it_is_ready_when_every_worker_has_begun_and_lacks_nothing() -> None:
    readiness, lack = WorkersReadiness(("lake", "billing")), [""]
    async with caller(readiness) as asking:
        assert (await asking.get("/healthz")).json() == {"status": "ok"}
        readiness.began("lake")(lambda: "")
        answer = await asking.get("/readyz")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["detail"] == "Not ready: billing: it has not begun yet."
        readiness.began("billing")(lambda: lack[0])
        assert (await asking.get("/readyz")).json() == {"status": "ok"}
        lack[0] = "the event log does not answer"
        answer = await asking.get("/readyz")
        assert answer.json()["detail"] == "Not ready: billing: the event log does not answer."


async def test_only_operators_read_metrics_and_probes_need_no_token() -> None:
    readiness = WorkersReadiness(())
    async with caller(readiness, TOKEN) as asking:
        refused = await asking.get("/metrics")
        assert (refused.status_code, refused.json()["code"]) == (401, "bad-credentials")
        shown = await asking.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        assert shown.status_code == 200
        assert [(await asking.get(path)).status_code for path in ("/healthz", "/readyz")] == [200, 200]


async def test_without_a_token_metrics_are_for_our_own_address_alone() -> None:
    async with caller(WorkersReadiness(())) as asking:
        refused = await asking.get("/metrics", headers={"host": "workers.example:9100"})
        assert (refused.status_code, refused.json()["code"]) == (403, "foreign-page")


async def test_nothing_else_is_there() -> None:
    async with caller(WorkersReadiness(())) as asking:
        answer = await asking.get("/v1/control/overview")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@asynccontextmanager
async def billing(log, ledger, clock):
    """A worker that counts, and what asks its port."""
    readiness, stop = WorkersReadiness(("billing",)), asyncio.Event()
    watched = WatchedLog(log, clock, SILENT_S_MAX)
    worker = BillingWorker(watched, ledger, clock, BillingSettings(poll_s=0.01), "node-1")
    running = asyncio.create_task(worker.run(stop))
    readiness.began("billing")(watched.missing)
    async with caller(readiness) as asking:
        yield asking
    stop.set()
    async with asyncio.timeout(20):
        await running


async def test_a_worker_that_polls_and_handles_nothing_is_not_ready_for_long(
    log, clock, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RETRY_S", 0.01)
    ledger = Ledger(tmp_path / "billing.db", TERMS)
    async with billing(log, ledger, clock) as asking:

        async def ready() -> bool:
            return (await asking.get("/readyz")).status_code == 200

        await eventually(ready)
        ledger.gone = True
        told = AdTracked(
            session="ses_1", event="final", break_id="brk-1", slot=1, creative="ad", what="impression"
        )
        await log.append([to_record(told, "evt_1", clock.now())])

        async def stuck() -> bool:
            clock.advance(1)
            return (
                (await asking.get("/readyz"))
                .json()
                .get("detail", "")
                .startswith("Not ready: billing: nothing was handled for ")
            )

        await eventually(stuck)
        assert await silent_s(asking) > SILENT_S_MAX
        ledger.gone = False
        await eventually(ready)
    await ledger.close()


async def silent_s(asking: httpx.AsyncClient) -> float:
    """What the metrics say of billing."""
    text = (await asking.get("/metrics")).text
    return next(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "tifo_worker_silent_seconds" and sample.labels == {"group": "billing"}
    )
