"""A lake worker as a process of its own that kills itself: `lake_process.py FOLDER WHEN FILE`.

With the file of that number it dies `before` the lake has it, or `after` that and before the commit; with
`never 0` it goes on until it is killed.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tifo.adapters.lake.files import FolderLake
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.kernel.clock import SystemClock
from tifo.lake.layout import Place
from tifo.lake.tables import Row
from tifo.workers.lake.service import LakeWorker
from tifo.workers.lake.settings import LakeSettings

SETTINGS = LakeSettings(poll_s=0.01, flush_s=0.2, flush_entries_max=1_500, merge_s=0.5, settle_s=1.0)


class DyingLake(FolderLake):
    """Dies with the file of that number, before it or after it."""

    def __init__(self, root: Path, when: str, number: int) -> None:
        super().__init__(root)
        self._when, self._left = when, number

    async def write(self, place: Place, name: str, rows: Sequence[Row]) -> None:
        self._left -= 1
        number = self._left
        if number == 0 and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await super().write(place, name, rows)
        if number == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: Path, when: str, number: int) -> None:
    log = SqliteEventLog(folder / "events.db", SystemClock())
    lake = DyingLake(folder / "lake", when, number)
    await LakeWorker(log, lake, SystemClock(), SETTINGS, "node-1").run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
