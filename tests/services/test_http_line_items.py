"""The line items of another process: switched there, and what it refuses is refused here."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tifo.adapters.http.line_items import HttpLineItems
from tifo.kernel.errors import Refusal, Unavailable

ITEM = "/v1/control/ads/line-items/brew%3Atv"


class Service:
    """Answers as the ads service does, or as an edge does when it is gone; keeps what it was asked."""

    def __init__(self) -> None:
        self.gone = False
        self.asked: list[tuple[str, bytes]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1].decode()
        self.asked.append((path, await reader.readexactly(len(b'{"active":false}'))))
        status, body = ("200 OK", b'{"revision":7}')
        if path != ITEM:
            status, body = (
                "404 Not Found",
                b'{"code": "not-found", "detail": "There is none."}',
            )
        if self.gone:
            status, body = "503 Service Unavailable", b"no healthy upstream"
        answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(answer.encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def line_items(service: Service) -> AsyncIterator[HttpLineItems]:
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    async with server:
        there = HttpLineItems(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "")
        yield there
        await there.close()


async def test_line_item_is_switched_there(line_items: HttpLineItems, service: Service) -> None:
    assert await line_items.switch("ada", "brew:tv", active=False) == 7
    assert service.asked == [(ITEM, b'{"active":false}')]


async def test_line_item_that_is_not_there_is_not_found(line_items: HttpLineItems) -> None:
    with pytest.raises(Refusal) as raised:
        await line_items.switch("ada", "nobody", active=False)
    assert raised.value.code == "not-found"


async def test_service_that_is_gone_is_unavailable(line_items: HttpLineItems, service: Service) -> None:
    service.gone = True
    with pytest.raises(Unavailable):
        await line_items.switch("ada", "brew:tv", active=False)


async def test_control_without_an_address_says_that_ads_are_unavailable() -> None:
    nowhere = HttpLineItems("", "")
    with pytest.raises(Unavailable):
        await nowhere.switch("ada", "brew:tv", active=False)
    await nowhere.close()
