"""Keeps the lake in order: few large files, and none that is too old."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from tifo.kernel.background import rest
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.lake.layout import LakeFile
from tifo.telemetry.metrics import LAKE_FILES, LAKE_ROWS
from tifo.workers.lake import rules
from tifo.workers.lake.ports import Lake
from tifo.workers.lake.settings import LakeSettings

MERGES_MAX = 50
"""Places that are put in order in one round."""

FAILURES_MAX = 3
"""Merges that may fail in one round; then it is the lake, and not a file."""

READERS_S_MAX = 60.0
"""Seconds that files stay after one was made of them: who listed them before still reads them."""

_log = structlog.get_logger(__name__)


class Keeper:
    """Merges and forgets in the places of the topics whose first partition its member holds.

    Two that both think so do no harm: a file is deleted only after another has all its rows, and readers take
    each id once where there are several files.
    """

    def __init__(
        self, lake: Lake, clock: Clock, settings: LakeSettings, holds: Callable[[str], bool]
    ) -> None:
        self._lake = lake
        self._clock = clock
        self._settings = settings
        self._holds = holds
        self._leaving: list[tuple[float, tuple[LakeFile, ...]]] = []
        self._failing = False

    async def run(self, stop: asyncio.Event) -> None:
        """A round every `merge_s` until `stop` is set; a lake that fails is tried again."""
        while not stop.is_set():
            try:
                await self.round(stop)
                self._failing = False
            except Unavailable as error:
                if not self._failing:
                    _log.warning("lake.keeping-failing", why=error.why, effect="small and old files stay")
                self._failing = True
            await rest(stop, self._settings.merge_s)

    async def round(self, stop: asyncio.Event) -> None:
        """Merge, and delete what was merged before and what is too old. Raises `Unavailable`."""
        await self._delete_merged()
        files = rules.of_topics(await self._lake.files(), self._holds)
        now = self._clock.now()
        old = rules.too_old(files, now, self._settings.keep_s)
        if old:
            await self._lake.delete(old)
            LAKE_FILES.labels("forgotten").inc(len(old))
        leaving = {one.path for _, going in self._leaving for one in (*going, *old)}
        staying = [one for one in rules.known(files) if one.path not in leaving and one not in old]
        await self._merge_all(rules.merges(staying, now, self._settings.settle_s)[:MERGES_MAX], stop)

    async def _merge_all(self, merges: Sequence[rules.Merge], stop: asyncio.Event) -> None:
        """One that cannot be merged, for a file of it does not read, must not stop the others."""
        failures: list[Unavailable] = []
        for merge in merges:
            if stop.is_set() or len(failures) >= FAILURES_MAX:
                break
            try:
                await self._merge(merge)
            except Unavailable as error:
                failures.append(error)
        if failures:
            raise failures[0]

    async def _merge(self, merge: rules.Merge) -> None:
        merged = await self._lake.merge(merge.files, merge.name)
        LAKE_FILES.labels("merged").inc(len(merge.files))
        LAKE_ROWS.labels("repeated").inc(merged.repeated)
        self._leaving.append((self._clock.monotonic() + READERS_S_MAX, merge.files))

    async def _delete_merged(self) -> None:
        now = self._clock.monotonic()
        for due, files in list(self._leaving):
            if due <= now:
                await self._lake.delete(files)
                self._leaving.remove((due, files))
