"""An ad break: announced in every rendition, filled for the viewer, played, tracked."""

import io
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import fromstring

import av
import pytest
from commands import eventually
from players import BREAK_S, Platform, Player, attribute, break_now, fetch, media, refused, uris

pytestmark = pytest.mark.system

VMAP = "{http://www.iab.net/videosuite/vmap}"
POINTS = ["impression", "firstQuartile", "midpoint", "thirdQuartile", "complete"]


def renditions(player: Player) -> list[str]:
    """The media playlists of the first pathway: two of pictures, one of sound."""
    master = player.master().text
    audio = [attribute(line, "URI") for line in master.splitlines() if "TYPE=AUDIO" in line]
    return [*uris(master)[:2], audio[0]]


def date_ranges(player: Player) -> list[dict[str, str]]:
    """The break that each rendition announces first."""
    found = []
    for address in renditions(player):
        lines = media(address)[0].splitlines()
        line = next(one for one in lines if attribute(one, "CLASS") == "com.apple.hls.interstitial")
        found.append(
            {name: attribute(line, name) for name in ("ID", "CLASS", "X-ASSET-LIST", "PLANNED-DURATION")}
        )
    return found


def all_of(platform: Platform, player: Player, count: int) -> list[dict]:
    """The beacons of a viewer, once there are so many: what the log could not take at once comes later."""
    told = platform.events("ads.tracked", player.session)
    return told if len(told) == count else []


def tracking(asset: dict) -> list[dict]:
    (payload,) = asset["X-AD-CREATIVE-SIGNALING"]["payload"]
    return payload["tracking"]


def test_every_rendition_announces_the_break(platform: Platform) -> None:
    player = platform.player()

    def alike() -> dict[str, str]:
        """What all of them say of the first; one may leave the playlists while they are read in turn."""
        first, *others = date_ranges(player)
        return first if others == [first, first] else {}

    first = eventually(alike, what="every rendition says the same")
    assert first["CLASS"] == "com.apple.hls.interstitial"
    assert first["X-ASSET-LIST"] == f"{{$tifo-ads}}/breaks/{first['ID']}"
    assert float(first["PLANNED-DURATION"]) == BREAK_S


def test_players_are_told_in_which_time_to_ask_for_the_ads(platform: Platform) -> None:
    text, _ = media(renditions(platform.player())[0])
    ranges = [line for line in text.splitlines() if line.startswith("#EXT-X-DATERANGE")]
    preload, brk = ranges[:2]
    assert attribute(preload, "CLASS") == "com.apple.hls.preload"
    assert attribute(preload, "X-TARGET-ID") == attribute(brk, "ID")
    assert attribute(preload, "X-URI") == attribute(brk, "X-ASSET-LIST")
    assert attribute(preload, "START-DATE") < attribute(brk, "START-DATE")


def test_the_break_is_filled_with_ads_that_play(platform: Platform) -> None:
    player = platform.player()
    master = player.master().text
    ads = attribute(next(line for line in master.splitlines() if 'NAME="tifo-ads"' in line), "VALUE")
    answer = fetch(f"{ads}/breaks/{break_now()}", params={"_HLS_primary_id": "x"})
    assets = answer.json()["ASSETS"]
    assert sum(asset["DURATION"] for asset in assets) == BREAK_S

    playlist = fetch(assets[0]["URI"])
    assert playlist.status_code == 200
    picture = media(urljoin(assets[0]["URI"], uris(playlist.text)[0]))[1]
    assert list(av.open(io.BytesIO(picture)).decode(video=0))
    line = next(line for line in playlist.text.splitlines() if "TYPE=AUDIO" in line)
    sound = media(urljoin(assets[0]["URI"], attribute(line, "URI")))[1]
    assert list(av.open(io.BytesIO(sound)).decode(audio=0))


def test_a_viewer_gets_the_same_ads_when_it_asks_again(platform: Platform) -> None:
    player, brk = platform.player(), break_now()
    asked = [player.asset_list(brk).json()["ASSETS"] for _ in range(2)]
    creatives = [[tracking(asset)[0]["type"], asset["DURATION"]] for asset in asked[0]]
    assert len(creatives) == 2
    names = [[urlsplit(asset["URI"]).path.rpartition("/ads/")[2] for asset in one] for one in asked]
    assert names[0] == names[1]


