"""A live origin's MPD: the same but for where things are, who steers and what time it is."""

from xml.etree import ElementTree

import mpegdash.parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.services.video.dash_origin import DashOrigin, mpd, read_mpd
from tifo.services.video.references import BadDocument
from tifo.services.video.rules import Address, Program

URL = "http://origin.example/live/final/manifest.mpd"
NOW = "2027-01-15T08:00:00.000Z"
NS = {"mpd": "urn:mpeg:dash:schema:mpd:2011"}
PATHWAYS = ("cdn-b", "cdn-a")
WHOLE = """<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="urn:mpeg:dash:schema:mpd:2011"
     xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:cenc="urn:mpeg:cenc:2013"
     xsi:schemaLocation="urn:mpeg:DASH:schema:MPD:2011 DASH-MPD.xsd" type="dynamic"
     profiles="urn:mpeg:dash:profile:isoff-live:2011" minimumUpdatePeriod="PT2S" minBufferTime="PT4S">
  <ProgramInformation><Title>Tom &amp; Jerry</Title></ProgramInformation>
  <BaseURL serviceLocation="theirs">media/</BaseURL>
  <BaseURL serviceLocation="backup">http://backup.example/media/</BaseURL>
  <Location>http://origin.example/live/final/manifest.mpd</Location>
  <ContentSteering defaultServiceLocation="theirs">/steering</ContentSteering>
  <ServiceDescription id="0"><ContentSteering>/other</ContentSteering><Latency target="4000"/></ServiceDescription>
  <Period id="0" start="PT0S">
    <AdaptationSet contentType="video">
      <ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" cenc:default_KID="a-b"><cenc:pssh>AAAA</cenc:pssh></ContentProtection>
      <SegmentTemplate timescale="12800" initialization="/live/final/init/$RepresentationID$.m4s"
          media="$RepresentationID$/$Number%05d$.m4s" startNumber="1">
        <SegmentTimeline><S t="0" d="25600" r="3"/></SegmentTimeline>
      </SegmentTemplate>
      <Representation id="hi" mimeType="video/mp4" codecs="avc1.64001f" bandwidth="3000000"/>
      <Representation id="lo" mimeType="video/mp4" codecs="avc1.42c00d" bandwidth="400000"/>
    </AdaptationSet>
    <AdaptationSet contentType="audio">
      <BaseURL serviceLocation="theirs">http://origin.example/live/final/sound/</BaseURL>
      <Representation id="en" mimeType="audio/mp4" codecs="mp4a.40.2" bandwidth="64000">
        <SegmentList><Initialization sourceURL="init.mp4"/><SegmentURL media="http://origin.example/live/final/sound/x/1.m4s"/></SegmentList>
      </Representation>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="2020-01-01T00:00:00Z"/>
  <LeapSecondInformation availabilityStartLeapOffset="37"/>
</MPD>
"""  # noqa: E501


def read(text: str = WHOLE, cap_bps: int = 0, url: str = URL) -> DashOrigin:
    return read_mpd(url, text.encode(), cap_bps)


def served(origin: DashOrigin) -> str:
    addresses = [Address(name, f"http://{name}.example/t/T&/live/final") for name in PATHWAYS]
    program = Program(addresses, (), "http://tifo.example/v1/steering/x?a=1&b=2", "http://tifo.example/ads")
    return mpd(program, origin, NOW)


def tree(text: str = WHOLE, **more: object) -> ElementTree.Element:
    return ElementTree.fromstring(served(read(text, **more)))  # type: ignore[arg-type]


def minimal(inside: str = "", before: str = "", attributes: str = "") -> str:
    return (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {attributes}>{before}<Period><AdaptationSet>'
        f'<Representation id="1" bandwidth="1">{inside}</Representation></AdaptationSet></Period></MPD>'
    )


