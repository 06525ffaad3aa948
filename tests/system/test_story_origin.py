"""A live origin of others stands in for the test channel: played through the CDNs, well and badly behaved."""

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import av
import mpegdash.parser
import openm3u8
import platforms
import pytest
import tomli_w
from commands import ANSWER_S_MAX, START_S_MAX, eventually
from encoded_origin import DASH, FFMPEG, FRAMES_PER_S, HLS, TS, EncodedOrigin, encoded_origin, needs_ffmpeg
from players import CLOCK, PATHWAYS, Platform, Player, problem, uris
from playwright.sync_api import sync_playwright

PLAYED_S = 5.0
RENEWED_TTL_S = 10
PACKETS_MAX = 4_000
FFMPEG_S_MAX = 120

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--autoplay-policy=no-user-gesture-required")  # fmt: skip
PLAYED = """() => {
  const { played } = document.querySelector('#video');
  const lengths = Array.from({ length: played.length }, (_, n) => played.end(n) - played.start(n));
  const seconds = lengths.reduce((sum, one) => sum + one, 0);
  return document.documentElement.dataset.state === "playing" ? seconds : 0;
}"""

pytestmark = [pytest.mark.system, needs_ffmpeg, pytest.mark.timeout(600)]


def event(name: str, **origin: str) -> dict[str, Any]:
    around = {"starts": CLOCK.now() - 60, "ends": CLOCK.now() + 86_400}
    return {"id": name, "title": name, "channel": name, "origin": origin, **around}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EncodedOrigin]:
    with encoded_origin(tmp_path_factory.mktemp("origin")) as running:
        yield running


@pytest.fixture(scope="module")
def match(origin: EncodedOrigin, new_folder: platforms.NewFolder) -> Iterator[Platform]:
    """The demo match in both formats, one in HLS only, one in DASH only, and one that is not there yet."""
    events = (
        event("ts", hls=origin.base + TS),
        event("dash", dash=origin.base + DASH),
        event("late", hls=f"{origin.base}/late/master.m3u8"),
    )
    with new_folder() as folder:
        file = folder / "more.toml"
        file.write_text(tomli_w.dumps({"catalogue": {"events": events}}))
        chosen = ("--origin", origin.base + HLS, "--origin", origin.base + DASH, "--config", str(file))
        renewing = {"TIFO_VIDEO__RENEW_S": "2", "TIFO_VIDEO__RENEWED_TTL_S": str(RENEWED_TTL_S)}
        with platforms.one_machine(folder, *chosen, break_every_s=0, **renewing) as platform:
            yield platform


def seen(match: Platform, name: str, form: str) -> dict[str, Any]:
    """What operators see of it, once a node has said something."""

    def look() -> dict[str, Any] | None:
        found = match.overview()["origins"]
        return next((one for one in found if (one["event"], one["format"]) == (name, form)), None)

    told = eventually(look, what="a node reports")
    assert told is not None
    return told


def plays(address: str) -> None:
    """That FFmpeg's HLS reader decodes some seconds of picture and sound."""
    seconds = {"video": 0.0, "audio": 0.0}
    with av.open(address, timeout=ANSWER_S_MAX) as container:
        streams = [container.streams.video[0], container.streams.audio[0]]
        for _, frame in zip(range(PACKETS_MAX), container.decode(streams), strict=False):
            kind = "video" if isinstance(frame, av.VideoFrame) else "audio"
            seconds[kind] += 1 / FRAMES_PER_S if kind == "video" else frame.samples / frame.sample_rate
            if min(seconds.values()) >= PLAYED_S:
                break
    assert min(seconds.values()) >= PLAYED_S, seconds


def playback(match: Platform, name: str = "demo") -> dict[str, Any]:
    said: dict[str, Any] = match.player(event=name).answer["playback"]
    return said


@pytest.mark.parametrize("name", ["demo", "ts"], ids=["fragmented MP4", "transport streams"])
def test_hls_of_an_encoder_of_others_plays_through_the_cdns(match: Platform, name: str) -> None:
    plays(playback(match, name)["hls"])


