import json

import pytest

from tifo.api.breaks import BreakSchedule
from tifo.api.creatives import HOUSE_CREATIVES
from tifo.api.renditions import RENDITIONS
from tifo.channel.origin import STALE_SEGMENTS, Origin
from tifo.channel.shelf import CreativeShelf, LiveShelf
from tifo.channel.timeline import SEGMENT_S
from tifo.kernel.clock import ManualClock

FIRST = 900_000_000
WINDOW = 4


def media(msn: int) -> dict[str, bytes]:
    return {r.id: f"{r.id} {msn}".encode() for r in RENDITIONS}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(float((FIRST + 1) * SEGMENT_S))


@pytest.fixture
def live() -> LiveShelf:
    shelf = LiveShelf(WINDOW, BreakSchedule(20, 6), 20)
    shelf.open({r.id: b"init" for r in RENDITIONS})
    shelf.add(FIRST, media(FIRST))
    return shelf


@pytest.fixture
def ads() -> CreativeShelf:
    return CreativeShelf()


@pytest.fixture
def origin(live: LiveShelf, ads: CreativeShelf, clock: ManualClock) -> Origin:
    return Origin("demo", live, ads, clock)


@pytest.mark.parametrize(
    ("name", "media_type", "cache_control"),
    [
        ("v360/index.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1"),
        ("v360/init.mp4", "video/mp4", "public, max-age=3600, immutable"),
        (f"v180/{FIRST}.m4s", "video/mp4", "public, max-age=3600, immutable"),
        (f"a96/{FIRST}.m4s", "audio/mp4", "public, max-age=3600, immutable"),
        ("a96/init.mp4", "audio/mp4", "public, max-age=3600, immutable"),
    ],
)
def test_files_say_what_they_are_and_how_long_they_last(
    origin: Origin, name: str, media_type: str, cache_control: str
) -> None:
    answer = origin.answer("GET", f"/live/demo/{name}")
    assert answer.status == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == cache_control
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["etag"].startswith('"')


def test_a_known_etag_is_not_sent_again(origin: Origin) -> None:
    etag = origin.answer("GET", "/live/demo/v360/index.m3u8").headers["etag"]
    assert origin.answer("GET", "/live/demo/v360/index.m3u8", f'"other", {etag}').status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/live/other/v360/index.m3u8",
        f"/live/demo/v360/{FIRST + 1}.m4s",
        "/live/demo/v720/index.m3u8",
        "/live/demo/../../etc/passwd",
        "/ads/house-1/index.m3u8",
        "/ads/",
        "v360/index.m3u8",
    ],
)
def test_what_is_not_there_is_a_problem_that_caches_forget_soon(origin: Origin, path: str) -> None:
    answer = origin.answer("GET", path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert json.loads(answer.body)["code"] == "not-found"


def test_a_playlist_before_the_first_segment_is_told_to_come_back(clock: ManualClock) -> None:
    origin = Origin("demo", LiveShelf(WINDOW, BreakSchedule(0, 0), 20), CreativeShelf(), clock)
    answer = origin.answer("GET", "/live/demo/v360/index.m3u8")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["cache-control"] == "no-store"
    assert origin.answer("GET", "/healthz").status == 503


def test_methods_that_change_things_are_refused(origin: Origin) -> None:
    answer = origin.answer("POST", "/live/demo/v360/index.m3u8")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_browser_may_ask_first(origin: Origin) -> None:
    answer = origin.answer("OPTIONS", "/live/demo/v360/index.m3u8")
    assert answer.status == 204
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"


def test_health_follows_the_newest_segments_age(
    origin: Origin, clock: ManualClock, ads: CreativeShelf
) -> None:
    ads.add("house-1", {"index.m3u8": b"#EXTM3U"})
    answer = origin.answer("GET", "/healthz")
    report = json.loads(answer.body)
    assert (answer.status, report["status"], report["newest_msn"]) == (200, "ok", FIRST)
    assert report["creatives"] == {"house-1": "ready", "house-2": "encoding", "house-3": "encoding"}
    clock.advance(STALE_SEGMENTS * SEGMENT_S)
    assert origin.answer("GET", "/healthz").status == 503


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("index.m3u8", "application/vnd.apple.mpegurl"),
        ("video/init.mp4", "video/mp4"),
        ("audio/0.m4s", "audio/mp4"),
    ],
)
def test_a_creative_is_served_for_what_it_is(
    origin: Origin, ads: CreativeShelf, path: str, media_type: str
) -> None:
    creative = HOUSE_CREATIVES[0].id
    ads.add(creative, {path: b"body"})
    answer = origin.answer("GET", f"/ads/{creative}/{path}")
    assert (answer.headers["content-type"], answer.body) == (media_type, b"body")


def test_memory_is_bounded_to_twice_the_window(origin: Origin, live: LiveShelf) -> None:
    for msn in range(FIRST + 1, FIRST + 50):
        live.add(msn, media(msn))
    kept = [
        n for n in range(FIRST, FIRST + 50) if origin.answer("GET", f"/live/demo/a96/{n}.m4s").status == 200
    ]
    assert kept == list(range(FIRST + 50 - 2 * WINDOW, FIRST + 50))


def test_all_renditions_show_the_same_segments(origin: Origin, live: LiveShelf) -> None:
    live.add(FIRST + 1, media(FIRST + 1))
    texts = [origin.answer("GET", f"/live/demo/{r.id}/index.m3u8").body.decode() for r in RENDITIONS]
    assert {text.count(f"{FIRST + 1}.m4s") for text in texts} == {1}


async def test_a_head_request_gets_the_headers_alone(origin: Origin) -> None:
    sent = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/live/demo/v360/init.mp4", "headers": []}
    await origin(scope, None, send)  # type: ignore[arg-type]
    headers = dict(sent[0]["headers"])
    assert headers[b"content-length"] == b"4"
    assert headers[b"date"] == b"Fri, 15 Jan 2027 08:00:02 GMT"
    assert sent[1]["body"] == b""