def test_every_pathway_is_a_location_below_its_own_token() -> None:
    bases = tree().findall("mpd:BaseURL", NS)
    assert [one.get("serviceLocation") for one in bases] == list(PATHWAYS)
    assert bases[0].text == "http://cdn-b.example/t/T&/live/final/live/final/media/"


def test_steering_and_clock_are_ours() -> None:
    root = tree()
    (steering,) = root.iter(f"{{{NS['mpd']}}}ContentSteering")
    (timing,) = root.findall("mpd:UTCTiming", NS)
    assert (steering.get("defaultServiceLocation"), steering.text) == (
        "cdn-b",
        "http://tifo.example/v1/steering/x?a=1&b=2",
    )
    assert timing.get("value") == NOW
    assert root.find("mpd:ServiceDescription/mpd:Latency", NS) is not None


def test_elements_stand_in_the_order_of_the_schema() -> None:
    names = [one.tag.rpartition("}")[2] for one in tree()]
    assert names == [
        "ProgramInformation", "BaseURL", "BaseURL", "ContentSteering", "ServiceDescription", "Period",
        "UTCTiming", "LeapSecondInformation",
    ]  # fmt: skip


def test_nothing_sends_a_player_to_the_origin_itself() -> None:
    text = served(read())
    assert "origin.example" not in text
    assert "backup.example" not in text
    assert "<Location" not in text


def test_addresses_of_any_depth_lead_where_they_led() -> None:
    root = tree()
    template = root.find(".//mpd:SegmentTemplate", NS)
    assert template is not None
    assert template.get("media") == "$RepresentationID$/$Number%05d$.m4s"
    assert template.get("initialization") == "./../init/$RepresentationID$.m4s"
    (sound,) = root.findall(".//mpd:AdaptationSet/mpd:BaseURL", NS)
    assert (sound.text, sound.attrib) == ("./../sound/", {})
    assert root.find(".//mpd:SegmentURL", NS).get("media") == "./x/1.m4s"
    assert root.find(".//mpd:Initialization", NS).get("sourceURL") == "init.mp4"


def test_location_on_the_origins_own_server_is_taken_wherever_it_stands() -> None:
    bases = "<BaseURL>http://cdn.example/x/</BaseURL><BaseURL>mine/</BaseURL><BaseURL>other/</BaseURL>"
    assert read(minimal(before=bases)).base_folder == "/live/final/mine/"
    (inside,) = tree(minimal(bases)).findall(".//mpd:Representation/mpd:BaseURL", NS)
    assert inside.text == "mine/"


def test_folder_holds_all_that_is_named() -> None:
    assert read().folder == "/live/final/"
    assert read(minimal("<BaseURL>../../other/</BaseURL>")).folder == "/"
    assert read(minimal('<SegmentTemplate media="../x/$Number$.m4s"/>')).folder == "/live/"


def test_what_is_not_ours_stays_with_the_prefixes_it_came_with() -> None:
    text = served(read())
    assert 'cenc:default_KID="a-b"><cenc:pssh>AAAA</cenc:pssh>' in text
    assert 'xmlns:cenc="urn:mpeg:cenc:2013"' in text
    assert "Tom &amp; Jerry" in text
    assert '<S t="0" d="25600" r="3"' in text
    assert tree().attrib["minimumUpdatePeriod"] == "PT2S"


def test_prefix_of_two_meanings_is_told_apart() -> None:
    inside = (
        '<a:x xmlns:a="urn:one"/><b:y xmlns:b="urn:two"><a:z xmlns:a="urn:two"/></b:y><a:w xmlns:a="urn:3"/>'
    )
    found = [one.tag for one in tree(minimal(inside)).iter() if "mpd:2011" not in one.tag]
    assert found == ["{urn:one}x", "{urn:two}y", "{urn:two}z", "{urn:3}w"]


def test_document_with_a_prefix_for_everything_is_read() -> None:
    text = minimal().replace("<", "<m:").replace("<m:/", "</m:").replace("xmlns=", "xmlns:m=")
    assert tree(text).tag == f"{{{NS['mpd']}}}MPD"


