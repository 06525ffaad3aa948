"""A billing worker as a process of its own that kills itself: `billing_process.py FOLDER BOOKS WHEN BATCH`.

With the batch of that number it dies `before` the ledger has it, or `after` that and before the commit; with
`never 0` it goes on until it is killed.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.billing import DynamoBillingLedger
from tifo.adapters.sqlite.billing import SqliteBillingLedger
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.billing import LINES_MAX, BilledAsked, BilledLine
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import StoreMeter
from tifo.workers.billing.ports import BillingLedger, BillingTerms, Fact, Taken
from tifo.workers.billing.service import BillingWorker
from tifo.workers.billing.settings import BillingSettings

TERMS = BillingTerms(late_s_max=600, behind_s_max=3_600, beacon_s_max=3_600, figures_s=86_400)


def books_at(url: str) -> BillingLedger:
    """The ledger that a store's URL stands for."""
    if url.startswith("dynamodb:"):
        clock = SystemClock()
        meter = StoreMeter("billing", "dynamodb", clock)
        return DynamoBillingLedger(TableAddress.parse(url), meter, clock, SystemIds(), TERMS)
    return SqliteBillingLedger(Path(url.removeprefix("sqlite:///")), TERMS)


class DyingLedger(BillingLedger):
    """Dies with the batch of that number, before it or after it."""

    def __init__(self, books: BillingLedger, when: str, batch: int) -> None:
        self._books = books
        self._when, self._left = when, batch

    async def take(self, facts: Sequence[Fact], now: float) -> Taken:
        self._left -= bool(facts)
        if self._left == 0 and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        taken = await self._books.take(facts, now)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return taken

    async def lines(self, asked: BilledAsked, lines_max: int = LINES_MAX) -> tuple[BilledLine, ...]:
        return await self._books.lines(asked, lines_max)

    async def close(self) -> None:
        await self._books.close()


async def main(folder: Path, url: str, when: str, batch: int) -> None:
    log = SqliteEventLog(folder / "events.db", SystemClock())
    ledger = DyingLedger(books_at(url), when, batch)
    worker = BillingWorker(log, ledger, SystemClock(), BillingSettings(poll_s=0.01), "node-1")
    await worker.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
