"""The catalogue of another process: asked rarely, and not missed when it is gone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest

from tifo.adapters.http.catalogue import POLICY, HttpCatalogue
from tifo.api.catalogue import CalendarEvent
from tifo.cache.caches import Caches
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import SequentialIds
from tifo.telemetry.stores import Meters

FINAL = CalendarEvent(id="final", title="The final", starts=1.0, ends=2.0, channel="one")
NOT_FOUND = b'{"code": "not-found"}'


class Service:
    """Answers as the catalogue's peer routes do, or as an edge does when the service is gone."""

    def __init__(self) -> None:
        self.gone = False
        self.asked: Counter[str] = Counter()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split()[1].decode()
        self.asked[path] += 1
        found = {
            "/v1/peer/calendar/final": msgspec.json.encode(FINAL),
            "/v1/peer/calendar": msgspec.json.encode((FINAL,)),
        }.get(path)
        status, body = ("404 Not Found", NOT_FOUND) if found is None else ("200 OK", found)
        if self.gone:
            status, body = "503 Service Unavailable", b"no healthy upstream"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def catalogue(service: Service, clock: ManualClock, ids: SequentialIds) -> AsyncIterator[HttpCatalogue]:
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    catalogue = HttpCatalogue(f"http://127.0.0.1:{port}", "", Caches(clock, ids, Meters(clock)))
    async with server:
        await catalogue.open()
        yield catalogue
        await catalogue.close()


async def test_event_is_asked_for_once_by_all_who_want_it_now(catalogue, service) -> None:
    found = await asyncio.gather(*(catalogue.event("final") for _ in range(100)))
    assert set(found) == {FINAL}
    assert service.asked == {"/v1/peer/calendar/final": 1}


async def test_calendar_is_asked_for_once_in_a_while(catalogue, service) -> None:
    assert await catalogue.events() == await catalogue.events() == (FINAL,)
    assert service.asked == {"/v1/peer/calendar": 1}


async def test_unknown_event_is_not_found_and_not_asked_for_again(catalogue, service) -> None:
    for _ in range(3):
        with pytest.raises(Refusal) as raised:
            await catalogue.event("../nothing")
        assert raised.value.code == "not-found"
    assert service.asked == {"/v1/peer/calendar/..%2Fnothing": 1}


async def test_what_it_said_stays_in_force_while_it_is_gone(catalogue, service, clock) -> None:
    await catalogue.event("final")
    await catalogue.events()
    service.gone = True
    clock.advance(POLICY.stale_s - 1)
    assert await catalogue.event("final") == FINAL
    assert await catalogue.events() == (FINAL,)


async def test_event_that_was_never_read_is_unavailable_while_it_is_gone(catalogue, service) -> None:
    service.gone = True
    with pytest.raises(Unavailable):
        await catalogue.event("final")
