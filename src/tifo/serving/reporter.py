"""What a node says of itself, on the board, each second: for the cockpit, whatever the form."""

import asyncio
import contextlib

import msgspec

from tifo.board.entries import NODE, NodeReport
from tifo.board.ports import Board
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.kernel.errors import Unavailable
from tifo.telemetry.metrics import BOARD_FAILING
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.stores import Meters

REPORT_TTL_S = 5.0
"""Seconds after which the word of a node that died is no longer believed."""


class Reporter:
    """Writes the node's report; a board that fails is tried again the next second."""

    def __init__(
        self,
        node: str,
        services: tuple[str, ...],
        board: Board,
        view: BoardView,
        publisher: Publisher,
        metrics: RequestMetrics,
        meters: Meters,
        every_s: float,
    ) -> None:
        self._key = NODE + node
        self._services = services
        self._board = board
        self._view = view
        self._publisher = publisher
        self._metrics = metrics
        self._meters = meters
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to report."""
        self._task = asyncio.create_task(self._keep_reporting(), name="reporter")

    async def close(self) -> None:
        """Stop, and take the last report back so that nobody counts this node any more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(Unavailable):
            await self._board.delete(self._key)

    async def _keep_reporting(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            BOARD_FAILING.set(self._view.failing)
            report = NodeReport(
                services=self._services,
                routes=self._metrics.report(self._every_s),
                eventlog="failing" if self._publisher.failing else "ok",
                stores=self._meters.stores(self._every_s),
                caches=self._meters.caches(self._every_s),
            )
            await self._write(report)

    async def _write(self, report: NodeReport) -> None:
        try:
            await self._board.write(self._key, msgspec.json.encode(report), REPORT_TTL_S)
        except Unavailable as error:
            self._view.wrote(error)
        else:
            self._view.wrote(None)
