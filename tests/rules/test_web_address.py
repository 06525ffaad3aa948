"""Addresses that operators give us: read, or refused with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.kernel.web import URL_LENGTH_MAX, WebAddress, web_address


@pytest.mark.parametrize(
    ("url", "address", "authority"),
    [
        ("http://a.example/x/y.m3u8", WebAddress("http", "a.example", 80, "/x/y.m3u8"), "a.example"),
        ("https://a.example", WebAddress("https", "a.example", 443, "/"), "a.example"),
        ("https://A.example:8443/?b=c", WebAddress("https", "a.example", 8443, "/", "b=c"), "a.example:8443"),
        ("http://[::1]:81/x", WebAddress("http", "::1", 81, "/x"), "[::1]:81"),
    ],
)
def test_address_is_read(url: str, address: WebAddress, authority: str) -> None:
    assert web_address(url) == address
    assert address.authority == authority


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "neither http"),
        ("a.example/x", "neither http"),
        ("ftp://a.example/x", "neither http"),
        ("http://", "neither http|no host|character"),
        ("http:///x", "no host"),
        ("http://a.example/a b", "character"),
        ("http://a.example/é", "character"),
        ("http://a.example/x#here", "character"),
        ("http://a.example/\n", "character"),
        ("http://me@a.example/", "user name"),
        ("http://me:secret@a.example/", "user name"),
        ("http://a.example:port/", "does not read"),
        ("http://a.example:99999/", "does not read"),
        ("http://[::1/", "does not read"),
        ("http://a.example/" + "x" * URL_LENGTH_MAX, "more than"),
    ],
)
def test_what_is_no_address_is_refused(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        web_address(url)
    assert "secret" not in str(raised.value)


def test_query_is_left_out_where_an_address_is_shown() -> None:
    assert web_address("http://a.example:81/x?key=secret").without_query == "http://a.example:81/x"


@given(st.text(max_size=60) | st.text(max_size=60).map("http://".__add__))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        found = web_address(text)
    except ValueError:
        return
    assert found.path.startswith("/")
    assert found.host
