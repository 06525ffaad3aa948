"""What a node says of itself, on the board, each second: for the cockpit, whatever the form."""

import contextlib

import msgspec

from tifo.board.entries import NODE, NodeReport
from tifo.board.ports import Board
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.kernel.background import Background
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
        self._reporting = Background("reporter", every_s, self._report, "the cockpit does not see this node")

    async def open(self) -> None:
        """Begin to report."""
        await self._reporting.open()

    async def close(self) -> None:
        """Stop, and take the last report back so that nobody counts this node any more."""
        await self._reporting.close()
        with contextlib.suppress(Unavailable):
            await self._board.delete(self._key)

    async def _report(self) -> None:
        BOARD_FAILING.set(self._view.failing)
        report = NodeReport(
            services=self._services,
            routes=self._metrics.report(self._every_s),
            eventlog="failing" if self._publisher.failing else "ok",
            stores=self._meters.stores(self._every_s),
            caches=self._meters.caches(self._every_s),
            origins=self._meters.origins(),
            ads=self._meters.ads(self._every_s),
            spool=self._meters.spool(),
            appended_per_s=self._publisher.appended_per_s(self._every_s),
        )
        await self._write(report)

    async def _write(self, report: NodeReport) -> None:
        try:
            await self._board.write(self._key, msgspec.json.encode(report), REPORT_TTL_S)
        except Unavailable as error:
            self._view.wrote(error)
        else:
            self._view.wrote(None)