def test_an_independent_parser_reads_it() -> None:
    manifest = mpegdash.parser.MPEGDASHParser.parse(served(read()))
    assert [base.service_location for base in manifest.base_urls] == list(PATHWAYS)
    sets = manifest.periods[0].adaptation_sets
    assert [[one.id for one in found.representations] for found in sets] == [["hi", "lo"], ["en"]]


@pytest.mark.parametrize(
    ("cap_bps", "left"), [(0, ["hi", "lo", "en"]), (500_000, ["lo", "en"]), (1, ["lo", "en"])]
)
def test_pictures_above_a_cap_are_left_out_but_never_all(cap_bps: int, left: list[str]) -> None:
    found = tree(cap_bps=cap_bps).iter(f"{{{NS['mpd']}}}Representation")
    assert [one.get("id") for one in found] == left


BOMB = '<!DOCTYPE MPD [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + minimal("&b;")
OUTSIDE = '<!DOCTYPE MPD [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + minimal("&a;")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no XML"),
        ("#EXTM3U", "no XML"),
        ("<!DOCTYPE html><html></html>", "has a DTD"),
        ("<html></html>", "no MPD"),
        ("<MPD></MPD>", "no representation"),
        (WHOLE[:900], "no XML"),
        (BOMB, "has a DTD"),
        (OUTSIDE, "has a DTD"),
        ('<?xml version="1.0" encoding="klingon"?>' + minimal(), "no XML"),
        (minimal("<x>" * 50 + "</x>" * 50), "deeper than"),
        (minimal("<x/>" * 100_001), "more than"),
        (minimal().replace('bandwidth="1"', 'bandwidth="fast"'), "bandwidth is 'fast'"),
        (minimal().replace('bandwidth="1"', ""), "bandwidth is ''"),
        ('<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>', "no representation"),
        (minimal("<BaseURL>http://elsewhere.example/</BaseURL>"), "on another server"),
        (minimal('<SegmentTemplate media="https://origin.example/$Number$.m4s"/>'), "on another server"),
        (minimal(before="<BaseURL>//elsewhere.example/x/</BaseURL>"), "on another server"),
        (minimal("<BaseURL>http://[</BaseURL>"), "an address in it is none"),
        (minimal('<x l:href="http://elsewhere/" xmlns:l="http://www.w3.org/1999/xlink"/>'), "xlink:href"),
    ],
)
def test_what_cannot_be_carried_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(BadDocument) as raised:
        read(text)
    assert says in str(raised.value)


def test_folder_that_no_token_can_name_is_refused() -> None:
    with pytest.raises(BadDocument, match="tokens open folders"):
        read(url="http://origin.example/live/final=x/manifest.mpd", text=minimal())


PIECES = st.sampled_from([
    "<BaseURL>", "</BaseURL>", "a/", "http://origin.example/b/", "<SegmentTemplate media='", "'/>", "<x>",
    "</x>", "<x xmlns='urn:q'>", "<x xmlns=''>", "<p:y xmlns:p='urn:p' p:z='1'/>", "&amp;", "&lt;", "<?p i?>",
    "<!-- c -->",
    "<![CDATA[<x>]]>", "<Representation id='2' bandwidth='7'/>", "<xml:z/>", "<x xml:lang='en'/>",
])  # fmt: skip
INSIDE = st.lists(PIECES | st.text(max_size=5), max_size=8).map("".join)


@given(st.binary(max_size=200) | INSIDE.map(minimal).map(str.encode))
def test_any_bytes_are_an_mpd_that_parses_or_a_sentence(body: bytes) -> None:
    try:
        origin = read_mpd(URL, body, 0)
    except BadDocument as error:
        assert str(error)
        return
    root = ElementTree.fromstring(served(origin))
    assert len(list(root.iter(f"{{{NS['mpd']}}}Representation"))) >= 1
    assert len(root.findall("mpd:BaseURL", NS)) == len(PATHWAYS)
