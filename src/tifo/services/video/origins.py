"""Live origins elsewhere: read again and again beside the requests, so that no viewer waits for one."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import structlog

from tifo.api.catalogue import EVERY_FORMAT, CalendarEvent, Catalogue, Format
from tifo.api.reports import OriginReport
from tifo.api.steering import Steering
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import Ids
from tifo.kernel.web import web_address
from tifo.services.video.dash_origin import DashOrigin, read_mpd
from tifo.services.video.hls_origin import HlsOrigin, read_playlist
from tifo.services.video.ports import Document, OriginDocuments
from tifo.services.video.references import BadDocument
from tifo.services.video.settings import VideoSettings
from tifo.telemetry.metrics import ORIGIN_READS, ORIGINS_FAILING

ORIGINS_MAX = 100
"""Playlists and MPDs that one node reads: of the events that begin first."""

READS_MAX = 8
"""Readings under way at once."""

AROUND_S = 3_600.0
"""Seconds before its start from which an event's origin is read, and after its end until which it is."""

FIRST_READ_S_MAX = 3.0
"""Seconds for which a node that starts waits for the first readings."""

LOOK_EVERY_S = 0.5
RETRY_S = 2
JITTER_SHARE = 0.2
SLOWER_MAX = 5
"""How many times as long a failing origin is left alone."""

ERROR_LENGTH_MAX = 300

_NAMES = {"hls": "HLS", "dash": "DASH"}
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Watched:
    """One playlist or MPD, and what came of reading it; times are monotonic but `since`."""

    event: str
    format: Format
    url: str
    since: float
    due: float = 0.0
    failures: int = 0
    error: str = ""
    read_at: float = 0.0
    read: tuple[Document, int] | None = None
    offered: HlsOrigin | DashOrigin | None = None
    reading: asyncio.Task[None] | None = field(default=None, repr=False)


