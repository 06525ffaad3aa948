"""A live origin's HLS playlist: what of it is carried, and that anything else is refused in a sentence."""

import openm3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.services.video.hls_origin import HlsOrigin, form, read_playlist
from tifo.services.video.references import BadDocument
from tifo.services.video.rules import Address, Program, playlist

URL = "http://origin.example/live/final/master.m3u8?key=1"
PATHWAYS = ("cdn-a", "cdn-b")
WHOLE = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SESSION-DATA:DATA-ID="com.example.title",VALUE="The final"
#EXT-X-SESSION-DATA:DATA-ID="com.example.more",URI="more.json"
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"
#EXT-X-CONTENT-STEERING:SERVER-URI="/steering",PATHWAY-ID="theirs"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="English, loud",LANGUAGE="en",DEFAULT=YES,URI="a/en.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="Deutsch",LANGUAGE="de",URI="a/de.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="unused",NAME="Nobody",URI="http://elsewhere.example/a.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",URI="s/en.m3u8"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC1",INSTREAM-ID="CC1"

# a comment
#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=2500000,RESOLUTION=1280x720,FRAME-RATE=50.000,\
CODECS="avc1.64001f,mp4a.40.2",AUDIO="aac",SUBTITLES="subs",CLOSED-CAPTIONS="cc",VIDEO-RANGE=SDR
v/720.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,CODECS="avc1.4d401e,mp4a.40.2",AUDIO="aac",\
CLOSED-CAPTIONS=NONE
/live/final/v/360.m3u8?b=2
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,AUDIO="aac"
http://backup.example/live/final/v/360.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,RESOLUTION=640x360,CODECS="avc1.4d401e",URI="i/360.m3u8"
"""


def read(text: str, url: str = URL) -> HlsOrigin:
    return read_playlist(url, text.encode())


def served(origin: HlsOrigin, cap_bps: int = 0, query: str = "") -> str:
    addresses = [Address(name, f"http://{name}.example/t/T/live/final", query) for name in PATHWAYS]
    program = Program(addresses, (), "http://tifo.example/v1/steering/x", "http://tifo.example/v1/ads/x")
    return playlist(program, origin.head, lambda pathway: form(pathway, origin, cap_bps))


def parsed(text: str, **more: object) -> openm3u8.M3U8:
    return openm3u8.loads(served(read(text), **more))  # type: ignore[arg-type]


def why_not(text: str | bytes) -> str:
    with pytest.raises(BadDocument) as raised:
        read_playlist(URL, text if isinstance(text, bytes) else text.encode())
    return str(raised.value)


def variants(lines: str) -> str:
    return f"#EXTM3U\n{lines}\n"


def one(attributes: str = "BANDWIDTH=1000", address: str = "v.m3u8") -> str:
    return variants(f"#EXT-X-STREAM-INF:{attributes}\n{address}")


# --- what is carried ----------------------------------------------------------------------------------


def test_every_variant_of_the_origins_server_is_on_every_pathway() -> None:
    found = [(one.stream_info.pathway_id, one.stream_info.bandwidth) for one in parsed(WHOLE).playlists]
    assert found == [(name, bandwidth) for name in PATHWAYS for bandwidth in (3_000_000, 900_000)]


def test_addresses_are_the_origins_paths_behind_each_cdns_token() -> None:
    for found in parsed(WHOLE).playlists:
        base = f"http://{found.stream_info.pathway_id}.example/t/T/live/final"
        assert found.uri in (f"{base}/live/final/v/720.m3u8", f"{base}/live/final/v/360.m3u8?b=2")


def test_token_in_the_query_follows_the_origins_own() -> None:
    uris = {found.uri.rpartition("/")[2] for found in parsed(WHOLE, query="?hdnts=x").playlists}
    assert uris == {"720.m3u8?hdnts=x", "360.m3u8?b=2&hdnts=x"}


def test_what_a_variant_says_of_itself_is_kept() -> None:
    info = parsed(WHOLE).playlists[0].stream_info
    assert (info.average_bandwidth, info.resolution, info.frame_rate) == (2_500_000, (1280, 720), 50.0)
    assert (info.codecs, info.video_range) == ("avc1.64001f,mp4a.40.2", "SDR")


def test_renditions_are_in_groups_of_their_own_pathway() -> None:
    whole = parsed(WHOLE)
    groups = {(one.type, one.group_id) for one in whole.media}
    kinds = {"AUDIO": "aac", "SUBTITLES": "subs", "CLOSED-CAPTIONS": "cc"}
    assert groups == {(kind, f"{name}-{pathway}") for kind, name in kinds.items() for pathway in PATHWAYS}
    first = whole.playlists[0].stream_info
    assert (first.audio, first.subtitles, first.closed_captions) == ("aac-cdn-a", "subs-cdn-a", '"cc-cdn-a"')
    assert whole.playlists[1].stream_info.closed_captions == "NONE"
    assert {one.name for one in whole.media if one.type == "AUDIO"} == {"English, loud", "Deutsch"}


def test_pictures_for_seeking_are_carried() -> None:
    found = [(one.iframe_stream_info.pathway_id, one.uri) for one in parsed(WHOLE).iframe_playlists]
    assert found == [
        (name, f"http://{name}.example/t/T/live/final/live/final/i/360.m3u8") for name in PATHWAYS
    ]


def test_steering_is_ours() -> None:
    steering = parsed(WHOLE).content_steering
    assert (steering.uri, steering.pathway_id) == ("http://tifo.example/v1/steering/x", "cdn-a")
    assert served(read(WHOLE)).count("#EXT-X-CONTENT-STEERING") == 1


def test_what_means_the_same_here_is_carried_and_what_does_not_is_left_out() -> None:
    text = served(read(WHOLE))
    assert "#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n" in text
    assert 'VALUE="The final"' in text
    assert 'URI="skd://key"' in text
    assert "more.json" not in text


def test_ids_are_the_same_at_each_reading_and_on_each_pathway() -> None:
    ids = [one.stream_info.stable_variant_id for one in parsed(WHOLE).playlists]
    assert ids[:2] == ids[2:]
    assert ids == [one.stream_info.stable_variant_id for one in parsed(WHOLE).playlists]
    assert len(set(ids)) == 2
    own = parsed(one('BANDWIDTH=1,STABLE-VARIANT-ID="mine"')).playlists[0]
    assert own.stream_info.stable_variant_id == "mine"


def test_one_picture_with_two_sounds_is_two_variants() -> None:
    media = "\n".join(
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{name}",NAME="x",URI="{name}.m3u8"' for name in "ab"
    )
    lines = "\n".join(f'#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="{name}"\nv.m3u8' for name in "ab")
    found = parsed(variants(f"{media}\n{lines}")).playlists
    assert len({one.stream_info.stable_variant_id for one in found}) == 2


def test_variants_above_a_cap_are_left_out_but_never_all() -> None:
    assert {one.stream_info.bandwidth for one in parsed(WHOLE, cap_bps=1_000_000).playlists} == {900_000}
    assert {one.stream_info.bandwidth for one in parsed(WHOLE, cap_bps=1).playlists} == {900_000}
    assert not [one for one in parsed(WHOLE, cap_bps=1_000_000).media if one.type == "SUBTITLES"]


def test_of_several_pathways_the_first_is_carried() -> None:
    lines = "\n".join(
        f'#EXT-X-STREAM-INF:BANDWIDTH={n},PATHWAY-ID="{p}"\n{p}/{n}.m3u8' for p in "xy" for n in (1, 2)
    )
    found = {one.uri.partition("/live/final/live/final/")[2] for one in parsed(variants(lines)).playlists}
    assert found == {"x/1.m3u8", "x/2.m3u8"}


def test_variables_are_replaced_in_addresses_and_stay_for_the_media_playlists() -> None:
    text = '#EXT-X-DEFINE:NAME="p",VALUE="parts"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{$p}/v.m3u8'
    assert "/live/final/parts/v.m3u8" in served(read(variants(text)))
    assert '#EXT-X-DEFINE:NAME="p",VALUE="parts"' in served(read(variants(text)))


def test_nobody_else_says_where_our_ads_are() -> None:
    text = served(read(variants(f'#EXT-X-DEFINE:NAME="tifo-ads",VALUE="http://evil"\n{one()[8:]}')))
    assert text.count("tifo-ads") == 1
    assert "evil" not in text


def test_media_playlist_becomes_one_variant() -> None:
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n1.ts\n"
    (first, second) = parsed(text).playlists
    assert first.uri == "http://cdn-a.example/t/T/live/final/live/final/master.m3u8?key=1"
    assert second.stream_info.bandwidth > 0


def test_names_may_have_any_character_of_a_language() -> None:
    media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Fran\u00e7ais\u00a0! \u4e2d\u6587",URI="a.m3u8"'
    found = parsed(variants(f'{media}\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv/\u00e9t\u00e9.m3u8'))
    assert found.media[0].name == "Fran\u00e7ais\u00a0! \u4e2d\u6587"
    assert found.playlists[0].uri.endswith("/v/%C3%A9t%C3%A9.m3u8")


def test_windows_line_ends_and_a_mark_of_byte_order_are_read() -> None:
    assert read_playlist(URL, b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()).renditions == 2


def test_folder_holds_all_that_is_named() -> None:
    assert read(WHOLE).folder == "/live/final/"
    assert read(one(address="../other/v.m3u8")).folder == "/live/"
    assert read(one(address="/v.m3u8")).folder == "/"


def test_value_of_a_wrong_form_is_left_out() -> None:
    info = parsed(one("BANDWIDTH=1,RESOLUTION=big,FRAME-RATE=fast,CODECS=avc1")).playlists[0].stream_info
    assert (info.resolution, info.frame_rate, info.codecs) == (None, None, None)


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no HLS playlist"),
        ("<!DOCTYPE html><html>busy</html>", "no HLS playlist: it begins with '<!DOCTYPE html>"),
        ("<MPD/>", "no HLS playlist"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"\x1f\x8b\x08\x00", "not UTF-8"),
        ("#EXTM3U", "it is empty"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n", "without any segment"),
        (one("BANDWIDTH=fast"), "BANDWIDTH is 'fast'"),
        (one("BANDWIDTH=0"), "BANDWIDTH is '0'"),
        (one("BANDWIDTH=" + "9" * 400), "BANDWIDTH is"),
        (one("RESOLUTION=1x1"), "BANDWIDTH is missing"),
        (one("BANDWIDTH=1,BANDWIDTH=2"), "twice"),
        (one('BANDWIDTH=1,CODECS="avc1'), "does not read"),
        (one('BANDWIDTH=1,AUDIO="gone"'), "group of AUDIO that is not there"),
        (one(address="{$who}.m3u8"), "variable 'who' is not defined"),
        (one(address="http://elsewhere.example/v.m3u8"), "every variant is on another server"),
        (one(address="https://origin.example/v.m3u8"), "every variant is on another server"),
        (one(address="data:text/plain,x"), "every variant is on another server"),
        (one(address="//[/v.m3u8"), "an address in it is none"),
        (one(address="\\evil"), "an address in it is none"),
        (one(address="v" * 3_000), "an address in it has more than"),
        (one(address="v\x00.m3u8"), "a line has a character"),
        (one(address="v\u2028.m3u8"), "a line has a character"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n", "cut off"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:BANDWIDTH=2\nv.m3u8", "no address"),
        (variants("#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"x\"\n" + one()[8:]), "GROUP-ID is missing"),
        (variants("\n".join(f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{n}.m3u8" for n in range(201))), "201 variants"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_refused_in_a_sentence(text: str | bytes, says: str) -> None:
    assert says in why_not(text)


def test_sound_on_another_server_is_refused_for_the_picture_would_be_silent() -> None:
    media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="http://elsewhere.example/a.m3u8"'
    assert "another server" in why_not(variants(f'{media}\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv.m3u8'))


def test_folder_that_no_token_can_name_is_refused() -> None:
    with pytest.raises(BadDocument, match="tokens open folders"):
        read(one(), "http://origin.example/live/final~x/master.m3u8")


# --- whatever comes -----------------------------------------------------------------------------------

TAGS = st.sampled_from(
    [*WHOLE.split("\n"), "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"", "#EXTINF:2,", "#EXT-X-VERSION:x", "#", "%zz"]
)  # fmt: skip
LINES = st.lists(TAGS | st.text(max_size=30), max_size=12).map(lambda lines: "\n".join(["#EXTM3U", *lines]))


@given(st.binary(max_size=300) | LINES.map(str.encode))
def test_any_bytes_are_a_playlist_that_parses_or_a_sentence(body: bytes) -> None:
    try:
        origin = read_playlist(URL, body)
    except BadDocument as error:
        assert str(error)
        assert "\n" not in str(error)
        return
    text = served(origin)
    assert not {"\0", "\1", "\2", "\r"} & set(text)
    found = openm3u8.loads(text)
    assert len(found.playlists) == origin.renditions * len(PATHWAYS)
    for entry in (*found.playlists, *(one for one in found.media if one.uri), *found.iframe_playlists):
        assert str(entry.uri).startswith(
            ("http://cdn-a.example/t/T/live/final/", "http://cdn-b.example/t/T/")
        )
