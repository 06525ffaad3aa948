"""Whatever an outside ad server answers is an ad that fits, a wrapper, or an error of VAST."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outside_answers import BOMB, MEDIA, inline, vast, wrapper

from tifo.services.ads.outside_vast import (
    DEPTH_MAX,
    ELEMENTS_MAX,
    URLS_COUNT_MAX,
    OutsideAd,
    Told,
    VastError,
    Wrapped,
    asked_url,
    first_fitting,
)

FULL = inline(
    more="<Error>https://e.example/?[ERRORCODE]</Error><Impression id='a'>https://i.example/1</Impression>"
    "<Impression> https://i.example/2 </Impression><Impression>javascript:alert(1)</Impression><Impression/>",
    linear="<TrackingEvents><Tracking event='start'>https://t.example/s</Tracking>"
    "<Tracking event='complete'>https://t.example/c</Tracking><Tracking event='thought'>https://t.example/</Tracking>"
    "<Tracking event='pause'>no address</Tracking></TrackingEvents><VideoClicks><ClickThrough>https://shop.example/"
    "</ClickThrough><ClickTracking>https://c.example/</ClickTracking></VideoClicks>",
)
TOLD = Told(
    ("https://i.example/1", "https://i.example/2"),
    ("https://e.example/?[ERRORCODE]",),
    ("https://c.example/",),
    (("start", "https://t.example/s"), ("complete", "https://t.example/c")),
)


def code(body: bytes, duration_s: float = 10) -> int:
    with pytest.raises(VastError) as raised:
        first_fitting(body, duration_s)
    return raised.value.code


@pytest.mark.parametrize("version", ["2.0", "3.0", "4.0", "4.3"])
@pytest.mark.parametrize("namespace", ["", "http://www.iab.com/VAST"])
def test_ad_is_read_with_all_that_is_to_be_told(version: str, namespace: str) -> None:
    found = first_fitting(vast(FULL, version=version, namespace=namespace), 10)
    assert found == OutsideAd("A spot", MEDIA, 10.0, "https://shop.example/", TOLD)


def test_wrapper_is_read_and_its_addresses_go_before_those_of_the_ad() -> None:
    more = "<Impression>https://w.example/i</Impression><Error>https://w.example/e</Error>"
    found = first_fitting(vast(wrapper("https://next.example/?a=[CACHEBUSTING]", more=more)), 10)
    assert isinstance(found, Wrapped)
    assert found.tag_url == "https://next.example/?a=[CACHEBUSTING]"
    both = found.told.with_inner(TOLD)
    assert both.impressions == ("https://w.example/i", *TOLD.impressions)
    assert both.errors == ("https://w.example/e", *TOLD.errors)
    assert (both.clicks, both.tracking) == (TOLD.clicks, TOLD.tracking)


def test_first_ad_that_fits_is_taken() -> None:
    ads = inline(duration="00:00:30"), inline(kind="video/mp4"), inline(media="https://second.example/")
    found = first_fitting(vast(*ads), 10)
    assert isinstance(found, OutsideAd)
    assert found.url == "https://second.example/"


@pytest.mark.parametrize(("duration", "fits"), [("00:00:10.400", True), ("00:00:09.600", True),
                                                ("00:00:10.600", False), ("01:00:10", False)])  # fmt: skip
def test_ad_fills_its_place_but_for_half_a_second(duration: str, fits: bool) -> None:
    body = vast(inline(duration=duration))
    if fits:
        assert isinstance(first_fitting(body, 10), OutsideAd)
    else:
        assert code(body) == 202


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"no xml", 100),
        (b"<VAST version='4.2'>", 100),
        (b"\xff\xfe\x00", 100),
        (b'<?xml version="1.0" encoding="ebcdic-of-mars"?><VAST/>', 100),
        (BOMB, 100),
        (b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><VAST version='4.2'/>", 100),
        (b"<html/>", 101),
        (b"<a>" * (DEPTH_MAX + 1), 101),
        (b"<a>" + b"<b/>" * ELEMENTS_MAX + b"</a>", 101),
        (vast("<Ad/>"), 101),
        (vast("<Ad><InLine/></Ad>"), 101),
        (vast(inline(duration="ten")), 101),
        (vast(inline(), version="1.0"), 102),
        (vast(inline(), version=""), 102),
        (vast(inline(duration="00:00:15")), 202),
        (vast("<Ad><Wrapper/></Ad>"), 300),
        (vast(wrapper("gopher://x")), 300),
        (vast(), 303),
        (vast("<Error>https://e.example/</Error>"), 303),
        (b" \n", 303),
        (vast(inline(kind="video/mp4")), 403),
        (vast(inline(media="data:video/mp4;base64,AAAA")), 403),
    ],
)
def test_what_is_no_ad_is_an_error_of_vast(body: bytes, expected: int) -> None:
    assert code(body) == expected


def test_no_more_addresses_of_a_kind_are_kept_than_may_be() -> None:
    many = "".join(f"<Impression>https://i.example/{n}</Impression>" for n in range(100))
    points = "<Tracking event='start'>https://t.example/</Tracking>" * 100
    linear = f"<TrackingEvents>{points}</TrackingEvents>"
    found = first_fitting(vast(inline(more=many, linear=linear)), 10)
    assert (len(found.told.impressions), len(found.told.tracking)) == (URLS_COUNT_MAX, URLS_COUNT_MAX)
    twice = found.told.with_inner(found.told)
    assert (len(twice.impressions), len(twice.tracking)) == (URLS_COUNT_MAX, URLS_COUNT_MAX)


texts = st.sampled_from([
    "", "<", "&", "]]>", "00:00:10", "99:99:99", "https://x.example/", "http://[", "http://x:99999/", "4.2",
]) | st.text(max_size=12)  # fmt: skip
ads = st.builds(
    lambda to, duration, media, kind, more: inline(duration=duration, media=media, kind=kind, more=more)
    + wrapper(to),
    texts, texts, texts, texts, texts,
)  # fmt: skip
answers = st.binary(max_size=300) | st.builds(
    lambda parts, version, cut: vast(*parts, version=version).decode().encode("utf-8", "ignore")[:cut],
    st.lists(ads, max_size=3), st.sampled_from(["4.2", "3.0", "x"]), st.integers(0, 4_000),
)  # fmt: skip


@given(answers)
def test_any_bytes_are_an_ad_or_an_error_of_vast(body: bytes) -> None:
    try:
        found = first_fitting(body, 10)
    except VastError as error:
        assert error.code in (100, 101, 102, 202, 300, 303, 403)
    else:
        assert isinstance(found, OutsideAd | Wrapped)


def test_macros_are_put_in_place_and_those_that_we_do_not_tell_are_unknown() -> None:
    url = asked_url("https://x.example/?r=[CACHEBUSTING]&t=[TIMESTAMP]&i=[IFA]&a[0]=1", "0042", 0)
    assert url == "https://x.example/?r=0042&t=1970-01-01T00:00:00.000Z&i=-1&a[0]=1"
