"""Pods as VAST and breaks as VMAP: valid by a linter, read by others' clients, the same at every request."""

from xml.etree.ElementTree import Element, fromstring

import pytest
import vastlint
from delivery_parts import BREAK, NOW, PUBLIC, claims
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from oracles import node
from tifo.api.breaks import Break
from tifo.api.creatives import Creative
from tifo.services.ads import vast
from tifo.services.ads.rules import serving_id
from tifo.services.ads.served import Slot, Tracking

NAMESPACE = "{http://www.iab.com/VAST}"
POINTS = ["firstQuartile", "midpoint", "thirdQuartile", "complete"]
FULL = Creative("ad & co", "Shoes <for> \"all\" & 'more'", 15, "https://shop.example/?a=1&b=2", 5)

ORDER = {
    "InLine": ["AdSystem", "Error", "Impression", "AdServingId", "AdTitle", "Creatives"],
    "Wrapper": ["AdSystem", "Error", "Impression", "Creatives", "VASTAdTagURI"],
    "Creative": ["Linear", "UniversalAdId"],
    "Linear": ["TrackingEvents", "Duration", "MediaFiles", "VideoClicks"],
}
"""The schema's order of what we say (vast_4.2.xsd)."""


def slot(creative: Creative = FULL, place: int = 1) -> Slot:
    base = f"https://tifo.example/v1/ads/t/a.b-{place}.c"
    points = [("impression", 0), ("firstQuartile", 0.25), ("midpoint", 0.5), ("thirdQuartile", 0.75),
              ("complete", 1)]  # fmt: skip
    return Slot(
        creative,
        f"https://cdn.example/ads/{creative.id}/index.m3u8?t=x&y=z",
        tuple(Tracking(what, share * creative.duration_s, f"{base}/{what}") for what, share in points),
        serving_id("ses_1", "brk-1", place, creative.id),
        f"{base}/error?code=[ERRORCODE]",
        "" if creative.skip_after_s is None else f"{base}/skip",
        f"{base}/click" if creative.click_url else "",
    )


PODS = {
    "one": (slot(),),
    "plain": (slot(Creative("house-1", "House", 10)),),
    "three": (slot(), slot(replace(FULL, id="b"), 2), slot(Creative("c", "", 10), 3)),
    "wrapper": (slot(replace(FULL, tag_url="https://other.example/vast?x=1&cb=[CACHEBUSTING]")),),
    "mixed": (slot(), slot(replace(FULL, tag_url="https://other.example/vast"), 2)),
    "none": (),
}


def written(name: str, version: vast.Version = "4.3") -> str:
    return vast.pod(PODS[name], version, "https://tifo.example/e?code=[ERRORCODE]").decode()


def found(document: Element, path: str) -> list[str]:
    nodes = document.iterfind("/".join(f"{NAMESPACE}{name}" for name in path.split("/")))
    return [one.text or "" for one in nodes]


def in_order(element: Element) -> bool:
    """Whether everything below the element stands as the schema wants it."""
    names = [child.tag.removeprefix(NAMESPACE) for child in element]
    order = ORDER.get(element.tag.removeprefix(NAMESPACE), names)
    return names == [name for name in order if name in names] and all(map(in_order, element))


@pytest.mark.parametrize("version", ["4.2", "4.3"])
@pytest.mark.parametrize("name", PODS)
def test_pod_is_valid_by_a_linter_and_in_the_schemas_order(name: str, version: vast.Version) -> None:
    text = written(name, version)
    result = vastlint.validate(text)
    assert [one.message for one in result.issues if one.severity == "error"] == []
    assert (result.version, in_order(fromstring(text))) == (version, True)


@pytest.mark.parametrize("name", PODS)
def test_pod_means_the_same_to_another_client(name: str) -> None:
    read = node("vast", "ads.mjs", xml=written(name))
    assert read["warnings"] == []
    assert len(read["ads"]) == len(PODS[name])
    for place, (ad, one) in enumerate(zip(read["ads"], PODS[name], strict=True), 1):
        assert (ad["id"], ad["sequence"]) == (one.creative.id, str(place))
        assert [url["url"] for url in ad["impressionURLTemplates"]] == [one.tracking[0].url]
        assert ad["errorURLTemplates"] == [one.error_url]
        if not one.creative.tag_url:
            agree_on_linear(ad, one)


