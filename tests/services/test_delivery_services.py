"""Video, steering, ads and beacons in process: one decision for all, and what is acknowledged is kept."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import openm3u8
import pytest
from delivery_parts import BREAK, NAMES, NOW, PUBLIC, SECRETS, claims, weigh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from tifo.adapters.sqlite.board import SqliteBoard
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import AdTracked, BreakDecided, PathwayUsed, PlaybackReported
from tifo.board.entries import PATHWAY, PathwayState
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.ads.settings import AdsSettings
from tifo.services.beacons.service import BeaconService
from tifo.services.steering.service import SteeringService
from tifo.services.video.service import VideoService
from tifo.services.video.settings import VideoSettings
from tifo.telemetry.metrics import BEACONS, STEERING_BANDWIDTH_MAX


async def take_out(board: SqliteBoard, view: BoardView, *names: str) -> None:
    for name in names:
        await board.write(PATHWAY + name, msgspec.json.encode(PathwayState("out")))
    await view.refresh()


def opened(url: str) -> dict[str, object]:
    """What the token in a CDN's address says, read by an independent library with that CDN's key."""
    host = str(urlsplit(url).hostname).removesuffix(".example")
    token = urlsplit(url).path.split("/")[2]
    return dict(jwt.decode(token, OctKey.import_key(SECRETS[host])).claims)


async def test_every_address_is_signed_for_its_own_cdn_and_session(video: VideoService) -> None:
    playlist = openm3u8.loads(await video.playlist(claims(), "token"))
    for one in playlist.playlists:
        said = opened(one.uri)
        assert said["aud"] == one.stream_info.pathway_id
        assert (said["sub"], said["p"]) == ("ses_1", ["/live/stadium/"])
        assert said["exp"] == NOW + VideoSettings().address_ttl_s


async def test_playlist_begins_where_steering_says(video: VideoService, steering: SteeringService) -> None:
    for n in range(10):
        playlist = openm3u8.loads(await video.playlist(claims(f"ses_{n}"), "token"))
        named = [one.stream_info.pathway_id for one in playlist.playlists]
        assert tuple(dict.fromkeys(named)) == steering.order(f"ses_{n}")


async def test_playlist_and_mpd_lead_to_the_sessions_own_steering_and_ads(video: VideoService) -> None:
    assert f'VALUE="{PUBLIC}/v1/ads/token"' in await video.playlist(claims(), "token")
    assert f">{PUBLIC}/v1/steering/token<" in await video.manifest(claims(), "token")


async def test_playlist_of_an_event_that_is_gone_is_refused(video: VideoService) -> None:
    with pytest.raises(Refusal, match="not-found"):
        await video.playlist(claims(event="other"), "token")


async def test_pathway_that_is_taken_out_is_last_everywhere(video, steering, board, view) -> None:
    first = steering.order("ses_1")[0]
    await take_out(board, view, first)
    assert steering.order("ses_1")[-1] == first
    manifest = await video.manifest(claims(), "token")
    assert re.findall(r'<BaseURL serviceLocation="([^"]*)"', manifest)[-1] == first


async def test_pathway_comes_back(steering, board, view) -> None:
    before = steering.order("ses_1")
    await take_out(board, view, before[0])
    await board.write(PATHWAY + before[0], msgspec.json.encode(PathwayState("in")))
    await view.refresh()
    assert steering.order("ses_1") == before


async def test_pathway_nobody_knows_changes_nothing(steering, board, view) -> None:
    before = steering.order("ses_1")
    await take_out(board, view, "cdn-z")
    assert steering.order("ses_1") == before


async def test_viewers_go_where_the_loop_says_each_isp_its_own_way(steering, video, ads, view) -> None:
    only = {"cdn-a": 1.0, "cdn-b": 0.0, "cdn-c": 0.0}
    await weigh(view, only, by_isp={"AS64500 One": {"cdn-c": 1.0}})
    for n in range(20):
        assert steering.order(f"ses_{n}")[0] == steering.order(f"ses_{n}", "AS64501 Two")[0] == "cdn-a"
        assert steering.order(f"ses_{n}", "AS64500 One")[0] == "cdn-c"
        assert len(steering.order(f"ses_{n}", "AS64500 One")) == 3
    there = msgspec.structs.replace(claims(), isp="AS64500 One")
    playlist = openm3u8.loads(await video.playlist(there, "token"))
    assert playlist.playlists[0].stream_info.pathway_id == "cdn-c"
    assert opened(ads.pod(there, BREAK)[0].url)["aud"] == "cdn-c"


async def test_the_newest_loop_counts_and_one_that_died_goes_on_counting(steering, view, clock) -> None:
    await weigh(view, {"cdn-a": 1.0}, "old", at=1.0)
    await weigh(view, {"cdn-b": 1.0}, "new", at=2.0)
    clock.advance(86_400)
    await view.refresh()
    assert steering.order("ses_1")[0] == "cdn-b"


@pytest.mark.parametrize("weights", [{}, {"cdn-z": 1.0}, {"cdn-a": 0.0}])
async def test_weights_that_say_nothing_of_our_cdns_change_nothing(steering, view, weights) -> None:
    before = [steering.order(f"ses_{n}") for n in range(20)]
    await weigh(view, weights)
    assert [steering.order(f"ses_{n}") for n in range(20)] == before


async def test_draining_is_left_to_the_loop_and_is_last_where_there_is_none(steering, board, view) -> None:
    first = steering.order("ses_1")[0]
    await board.write(PATHWAY + first, msgspec.json.encode(PathwayState("draining")))
    await view.refresh()
    assert steering.order("ses_1")[-1] == first
    await weigh(view, dict.fromkeys(NAMES, 1.0))
    assert steering.order("ses_1")[0] == first


async def test_out_is_out_whatever_the_loop_says(steering, board, view) -> None:
    await weigh(view, {"cdn-a": 1.0})
    await take_out(board, view, "cdn-a")
    assert steering.order("ses_1")[-1] == "cdn-a"


async def test_a_cap_leaves_out_the_better_pictures_but_never_the_last(video, steering, view) -> None:
    whole = openm3u8.loads(await video.playlist(claims(), "token"))
    await weigh(view, {}, bandwidth_max_bps=500_000)
    assert steering.bandwidth_max_bps() == STEERING_BANDWIDTH_MAX.collect()[0].samples[0].value == 500_000
    capped = openm3u8.loads(await video.playlist(claims(), "token"))
    assert len(capped.playlists) == len(NAMES) < len(whole.playlists)
    await weigh(view, {}, bandwidth_max_bps=1)
    assert len(openm3u8.loads(await video.playlist(claims(), "token")).playlists) == len(NAMES)
    manifest = await video.manifest(claims(), "token")
    assert 'bandwidth="1000000"' not in manifest
    assert 'mimeType="audio/mp4"' in manifest


async def test_players_word_is_told(steering, told) -> None:
    steering.reported(claims(), '"cdn-b"', "5140000")
    steering.reported(claims(), "elsewhere", "1")
    steering.reported(claims(), "cdn-a", "fast")
    assert await told() == [
        PathwayUsed(session="ses_1", event="final", pathway="cdn-b", throughput_bps=5_140_000),
        PathwayUsed(session="ses_1", event="final", pathway="cdn-a", throughput_bps=None),
    ]


async def test_break_is_filled_with_signed_addresses_on_the_sessions_cdn(ads, steering) -> None:
    pod = ads.pod(claims(), BREAK)
    assert sum(slot.creative.duration_s for slot in pod) == 20
    for slot in pod:
        said = opened(slot.url)
        assert (said["aud"], said["sub"], said["p"]) == (steering.order("ses_1")[0], "ses_1", ["/ads/"])
        assert slot.url.endswith(f"/ads/{slot.creative.id}/index.m3u8")


async def test_break_is_decided_the_same_again(ads) -> None:
    first, again = ads.pod(claims(), BREAK), ads.pod(claims(), BREAK)
    assert [slot.creative for slot in first] == [slot.creative for slot in again]


async def test_decision_is_told(ads, told) -> None:
    creatives = tuple(slot.creative.id for slot in ads.pod(claims(), BREAK))
    decided = BreakDecided(
        session="ses_1", event="final", break_id=BREAK, creatives=creatives, line_items=("", "")
    )
    assert await told() == [decided]


@pytest.mark.parametrize("break_id", ["", "brk-1", "brk-x", "brk-10000002", "nonsense"])
async def test_break_that_is_not_now_is_refused(ads, break_id: str) -> None:
    with pytest.raises(Refusal, match="not-found"):
        ads.pod(claims(), break_id)


async def test_break_may_be_asked_for_somewhat_early_and_somewhat_late(ads, clock) -> None:
    clock.advance(180 - AdsSettings().early_s)
    assert ads.pod(claims(), "brk-10000001")
    clock.advance(AdsSettings().early_s + 20 + AdsSettings().late_s - 1)
    assert ads.pod(claims(), "brk-10000001")
    clock.advance(1)
    with pytest.raises(Refusal):
        ads.pod(claims(), "brk-10000001")


def beacons_of(pod) -> list[str]:
    return [point.url.rpartition("/")[2] for slot in pod for point in slot.tracking]


async def test_tracking_points_stand_where_the_standard_wants_them(ads) -> None:
    (slot, _) = ads.pod(claims(), BREAK)
    assert [(point.what, point.offset_s) for point in slot.tracking] == [
        ("impression", 0.0), ("firstQuartile", 2.5), ("midpoint", 5.0), ("thirdQuartile", 7.5),
        ("complete", 10.0),
    ]  # fmt: skip


async def test_every_beacon_says_what_happened_where(ads, told) -> None:
    pod = ads.pod(claims(), BREAK)
    for beacon in beacons_of(pod):
        await ads.track(beacon)
    tracked = [event for event in await told() if isinstance(event, AdTracked)]
    expected = [
        AdTracked(
            session="ses_1", event="final", break_id=BREAK, slot=n, creative=slot.creative.id, what=point.what
        )
        for n, slot in enumerate(pod, 1)
        for point in slot.tracking
    ]
    assert tracked == expected


@pytest.mark.parametrize("beacon", ["", "x", "a.b.c", "x" * 10_000, "é"])
async def test_beacon_that_is_not_ours_goes_nowhere_and_is_counted(ads, told, beacon: str) -> None:
    before = BEACONS.labels("forged")._value.get()
    await ads.track(beacon)
    assert BEACONS.labels("forged")._value.get() == before + 1
    assert await told() == []


async def test_beacon_counts_for_a_while(ads, clock, told) -> None:
    (beacon, *_) = beacons_of(ads.pod(claims(), BREAK))
    clock.advance(AdsSettings().beacon_ttl_s)
    await ads.track(beacon)
    assert not [event for event in await told() if isinstance(event, AdTracked)]


class Brittle(SqliteEventLog):
    """A log that refuses when it is told to."""

    failing = False

    async def append(self, records) -> None:
        if self.failing:
            raise Unavailable("eventlog", "disk full")
        await super().append(records)


@pytest.fixture
async def log(tmp_path: Path, clock):
    log = Brittle(tmp_path / "events.db", clock)
    yield log
    await log.close()


async def test_beacon_of_a_failing_log_waits_and_the_player_hears_nothing_of_it(ads, log, told) -> None:
    (beacon, *_) = beacons_of(ads.pod(claims(), BREAK))
    log.failing = True
    await ads.track(beacon)
    log.failing = False
    assert [type(event) for event in await told()].count(AdTracked) == 1


PLAYING = 'bl=(6000),e=t,sid="ses_1",sn=2,sta=p,ts=1764752430000,v=2'


async def test_report_is_kept_before_it_is_acknowledged(publisher, log) -> None:
    assert await BeaconService(publisher).report(f"{PLAYING}\nnonsense\n") == 1
    consumer = await log.consumer("test", ["playback"], "reader")
    (delivery,) = await consumer.poll()
    assert (delivery.record.key, delivery.record.type) == ("ses_1", "playback.reported")
    event = msgspec.json.decode(delivery.record.value)
    assert event["values"] == {
        "bl": [6000], "e": "t", "sid": "ses_1", "sn": 2, "sta": "p", "ts": 1_764_752_430_000, "v": 2,
    }  # fmt: skip


async def test_report_of_a_failing_log_is_refused(publisher, log) -> None:
    log.failing = True
    with pytest.raises(Unavailable):
        await BeaconService(publisher).report(PLAYING)


async def test_report_of_a_later_version_is_ignored_without_a_word(publisher, told) -> None:
    assert await BeaconService(publisher).report('sid="ses_1",v=3') == 1
    assert await told() == []


async def test_report_with_nothing_in_it_has_nothing(publisher, told) -> None:
    assert await BeaconService(publisher).report("nonsense\n\n") == 0
    assert await told() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.text(max_size=200))
async def test_no_report_makes_the_service_fail(publisher: Publisher, body: str) -> None:
    assert await BeaconService(publisher).report(body) >= 0


async def test_kept_reports_come_back_typed(publisher, told) -> None:
    await BeaconService(publisher).report(PLAYING)
    (event,) = await told()
    assert isinstance(event, PlaybackReported)
    assert event.session == "ses_1"
