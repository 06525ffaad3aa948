"""The personal playlists, read by an independent HLS parser and as XML."""

import re
from xml.etree import ElementTree

import openm3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.renditions import RENDITIONS, Rendition
from tifo.services.video.rules import Address, Program, mpd, multivariant_playlist, seconds_to_renewal

NAMES = ("cdn-b", "cdn-a", "cdn-d", "cdn-c")
NOW = "2027-01-15T08:00:00.000Z"
NS = {"mpd": "urn:mpeg:dash:schema:mpd:2011"}
PICTURES = tuple(one for one in RENDITIONS if one.kind == "video")
SOUNDS = tuple(one for one in RENDITIONS if one.kind == "audio")


def program(**changes: object) -> Program:
    values: dict[str, object] = {
        "addresses": [Address(name, f"http://{name}.example/t/token/live/demo") for name in NAMES],
        "renditions": RENDITIONS,
        "steering_url": "http://tifo.example/v1/steering/token",
        "ads_url": "http://tifo.example/v1/ads/token",
    }
    return Program(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def playlist() -> openm3u8.M3U8:
    return openm3u8.loads(multivariant_playlist(program()))


def test_playlist_has_every_picture_on_every_pathway(playlist: openm3u8.M3U8) -> None:
    found = [(one.stream_info.pathway_id, one.stream_info.stable_variant_id) for one in playlist.playlists]
    assert found == [(name, picture.id) for name in NAMES for picture in PICTURES]


def test_each_pathway_has_addresses_of_its_own(playlist: openm3u8.M3U8) -> None:
    for one in playlist.playlists:
        info = one.stream_info
        assert (
            one.uri
            == f"http://{info.pathway_id}.example/t/token/live/demo/{info.stable_variant_id}/index.m3u8"
        )


def test_sound_of_a_picture_is_on_its_own_pathway(playlist: openm3u8.M3U8) -> None:
    for one in playlist.playlists:
        (sound,) = one.media
        assert sound.uri.startswith(f"http://{one.stream_info.pathway_id}.example/")
        assert sound.stable_rendition_id == SOUNDS[0].id


def test_steering_begins_on_the_best_pathway(playlist: openm3u8.M3U8) -> None:
    assert playlist.content_steering.uri == "http://tifo.example/v1/steering/token"
    assert playlist.content_steering.pathway_id == "cdn-b"


def test_bandwidth_of_a_variant_holds_its_sound_too(playlist: openm3u8.M3U8) -> None:
    bandwidths = {one.stream_info.bandwidth for one in playlist.playlists}
    assert bandwidths == {picture.bandwidth + SOUNDS[0].bandwidth for picture in PICTURES}


def test_codecs_of_a_variant_name_picture_and_sound(playlist: openm3u8.M3U8) -> None:
    assert playlist.playlists[0].stream_info.codecs == f"{PICTURES[0].codecs},{SOUNDS[0].codecs}"


def test_shared_playlists_find_the_viewers_own_ads() -> None:
    text = multivariant_playlist(program())
    assert '#EXT-X-DEFINE:NAME="tifo-ads",VALUE="http://tifo.example/v1/ads/token"\n' in text


def test_playlist_is_lines_of_which_the_last_ends_too() -> None:
    text = multivariant_playlist(program())
    assert text.startswith("#EXTM3U\n")
    assert text.endswith("/index.m3u8\n")
    assert "\n\n" not in text


@pytest.fixture
def manifest() -> ElementTree.Element:
    return ElementTree.fromstring(mpd(program(), NOW))


def test_mpd_is_live_since_the_epoch(manifest: ElementTree.Element) -> None:
    assert manifest.get("type") == "dynamic"
    assert manifest.get("availabilityStartTime") == "1970-01-01T00:00:00Z"
    period = manifest.findall("mpd:Period", NS)
    assert [one.get("start") for one in period] == ["PT0S"]


def test_mpd_is_read_once_in_a_match(manifest: ElementTree.Element) -> None:
    assert manifest.get("minimumUpdatePeriod") == "PT24H"


def test_mpd_has_every_service_location_best_first(manifest: ElementTree.Element) -> None:
    bases = manifest.findall("mpd:BaseURL", NS)
    assert [one.get("serviceLocation") for one in bases] == list(NAMES)
    assert [one.text for one in bases] == [f"http://{name}.example/t/token/live/demo/" for name in NAMES]


def test_mpd_declares_steering(manifest: ElementTree.Element) -> None:
    steering = manifest.find("mpd:ContentSteering", NS)
    assert steering is not None
    assert steering.text == "http://tifo.example/v1/steering/token"
    assert steering.get("defaultServiceLocation") == "cdn-b"


def test_mpd_sets_the_players_clock(manifest: ElementTree.Element) -> None:
    timing = manifest.find("mpd:UTCTiming", NS)
    assert timing is not None
    assert timing.get("value") == NOW


def test_mpd_has_picture_and_sound_with_their_representations(manifest: ElementTree.Element) -> None:
    sets = manifest.findall("mpd:Period/mpd:AdaptationSet", NS)
    found = {
        one.get("contentType"): [r.get("id") for r in one.findall("mpd:Representation", NS)] for one in sets
    }
    assert found == {"video": [one.id for one in PICTURES], "audio": [one.id for one in SOUNDS]}


def test_mpd_numbers_segments_of_two_seconds_from_the_epoch(manifest: ElementTree.Element) -> None:
    for template in manifest.findall(".//mpd:SegmentTemplate", NS):
        assert (template.get("timescale"), template.get("duration"), template.get("startNumber")) == (
            "1",
            "2",
            "0",
        )
        assert template.get("media") == "$RepresentationID$/$Number$.m4s"


def test_mpd_without_sound_has_pictures_only() -> None:
    silent = ElementTree.fromstring(mpd(program(renditions=PICTURES), NOW))
    assert [one.get("contentType") for one in silent.findall(".//mpd:AdaptationSet", NS)] == ["video"]


def test_playlist_without_sound_still_has_its_bandwidths() -> None:
    silent = openm3u8.loads(multivariant_playlist(program(renditions=PICTURES)))
    assert [one.stream_info.bandwidth for one in silent.playlists][:2] == [one.bandwidth for one in PICTURES]
    assert silent.media == []


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_mpd_carries_any_text_as_it_is(text: str) -> None:
    odd = program(addresses=[Address(text, f"http://x/{text}")], steering_url=f"http://x/?a=1&b={text}")
    root = ElementTree.fromstring(mpd(odd, NOW))
    base, steering = root.find("mpd:BaseURL", NS), root.find("mpd:ContentSteering", NS)
    assert base is not None
    assert steering is not None
    assert (base.get("serviceLocation"), base.text) == (text, f"http://x/{text}/")
    assert steering.text == f"http://x/?a=1&b={text}"


def test_frame_rate_is_written_as_each_format_wants_it() -> None:
    film = (Rendition("film", "video", 1_000, "avc1.4d401e", 640, 360, 23.976),)
    assert "FRAME-RATE=23.976," in multivariant_playlist(program(renditions=film))
    rate = re.search(r'frameRate="([^"]*)"', mpd(program(renditions=film), NOW))
    assert rate is not None
    assert rate[1] == "2997/125"


MIXED = [Address("cdn-q", "https://q.example/live/demo", "?hdnts=exp=1~hmac=ab"), *program().addresses]


def test_token_in_the_query_follows_every_path_of_its_pathway_alone() -> None:
    found = openm3u8.loads(multivariant_playlist(program(addresses=MIXED)))
    for one in found.playlists:
        (sound,) = one.media
        here = one.stream_info.pathway_id == "cdn-q"
        for address in (one.uri, sound.uri):
            assert address.endswith("/index.m3u8?hdnts=exp=1~hmac=ab" if here else "/index.m3u8")


def test_pathway_whose_token_dash_would_lose_is_left_out_of_the_mpd() -> None:
    manifest = ElementTree.fromstring(mpd(program(addresses=MIXED), NOW))
    found = [one.get("serviceLocation") for one in manifest.findall("mpd:BaseURL", NS)]
    assert found == list(NAMES)
    assert manifest.find("mpd:ContentSteering", NS).get("defaultServiceLocation") == "cdn-b"


@given(st.integers(1, 1_000), st.floats(0, 3_000), st.floats(0, 1, exclude_max=True))
def test_renewal_is_in_time_and_a_little_early_at_most(renew_s: int, left_s: float, chance: float) -> None:
    found = seconds_to_renewal(renew_s, 1_000_000 + left_s, 1_000_000, chance)
    assert 1 <= found <= renew_s
    assert found <= max(1, left_s)
    assert found >= min(int(renew_s * 0.9), int(left_s) - 1)