def agree_on_linear(ad: dict, one: Slot) -> None:
    (creative,) = ad["creatives"]
    assert (ad["title"], ad["adServingId"]) == (one.creative.title or one.creative.id, one.serving_id)
    assert creative["duration"] == one.creative.duration_s
    skips = one.creative.skip_after_s
    assert creative["skipDelay"] == (-1 if skips is None else skips)
    assert [file["fileURL"] for file in creative["mediaFiles"]] == [one.url]
    assert creative["mediaFiles"][0]["mimeType"] == "application/x-mpegURL"
    click = creative["videoClickThroughURLTemplate"]
    assert (click["url"] if click else "") == one.click_url
    events = {point.what: [point.url] for point in one.tracking[1:]}
    if one.creative.skip_after_s is not None:
        events["skip"] = [one.skip_url]
    assert creative["trackingEvents"] == events
    assert [one["value"] for one in creative["universalAdIds"]] == [creative["adId"]]


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_a_title_is_the_document_is_well_formed(title: str, query: str) -> None:
    one = slot(replace(FULL, title=title, id=f"x{query}"))
    document = fromstring(vast.pod((one,), "4.3", "https://tifo.example/e"))
    assert len(found(document, "Ad/InLine/AdTitle")) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00.000"), (-5, "00:00:00.000"), (61.25, "00:01:01.250"), (360_000, "100:00:00.000"),
     (59.9996, "00:01:00.000")],
)  # fmt: skip
def test_time_is_written_as_the_standard_wants(seconds: float, text: str) -> None:
    assert vast.clock_time(seconds) == text


def test_breaks_mean_the_same_to_another_client() -> None:
    breaks = [
        (Break("brk-1", NOW + 60.5, 20), "https://tifo.example/v?a=1&b=2", [("breakStart", "https://x/s")]),
        (Break("brk_2", NOW - 5, 20), "https://tifo.example/w", [("error", "https://x/e?code=[ERRORCODE]")]),
    ]
    read = node("vmap", "ads.mjs", xml=vast.schedule(breaks, NOW).decode())
    first, second = read["breaks"]
    assert (read["version"], first["timeOffset"], first["breakType"]) == ("1.0", "00:01:00.500", "linear")
    assert (first["breakId"], first["adSource"]["id"]) == ("brk-1", "brk-1")
    tag = first["adSource"]["adTagURI"]
    assert (tag["templateType"], tag["uri"]) == ("vast4", "https://tifo.example/v?a=1&b=2")
    assert [(one["event"], one["uri"]) for one in first["trackingEvents"]] == [("breakStart", "https://x/s")]
    assert second["timeOffset"] == "00:00:00.000"
    assert second["trackingEvents"][0]["uri"] == "https://x/e?code=[ERRORCODE]"


# --- as it is asked for -------------------------------------------------------------------------------


@pytest.fixture
def token(tokens) -> str:
    return tokens.sign(claims())


async def test_vast_and_asset_list_have_the_same_pod(asked, token, clock) -> None:
    assets = (await asked.get(f"/v1/ads/{token}/breaks/{BREAK}")).json()["ASSETS"]
    answer = await asked.get(f"/v1/ads/{token}/breaks/{BREAK}/vast")
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    document = fromstring(answer.content)
    assert document.get("version") == "4.3"
    linear = "Ad/InLine/Creatives/Creative/Linear"
    assert found(document, f"{linear}/MediaFiles/MediaFile") == [one["URI"] for one in assets]
    assert found(document, f"{linear}/Duration") == ["00:00:10.000", "00:00:10.000"]
    told = [one["X-AD-CREATIVE-SIGNALING"]["payload"][0]["tracking"] for one in assets]
    urls = [point["urls"][0] for points in told for point in points if point["type"] in POINTS]
    assert found(document, f"{linear}/TrackingEvents/Tracking") == urls
    clock.advance(3)
    again = fromstring((await asked.get(f"/v1/ads/{token}/breaks/{BREAK}/vast?version=4.2")).content)
    assert again.get("version") == "4.2"
    assert found(again, "Ad/InLine/AdServingId") == found(document, "Ad/InLine/AdServingId")


async def test_vmap_lists_the_breaks_from_where_the_content_begins(asked, token, clock) -> None:
    clock.advance(30)
    answer = await asked.get(f"/v1/ads/{token}/vmap")
    read = node("vmap", "ads.mjs", xml=answer.text)["breaks"]
    assert [one["timeOffset"] for one in read[:2]] == ["00:03:00.000", "00:06:00.000"]
    assert len(read) == 20
    tag = read[0]["adSource"]["adTagURI"]["uri"]
    assert tag == f"{PUBLIC}/v1/ads/{token}/breaks/brk-10000001/vast"
    clock.advance(60)
    assert fromstring((await asked.get(tag)).content).tag == f"{NAMESPACE}VAST"
    later = node("vmap", "ads.mjs", xml=(await asked.get(f"/v1/ads/{token}/vmap?since={NOW + 170}")).text)
    assert later["breaks"][0]["timeOffset"] == "00:00:10.000"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("breaks/brk-1/vast", (404, "not-found")),
        (f"breaks/{BREAK}/vast?version=3.0", (422, "invalid")),
        ("vmap?since=now", (422, "invalid")),
        ("vmap?since=nan", (422, "invalid")),
        ("vmap?since=-1", (422, "invalid")),
    ],
)
async def test_wrong_question_is_refused(asked, token, path, problem) -> None:
    answer = await asked.get(f"/v1/ads/{token}/{path}")
    assert (answer.status_code, answer.json()["code"]) == problem


@pytest.mark.parametrize("path", [f"breaks/{BREAK}/vast", "vmap", f"breaks/{BREAK}"])
async def test_token_that_is_not_ours_is_refused(asked, path) -> None:
    answer = await asked.get(f"/v1/ads/not.our.token/{path}")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-token")
