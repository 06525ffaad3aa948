"""Who tells and who bills, as processes that are killed: `spool_process.py tell|bill FOLDER URL`.

`tell` has viewers whose breaks are decided and shown, one after the other, and writes each into FOLDER's
`accepted` once it was accepted; a file `stop` ends it. `bill` counts into FOLDER's `billing.db`.
"""

import asyncio
import os
import sys
from pathlib import Path

import structlog
from event_logs import eventually

from tifo.adapters.disk.spool import DiskSpool
from tifo.adapters.kafka.address import KafkaAddress
from tifo.adapters.kafka.eventlog import KafkaEventLog
from tifo.adapters.sqlite.billing import SqliteBillingLedger
from tifo.api.events import AdTracked, BreakDecided, PlaybackReported
from tifo.eventlog.publisher import Publisher
from tifo.eventlog.spooling import SpoolingLog
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import SystemIds
from tifo.telemetry.stores import StoreMeter
from tifo.workers.billing.ports import BillingTerms
from tifo.workers.billing.service import BillingWorker
from tifo.workers.billing.settings import BillingSettings

TERMS = BillingTerms(late_s_max=600, behind_s_max=3_600, beacon_s_max=3_600, figures_s=86_400)

VIEWERS = 4
BETWEEN_S = 0.01
DRAIN_PER_S = 2_000.0


def event_log(url: str) -> KafkaEventLog:
    clock = SystemClock()
    return KafkaEventLog(KafkaAddress.parse(url), StoreMeter("eventlog", "kafka", clock), clock)


class Crowd:
    """Viewers of one process after the other."""

    def __init__(self, publisher: Publisher, folder: Path) -> None:
        self._publisher = publisher
        self._stop = folder / "stop"
        self._ids = SystemIds()
        self._accepted = os.open(folder / "accepted", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def watch(self) -> None:
        while not self._stop.exists():
            of = {"session": self._ids.new("ses"), "event": "final", "break_id": "brk-1"}
            decided = BreakDecided(creatives=("a",), line_items=("brew",), **of)
            shown = AdTracked(slot=1, creative="a", what="impression", **of)
            self._publisher.tell(PlaybackReported(session=of["session"], values={"sta": "p"}))
            try:
                await self._publisher.keep([decided, shown])
            except Unavailable:
                pass
            else:
                os.write(self._accepted, f"{of['session']}\n".encode())
            await asyncio.sleep(BETWEEN_S)


async def tell(folder: Path, url: str) -> None:
    log, clock = event_log(url), SystemClock()
    spooled = SpoolingLog(log, DiskSpool(folder / "spool", 100_000_000), clock, DRAIN_PER_S)
    await spooled.open()
    publisher = Publisher(spooled, clock, SystemIds())
    await publisher.open()
    crowd = Crowd(publisher, folder)
    await asyncio.gather(*(crowd.watch() for _ in range(VIEWERS)))
    await publisher.close()
    await eventually(lambda: all_sent(spooled))
    await spooled.close()
    await log.close()


async def all_sent(spooled: SpoolingLog) -> bool:
    return spooled.report().state == "ok"


async def bill(folder: Path, url: str) -> None:
    ledger = SqliteBillingLedger(folder / "billing.db", TERMS)
    worker = BillingWorker(event_log(url), ledger, SystemClock(), BillingSettings(poll_s=0.05), "node-1")
    await worker.run(asyncio.Event())


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run({"tell": tell, "bill": bill}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3]))
