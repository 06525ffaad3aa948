"""The contract of whoever reads a live origin: the document in time, or a sentence on why not."""

import asyncio
import gzip
import re
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from live_origin import HLS, Answer, LiveOrigin, live_origin
from tls import signed_for

from tifo.adapters.http import origins as adapter
from tifo.adapters.http.origins import REDIRECTS_MAX, HttpOrigins
from tifo.kernel.errors import Unavailable
from tifo.kernel.trust import ca_file
from tifo.services.video.ports import DOCUMENT_BYTES_MAX, OriginDocuments

PATH = "/live/master.m3u8"
PLAYLIST = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nv.m3u8\n"


@pytest.fixture
async def origin() -> AsyncIterator[LiveOrigin]:
    async with live_origin() as running:
        yield running


@pytest.fixture
async def documents() -> AsyncIterator[OriginDocuments]:
    made = HttpOrigins()
    yield made
    await made.close()


async def why_not(documents: OriginDocuments, url: str) -> str:
    with pytest.raises(Unavailable) as raised:
        await documents.read(url)
    return raised.value.why


async def test_document_is_read_with_its_media_type(documents, origin) -> None:
    read = await documents.read(origin.says(PATH, PLAYLIST, f"{HLS}; charset=utf-8"))
    assert (read.url, read.media_type, read.body) == (origin.base + PATH, HLS, PLAYLIST)


async def test_query_is_asked_for_as_it_is(documents, origin) -> None:
    await documents.read(origin.says(f"{PATH}?a=1&b=%2F", PLAYLIST))
    assert origin.asked == {f"{PATH}?a=1&b=%2F": 1}


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "403 Forbidden", "404 Not Found",
                                    "500 Internal Server Error", "503 Service Unavailable"])  # fmt: skip
async def test_any_other_status_is_told(documents, origin, status: str) -> None:
    origin.answers[PATH] = Answer(b"", status)
    assert await why_not(documents, origin.base + PATH) == f"it answered {status[:3]}"


async def test_document_that_grew_too_long_is_not_taken(documents, origin) -> None:
    url = origin.says(PATH, b"#" * (DOCUMENT_BYTES_MAX + 1))
    assert "more than" in await why_not(documents, url)
    assert (
        len((await documents.read(origin.says(PATH, b"#" * DOCUMENT_BYTES_MAX))).body) == DOCUMENT_BYTES_MAX
    )


async def test_document_without_end_is_not_taken(documents, origin) -> None:
    url = origin.says(PATH, b"#" * (DOCUMENT_BYTES_MAX + 100_000), promised=10**12)
    assert "more than" in await why_not(documents, url)


async def test_packed_document_is_unpacked_though_nobody_asked_for_that(documents, origin) -> None:
    url = origin.says(PATH, gzip.compress(PLAYLIST), headers={"Content-Encoding": "gzip"})
    assert (await documents.read(url)).body == PLAYLIST
    assert b"accept-encoding: identity" in origin.headers[0].lower()


async def test_bomb_is_not_unpacked(documents, origin) -> None:
    packing = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = b"".join(packing.compress(b"#" * 1_000_000) for _ in range(300)) + packing.flush()
    assert len(bomb) < DOCUMENT_BYTES_MAX
    assert "more than" in await why_not(
        documents, origin.says(PATH, bomb, headers={"Content-Encoding": "gzip"})
    )


@pytest.mark.parametrize(
    ("coding", "body", "says"),
    [
        ("gzip", gzip.compress(PLAYLIST)[:-6], "cut off"),
        ("gzip", PLAYLIST, "incorrect header"),
        ("br", PLAYLIST, "encoded"),
    ],
)
async def test_packed_document_that_does_not_unpack_is_told(documents, origin, coding, body, says) -> None:
    url = origin.says(PATH, body, headers={"Content-Encoding": coding})
    assert says in await why_not(documents, url)


async def test_document_that_is_cut_off_is_told(documents, origin) -> None:
    assert "RemoteProtocolError" in await why_not(documents, origin.says(PATH, PLAYLIST, promised=10_000))


async def test_origin_that_is_late_is_not_waited_for(documents, origin, monkeypatch) -> None:
    monkeypatch.setattr(adapter, "READ_S_MAX", 0.1)
    url = origin.says(PATH, PLAYLIST, held=asyncio.Event())
    assert "no whole answer in 0.1 s" in await why_not(documents, url)


async def test_nobody_there_is_told(documents) -> None:
    assert "ConnectError" in await why_not(documents, "http://127.0.0.1:9/live.m3u8")


async def test_answer_that_is_no_http_is_told(documents, origin) -> None:
    origin.answers[PATH] = Answer(b"", "what? no")
    assert "RemoteProtocolError" in await why_not(documents, origin.base + PATH)


async def test_redirect_on_its_own_server_is_followed(documents, origin) -> None:
    origin.says("/there/master.m3u8", PLAYLIST)
    url = origin.says(PATH, b"", status="302 Found", headers={"Location": "../there/master.m3u8"})
    assert (await documents.read(url)).url == f"{origin.base}/there/master.m3u8"


async def test_redirect_without_end_is_given_up(documents, origin) -> None:
    url = origin.says(PATH, b"", status="302 Found", headers={"Location": PATH})
    assert "redirects more than" in await why_not(documents, url)
    assert origin.asked[PATH] == REDIRECTS_MAX + 1


@pytest.mark.parametrize("to", ["http://127.0.0.2:80/x", "https://127.0.0.1/x", "file:///etc/passwd", "http://[",
                                "http://user:secret@127.0.0.1/x"])  # fmt: skip
async def test_redirect_elsewhere_is_not_followed(documents, origin, to: str) -> None:
    url = origin.says(PATH, b"", status="301 Moved", headers={"Location": to})
    assert re.search(r"another server|ValueError|Invalid", await why_not(documents, url))


async def test_cookies_are_not_kept(documents, origin) -> None:
    url = origin.says(PATH, PLAYLIST, headers={"Set-Cookie": "who=me"})
    await documents.read(url)
    await documents.read(url)
    assert b"cookie" not in origin.headers[1].lower()


async def test_many_read_at_once(documents, origin) -> None:
    url = origin.says(PATH, PLAYLIST)
    read = await asyncio.gather(*(documents.read(url) for _ in range(50)))
    assert {one.body for one in read} == {PLAYLIST}


@pytest.mark.parametrize(
    ("name", "says"), [("localhost", ""), ("somebody.else", "CERTIFICATE_VERIFY_FAILED")]
)
async def test_origin_with_tls_is_believed_when_it_is_who_it_should_be(
    tmp_path, name: str, says: str
) -> None:
    context, ca = signed_for(name, tmp_path)
    reading = HttpOrigins(str(ca))
    async with live_origin(context) as origin:
        url = origin.says(PATH, PLAYLIST)
        if says:
            assert says in await why_not(reading, url)
        else:
            assert (await reading.read(url)).body == PLAYLIST
    await reading.close()


async def test_origin_that_nobody_vouches_for_is_not_believed(tmp_path, documents) -> None:
    context, _ = signed_for("localhost", tmp_path)
    async with live_origin(context) as origin:
        assert "CERTIFICATE_VERIFY_FAILED" in await why_not(documents, origin.says(PATH, PLAYLIST))


def test_trusted_cas_are_openssls_own(tmp_path, monkeypatch) -> None:
    assert ca_file() == "" or Path(ca_file()).is_file()
    (tmp_path / "ca.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert ca_file() == str(tmp_path / "ca.pem")