@pytest.mark.parametrize("name", ["demo", "dash"])
def test_dash_of_an_encoder_of_others_plays_through_the_cdns(match: Platform, name: str) -> None:
    command = [
        str(FFMPEG),
        "-hide_banner",
        "-loglevel",
        "error",
        "-nostdin",
        "-i",
        playback(match, name)["dash"],
    ]
    command += ["-t", str(PLAYED_S), "-f", "null", "-progress", "-", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FFMPEG_S_MAX, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    frames = [int(line.partition("=")[2]) for line in done.stdout.splitlines() if line.startswith("frame=")]
    assert frames[-1] >= PLAYED_S * FRAMES_PER_S * 0.9


def test_independent_parsers_find_every_pathway_and_rendition(match: Platform) -> None:
    said = playback(match)
    playlist = openm3u8.loads(match.viewers.get(said["hls"]).text)
    assert {one.stream_info.pathway_id for one in playlist.playlists} == set(PATHWAYS)
    assert playlist.content_steering.uri.startswith(f"{match.viewers.base}/v1/steering/")
    manifest = mpegdash.parser.MPEGDASHParser.parse(match.viewers.get(said["dash"]).text)
    assert {one.service_location for one in manifest.base_urls} == set(PATHWAYS)
    assert [len(one.representations) for one in manifest.periods[0].adaptation_sets] == [1, 1]


def test_nothing_leads_a_viewer_past_the_cdns(match: Platform, origin: EncodedOrigin) -> None:
    said = playback(match)
    for form in ("hls", "dash"):
        answer = match.viewers.get(said[form])
        assert answer.headers["cache-control"] == "no-store"
        assert origin.base not in answer.text
    of_media = match.viewers.get(uris(match.viewers.get(said["hls"]).text)[0])
    assert of_media.headers["cache-control"] == "public, max-age=1"
    assert "eyJ" not in of_media.text


def test_viewers_share_what_a_cdn_fetched(match: Platform, origin: EncodedOrigin) -> None:
    def newest(player: Player) -> str:
        address = next(uri for uri in uris(player.master().text) if f":{match.cdn_ports['cdn-a']}/" in uri)
        return urljoin(address, uris(match.viewers.get(address).text)[-1])

    first, second = newest(match.player()), newest(match.player())
    path = first.partition("/live/origin")[2]
    second = second.rpartition("/")[0] + "/" + first.rpartition("/")[2]
    eventually(lambda: "age" in match.viewers.get(first).headers, what="the CDN has it")
    before = origin.asked.count(path)
    assert "age" in match.viewers.get(second).headers
    assert origin.asked.count(path) == before


def test_token_of_one_origin_opens_no_other(match: Platform) -> None:
    address = uris(match.viewers.get(playback(match)["hls"]).text)[0]
    for other in ("/live/origin/dash/manifest.mpd", "/live/ts/ts/master.m3u8", "/live/demo/v360/index.m3u8"):
        answer = match.viewers.get(address.partition("/live/")[0] + other)
        assert (answer.status_code, problem(answer)["code"]) == (403, "not-entitled")


def test_start_and_addresses_name_only_what_there_is(match: Platform) -> None:
    in_hls, in_dash = match.player(event="ts"), match.player(event="dash")
    assert in_hls.answer["playback"]["dash"] == in_dash.answer["playback"]["hls"] == ""
    for player, path in ((in_hls, "manifest.mpd"), (in_dash, "master.m3u8")):
        answer = match.viewers.get(f"/v1/playback/{player.token}/{path}")
        assert (answer.status_code, problem(answer)["code"]) == (404, "not-found")


def test_origin_that_is_not_there_yet_is_told_and_then_played(match: Platform, origin: EncodedOrigin) -> None:
    player = match.player(event="late")
    answer = player.master()
    assert (answer.status_code, problem(answer)["code"]) == (503, "origin-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    eventually(
        lambda: seen(match, "late", "hls")["error"].startswith("it answered 404"), what="it is told why"
    )
    assert seen(match, "late", "hls")["state"] == "failing"
    body = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=200000\n../ts/v.m3u8\n"
    origin.instead["/late/master.m3u8"] = (200, "text/plain", body)
    eventually(lambda: player.master().status_code == 200, START_S_MAX, "it is played")
    plays(player.answer["playback"]["hls"])


NONSENSE = {
    "a page": (200, "text/html", b"<!DOCTYPE html><title>Busy</title>"),
    "not there": (404, "text/plain", b"no"),
    "broken": (500, "text/plain", b"no"),
    "empty": (200, "application/vnd.apple.mpegurl", b"#EXTM3U\n"),
    "cut off": (200, "application/vnd.apple.mpegurl", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n"),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_match_goes_on_while_its_origin_says_nonsense(
    match: Platform, origin: EncodedOrigin, kind: str
) -> None:
    player = match.player()
    origin.instead |= {HLS: NONSENSE[kind], DASH: NONSENSE[kind]}
    try:
        for form in ("hls", "dash"):
            eventually(lambda form=form: seen(match, "demo", form)["state"] == "stale", what="it is told")  # type: ignore[misc]
            assert seen(match, "demo", form)["error"]
        plays(player.answer["playback"]["hls"])
        assert match.viewers.get(player.answer["playback"]["dash"]).status_code == 200
        assert "origin.failing" in (match.folder / "logs" / "edge.log").read_text()
    finally:
        origin.instead.clear()
    for form in ("hls", "dash"):
        eventually(lambda form=form: seen(match, "demo", form)["state"] == "ok", what="it is back")  # type: ignore[misc]


def test_late_answers_and_a_gap_are_survived(match: Platform, origin: EncodedOrigin) -> None:
    player = match.player()
    origin.late.clear()
    try:
        eventually(lambda: seen(match, "demo", "hls")["state"] == "stale", START_S_MAX, "it is told")
        assert player.master().status_code == 200
    finally:
        origin.late.set()
    newest = uris(match.viewers.get(uris(player.master().text)[0]).text)[-1]
    gone = HLS.rpartition("/")[0] + "/" + newest
    origin.instead[gone] = (404, "text/plain", b"no")
    try:
        plays(player.answer["playback"]["hls"])
    finally:
        del origin.instead[gone]
    eventually(lambda: seen(match, "demo", "hls")["state"] == "ok", ANSWER_S_MAX, "it is back")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: no browser played an origin")
@pytest.mark.parametrize("name", ["demo", "ts", "dash"])
def test_browser_plays_it_and_operators_see_it(match: Platform, name: str) -> None:
    """With hls.js, and with dash.js where there is no HLS; for longer than the first addresses are good."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page()
        page.goto(f"{match.viewers.base}/watch/{name}?account={match.new_account()}")
        eventually(lambda: page.evaluate(PLAYED) > RENEWED_TTL_S + PLAYED_S, START_S_MAX, "it plays")
        assert page.evaluate("document.querySelector('#video').videoWidth") > 0
        page.goto(f"{match.operators.base}/")
        page.wait_for_selector(f'[data-origin^="{name} "][data-origin-state="ok"]')
        browser.close()


def test_no_log_holds_a_token(match: Platform) -> None:
    assert match.leaks() == []
