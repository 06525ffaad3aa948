"""A process of workers as a platform sees it: probed, scraped, stopped."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from commands import STOP_S_MAX, Processes, eventually, free_block, tifo
from platforms import NewFolder, one_machine
from players import Http
from prometheus_client.parser import text_string_to_metric_families

from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import AdTracked
from tifo.eventlog.records import to_record
from tifo.kernel.clock import SystemClock
from tifo.machine import WORKERS

pytestmark = pytest.mark.system

TOLD = 7
READERS = {"insight", "billing", "lake"}
"""Workers that read the event log; the others go by the board."""


@contextmanager
def worker(folder: Path, *names: str, **variables: str) -> Iterator[tuple[Http, subprocess.Popen[bytes]]]:
    """`tifo worker NAMES` with a port, and who asks there."""
    port, processes = free_block(1), Processes(folder)
    own = {"TIFO_DATA": str(folder), "TIFO_WORKERS__PORT": str(port), "TIFO_LAKE__FLUSH_S": "0.1"}
    process = processes.start("workers", "worker", *names, **own, **variables)
    asking = Http(f"http://127.0.0.1:{port}")
    try:
        eventually(lambda: processes.check() or asking.get("/healthz").status_code == 200, what="it lives")
        yield asking, process
    finally:
        asking.close()
        processes.stop()


def is_ready(asking: Http) -> bool:
    return asking.get("/readyz").status_code == 200


def figures(asking: Http) -> dict[str, float]:
    """Samples of a scrape by name and labels, as Prometheus reads them."""
    text = asking.get("/metrics").text
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def happen(folder: Path) -> None:
    """Ads are shown."""
    clock = SystemClock()
    log = SqliteEventLog(folder / "events.db", clock)
    await log.append(
        [
            to_record(
                AdTracked(
                    session=f"ses_{n}", event="final", break_id="b", slot=1, creative="c", what="impression"
                ),
                f"evt_{n}",
                clock.now(),
            )
            for n in range(TOLD)
        ]
    )
    await log.close()


def test_a_scrape_says_what_the_workers_did(tmp_path: Path) -> None:
    with worker(tmp_path, "insight", "billing", "lake") as (asking, process):
        eventually(partial(is_ready, asking), what="it works")
        asyncio.run(happen(tmp_path))
        wanted = {
            "tifo_events_handled_total billing ads": TOLD,
            "tifo_events_handled_total lake ads": TOLD,
            "tifo_lake_rows_total written": TOLD,
            "tifo_billing_facts_total new": TOLD,
            "tifo_eventlog_lag_records billing ads": 0,
            "tifo_eventlog_lost_records lake ads": 0,
        }
        eventually(lambda: wanted.items() <= figures(asking).items(), what=f"{wanted}")
        assert {f"tifo_worker_silent_seconds {name}" for name in READERS} <= set(figures(asking))
        process.terminate()
        assert process.wait(STOP_S_MAX) == 0


def test_a_worker_whose_log_is_gone_lives_and_is_not_ready(tmp_path: Path) -> None:
    gone = {"TIFO_STORES__EVENTLOG": "kafka://127.0.0.1:1/nobody"}
    with worker(tmp_path, "billing", **gone) as (asking, process):
        wanted = "Not ready: billing: the event log does not answer."
        eventually(lambda: asking.get("/readyz").json().get("detail") == wanted, 60, "it says so")
        assert asking.get("/healthz").status_code == 200
        assert asking.get("/metrics").status_code == 200
        process.terminate()
        assert process.wait(STOP_S_MAX) == 0


def test_a_taken_port_is_named_with_its_setting(tmp_path: Path) -> None:
    with worker(tmp_path, "billing") as (asking, _):
        port = asking.base.rpartition(":")[2]
        second = tifo("worker", "lake", TIFO_DATA=str(tmp_path), TIFO_WORKERS__PORT=port)
    assert second.returncode == 2
    said = " ".join(second.stderr.split())
    assert f"the workers' port: 127.0.0.1:{port} is taken by process" in said
    assert "choose another with workers.port" in said
    assert "Traceback" not in second.stderr


def test_on_one_machine_every_process_of_workers_works(new_folder: NewFolder) -> None:
    with new_folder() as folder, one_machine(folder) as machine:
        first = int(machine.operators.base.rpartition(":")[2]) + 1
        for n, (process, names) in enumerate(WORKERS.items()):
            with closing(Http(f"http://127.0.0.1:{first + n}")) as asking:
                eventually(partial(is_ready, asking), what=process)
                assert {f"tifo_worker_silent_seconds {name}" for name in READERS.intersection(names)} <= set(
                    figures(asking)
                )
