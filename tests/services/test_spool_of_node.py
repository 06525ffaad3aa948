"""A node as it is wired, whose Kafka is not there: reports are taken, wait on its disk, and it says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
from event_logs import eventually

from tifo.adapters.disk.spool import DiskSpool
from tifo.adapters.sqlite.board import SqliteBoard
from tifo.api.reports import SpoolReport
from tifo.app import ApiNode
from tifo.board.entries import NODE, NodeReport
from tifo.kernel.clock import SystemClock
from tifo.settings import Settings, StoresSettings
from tifo.telemetry.settings import TelemetrySettings

REPORT = 'bl=(6000),e=t,sid="ses_1",sn=2,sta=p,ts=1764752430000,v=2'


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ApiNode]:
    settings = Settings(
        data=str(tmp_path),
        stores=StoresSettings(eventlog="kafka://127.0.0.1:1/nobody"),
        telemetry=TelemetrySettings(report_s=0.05),
    )
    node = ApiNode(settings, frozenset({"beacons"}))
    await node.open()
    yield node
    await node.close()


async def told(folder: Path) -> SpoolReport | None:
    """What the node says on the board."""
    board = SqliteBoard(folder / "board.db", SystemClock())
    entries = (await board.changes(None)).entries
    await board.close()
    said = entries.get(f"{NODE}node-1")
    return msgspec.json.decode(said.value, type=NodeReport).spool if said else None


async def test_reports_are_taken_while_kafka_is_gone(node: ApiNode, tmp_path: Path) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(node.viewers), base_url="http://tifo"
    ) as player:
        for _ in range(3):
            answer = await player.post(
                "/v1/cmcd", content=REPORT, headers={"Content-Type": "application/cmcd"}
            )
            assert answer.status_code == 204

    async def said() -> bool:
        report = await told(tmp_path)
        return report is not None and (report.state, report.records) == ("holding", 3)

    await eventually(said)
    await node.close()
    left = DiskSpool(tmp_path / "spool" / "node-1", 1_000_000)
    await left.open()
    assert [one.topic for one in (await left.oldest(9)).records] == ["playback"] * 3
    await left.close()