@pytest.mark.parametrize("offset", ["4.5", "-1", "nan", "later"])
def test_who_joins_late_gets_the_whole_pod(platform: Platform, offset: str) -> None:
    """The player itself leaves out what is over, so it must see all of it."""
    player, brk = platform.player(), break_now()
    path = f"/v1/ads/{player.token}/breaks/{brk}"
    late = platform.viewers.get(path, params={"_HLS_start_offset": offset})
    assert len(late.json()["ASSETS"]) == len(player.asset_list(brk).json()["ASSETS"]) == 2


def test_each_beacon_of_an_ad_is_in_the_log(platform: Platform) -> None:
    player, brk = platform.player(), break_now()
    asset = player.asset_list(brk).json()["ASSETS"][0]
    points = [point for point in tracking(asset) if "offset" in point]
    assert [point["type"] for point in points] == POINTS
    for point in points:
        assert fetch(platform.new_secret(point["urls"][0])).status_code == 204
    tracked = eventually(lambda: all_of(platform, player, len(POINTS)), what="each is in the log")
    assert sorted(event["what"] for event in tracked) == sorted(POINTS)
    assert {(event["break_id"], event["slot"], event["event"]) for event in tracked} == {(brk, 1, "demo")}
    decided = eventually(lambda: platform.events("ads.decided", player.session))
    assert decided[0]["break_id"] == brk


def test_error_of_an_ad_is_in_the_log_with_its_code(platform: Platform) -> None:
    player, brk = platform.player(), break_now()
    error = next(
        one for one in tracking(player.asset_list(brk).json()["ASSETS"][0]) if one["type"] == "error"
    )
    platform.new_secret(error["urls"][0].partition("?")[0])
    for code in ("402", "[ERRORCODE]"):
        address = error["urls"][0].replace("[ERRORCODE]", code)
        assert fetch(address).status_code == 204
    told = eventually(lambda: all_of(platform, player, 2), what="both are in the log")
    assert sorted((event["what"], event["code"]) for event in told) == [("error", 0), ("error", 402)]


def test_vast_and_vmap_lead_to_the_same_ads_as_the_asset_list(platform: Platform) -> None:
    player, brk = platform.player(), break_now()
    assets = player.asset_list(brk).json()["ASSETS"]
    ads = f"/v1/ads/{player.token}"
    pod = platform.viewers.get(f"{ads}/breaks/{brk}/vast")
    assert (pod.status_code, pod.headers["content-type"]) == (200, "application/xml; charset=utf-8")
    files = [one.text for one in fromstring(pod.content).iter("{http://www.iab.com/VAST}MediaFile")]
    paths = [urlsplit(address).path.rpartition("/ads/")[2] for address in files]
    assert paths == [urlsplit(asset["URI"]).path.rpartition("/ads/")[2] for asset in assets]
    assert fetch(files[0]).status_code == 200
    breaks = platform.viewers.get(f"{ads}/vmap")
    tags = [one.text for one in fromstring(breaks.content).iter(f"{VMAP}AdTagURI")]
    assert any(tag.endswith(f"{ads}/breaks/{brk}/vast") for tag in tags)


def test_click_that_was_made_up_leads_nowhere(platform: Platform) -> None:
    assert refused(platform.viewers.get("/v1/ads/c/made.up.click")) == (401, "bad-token")


@pytest.mark.parametrize("beacon", ["made.up.token", "x", "a" * 5000])
def test_a_forged_beacon_is_answered_alike_and_goes_nowhere(platform: Platform, beacon: str) -> None:
    before = len(platform.events("ads.tracked"))
    assert platform.viewers.get(f"/v1/ads/t/{beacon}").status_code == 204
    assert len(platform.events("ads.tracked")) == before


def test_forged_beacons_are_counted(platform: Platform) -> None:
    counted = 'tifo_beacons_total{outcome="forged"}'
    before = platform.metric("ads", counted)
    platform.viewers.get("/v1/ads/t/eyJhbGciOiJub25lIn0.e30.x")
    assert platform.metric("ads", counted) == before + 1


@pytest.mark.parametrize("brk", ["brk-1", "brk-99999999999", "brk-", "other", "brk-1e3"])
def test_a_break_that_is_not_now_is_not_found(platform: Platform, brk: str) -> None:
    assert refused(platform.player().asset_list(brk)) == (404, "not-found")
