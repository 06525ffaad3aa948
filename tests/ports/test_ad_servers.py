"""The contract of whoever asks ad servers: what they say, or a sentence on why not, whatever they do."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator

import pytest
from live_origin import Answer, LiveOrigin, live_origin

from tifo.adapters.http.ad_servers import HttpAdServers
from tifo.kernel.errors import Unavailable
from tifo.services.ads.ports import ANSWER_BYTES_MAX, AdServers

PATH = "/vast?x=1"
BODY = b"<VAST version='4.2'/>"
XML = "application/xml"


@pytest.fixture
async def outside() -> AsyncIterator[LiveOrigin]:
    async with live_origin() as running:
        yield running


@pytest.fixture
async def servers() -> AsyncIterator[AdServers]:
    made = HttpAdServers()
    yield made
    await made.close()


async def why_not(servers: AdServers, url: str) -> str:
    with pytest.raises(Unavailable) as raised:
        await servers.ask(url, {})
    return raised.value.why


async def test_who_asks_nobody_reads_no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(**_: object) -> None:
        raise AssertionError("the machine's CAs are read")

    monkeypatch.setattr(ssl, "create_default_context", read)
    await HttpAdServers().close()


async def test_answer_is_read_and_the_viewers_device_is_told(servers, outside) -> None:
    answer = await servers.ask(outside.says(PATH, BODY, XML), {"X-Device-IP": "192.0.2.7"})
    assert (answer.body, answer.location) == (BODY, "")
    assert b"\r\nX-Device-IP: 192.0.2.7\r\n" in outside.headers[0]
    assert list(outside.asked) == [PATH]


@pytest.mark.parametrize("media_type", ["text/html", "image/png", ""])
async def test_media_type_of_the_answer_is_nobodys_concern(servers, outside, media_type: str) -> None:
    assert (await servers.ask(outside.says(PATH, BODY, media_type), {})).body == BODY


async def test_no_content_is_an_empty_answer(servers, outside) -> None:
    outside.answers[PATH] = Answer(b"", "204 No Content")
    assert (await servers.ask(outside.base + PATH, {})).body == b""


@pytest.mark.parametrize(
    "location", ["/other", "https://elsewhere.example/", "file:///etc/passwd", "http://["]
)
async def test_redirect_is_told_and_not_followed(servers, outside, location: str) -> None:
    outside.answers[PATH] = Answer(b"", "302 Found", {"Location": location})
    answer = await servers.ask(outside.base + PATH, {})
    assert (answer.body, answer.location) == (b"", location)
    assert outside.asked.total() == 1


@pytest.mark.parametrize("status", ["304 Not Modified", "400 Bad Request", "429 Too Many Requests",
                                    "500 Internal Server Error", "503 Service Unavailable"])  # fmt: skip
async def test_any_other_status_is_told(servers, outside, status: str) -> None:
    outside.answers[PATH] = Answer(BODY, status)
    assert await why_not(servers, outside.base + PATH) == f"it answered {status[:3]}"


@pytest.mark.parametrize("packed", [False, True])
async def test_answer_that_is_too_long_is_not_taken(servers, outside, packed: bool) -> None:
    long = b"x" * (ANSWER_BYTES_MAX + 1)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    outside.says(PATH, gzip.compress(long) if packed else long, XML, headers=headers)
    assert await why_not(servers, outside.base + PATH) == f"its answer has more than {ANSWER_BYTES_MAX} bytes"


async def test_answer_as_long_as_may_be_is_taken(servers, outside) -> None:
    long = b"x" * ANSWER_BYTES_MAX
    packed = outside.says(PATH, gzip.compress(long), XML, headers={"Content-Encoding": "gzip"})
    assert (await servers.ask(packed, {})).body == long


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
async def test_answer_in_a_coding_that_nobody_asked_for_is_not_taken(servers, outside, coding: str) -> None:
    outside.says(PATH, BODY, XML, headers={"Content-Encoding": coding})
    assert "is encoded" in await why_not(servers, outside.base + PATH)


async def test_answer_that_is_no_gzip_or_cut_off_is_not_taken(servers, outside) -> None:
    outside.says(PATH, BODY, XML, headers={"Content-Encoding": "gzip"})
    assert "error" in await why_not(servers, outside.base + PATH)
    outside.says(PATH, gzip.compress(BODY)[:-9], XML, headers={"Content-Encoding": "gzip"})
    assert await why_not(servers, outside.base + PATH) == "its answer is cut off"
    outside.says(PATH, BODY, XML, promised=len(BODY) + 5)
    assert "RemoteProtocolError" in await why_not(servers, outside.base + PATH)


async def test_cookie_of_one_viewer_is_not_sent_for_another(servers, outside) -> None:
    url = outside.says(PATH, BODY, XML, headers={"Set-Cookie": "viewer=1; Path=/"})
    await servers.ask(url, {})
    await servers.ask(url, {})
    assert b"cookie" not in outside.headers[1].lower()


async def test_server_that_is_not_there_is_told(servers) -> None:
    assert "ConnectError" in await why_not(servers, "http://127.0.0.1:1/vast")


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/", "nowhere"])
async def test_address_that_cannot_be_asked_is_refused(servers, url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        await servers.ask(url, {})


async def test_answer_that_is_waited_for_may_be_given_up(servers, outside) -> None:
    slow = outside.says(PATH, BODY, XML, held=asyncio.Event())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await servers.ask(slow, {})
    assert (await servers.ask(outside.says("/quick", BODY, XML), {})).body == BODY


async def test_many_ask_at_once(servers, outside) -> None:
    urls = [outside.says(f"/{n}", f"{n}", XML) for n in range(50)]
    answers = await asyncio.gather(*(servers.ask(url, {}) for url in urls))
    assert [one.body for one in answers] == [f"{n}".encode() for n in range(50)]