class Origins:
    """What the origins of the calendar's events offer, by their last word that was good."""

    def __init__(
        self,
        catalogue: Catalogue,
        documents: OriginDocuments,
        steering: Steering,
        clock: Clock,
        ids: Ids,
        settings: VideoSettings,
    ) -> None:
        self._catalogue = catalogue
        self._documents = documents
        self._steering = steering
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._watched: dict[tuple[str, Format], _Watched] = {}
        self._places = asyncio.Semaphore(READS_MAX)
        effect = "origins are read as the last calendar says"
        self._looking = Background("origins", LOOK_EVERY_S, self.look, effect)

    async def open(self) -> None:
        """Read what there is, for a few seconds at the most, and go on reading."""
        try:
            await self.look()
        except Refusal as error:
            _log.warning("origins.no-calendar", why=str(error))
        await self.settle(FIRST_READ_S_MAX)
        await self._looking.open()

    async def close(self) -> None:
        """Stop; what is under way is cancelled."""
        await self._looking.close()
        for one in self._watched.values():
            if one.reading is not None:
                one.reading.cancel()
        await self.settle(None)

    def hls(self, event: CalendarEvent) -> HlsOrigin:
        """What an event's origin offers in HLS. Raises `Refusal` (not-found, origin-unavailable)."""
        offered = self._offered(event, "hls")
        assert isinstance(offered, HlsOrigin)
        return offered

    def dash(self, event: CalendarEvent) -> DashOrigin:
        """What an event's origin offers in DASH. Raises `Refusal` (not-found, origin-unavailable)."""
        offered = self._offered(event, "dash")
        assert isinstance(offered, DashOrigin)
        return offered

    def folders(self, event: CalendarEvent) -> tuple[str, ...]:
        """The folders that an event's origin has its formats in, those that can be played.

        Raises `Refusal` (origin-unavailable) where none can.
        """
        there = (self._watched.get((event.id, form)) for form in event.formats)
        found = {one.offered.folder for one in there if one and one.offered and self._fresh_enough(one)}
        if not found:
            raise _unavailable()
        return tuple(sorted(found))

    def reports(self) -> tuple[OriginReport, ...]:
        """How each origin does, for operators."""
        return tuple(map(self._report, self._watched.values()))

    async def look(self) -> None:
        """Begin the readings that are due. Raises `Unavailable` where there is no calendar."""
        try:
            self._watch(await self._catalogue.events())
        finally:
            self._begin_due()

    async def settle(self, seconds_max: float | None) -> None:
        """Wait for the readings that are under way."""
        if under_way := [one.reading for one in self._watched.values() if one.reading is not None]:
            await asyncio.wait(under_way, timeout=seconds_max)

    # --- what is watched --------------------------------------------------------------------------

    def _watch(self, events: Iterable[CalendarEvent]) -> None:
        """One place for each format of each event that is near; a new address is a new place."""
        now = self._clock.now()
        near = (one for one in events if one.starts - AROUND_S <= now < one.ends + AROUND_S)
        wanted = [
            (one.id, form, url) for one in near for form in EVERY_FORMAT if (url := getattr(one.origin, form))
        ]
        before, self._watched = self._watched, {}
        for event, form, url in wanted[:ORIGINS_MAX]:
            known = before.pop((event, form), None)
            same = known is not None and known.url == url
            self._watched[event, form] = known if known and same else _Watched(event, form, url, now)
        for gone in before.values():
            if gone.reading is not None:
                gone.reading.cancel()

    def _offered(self, event: CalendarEvent, form: Format) -> HlsOrigin | DashOrigin:
        if form not in event.formats:
            raise Refusal("not-found", f"This event is not there in {_NAMES[form]}.")
        watched = self._watched.get((event.id, form))
        offered = watched.offered if watched and self._fresh_enough(watched) else None
        if offered is None:
            raise _unavailable()
        return offered

    def _fresh_enough(self, one: _Watched) -> bool:
        return self._clock.monotonic() - one.read_at < self._settings.origin_stale_s

    def _state(self, one: _Watched) -> Literal["ok", "stale", "failing"]:
        if one.offered is None or not self._fresh_enough(one):
            return "failing"
        return "stale" if one.error else "ok"

    def _report(self, one: _Watched) -> OriginReport:
        return OriginReport(
            event=one.event,
            format=one.format,
            address=_without_query(one.url),
            state=self._state(one),
            since=one.since,
            error=one.error,
            renditions=one.offered.renditions if one.offered else 0,
        )

    def _begin_due(self) -> None:
        for one in self._watched.values():
            if one.reading is None and one.due <= self._clock.monotonic():
                one.reading = asyncio.create_task(self._read(one), name=f"origin of {one.event}")
        states = [self._state(one) for one in self._watched.values()]
        for state in ("stale", "failing"):
            ORIGINS_FAILING.labels(state).set(states.count(state))

    # --- reading ----------------------------------------------------------------------------------

    async def _read(self, one: _Watched) -> None:
        try:
            async with self._places:
                await self._take(one, await self._documents.read(one.url))
        except (Unavailable, BadDocument) as error:
            self._failed(one, error.why if isinstance(error, Unavailable) else str(error))
        except Exception as error:
            _log.exception("origin.fault", event_id=one.event, format=one.format)
            self._failed(one, repr(error))
        finally:
            one.reading = None
            one.due = self._clock.monotonic() + self._wait_s(one.failures)

    def _wait_s(self, failures: int) -> float:
        every_s = self._settings.origin_refresh_s * min(max(failures, 1), SLOWER_MAX)
        return every_s * (1 + JITTER_SHARE * (2 * self._ids.fraction() - 1))

    async def _take(self, one: _Watched, document: Document) -> None:
        """Keep what a document offers; nothing is made anew of what has not changed."""
        read = document, self._steering.bandwidth_max_bps()
        unchanged = one.offered is not None and one.read == read
        if not unchanged:
            one.offered = await asyncio.to_thread(_offer, one.format, *read)
            one.read = read
        ORIGIN_READS.labels(one.format, "unchanged" if unchanged else "new").inc()
        one.read_at = self._clock.monotonic()
        if one.error:
            _log.info("origin.back", event_id=one.event, format=one.format)
            one.since = self._clock.now()
        one.error, one.failures = "", 0

    def _failed(self, one: _Watched, why: str) -> None:
        ORIGIN_READS.labels(one.format, "failed").inc()
        one.failures += 1
        why = why[:ERROR_LENGTH_MAX]
        if not one.error:
            one.since = self._clock.now()
        if one.error != why:
            effect = "its last word is played" if one.offered else "viewers are told to try again"
            _log.warning("origin.failing", event_id=one.event, format=one.format, why=why, effect=effect)
        one.error = why


def _offer(form: Format, document: Document, bandwidth_max_bps: int) -> HlsOrigin | DashOrigin:
    try:
        if form == "hls":
            return read_playlist(document.url, document.body)
        return read_mpd(document.url, document.body, bandwidth_max_bps)
    except BadDocument as error:
        raise BadDocument(f"{error} ({document.media_type or 'no media type'})") from None


def _unavailable() -> Refusal:
    detail = "What carries this event cannot be read at the moment; try again."
    return Refusal("origin-unavailable", detail, retry_after_s=RETRY_S)


def _without_query(url: str) -> str:
    try:
        return web_address(url).without_query
    except ValueError:
        return url.partition("?")[0]
