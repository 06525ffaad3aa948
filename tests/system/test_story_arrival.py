"""A viewer arrives: log-in, calendar, session, playlists, picture."""

import io
import xml.etree.ElementTree as ET

import av
import pytest
from platforms import HEARTBEAT_S, LEASE_S, STREAM_LIMIT
from players import PATHWAYS, Platform, attribute, bearer, fetch, media, refused, uris

from tifo.kernel.clock import SystemClock, rfc3339

pytestmark = pytest.mark.system

MPD = "{urn:mpeg:dash:schema:mpd:2011}"


def test_the_calendar_shows_the_match_as_live(platform: Platform) -> None:
    answer = platform.viewers.get("/v1/events")
    events = answer.json()["events"]
    assert [(event["id"], event["state"]) for event in events] == [("demo", "live")]
    assert platform.viewers.get("/v1/events/demo").json() == events[0]
    assert "max-age" in answer.headers["cache-control"]


def test_an_event_that_is_not_in_the_calendar_is_not_found(platform: Platform) -> None:
    assert refused(platform.viewers.get("/v1/events/final-of-1904")) == (404, "not-found")


def test_a_start_tells_the_player_all_it_needs(platform: Platform) -> None:
    said = platform.player().answer
    assert said["heartbeat_s"] == HEARTBEAT_S
    assert rfc3339(SystemClock().now()) < said["expires_at"] <= rfc3339(SystemClock().now() + LEASE_S)
    assert said["streams"] == {"limit": STREAM_LIMIT, "used": 1}
    assert said["playback"]["hls"] == f"{platform.viewers.base}/v1/playback/{said['token']}/master.m3u8"
    assert said["playback"]["dash"].endswith(f"{said['token']}/manifest.mpd")


def test_an_account_without_a_right_to_the_event_is_not_let_in(platform: Platform) -> None:
    answer = platform.ask_to_start(platform.log_in("visitor"))
    assert refused(answer) == (403, "not-entitled")


def test_an_event_that_does_not_exist_cannot_be_started(platform: Platform) -> None:
    body = {"event": "final-of-1904", "device": {"id": "sofa", "kind": "tv"}}
    access = platform.log_in(platform.new_account())
    answer = platform.viewers("POST", "/v1/sessions", json=body, headers=bearer(access))
    assert refused(answer) == (404, "not-found")


def test_the_playlist_offers_every_cdn_as_a_pathway(platform: Platform) -> None:
    player = platform.player()
    answer = player.master()
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert answer.headers["cache-control"] == "no-store"
    variants = [line for line in answer.text.splitlines() if line.startswith("#EXT-X-STREAM-INF")]
    by_pathway = [attribute(line, "PATHWAY-ID") for line in variants]
    assert sorted(by_pathway) == sorted(PATHWAYS * 2)
    steering = next(line for line in answer.text.splitlines() if "CONTENT-STEERING" in line)
    assert attribute(steering, "SERVER-URI") == f"{platform.viewers.base}/v1/steering/{player.token}"
    assert attribute(steering, "PATHWAY-ID") == by_pathway[0]


def test_every_cdn_serves_the_same_picture_and_it_decodes(platform: Platform) -> None:
    addresses = uris(platform.player().master().text)
    assert len(addresses) == 2 * len(PATHWAYS)
    for address in addresses:
        frames = list(av.open(io.BytesIO(media(address)[1])).decode(video=0))
        assert (len(frames), frames[0].height) in ((50, 360), (50, 180))


def test_the_sound_decodes(platform: Platform) -> None:
    master = platform.player().master().text
    address = next(attribute(line, "URI") for line in master.splitlines() if "TYPE=AUDIO" in line)
    frames = list(av.open(io.BytesIO(media(address)[1])).decode(audio=0))
    assert sum(frame.samples for frame in frames) == pytest.approx(2 * 48_000, abs=1024)


def test_the_steering_manifest_is_legal(platform: Platform) -> None:
    player = platform.player()
    answer = player.steering(_HLS_pathway="cdn-a", _HLS_throughput="5140000")
    manifest = answer.json()
    assert answer.headers["content-type"] == "application/vnd.apple.steering-list"
    assert manifest["VERSION"] == 1
    assert manifest["TTL"] >= 1
    assert manifest["RELOAD-URI"] == f"{platform.viewers.base}/v1/steering/{player.token}"
    assert sorted(manifest["PATHWAY-PRIORITY"]) == sorted(PATHWAYS)


def test_steering_is_sticky_and_agrees_with_the_playlist(platform: Platform) -> None:
    player = platform.player()
    orders = {tuple(player.steering().json()["PATHWAY-PRIORITY"]) for _ in range(5)}
    assert len(orders) == 1
    first = next(line for line in player.master().text.splitlines() if "STREAM-INF" in line)
    assert attribute(first, "PATHWAY-ID") == orders.pop()[0]


def test_the_mpd_leads_to_segments_on_every_cdn(platform: Platform) -> None:
    player = platform.player()
    answer = platform.viewers.get(f"/v1/playback/{player.token}/manifest.mpd")
    assert answer.headers["content-type"] == "application/dash+xml"
    mpd = ET.fromstring(answer.content)
    bases = {one.get("serviceLocation"): one.text or "" for one in mpd.iter(f"{MPD}BaseURL")}
    assert sorted(bases) == sorted(PATHWAYS)
    (steering,) = mpd.iter(f"{MPD}ContentSteering")
    assert steering.text == f"{platform.viewers.base}/v1/steering/{player.token}"
    # Three segments behind the live edge, as a player with that delay asks.
    number = int(SystemClock().now()) // 2 - 4
    for representation in mpd.iter(f"{MPD}Representation"):
        name = representation.get("id")
        for base in bases.values():
            for file in (f"{name}/init.mp4", f"{name}/{number}.m4s"):
                assert fetch(base + file).status_code == 200, base + file


def test_a_page_of_another_origin_may_play(platform: Platform) -> None:
    player, page = platform.player(), {"origin": "https://tv.example"}
    address = uris(player.master().text)[0]
    for answer in (
        platform.viewers.get(f"/v1/playback/{player.token}/master.m3u8", headers=page),
        platform.viewers.get("/v1/playback/not.a.token/master.m3u8", headers=page),
        fetch(address, headers=page),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"


def test_the_pages_are_there(platform: Platform) -> None:
    for page in ("/", "/watch/demo"):
        answer = platform.viewers.get(page)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
    assert platform.operators.get("/").headers["content-type"].startswith("text/html")
