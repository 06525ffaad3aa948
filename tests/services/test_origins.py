"""A match from a live origin that misbehaves: viewers play its last good word, operators read why."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import msgspec
import openm3u8
import pytest
from delivery_parts import NAMES, NOW, PUBLIC, claims
from live_origin import DASH, HLS, Answer, LiveOrigin, live_origin

from tifo.adapters.http import origins as adapter
from tifo.adapters.http.origins import HttpOrigins
from tifo.api.catalogue import CalendarEvent, Catalogue, EventOrigin
from tifo.api.reports import OriginReport
from tifo.board.entries import WEIGHTS, SteeringWeights
from tifo.board.view import BoardView
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.video import origins as module
from tifo.services.video.origins import ORIGINS_MAX, Origins
from tifo.services.video.ports import DOCUMENT_BYTES_MAX
from tifo.services.video.service import VideoService
from tifo.services.video.settings import VideoSettings
from tifo.telemetry.metrics import ORIGINS_FAILING

PLAYLIST, MPD = "/live/final/master.m3u8", "/live/final/manifest.mpd"
SETTINGS = VideoSettings(origin_refresh_s=2.0, origin_stale_s=3_600)
LONG_S = SETTINGS.origin_refresh_s * 6
"""Past every time between two readings."""


def hls(*heights: int) -> str:
    lines = [
        f"#EXT-X-STREAM-INF:BANDWIDTH={n}000,RESOLUTION={n * 2}x{n}\nv/{n}.m3u8" for n in heights or (360,)
    ]
    return "\n".join(("#EXTM3U", *lines, ""))


def dash(*bandwidths: int) -> str:
    offered = "".join(f'<Representation id="{n}" bandwidth="{n}"/>' for n in bandwidths or (1_000,))
    return (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"><Period><AdaptationSet '
        f'contentType="video">{offered}</AdaptationSet></Period></MPD>'
    )


class OneCalendar(Catalogue):
    """Events that may be changed; `gone` is a calendar that does not answer."""

    def __init__(self) -> None:
        self.told: list[CalendarEvent] = []
        self.gone = False

    def names(self, origin: EventOrigin, **more: object) -> None:
        self.told = [CalendarEvent(**{
            "id": "final", "title": "Final", "starts": NOW, "ends": NOW + 7_200, "channel": "stadium",
            "origin": origin, **more,
        })]  # type: ignore[arg-type]  # fmt: skip

    async def event(self, event_id: str) -> CalendarEvent:
        return self.told[0]

    async def events(self) -> tuple[CalendarEvent, ...]:
        if self.gone:
            raise Unavailable("calendar", "gone")
        return tuple(self.told)


@pytest.fixture
async def origin() -> AsyncIterator[LiveOrigin]:
    async with live_origin() as running:
        yield running


@pytest.fixture
def calendar(origin: LiveOrigin) -> OneCalendar:
    calendar = OneCalendar()
    calendar.names(EventOrigin(hls=origin.base + PLAYLIST, dash=origin.base + MPD))
    return calendar


@pytest.fixture
async def origins(calendar, steering, clock: ManualClock, ids) -> AsyncIterator[Origins]:
    documents = HttpOrigins()
    reading = Origins(calendar, documents, steering, clock, ids, SETTINGS)
    yield reading
    await reading.close()
    await documents.close()


@pytest.fixture
def video(calendar, steering, origins, signers, clock, ids) -> VideoService:
    return VideoService(calendar, steering, origins, signers, clock, ids, SETTINGS, PUBLIC)


async def read(origins: Origins, clock: ManualClock) -> None:
    """One reading of everything, however long ago the last one was."""
    clock.advance(LONG_S)
    await origins.look()
    await origins.settle(None)


def report(origins: Origins, form: str = "hls") -> OriginReport:
    return next(one for one in origins.reports() if one.format == form)


async def heights(video: VideoService) -> set[int]:
    playlist = openm3u8.loads(await video.playlist(claims(), "token"))
    return {one.stream_info.resolution[1] for one in playlist.playlists}


async def cap(view: BoardView, bandwidth_max_bps: int) -> None:
    word = SteeringWeights(at=1.0, weights={}, bandwidth_max_bps=bandwidth_max_bps)
    await view.write(WEIGHTS + "loop", msgspec.json.encode(word))
    await view.refresh()


async def refused(call) -> Refusal:
    with pytest.raises(Refusal) as raised:
        await call
    return raised.value


async def test_renditions_of_the_origin_are_played_through_every_cdn(video, origins, origin, clock) -> None:
    origin.says(PLAYLIST, hls(360, 720))
    await read(origins, clock)
    playlist = openm3u8.loads(await video.playlist(claims(), "token"))
    for one in playlist.playlists:
        name = one.stream_info.pathway_id
        assert one.uri.startswith(f"http://{name}.example/t/")
        assert one.uri.endswith(f"/live/stadium/live/final/v/{one.stream_info.resolution[1]}.m3u8")
    assert {one.stream_info.pathway_id for one in playlist.playlists} == set(NAMES)
    assert (report(origins).state, report(origins).renditions) == ("ok", 2)


async def test_mpd_of_the_origin_is_played_through_every_cdn(video, origins, origin, clock) -> None:
    origin.says(MPD, dash(1_000, 2_000), DASH)
    await read(origins, clock)
    manifest = await video.manifest(claims(), "token")
    assert manifest.count("/live/stadium/live/final/</BaseURL>") == len(NAMES)
    assert f">{PUBLIC}/v1/steering/token<" in manifest
    assert report(origins, "dash").renditions == 2


async def test_renditions_that_change_while_it_runs_are_followed(video, origins, origin, clock) -> None:
    origin.says(PLAYLIST, hls(360))
    await read(origins, clock)
    origin.says(PLAYLIST, hls(360, 1080))
    assert await heights(video) == {360}
    await read(origins, clock)
    assert await heights(video) == {360, 1080}


async def test_it_is_read_beside_the_requests_and_not_for_them(video, origins, origin, clock) -> None:
    origin.says(PLAYLIST, hls())
    await read(origins, clock)
    for _ in range(50):
        await video.playlist(claims(), "token")
    assert origin.asked[PLAYLIST] == 1


async def test_it_is_asked_once_at_a_time_and_not_before_it_is_due(origins, origin, clock) -> None:
    slow = asyncio.Event()
    origin.says(PLAYLIST, hls(), held=slow)
    for _ in range(5):
        clock.advance(LONG_S)
        await origins.look()
    slow.set()
    await origins.settle(None)
    assert origin.asked[PLAYLIST] == 1
    await origins.look()
    await origins.settle(None)
    assert origin.asked[PLAYLIST] == 1


HTML = "<!DOCTYPE html><html>The server is busy</html>"
WRONG = {
    "not there": (Answer(b"", "404 Not Found"), "it answered 404"),
    "broken": (Answer(b"", "500 Internal Server Error"), "it answered 500"),
    "a page": (Answer(HTML.encode(), headers={"Content-Type": "text/html"}), "text/html"),
    "an MPD": (Answer(dash().encode(), headers={"Content-Type": DASH}), "no HLS playlist"),
    "empty": (Answer(b""), "no HLS playlist"),
    "no variant": (Answer(b"#EXTM3U\n"), "it is empty"),
    "cut off": (Answer(hls(360, 720).encode(), promised=9_999), "RemoteProtocolError"),
    "half a playlist": (Answer(hls(360, 720).encode()[:-13], promised=None), "cut off"),
    "huge": (Answer(b"#" * (DOCUMENT_BYTES_MAX + 1)), "more than"),
    "a bomb": (
        Answer(gzip.compress(b"#" * 20_000_000), headers={"Content-Encoding": "gzip"}), "more than",
    ),
    "a loop": (Answer(b"", "302 Found", {"Location": PLAYLIST}), "redirects more than"),
    "elsewhere": (Answer(b"", "302 Found", {"Location": "http://127.0.0.2/"}), "another server"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
async def test_what_it_said_last_is_played_while_it_says_nonsense(
    video, origins, origin, clock, kind
) -> None:
    origin.says(PLAYLIST, hls(360))
    await read(origins, clock)
    origin.answers[PLAYLIST], says = WRONG[kind]
    await read(origins, clock)
    assert await heights(video) == {360}
    told = report(origins)
    assert (told.state, told.since, says in told.error) == ("stale", clock.now(), True)
    assert "\n" not in told.error
    origin.says(PLAYLIST, hls(720))
    await read(origins, clock)
    assert await heights(video) == {720}
    assert (report(origins).state, report(origins).error) == ("ok", "")


@pytest.mark.parametrize("kind", WRONG)
async def test_viewers_are_told_when_to_try_again_while_nothing_was_good(
    video, origins, origin, clock, kind
) -> None:
    origin.answers[PLAYLIST], says = WRONG[kind]
    await read(origins, clock)
    why = await refused(video.playlist(claims(), "token"))
    assert (why.code, why.status, why.retry_after_s) == ("origin-unavailable", 503, 2)
    assert (report(origins).state, says in report(origins).error) == ("failing", True)


async def test_late_origin_is_not_waited_for(video, origins, origin, clock, monkeypatch) -> None:
    monkeypatch.setattr(adapter, "READ_S_MAX", 0.1)
    origin.says(PLAYLIST, hls(), held=asyncio.Event())
    await read(origins, clock)
    assert (await refused(video.playlist(claims(), "token"))).code == "origin-unavailable"
    assert "no whole answer" in report(origins).error


async def test_last_word_is_played_for_hours_and_not_for_ever(video, origins, origin, clock) -> None:
    origin.says(PLAYLIST, hls())
    await read(origins, clock)
    del origin.answers[PLAYLIST]
    clock.advance(SETTINGS.origin_stale_s - LONG_S - 1)
    await read(origins, clock)
    assert await heights(video) == {360}
    clock.advance(1)
    assert (await refused(video.playlist(claims(), "token"))).code == "origin-unavailable"
    assert report(origins).state == "failing"


async def test_failing_origin_is_asked_less_and_less_often(origins, origin, clock) -> None:
    for _ in range(120):
        clock.advance(1)
        await origins.look()
        await origins.settle(None)
    assert 120 / (SETTINGS.origin_refresh_s * 5 * 1.2) <= origin.asked[PLAYLIST] <= 24


@pytest.mark.parametrize(("there", "missing"), [("hls", "dash"), ("dash", "hls")])
async def test_format_that_the_origin_does_not_have_is_not_found(
    video, origins, origin, calendar, clock, there: str, missing: str
) -> None:
    calendar.names(EventOrigin(**{there: origin.base + (PLAYLIST if there == "hls" else MPD)}))
    origin.says(PLAYLIST, hls())
    origin.says(MPD, dash(), DASH)
    await read(origins, clock)
    calls = {"hls": video.playlist, "dash": video.manifest}
    assert await calls[there](claims(), "token")
    assert (await refused(calls[missing](claims(), "token"))).code == "not-found"
    assert calendar.told[0].formats == (there,)


async def test_who_renews_gets_the_folders_of_both_formats(video, origins, origin, calendar, clock) -> None:
    where = EventOrigin(
        hls=origin.says("/a/hls/m.m3u8", hls()), dash=origin.says("/a/dash/m.mpd", dash(), DASH)
    )
    calendar.names(where)
    await read(origins, clock)
    found = {(one.pathway, one.folder) for one in (await video.renewal(claims())).addresses}
    folders = ("/live/stadium/a/hls/", "/live/stadium/a/dash/")
    assert found == {(name, folder) for name in NAMES for folder in folders}


async def test_who_renews_while_one_format_is_gone_gets_the_other(video, origins, origin, clock) -> None:
    assert (await refused(video.renewal(claims()))).code == "origin-unavailable"
    origin.says(MPD, dash(), DASH)
    await read(origins, clock)
    renewal = await video.renewal(claims())
    assert {one.folder for one in renewal.addresses} == {"/live/stadium/live/final/"}


async def test_event_without_an_origin_has_the_test_channel(video, origins, calendar, clock) -> None:
    calendar.names(EventOrigin())
    await read(origins, clock)
    assert "/live/stadium/v360/index.m3u8" in await video.playlist(claims(), "token")
    assert origins.reports() == ()


async def test_new_address_in_the_calendar_is_read_and_the_old_one_forgotten(
    video, origins, origin, calendar, clock
) -> None:
    origin.says(PLAYLIST, hls(360))
    await read(origins, clock)
    calendar.names(EventOrigin(hls=origin.says("/other/master.m3u8", hls(720))))
    assert (await refused(video.manifest(claims(), "token"))).code == "not-found"
    await read(origins, clock)
    assert await heights(video) == {720}
    assert [one.address for one in origins.reports()] == [f"{origin.base}/other/master.m3u8"]


async def test_calendar_that_does_not_answer_stops_no_reading(
    video, origins, origin, calendar, clock
) -> None:
    origin.says(PLAYLIST, hls(360))
    await read(origins, clock)
    calendar.gone = True
    origin.says(PLAYLIST, hls(720))
    with pytest.raises(Unavailable):
        await read(origins, clock)
    await origins.settle(None)
    assert await heights(video) == {720}


async def test_event_is_read_before_it_starts_and_not_days_before(origins, origin, calendar, clock) -> None:
    far, near = NOW + module.AROUND_S + 100, NOW + module.AROUND_S - 100
    where = EventOrigin(hls=origin.says(PLAYLIST, hls()))
    calendar.names(where, starts=far, ends=far + 1)
    await read(origins, clock)
    assert origins.reports() == ()
    calendar.names(where, starts=near, ends=near + 1)
    await read(origins, clock)
    assert report(origins).state == "ok"
    clock.advance(3 * module.AROUND_S)
    await read(origins, clock)
    assert origins.reports() == ()


async def test_calendar_full_of_origins_is_read_up_to_a_limit(origins, calendar, origin, clock) -> None:
    url = origin.says(PLAYLIST, hls())
    calendar.told = [
        CalendarEvent(f"e{n}", "One", NOW, NOW + 7_200, f"c{n}", origin=EventOrigin(hls=url))
        for n in range(ORIGINS_MAX + 20)
    ]
    await read(origins, clock)
    assert len(origins.reports()) == origin.asked[PLAYLIST] == ORIGINS_MAX


async def test_query_of_an_address_is_not_shown(origins, origin, calendar, clock) -> None:
    calendar.names(EventOrigin(hls=f"{origin.base}{PLAYLIST}?key=secret"))
    await read(origins, clock)
    assert "secret" not in repr(origins.reports())


async def test_address_that_is_none_is_told_and_survived(origins, calendar, clock) -> None:
    calendar.names(EventOrigin(hls="http://[", dash="gopher://x/"))
    await read(origins, clock)
    assert {one.state for one in origins.reports()} == {"failing"}


async def test_metrics_say_how_many_fail(origins, origin, clock) -> None:
    origin.says(PLAYLIST, hls())
    await read(origins, clock)
    del origin.answers[PLAYLIST]
    await read(origins, clock)
    await origins.look()
    counted = {state: ORIGINS_FAILING.labels(state)._value.get() for state in ("stale", "failing")}
    assert counted == {"stale": 1, "failing": 1}


async def test_a_node_that_starts_has_read_what_there_is(video, origins, origin) -> None:
    origin.says(PLAYLIST, hls(360), HLS)
    await origins.open()
    assert await heights(video) == {360}


async def test_a_node_starts_without_a_calendar(origins, calendar) -> None:
    calendar.gone = True
    await origins.open()
    assert origins.reports() == ()


async def test_pictures_above_the_cap_are_left_out_in_both(video, origins, origin, clock, view) -> None:
    origin.says(PLAYLIST, hls(360, 720))
    origin.says(MPD, dash(360_000, 720_000), DASH)
    await cap(view, 500_000)
    await read(origins, clock)
    assert await heights(video) == {360}
    assert 'bandwidth="720000"' not in await video.manifest(claims(), "token")
    await cap(view, 0)
    await read(origins, clock)
    assert 'bandwidth="720000"' in await video.manifest(claims(), "token")
